//! Somebody follows a channel while its live is on: told once to those who are there, however often they come and go.
//! Who follows no more is shown out of a room that is for followers.

use busk_base::{JobId, PersonId, RoomId, Timestamp};
use busk_people::{Caller, Channel, Person};
use busk_store::{StoreError, Tx, params};

use crate::{Access, Room, What, access, board, log, speaker, state};

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

/// Leaves the job `job` for whoever is in the channel's room, where that is for followers.
pub fn unfollowed(
    tx: &mut Tx,
    channel: &Channel,
    person: PersonId,
    job: JobId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(room) = state::open_room(tx, channel.id)? else {
        return Ok(());
    };
    if access::of(tx, room)? == Access::Followers {
        access::show_out(tx, room, person, job, now);
    }
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
    use busk_people::{TeamRole, follow, team};
    use busk_store::jobs;
    use busk_testkit::each_db;

    use super::*;
    use crate::talk::tests::{ADA, BEA, CID, LIVE, NOW, Stand};

    each_db!(who_follows_is_told_once_in_a_live, async |db| {
        let stand = Stand::set(db).await;
        for _ in 0..2 {
            let follows = stand.store.write(|tx| {
                let gone = || StoreError::Broken("nobody".into());
                let channel = busk_people::channel_of(tx, ADA)?.ok_or_else(gone)?;
                let person = busk_people::person(tx, BEA)?.ok_or_else(gone)?;
                followed(tx, &channel, &person, NOW)
            });
            follows.await.unwrap();
        }
        let told = stand.told_to(false, &["follow"]).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["from"]["name"], "bea");
    });

    /// What holds them off: at the doors, and inside a transaction.
    async fn barred(stand: &Stand, who: PersonId) -> (bool, Option<Access>) {
        let asks = stand.store.write(move |tx| {
            let room = tx.find::<Room>(&LIVE)?;
            let room = room.ok_or_else(|| StoreError::Broken("no room".into()))?;
            let admits = access::admits(tx, &room, Access::Followers, Some(who), NOW)?;
            Ok::<_, StoreError>((!admits, access::bars(tx, &room, who, NOW)?))
        });
        asks.await.unwrap()
    }

    /// Who the jobs left show out.
    async fn shown_out(stand: &Stand) -> Vec<PersonId> {
        let lease = std::time::Duration::from_secs(1);
        let taken = stand.store.write(move |tx| jobs::take(tx, NOW, lease, 10));
        let named = taken.await.unwrap().into_iter().map(|job| {
            assert_eq!(job.kind, access::SHOW_OUT_JOB);
            let (room, person): (RoomId, PersonId) = serde_json::from_str(&job.body).unwrap();
            assert_eq!(room, LIVE);
            person
        });
        named.collect()
    }

    each_db!(
        a_room_for_followers_is_for_them_and_those_who_run_it,
        async |db| {
            let stand = Stand::set(db).await;
            let none = (false, None);
            let sets = stand.store.write(|tx| access::set(tx, LIVE, Access::Followers));
            sets.await.unwrap();
            let off = (true, Some(Access::Followers));
            assert_eq!(barred(&stand, ADA).await, none, "the host");
            assert_eq!(barred(&stand, BEA).await, off);
            assert_eq!(barred(&stand, CID).await, off);

            let changes = stand.store.write(|tx| {
                let gone = || StoreError::Broken("nobody".into());
                let channel = busk_people::channel_of(tx, ADA)?.ok_or_else(gone)?;
                let broken = |error: String| StoreError::Broken(error);
                follow::follow(tx, &channel, BEA, NOW).map_err(|e| broken(e.to_string()))?;
                team::add(tx, &channel, ADA, CID, TeamRole::Moderator, NOW).map_err(|e| broken(e.to_string()))
            });
            changes.await.unwrap();
            assert_eq!(barred(&stand, BEA).await, none, "a follower");
            let (door, inside) = barred(&stand, CID).await;
            assert_eq!(
                (door, inside),
                (true, None),
                "the team, whom the doors know before they ask this"
            );

            let leaves = |number: u128, access: Access| {
                let job = JobId(uuid::Uuid::from_u128(number));
                stand.store.write(move |tx| {
                    let channel = busk_people::channel_of(tx, ADA)?.expect("Ada's channel");
                    access::set(tx, LIVE, access)?;
                    follow::unfollow(tx, channel.id, BEA)?;
                    unfollowed(tx, &channel, BEA, job, NOW)
                })
            };
            leaves(1, Access::Followers).await.unwrap();
            assert_eq!(barred(&stand, BEA).await, off);
            assert_eq!(shown_out(&stand).await, [BEA]);
            leaves(2, Access::Free).await.unwrap();
            assert_eq!(shown_out(&stand).await, [], "nothing was shut to them");
        }
    );
}
