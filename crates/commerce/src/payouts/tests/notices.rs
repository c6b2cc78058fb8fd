//! What providers say of payouts, in whatever order.

use super::*;

/// What is said of one payout, in order, each with what comes of it; and the state in the end.
type Story = (&'static [(PayoutSaid, Heard)], PayoutState);

const STORIES: &[Story] = &[
    // The bank sent it back before the word came that it was there.
    (
        &[
            (PayoutSaid::Returned, Heard::Taken),
            (PayoutSaid::Paid, Heard::Nothing),
            (PayoutSaid::Returned, Heard::Nothing),
            (
                PayoutSaid::Failed,
                Heard::SetAside("failed after it was returned"),
            ),
        ],
        PayoutState::Returned,
    ),
    (
        &[
            (PayoutSaid::Failed, Heard::Taken),
            (PayoutSaid::Failed, Heard::Nothing),
            (PayoutSaid::Paid, Heard::SetAside("paid after it failed")),
            (PayoutSaid::Returned, Heard::SetAside("returned after it failed")),
        ],
        PayoutState::Failed,
    ),
    (
        &[
            (PayoutSaid::Paid, Heard::Taken),
            (PayoutSaid::Failed, Heard::SetAside("failed after it was paid")),
        ],
        PayoutState::Paid,
    ),
];

each_db!(notices_in_any_order, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.earn(20_000).await;
    for (number, (story, end)) in (1u128..).zip(STORIES) {
        scene.ask(number, 2_000).await.unwrap();
        let early = scene
            .says(&format!("{number}-early"), number, PayoutSaid::Paid, 2_000)
            .await;
        assert_eq!(early, Heard::SetAside("a payout that was not sent"));
        scene.approve(number, BEA).await.unwrap();
        let other = scene
            .says(&format!("{number}-other"), number, PayoutSaid::Paid, 1_999)
            .await;
        assert_eq!(other, Heard::SetAside("another amount"));
        for (place, (said, comes)) in story.iter().enumerate() {
            let heard = scene
                .says(&format!("{number}-{place}"), number, *said, 2_000)
                .await;
            assert_eq!(heard, *comes, "{number} {place}");
        }
        assert_eq!(scene.payout(number).await.state, *end);
    }
    assert_eq!(scene.has().await, [18_000, 0, 2_000]);
    let unknown = scene.says("unknown", 99, PayoutSaid::Paid, 2_000).await;
    assert_eq!(unknown, Heard::SetAside("no such payout"));
    scene.bank().await;
    scene.ask(50, 2_000).await.unwrap();
    let by_file = scene.says("by-file", 50, PayoutSaid::Paid, 2_000).await;
    assert_eq!(
        by_file,
        Heard::SetAside("a payout that this provider was not asked for")
    );
    scene.audit().await;
});
