//! What real deeds leave standing against Ada, who has a channel, and against Cid, who pays; on both databases.

use busk_testkit::each_db;

use super::*;
use crate::faults::deeds::Deed::{self, *};
use crate::scene::*;

/// What was done, what stands against Ada then, and what against Cid.
type Case = (&'static [Deed], &'static [Owing], &'static [Owing]);

const CASES: [Case; 14] = [
    (&[], &[], &[]),
    (&[Begun], &[], &[Owing::Payment]),
    // Coins are given up by whoever leaves: they stand against nothing.
    (&[Begun, Settled], &[], &[]),
    (&[Begun, Settled, Gift], &[Owing::Earnings], &[]),
    (&[Begun, Settled, RefundAsked], &[], &[Owing::Refund]),
    (&[Begun, Settled, RefundAsked, RefundDone], &[], &[]),
    (&[Begun, Settled, Disputed], &[], &[Owing::Dispute]),
    (&[Begun, Settled, Disputed, DisputeWon], &[], &[]),
    (&[Begun, Settled, Disputed, DisputeLost], &[], &[]),
    (
        &[Begun, Settled, Gift, Disputed],
        &[Owing::Earnings],
        &[Owing::Dispute],
    ),
    // What the gift brought is taken back while it is held; afterwards it stays hers, and he owes it.
    (&[Begun, Settled, Gift, Disputed, DisputeLost], &[], &[]),
    (
        &[Begun, Settled, Gift, Released, Disputed, DisputeLost],
        &[Owing::Earnings],
        &[Owing::Debt],
    ),
    (&[Earned], &[Owing::Earnings], &[]),
    (
        &[Earned, PayoutAsked, PayoutApproved],
        &[Owing::Earnings, Owing::Payout],
        &[],
    ),
];

each_db!(what_is_owed_stands_against_leaving, async |db| {
    let clean = Scene::set(db).await;
    for (deeds, of_ada, of_cid) in CASES {
        let scene = Scene::open(clean.copy().await);
        for deed in deeds {
            deed.on(&scene)
                .await
                .unwrap_or_else(|why| panic!("{deeds:?}: {deed:?}: {why}"));
        }
        for (person, stands) in [(ADA, of_ada), (CID, of_cid)] {
            let met = scene.store.read(move |db| owing(db, person, NOW)).await.unwrap();
            assert_eq!(met, stands, "{person} after {deeds:?}");
        }
    }
});
