//! Somebody follows a channel while its live is on: told once to those who are there, however often they come and go.

use busk_base::{PersonId, RoomId, Timestamp};
use busk_people::{Caller, Channel, Person};
use busk_store::{StoreError, Tx, params};

use crate::{Room, What, board, log, speaker, state};

pub(crate) const FOLLOWED: &str = "
CREATE TABLE room_followed (
    room BYTEA NOT NULL,
    person BYTEA NOT NULL,
    PRIMARY KEY (room, person)
)/*sqlite: WITHOUT ROWID*/;
";

/// Says so in the channel's live, when there is one.
pub fn followed(tx: &mut Tx, channel: &Channel, person: &Person, now: Timestamp) -> Result<(), StoreError> {
    let Some(room) = state::open_room(tx, channel.id)? else {
        return Ok(());
    };
    let shown = tx.find::<Room>(&room)?;
    if !shown.is_some_and(|room| room.state.is_on_air() && !room.private) || !is_first(tx, room, person.id)? {
        return Ok(());
    }
    let Some(from) = speaker(&Caller::Person(person.clone()), false) else {
        return Ok(());
    };
    let from = board::adorned(tx, room, &from, now)?;
    log::append(tx, room, What::Follow { from }, now)?;
    Ok(())
}

fn is_first(tx: &mut Tx, room: RoomId, person: PersonId) -> Result<bool, StoreError> {
    let added = tx.execute(
        "INSERT INTO room_followed (room, person) VALUES ($1, $2) ON CONFLICT (room, person) DO NOTHING",
        params![room, person],
    )?;
    Ok(added > 0)
}

#[cfg(test)]
mod tests {
    use busk_testkit::each_db;

    use super::*;
    use crate::talk::tests::{ADA, BEA, Stand};

    each_db!(who_follows_is_told_once_in_a_live, async |db| {
        let stand = Stand::set(db).await;
        for _ in 0..2 {
            let follows = stand.store.write(|tx| {
                let gone = || StoreError::Broken("nobody".into());
                let channel = busk_people::channel_of(tx, ADA)?.ok_or_else(gone)?;
                let person = busk_people::person(tx, BEA)?.ok_or_else(gone)?;
                followed(tx, &channel, &person, crate::talk::tests::NOW)
            });
            follows.await.unwrap();
        }
        let told = stand.told_to(false, &["follow"]).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["from"]["name"], "bea");
    });
}
