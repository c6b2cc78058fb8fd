//! A payer's own payments, with what each was for: read, never written.

use busk_api::{Cursor, Limit};
use busk_base::{ChannelId, PaymentId, PersonId, Policy, Timestamp};
use busk_people::ChannelRef;
use busk_store::{Entity, Read, Row, StoreError, params};
use uuid::Uuid;

use super::{Order, Payment};
use crate::coins::CoinOrder;
use crate::refunds::RefundState;
use crate::sales::Parts;

/// A payment, and what it was for.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub payment: Payment,
    pub coins: Option<CoinOrder>,
    /// Whose it is; coins are nobody's yet.
    pub channel: Option<ChannelRef>,
    /// What of the price is the state's, in what was not given back; once it is delivered.
    pub taxed: Option<i64>,
    /// What became of the money that was asked for last, or given back by a rule.
    pub back: Option<Back>,
}

/// Money of a payment that was asked for, or given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    pub state: RefundState,
    pub amount: i64,
    /// The operator's answer, or why it failed.
    pub answer: Option<String>,
}

impl Entry {
    /// The tax in what was paid and not given back. Coins are not taxed when they are bought.
    pub fn tax(&self, policy: &Policy) -> i64 {
        let Payment { price, refunded, .. } = self.payment;
        match (self.payment.order, self.taxed) {
            (Order::Coins, _) => 0,
            (Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription, Some(tax)) => {
                tax
            }
            // Before delivery, as the delivery will reckon it; the tax does not depend on the share.
            (Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription, None) => {
                Parts::of(price - refunded, 0, self.payment.country.as_deref(), policy).tax
            }
        }
    }
}

/// Where a page of the history ends: newest first, and of one time the greatest id first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    at: Timestamp,
    id: PaymentId,
}

impl Before {
    pub const NEWEST: Self = Self {
        at: Timestamp::from_unix_us(i64::MAX),
        id: PaymentId(Uuid::max()),
    };

    /// None for a cursor of another list.
    pub fn parse(cursor: &Cursor) -> Option<Self> {
        let (at, id) = cursor.as_bytes().split_first_chunk::<8>()?;
        Some(Self {
            at: Timestamp::from_unix_us(i64::from_be_bytes(*at)),
            id: PaymentId(Uuid::from_slice(id).ok()?),
        })
    }

    pub fn cursor(entry: &Entry) -> Cursor {
        let at = entry.payment.created_at.unix_us().to_be_bytes();
        Cursor::from_bytes(&[at.as_slice(), entry.payment.id.0.as_bytes()].concat())
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.payer, p.kind, p.price, p.currency, p.provider, p.checkout, p.checkout_url, p.state, p.charge, \
             p.method, p.country, p.refunded, p.created_at, p.expires_at, p.settled_at, p.disputed, \
             o.pack, o.coins, o.promotional, c.id, c.handle, c.name, s.tax, o.coins_back, o.promotional_back, f.state, f.amount, f.answer \
             FROM payment p LEFT JOIN coin_order o ON o.payment = p.id LEFT JOIN sale s ON s.payment = p.id \
             LEFT JOIN subscription_order m ON m.payment = p.id \
             LEFT JOIN subscription_gift g ON g.payment = p.id \
             LEFT JOIN badge_order b ON b.payment = p.id LEFT JOIN ticket t ON t.payment = p.id \
             LEFT JOIN room r ON r.id = COALESCE(b.room, t.room) \
             LEFT JOIN refund f ON f.id = (SELECT l.id FROM refund l WHERE l.payment = p.id \
                ORDER BY l.asked_at DESC, l.id DESC LIMIT 1) \
             LEFT JOIN channel c ON c.id = COALESCE(s.channel, m.channel, g.channel, r.channel) ",
            $rest
        )
    };
}

/// A payer's payments, one more than the page holds, to see whether there is a next one.
pub fn payments_of(
    db: &mut impl Read,
    payer: PersonId,
    before: Before,
    limit: Limit,
) -> Result<Vec<Entry>, StoreError> {
    let rows = db.rows(
        select!(
            "WHERE p.payer = $1 AND (p.created_at < $2 OR (p.created_at = $2 AND p.id < $3)) \
             ORDER BY p.created_at DESC, p.id DESC LIMIT $4"
        ),
        params![payer, before.at, before.id, limit.and_one()],
    )?;
    rows.iter().map(read).collect()
}

/// One payment.
pub fn entry(db: &mut impl Read, id: PaymentId) -> Result<Option<Entry>, StoreError> {
    let row = db.row(select!("WHERE p.id = $1"), params![id])?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Entry, StoreError> {
    let (id, payment) = <Payment as Entity>::read(row)?;
    let pack: Option<String> = row.get(17)?;
    let coins = match pack {
        Some(pack) => Some(CoinOrder {
            payment: id,
            pack,
            coins: row.get(18)?,
            promotional: row.get(19)?,
            coins_back: row.get(24)?,
            promotional_back: row.get(25)?,
        }),
        None => None,
    };
    let channel: Option<ChannelId> = row.get(20)?;
    let channel = match channel {
        Some(channel) => Some(ChannelRef {
            id: channel,
            handle: row.get(21)?,
            name: row.get(22)?,
        }),
        None => None,
    };
    let taxed = row.get(23)?;
    let state: Option<String> = row.get(26)?;
    let back = match state {
        Some(word) => Some(Back {
            state: RefundState::parse(&word)?,
            amount: row.get(27)?,
            answer: row.get(28)?,
        }),
        None => None,
    };
    Ok(Entry {
        payment,
        coins,
        channel,
        taxed,
        back,
    })
}
