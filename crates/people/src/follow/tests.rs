//! Following, on both databases.

use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::sign_up::{SignUp, sign_up};
use crate::{MIGRATIONS, Role, channel_of};

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_us(second * 1_000_000)
}

fn id(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

each_db!(
    a_channel_is_followed_once,
    async |db: busk_testkit::db::TestDb| {
        let store = db.open(&[MIGRATIONS]);
        let channel = store.write(|tx| {
            for number in 1..=3 {
                let new = SignUp {
                    person: id(number),
                    channel: ChannelId(Uuid::from_u128(1_000 + number)),
                    handle: format!("nnn{number}"),
                    display_name: format!("n{number}"),
                    password_hash: "hash".into(),
                    role: Role::Viewer,
                };
                sign_up(tx, &new, at(0)).map_err(|e| StoreError::Broken(e.to_string()))?;
            }
            block::block(tx, id(1), id(3), at(0)).map_err(|e| StoreError::Broken(e.to_string()))?;
            Ok::<_, StoreError>(channel_of(tx, id(1))?.unwrap())
        });
        let channel = channel.await.unwrap();
        let follows = async |person, second| {
            let channel = channel.clone();
            let done = store.write(move |tx| follow(tx, &channel, id(person), at(second)));
            done.await.map_err(|error| error.to_string())
        };
        assert_eq!(follows(2, 10).await, Ok(at(10)));
        assert_eq!(follows(2, 20).await, Ok(at(10)), "the first time holds");
        assert_eq!(follows(1, 20).await, Err("nobody follows themselves".into()));
        assert_eq!(
            follows(3, 20).await,
            Err("the channel's owner has blocked you".into())
        );
        let of = channel.id;
        let counted = async || store.read(move |db| followers(db, of)).await.unwrap();
        assert_eq!(counted().await, 1);
        let list = store.read(|db| followed_by(db, id(2), None, 10)).await.unwrap();
        assert_eq!(list, [(channel.clone(), at(10))]);
        let older = store.read(|db| followed_by(db, id(2), Some(at(10)), 10));
        assert_eq!(older.await.unwrap(), []);
        for _ in 0..2 {
            store.write(move |tx| unfollow(tx, of, id(2))).await.unwrap();
            assert_eq!(counted().await, 0);
        }
        assert_eq!(store.read(move |db| since(db, of, id(2))).await.unwrap(), None);
    }
);
