//! Who may let a payout go, and refuse it.

use super::*;
use crate::payouts::approval::reject;

each_db!(approvals, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.earn(300_000).await;
    let refused = async |number, by, is: fn(&ApprovalError) -> bool| {
        let error = scene.approve(number, by).await.unwrap_err();
        assert!(is(&error), "{number}: {error:?}");
    };
    refused(1, BEA, |e| matches!(e, ApprovalError::PayoutUnknown)).await;
    scene.ask(1, 99_999).await.unwrap();
    refused(1, ADA, |e| matches!(e, ApprovalError::OwnChannel)).await;
    assert_eq!(scene.approve(1, BEA).await.unwrap().state, PayoutState::Approved);
    refused(1, CID, |e| {
        matches!(e, ApprovalError::TooLate(PayoutState::Approved))
    })
    .await;

    // From 1 000.00 on two must, and not one of them twice.
    scene.ask(2, 100_000).await.unwrap();
    assert_eq!(scene.approve(2, BEA).await.unwrap().state, PayoutState::Requested);
    assert_eq!(scene.jobs().await.len(), 1, "the first payout's only");
    // Asked again, since the answer was lost: answered as then, and nothing is approved twice.
    assert_eq!(scene.approve(2, BEA).await.unwrap().state, PayoutState::Requested);
    assert_eq!(scene.approve(1, BEA).await.unwrap().state, PayoutState::Approved);
    refused(2, ADA, |e| matches!(e, ApprovalError::OwnChannel)).await;
    assert_eq!(scene.approve(2, CID).await.unwrap().state, PayoutState::Approved);
    assert_eq!(scene.approve(2, CID).await.unwrap().state, PayoutState::Approved);
    assert_eq!(scene.approve(2, BEA).await.unwrap().state, PayoutState::Approved);
    assert_eq!(scene.acts(2).await, ["request ada", "approve bea", "approve cid"]);
    assert_eq!(scene.jobs().await.len(), 1, "one for the second payout");

    scene.ask(3, 2_000).await.unwrap();
    scene.says_identity("no", Identity::Rejected, NOW + DAY).await;
    refused(3, BEA, |e| matches!(e, ApprovalError::IdentityUnverified)).await;
    scene
        .says_identity("yes", Identity::Verified, NOW + DAY + DAY)
        .await;
    scene.moves(debt(CHANNEL), PSP_CLEARING, 100).await;
    refused(3, BEA, |e| matches!(e, ApprovalError::InDebt)).await;

    let reject_of = async |number, by| {
        let rejected = scene
            .store
            .write(move |tx| reject(tx, id(number), by, "Ask again in May", &rules(), NOW));
        rejected.await
    };
    let own = reject_of(3, ADA).await.unwrap_err();
    assert!(matches!(own, ApprovalError::OwnChannel), "{own:?}");
    let sent = reject_of(2, BEA).await.unwrap_err();
    assert!(
        matches!(sent, ApprovalError::TooLate(PayoutState::Approved)),
        "the provider may have it: {sent:?}"
    );
    let rejected = reject_of(3, CID).await.unwrap();
    assert_eq!(rejected.state, PayoutState::Cancelled);
    assert_eq!(rejected.reason.as_deref(), Some("Ask again in May"));
    assert_eq!(
        scene.balance(debt(CHANNEL)).await,
        0,
        "settled from what came back"
    );
    assert_eq!(scene.has().await, [100_001 - 100, 199_999, 0]);
    scene.audit().await;
});
