//! Emotes of a channel: small pictures that its members use in chat by their names, `:name:`. Read `add` and then `used`
//! downward.
//!
//! What is uploaded is drawn anew ([`picture`]), so that no byte of an upload is ever served. Pictures are rows: they
//! are few and small, and so are copied, restored and replicated with all else.
//!
//! Invariant: a text stays text. Which emotes a message shows is decided when it is said, by what its author is then,
//! and stands in the event; clients draw those and no others. Another picture is another emote, with another id.

mod http;
pub(crate) mod picture;
mod sql;
#[cfg(test)]
mod tests;

use busk_base::{ChannelId, EmoteId, PersonId, Timestamp};
use busk_store::{Ahead, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Room, Speaker, SpeakerKind, members};
pub(crate) use http::routes;
use picture::Pictures;
pub(crate) use sql::EMOTES;
use sql::List;

/// Emotes of one channel.
pub const EMOTES_MAX: usize = 50;
const NAME: std::ops::RangeInclusive<usize> = 2..=20;

/// An emote, as its channel keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Emote {
    pub id: EmoteId,
    /// What is written between colons: 2 to 20 letters, digits and `_`.
    pub name: String,
    /// The tiers whose members may use it; all members when there is none.
    pub tiers: Vec<u8>,
}

/// An emote that a message shows wherever its text has `:name:`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsedEmote {
    pub id: EmoteId,
    pub name: String,
}

/// Why an emote was not added, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AddError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("2 to 20 letters, digits and _")]
    Name,
    #[error("another emote has this name")]
    Taken,
    #[error("a channel has at most {EMOTES_MAX} emotes")]
    TooMany,
}

/// Adds an emote to a channel's.
pub fn add(tx: &mut Tx, channel: ChannelId, new: &Emote, pictures: &Pictures) -> Result<(), AddError> {
    if !is_name(&new.name) {
        return Err(AddError::Name);
    }
    let mut list = tx.find::<List>(&channel)?.unwrap_or_default();
    if list.0.iter().any(|emote| emote.name == new.name) {
        return Err(AddError::Taken);
    }
    if list.0.len() >= EMOTES_MAX {
        return Err(AddError::TooMany);
    }

    list.0.push(new.clone());
    list.save(tx, channel)?;
    Ok(sql::add_pictures(tx, new.id, pictures)?)
}

/// Says anew whose members an emote is for; gives it as it is then, where there is one. What was said with it stays.
pub fn change_tiers(
    tx: &mut Tx,
    channel: ChannelId,
    emote: EmoteId,
    tiers: &[u8],
) -> Result<Option<Emote>, StoreError> {
    let mut list = tx.find::<List>(&channel)?.unwrap_or_default();
    let Some(known) = list.0.iter_mut().find(|known| known.id == emote) else {
        return Ok(None);
    };
    known.tiers = tiers.to_vec();
    let changed = known.clone();
    list.save(tx, channel)?;
    Ok(Some(changed))
}

/// Takes all of a channel's emotes away, with their pictures.
pub(crate) fn remove_all(tx: &mut Tx, channel: ChannelId) -> Result<(), StoreError> {
    let list = tx.find::<List>(&channel)?.unwrap_or_default();
    if list.0.is_empty() {
        return Ok(());
    }
    for emote in &list.0 {
        sql::remove_pictures(tx, emote.id)?;
    }
    List::default().save(tx, channel)
}

/// Takes an emote away, with its picture; whether there was one. What was said with it shows its name.
pub fn remove(tx: &mut Tx, channel: ChannelId, emote: EmoteId) -> Result<bool, StoreError> {
    let mut list = tx.find::<List>(&channel)?.unwrap_or_default();
    let before = list.0.len();
    list.0.retain(|known| known.id != emote);
    if list.0.len() == before {
        return Ok(false);
    }
    list.save(tx, channel)?;
    sql::remove_pictures(tx, emote)?;
    Ok(true)
}

/// Names the rows that [`used`] will want; most messages have nothing between colons.
pub(crate) fn ahead(ahead: &mut Ahead, channel: ChannelId, text: &str) {
    if named(text).next().is_some() {
        ahead.want::<List>(channel);
    }
}

/// The emotes of the room's channel that a text names and its author may use now.
pub(crate) fn used(
    tx: &mut Tx,
    room: &Room,
    from: &Speaker,
    text: &str,
    now: Timestamp,
) -> Result<Vec<UsedEmote>, StoreError> {
    if from.kind == SpeakerKind::Guest || named(text).next().is_none() {
        return Ok(Vec::new());
    }
    let Some(list) = tx.find::<List>(&room.channel)? else {
        return Ok(Vec::new());
    };
    let person = PersonId(from.id);
    let tier = match person == room.host {
        true => None,
        false => match members::find(tx, room.channel, person)?.filter(|member| member.is_in_force(now)) {
            Some(member) => Some(member.tier),
            None => return Ok(Vec::new()),
        },
    };
    let of_use = list.0.into_iter().filter(|emote| emote.is_for(tier));
    let used = of_use.filter(|emote| named(text).any(|name| name == emote.name));
    Ok(used
        .map(|Emote { id, name, .. }| UsedEmote { id, name })
        .collect())
}

impl Emote {
    /// Whether members of a tier may use it; without one the host asks, who may use all.
    fn is_for(&self, tier: Option<u8>) -> bool {
        tier.is_none_or(|tier| self.tiers.is_empty() || self.tiers.contains(&tier))
    }
}

/// What stands between colons and could be an emote's name.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let mut parts = text.split(':').skip(1).peekable();
    std::iter::from_fn(move || {
        let part = parts.next()?;
        // The last one has no colon after it.
        parts.peek().map(|_| part)
    })
    .filter(|name| is_name(name))
}

fn is_name(name: &str) -> bool {
    NAME.contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
