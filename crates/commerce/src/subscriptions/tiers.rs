//! What a channel's members can choose from.
//!
//! Invariant: a tier's number is its own for good: one that is taken off leaves a gap, and no other gets it. Who has a
//! tier that is no longer offered keeps it, under its number.

use busk_base::{ChannelId, TextError, bounded_text};
use busk_store::{Read, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

pub const TIERS_MAX: usize = 3;
const NAME_MAX: usize = 40;
const ABOUT_MAX: usize = 300;
/// In the currency's minor unit.
const PRICES: std::ops::RangeInclusive<i64> = 99..=50_000;

/// A tier, as it is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SubscriptionTier)]
pub struct Tier {
    /// Its own for good, whatever else is offered.
    pub id: u8,
    pub name: String,
    /// What the creator promises besides what every member has.
    pub about: String,
    /// By the month, in the minor unit of the site's currency.
    pub price: i64,
    /// What its members pay less for tickets, in percent.
    pub ticket_discount: u8,
}

/// Why tiers were not set, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SetTiersError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a channel has at most {TIERS_MAX} tiers")]
    TooMany,
    #[error("the name {0}")]
    Name(TextError),
    #[error("what it is about {0}")]
    About(TextError),
    #[error("a price is from 0.99 to 500.00, and each tier costs more than the one before")]
    Price,
    #[error("a discount is at most 100 percent")]
    Discount,
    #[error("the channel has no tier of this number, or it is named twice")]
    Unknown,
    #[error("the channel has had as many tiers as there are numbers")]
    UsedUp,
}

/// Sets what a channel offers, the cheapest first; a tier of the number 0 is a new one. Who subscribes to a tier that is
/// no longer offered keeps it, at their price, with what it gave last.
pub fn set_tiers(tx: &mut Tx, channel: ChannelId, wanted: &[Tier]) -> Result<Vec<Tier>, SetTiersError> {
    if wanted.len() > TIERS_MAX {
        return Err(SetTiersError::TooMany);
    }
    let mut offered: Vec<Tier> = Vec::new();
    let known = tx.rows("SELECT id FROM channel_tier WHERE channel = $1", params![channel])?;
    let known = known.iter().map(|row| small(row.get(0)?));
    let mut known = known.collect::<Result<Vec<u8>, _>>()?;
    for tier in wanted {
        let name = bounded_text(&tier.name, 1, NAME_MAX).map_err(SetTiersError::Name)?;
        let about = bounded_text(&tier.about, 0, ABOUT_MAX).map_err(SetTiersError::About)?;
        let rises = offered.last().is_none_or(|before| before.price < tier.price);
        if !PRICES.contains(&tier.price) || !rises {
            return Err(SetTiersError::Price);
        }
        if tier.ticket_discount > 100 {
            return Err(SetTiersError::Discount);
        }
        let twice = offered.iter().any(|before| before.id == tier.id);
        let id = match tier.id {
            0 => next_id(&known).ok_or(SetTiersError::UsedUp)?,
            id if known.contains(&id) && !twice => id,
            _ => return Err(SetTiersError::Unknown),
        };
        known.push(id);
        offered.push(Tier {
            id,
            name,
            about,
            ..*tier
        });
    }
    tx.execute(
        "UPDATE channel_tier SET offered = FALSE WHERE channel = $1",
        params![channel],
    )?;
    for tier in &offered {
        tx.execute(
            "INSERT INTO channel_tier (channel, id, name, about, price, ticket_discount, offered) \
             VALUES ($1, $2, $3, $4, $5, $6, TRUE) \
             ON CONFLICT (channel, id) DO UPDATE SET name = excluded.name, about = excluded.about, \
             price = excluded.price, ticket_discount = excluded.ticket_discount, offered = TRUE",
            params![
                channel,
                i64::from(tier.id),
                tier.name.as_str(),
                tier.about.as_str(),
                tier.price,
                i64::from(tier.ticket_discount)
            ],
        )?;
    }
    Ok(offered)
}

/// The number after all that were ever given.
fn next_id(known: &[u8]) -> Option<u8> {
    known.iter().copied().max().unwrap_or(0).checked_add(1)
}

/// What a channel offers, the cheapest first.
pub fn tiers(db: &mut impl Read, channel: ChannelId) -> Result<Vec<Tier>, StoreError> {
    let rows = db.rows(
        "SELECT id, name, about, price, ticket_discount FROM channel_tier \
         WHERE channel = $1 AND offered ORDER BY price",
        params![channel],
    )?;
    let tiers = rows.iter().map(|row| {
        Ok(Tier {
            id: small(row.get(0)?)?,
            name: row.get(1)?,
            about: row.get(2)?,
            price: row.get(3)?,
            ticket_discount: small(row.get(4)?)?,
        })
    });
    tiers.collect()
}

/// What a tier's members pay less for tickets, also when it is no longer offered.
pub(super) fn ticket_discount(db: &mut impl Read, channel: ChannelId, id: u8) -> Result<u8, StoreError> {
    let row = db.row(
        "SELECT ticket_discount FROM channel_tier WHERE channel = $1 AND id = $2",
        params![channel, i64::from(id)],
    )?;
    row.map_or(Ok(0), |row| small(row.get(0)?))
}

pub(super) fn small(number: i64) -> Result<u8, StoreError> {
    u8::try_from(number).map_err(|_| StoreError::Broken(format!("a tier's number {number}")))
}
