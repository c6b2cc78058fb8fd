//! Who gave what: in each live and in each channel, for good. A ranking is of value given: gifts at the price of a
//! coin, and badges (domain: Gifts, badges, goals).
//!
//! Invariant: a person has one row in a live, which grows, and shrinks only by a badge whose money went back. Badges are
//! added where they are delivered, gifts a beat behind by the [tally](crate::tally).

mod http;
mod sql;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{ChannelId, PersonId, Policy, RoomId, Timestamp};
use busk_rooms::TopSupporter;
use busk_rooms::board::TOP_MAX;
use busk_store::{Ahead, StoreError, Tx};

pub use http::routes;
pub(crate) use sql::Support;
pub use sql::{Place, Supporter, of_channel, of_room, ranking_of_channel, ranking_of_room};

/// What a channel's ranking is of.
pub const RANKED_OVER: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Places of a ranking.
pub const RANKED_MAX: i64 = 100;

/// What one person gave in one live, to be added to what they gave before.
#[derive(Clone, Debug)]
pub struct Given {
    pub room: RoomId,
    pub channel: ChannelId,
    pub person: PersonId,
    pub gifts: i64,
    /// What the gifts cost, in coins.
    pub coins: i64,
    pub badges: i64,
    /// What the badges cost, in the currency's minor unit.
    pub money: i64,
    pub at: Timestamp,
}

impl Given {
    /// What it is worth, in the currency's minor unit.
    fn value(&self, policy: &Policy) -> i64 {
        self.coins * policy.coin_price_cents + self.money
    }
}

/// Names the row that [`give`] will want.
pub(crate) fn ahead(ahead: &mut Ahead, room: RoomId, person: PersonId) {
    ahead.want::<Support>((room, person));
}

/// Adds up what was given.
pub(crate) fn give(tx: &mut Tx, given: &Given, policy: &Policy) -> Result<(), StoreError> {
    let before = tx.find::<Support>(&(given.room, given.person))?;
    Support::add(tx, before, given, given.value(policy));
    Ok(())
}

/// The same for what is taken away or put back later: that is no new giving, so the row keeps its time.
pub(crate) fn correct(tx: &mut Tx, given: &Given, policy: &Policy) -> Result<(), StoreError> {
    match tx.find::<Support>(&(given.room, given.person))? {
        Some(before) => {
            let at = before.last_at();
            let given = Given { at, ..given.clone() };
            Support::add(tx, Some(before), &given, given.value(policy));
            Ok(())
        }
        None => give(tx, given, policy),
    }
}

/// Who has given most in a live; of those who gave the same, who did so first.
pub(crate) fn top(tx: &mut Tx, room: RoomId) -> Result<Vec<TopSupporter>, StoreError> {
    let max = i64::try_from(TOP_MAX).expect("a top is a handful");
    let places = ranking_of_room(tx, room, max)?;
    let top = places.into_iter().map(|place| TopSupporter {
        id: place.person.0,
        name: place.name,
        value: place.value,
    });
    Ok(top.collect())
}
