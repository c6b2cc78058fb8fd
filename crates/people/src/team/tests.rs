//! Teams, on both databases.

use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::sign_up::{SignUp, sign_up};
use crate::{MIGRATIONS, channel_of};

const NOW: Timestamp = Timestamp::from_unix_us(1_000_000);

fn id(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

/// Signs n1, n2 … up; gives the channel of n1.
async fn with_people(store: &busk_store::Store, count: u128) -> Channel {
    store
        .write(move |tx| {
            for number in 1..=count {
                let new = SignUp {
                    person: id(number),
                    channel: ChannelId(Uuid::from_u128(1_000 + number)),
                    handle: format!("nnn{number}"),
                    display_name: format!("n{number}"),
                    password_hash: "hash".into(),
                    role: if number == 9 { Role::Operator } else { Role::Viewer },
                };
                sign_up(tx, &new, NOW).map_err(|e| StoreError::Broken(e.to_string()))?;
            }
            Ok::<_, StoreError>(channel_of(tx, id(1))?.unwrap())
        })
        .await
        .unwrap()
}

each_db!(who_chooses_whom, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    let channel = with_people(&store, 5).await;
    // by, whom, as what (none: out), what becomes of it
    let rows: &[(u128, u128, Option<TeamRole>, &str)] = &[
        (
            2,
            3,
            Some(TeamRole::Moderator),
            "only the channel's owner, and for moderators its managers, may do this",
        ),
        (1, 1, Some(TeamRole::Manager), "the owner is always in the team"),
        (1, 2, Some(TeamRole::Owner), "the owner is always in the team"),
        (1, 2, Some(TeamRole::Manager), ""),
        (
            2,
            3,
            Some(TeamRole::Manager),
            "only the channel's owner, and for moderators its managers, may do this",
        ),
        (2, 3, Some(TeamRole::Moderator), ""),
        (2, 4, Some(TeamRole::Moderator), ""),
        (
            3,
            4,
            None,
            "only the channel's owner, and for moderators its managers, may do this",
        ),
        (
            3,
            2,
            None,
            "only the channel's owner, and for moderators its managers, may do this",
        ),
        (2, 1, None, "the owner is always in the team"),
        (3, 3, None, ""),
        (2, 4, None, ""),
        (2, 5, None, ""),
    ];
    for (by, whom, role, expected) in rows {
        let (by, whom, role, of) = (id(*by), id(*whom), *role, channel.clone());
        let done = store.write(move |tx| match role {
            Some(role) => add(tx, &of, by, whom, role, NOW),
            None => remove(tx, &of, by, whom),
        });
        let said = done.await.err().map_or(String::new(), |error| error.to_string());
        assert_eq!(&said, expected, "{by} {whom} {role:?}");
    }
    let of = channel.clone();
    let mates = store.read(move |db| team(db, &of)).await.unwrap();
    let mates: Vec<_> = mates
        .iter()
        .map(|mate| (mate.person.handle.as_str(), mate.role))
        .collect();
    assert_eq!(mates, [("nnn1", TeamRole::Owner), ("nnn2", TeamRole::Manager)]);
});

each_db!(who_may_moderate, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    let channel = with_people(&store, 9).await;
    let of = channel.clone();
    let adds = store.write(move |tx| add(tx, &of, id(1), id(2), TeamRole::Moderator, NOW));
    adds.await.unwrap();
    for (person, expected) in [(1, true), (2, true), (3, false), (9, true), (77, false)] {
        let right = store
            .read(move |db| Moderator::of(db, channel.id, id(person)))
            .await
            .unwrap();
        assert_eq!(right.is_some(), expected, "{person}");
    }
    let other = ChannelId(Uuid::from_u128(1_002));
    let right = store
        .read(move |db| Moderator::of(db, other, id(1)))
        .await
        .unwrap();
    assert_eq!(right, None, "a team is of one channel");
});
