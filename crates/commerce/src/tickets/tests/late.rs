//! What comes of a ticket's money when a refund fails, or a dispute is lost, about the time of its event.

use busk_base::PostingId;

use super::*;
use crate::providers::{About, RefundNotice, RefundSaid};
use crate::sales::following;

/// When the show of [`two_seats`] is to be.
const DAY_OF_SHOW: Timestamp = Timestamp::from_unix_us(NOW.unix_us() + 10 * 24 * 3_600 * 1_000_000);

/// The provider says that a refund failed.
async fn fails(scene: &Scene, refund: RefundId, amount: i64) {
    let said = RefundNotice {
        said: RefundSaid::Failed,
        refund,
        amount,
        currency: "USD".into(),
    };
    let heard = scene
        .hear_about(&format!("failed {refund}"), About::Refund(said))
        .await;
    assert_eq!(heard, Heard::RefundFailed);
}

/// The only refund of a payment.
async fn refund_of(scene: &Scene, number: u128) -> RefundId {
    let all = scene
        .store
        .read(move |db| refunds::of_payment(db, payment_id(number)));
    let all = all.await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].id
}

async fn held_and_settled(scene: &Scene) {
    goes_live(scene, DAY_OF_SHOW).await;
    ends(scene, DAY_OF_SHOW + HOUR).await;
    beat(scene, DAY_OF_SHOW + HOUR).await;
}

/// The transfers by which a refund went and came again, and those by which the payment was delivered.
async fn all_legs(scene: &Scene, number: u128, refund: RefundId) -> [Vec<String>; 3] {
    [
        scene.legs(PostingId(refund.0)).await,
        scene.legs(following(refund.0, "failed")).await,
        scene.legs(following(payment_id(number).0, "delivery")).await,
    ]
}

/// An operator gives the money back after all.
async fn given_by_an_operator(scene: &Scene, number: u128, of: u128) {
    let ask = Ask {
        id: RefundId(Uuid::from_u128(number)),
        payment: payment_id(of),
        by: refunds::By::Operator(ADA),
        amount: None,
        reason: "to another card".into(),
    };
    let job = JobId(ask.id.0);
    let given = scene
        .store
        .write(move |tx| refunds::ask(tx, &ask, job, &rules(), NOW));
    assert_eq!(given.await.unwrap().state, RefundState::Granted);
}

each_db!(
    of_an_event_that_was_held_it_goes_on_to_those_who_earned_it,
    async |db: TestDb| {
        let scene = show(db, two_seats()).await;
        let before = has(&scene).await;
        bought(&scene, 1, BEA, false).await;
        assert_eq!(asked(&scene, 71, 1, BEA, NOW).await, RefundState::Granted);
        held_and_settled(&scene).await;
        assert_eq!(moved(&scene, before).await, [0, 0, 0, 0, 0], "it went back");
        let refund = RefundId(Uuid::from_u128(71));
        fails(&scene, refund, 2_000).await;
        let expected = [
            vec!["deferred>psp_clearing 2000"],
            vec!["psp_clearing>deferred 2000"],
            vec!["deferred>earnings.pending 1800", "deferred>platform_revenue 200"],
        ];
        assert_eq!(all_legs(&scene, 1, refund).await, expected);
        assert_eq!(moved(&scene, before).await, [-2_000, 0, 1_800, 200, 0]);
        assert_eq!(state_of(&scene, 1).await, TicketState::Delivered);
        assert!(is_in(&scene, BEA).await, "the replay is included");
        beat(&scene, DAY_OF_SHOW + DAY).await;
        assert_eq!(
            moved(&scene, before).await,
            [-2_000, 0, 1_800, 200, 0],
            "once is enough"
        );
        // From then on it is a sale like any other.
        given_by_an_operator(&scene, 72, 1).await;
        assert_eq!(moved(&scene, before).await, [0, 0, 0, 0, 0]);
        scene.audit().await;
    }
);

