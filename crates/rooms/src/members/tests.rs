//! Members, on both databases.

use busk_testkit::each_db;
use uuid::Uuid;

use super::*;

const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1));
const OTHER: ChannelId = ChannelId(Uuid::from_u128(2));
const BEA: PersonId = PersonId(Uuid::from_u128(3));

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_us(second * 1_000_000)
}

each_db!(
    a_member_is_one_until_the_end,
    async |db: busk_testkit::db::TestDb| {
        let store = db.open(&[crate::MIGRATIONS]);
        let mut member = Member {
            channel: CHANNEL,
            person: BEA,
            tier: 1,
            until: at(100),
            since: at(0),
            months: 1,
        };
        for (until, months) in [(100, 1), (200, 2), (50, 1)] {
            (member.until, member.months) = (at(until), months);
            let written = member.clone();
            store.write(move |tx| keep(tx, written.clone())).await.unwrap();
            let kept = store.write(|tx| find(tx, CHANNEL, BEA)).await.unwrap();
            assert_eq!(kept.as_ref(), Some(&member));
            let asked = store.read(move |db| {
                Ok::<_, StoreError>([
                    is_member(db, CHANNEL, BEA, at(until - 1))?,
                    is_member(db, CHANNEL, BEA, at(until))?,
                    is_member(db, OTHER, BEA, at(until - 1))?,
                ])
            });
            assert_eq!(asked.await.unwrap(), [true, false, false]);
        }
    }
);