each_db!(
    of_an_event_that_was_not_held_it_stays_owed_to_its_payer,
    async |db: TestDb| {
        let scene = show(db, two_seats()).await;
        let before = has(&scene).await;
        bought(&scene, 1, BEA, false).await;
        ends(&scene, NOW).await;
        beat(&scene, NOW).await;
        let refund = refund_of(&scene, 1).await;
        fails(&scene, refund, 2_000).await;
        let expected = [
            vec!["deferred>psp_clearing 2000"],
            vec!["psp_clearing>deferred 2000"],
            vec![],
        ];
        assert_eq!(all_legs(&scene, 1, refund).await, expected);
        assert_eq!(moved(&scene, before).await, [-2_000, 2_000, 0, 0, 0]);
        assert_eq!(state_of(&scene, 1).await, TicketState::Returned);
        assert!(!is_in(&scene, BEA).await);
        given_by_an_operator(&scene, 72, 1).await;
        assert_eq!(
            scene.legs(PostingId(Uuid::from_u128(72))).await,
            ["deferred>psp_clearing 2000"]
        );
        assert_eq!(moved(&scene, before).await, [0, 0, 0, 0, 0]);
        scene.audit().await;
    }
);

each_db!(
    of_a_pass_without_a_turn_it_stays_owed_to_its_payer,
    async |db: TestDb| {
        let scene = show(db, two_seats()).await;
        let before = has(&scene).await;
        bought(&scene, 1, BEA, true).await;
        held_and_settled(&scene).await;
        let refund = refund_of(&scene, 1).await;
        fails(&scene, refund, 5_000).await;
        assert_eq!(all_legs(&scene, 1, refund).await[2], Vec::<String>::new());
        assert_eq!(moved(&scene, before).await, [-5_000, 5_000, 0, 0, 0]);
        assert_eq!(state_of(&scene, 1).await, TicketState::Returned);
        scene.audit().await;
    }
);

each_db!(
    of_a_seat_that_was_sold_again_it_stays_owed_to_its_payer,
    async |db: TestDb| {
        let mut new = two_seats();
        (new.capacity, new.stage) = (1, None);
        let scene = show(db, new).await;
        let before = has(&scene).await;
        bought(&scene, 1, BEA, false).await;
        assert_eq!(asked(&scene, 71, 1, BEA, NOW).await, RefundState::Granted);
        bought(&scene, 2, CID, false).await;
        held_and_settled(&scene).await;
        fails(&scene, RefundId(Uuid::from_u128(71)), 2_000).await;
        assert_eq!(
            moved(&scene, before).await,
            [-4_000, 2_000, 1_800, 200, 0],
            "nobody is paid twice for a seat"
        );
        assert_eq!(state_of(&scene, 1).await, TicketState::Returned);
        scene.audit().await;
    }
);

each_db!(what_never_was_a_ticket_does_not_become_one, async |db: TestDb| {
    let scene = show(db, two_seats()).await;
    // Its page is paid at after it had lapsed, and another was bought.
    let early = NOW - Duration::from_secs(rules().policy.ticket_reserve_s);
    assert_eq!(begun(&scene, wanted(2, BEA, false), early).await, "begun 2000");
    bought(&scene, 1, BEA, false).await;
    assert_eq!(scene.hear(settled(2, BEA, 2_000)).await, Heard::GivenBack);
    let refund = refund_of(&scene, 2).await;
    fails(&scene, refund, 2_000).await;
    assert_eq!(state_of(&scene, 2).await, TicketState::Returned);
    held_and_settled(&scene).await;
    assert_eq!(scene.balance(DEFERRED).await, 2_000, "it is owed to who paid it");
    assert_eq!(scene.balance(earnings_pending(PAGE)).await, 1_800);
    scene.audit().await;
});

each_db!(
    what_a_bank_took_before_the_event_is_not_divided,
    async |db: TestDb| {
        let scene = show(db, two_seats()).await;
        let before = has(&scene).await;
        bought(&scene, 1, BEA, false).await;
        let lost = dispute(1, DisputeSaid::Lost, 500);
        assert_eq!(scene.hear_about("lost", lost).await, Heard::DisputeLost);
        assert!(is_in(&scene, BEA).await, "some of it is kept");
        held_and_settled(&scene).await;
        let delivered = scene.legs(following(payment_id(1).0, "delivery")).await;
        assert_eq!(
            delivered,
            ["deferred>earnings.pending 1350", "deferred>platform_revenue 150"]
        );
        // The provider has the fee, too.
        assert_eq!(
            moved(&scene, before).await,
            [-2_000 + 500 + 1_500, 0, 1_350, 150, 0]
        );
        scene.audit().await;
    }
);
