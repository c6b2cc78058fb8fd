//! What is done to the scene, each thing under an id of its own, so that it can be asked for again.

use busk_base::{ChannelId, JobId, PayoutId, PostingId, RedemptionId, RefundId, Timestamp};
use busk_ledger::{AccountRef, Cause, Posting, seal};
use busk_store::{Read, StoreError, Tx};
use uuid::Uuid;

use crate::accounts::*;
use crate::badges;
use crate::earnings::{self, Redeem};
use crate::notices::{self, Heard};
use crate::payments;
use crate::payouts::{self, approval, identity};
use crate::providers::{
    About, AccountNotice, DisputeSaid, Identity, Notice, PaymentNotice, PaymentSaid, PayoutNotice,
    PayoutSaid, RefundNotice, RefundSaid,
};
use crate::refunds::{self, Ask, By};
use crate::sales::money_moves;
use crate::scene::*;

/// One thing that is asked of the site.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// Somebody else's write, that nothing else depends on.
    Beside,
    Begun,
    Settled,
    Gift,
    /// A bug: a gift under another id each time.
    Renamed,
    /// A bug: one thing in two transactions.
    Halved,
    BadgeBegun,
    BadgePaid,
    Released,
    Redeemed,
    RefundAsked,
    RefundDone,
    RefundFailed,
    Disputed,
    DisputeWon,
    DisputeLost,
    /// The channel has money that can be paid out, to an account that is verified.
    Earned,
    PayoutAsked,
    PayoutApproved,
    PayoutPaid,
    PayoutFailed,
    PayoutReturned,
    Sealed,
}

/// What is made to fail, and what comes before it.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) before: &'static [Deed],
    pub(super) deed: Deed,
}

const fn operation(name: &'static str, before: &'static [Deed], deed: Deed) -> Operation {
    Operation { name, before, deed }
}

use Deed::*;

pub(super) const ALL: [Operation; 18] = [
    operation("begun", &[], Begun),
    operation("settled", &[Begun], Settled),
    operation("gift", &[Begun, Settled], Gift),
    operation("badge", &[BadgeBegun], BadgePaid),
    operation("release", &[Begun, Settled, Gift], Released),
    operation("redeem", &[Begun, Settled, Gift, Released], Redeemed),
    operation("refund asked", &[Begun, Settled], RefundAsked),
    operation("refund done", &[Begun, Settled, RefundAsked], RefundDone),
    operation("refund failed", &[Begun, Settled, RefundAsked], RefundFailed),
    operation("disputed", &[Begun, Settled], Disputed),
    operation("dispute won", &[Begun, Settled, Disputed], DisputeWon),
    operation("dispute lost", &[Begun, Settled, Gift, Disputed], DisputeLost),
    operation("payout asked", &[Earned], PayoutAsked),
    operation("payout approved", &[Earned, PayoutAsked], PayoutApproved),
    operation("payout paid", &[Earned, PayoutAsked, PayoutApproved], PayoutPaid),
    operation(
        "payout failed",
        &[Earned, PayoutAsked, PayoutApproved],
        PayoutFailed,
    ),
    operation(
        "payout returned",
        &[Earned, PayoutAsked, PayoutApproved, PayoutPaid],
        PayoutReturned,
    ),
    operation("sealed", &[Begun, Settled, Gift], Sealed),
];

/// With what must be said of them.
pub(super) const BUGS: [(Operation, &str); 2] = [
    (operation("renamed", &[Begun, Settled], Renamed), "instead of"),
    (operation("halved", &[], Halved), "half applied"),
];

/// The payment of the coins, and that of the badge.
const COINS: u128 = 1;
const BADGE: u128 = 2;
const REFUND: RefundId = RefundId(Uuid::from_u128(3));
const PAYOUT: PayoutId = PayoutId(Uuid::from_u128(4));
const PAID_OUT: i64 = 2_000;
/// After the hold of gifts, and after the month, but not after the next.
const MUCH_LATER: Timestamp = Timestamp::from_unix_us(NOW.unix_us() + 40 * 86_400_000_000);

impl Deed {
    /// Does it; an error is a failure, or a refusal.
    pub(crate) async fn on(self, scene: &Scene) -> Result<(), String> {
        let store = &scene.store;
        match self {
            Beside => moved(scene, 5, earnings_available(ChannelId(Uuid::from_u128(4_242))), 7).await,
            Begun => said(scene.begin(buy_70(COINS, CID), NOW).await),
            Settled => {
                heard(
                    scene,
                    "settled",
                    About::Payment(notice(COINS, CID, PaymentSaid::Settled)),
                )
                .await
            }
            Gift => said(scene.give(6, CID, "coffee", 1, NOW).await),
            Renamed => {
                let gifts = store.read(|db| db.row("SELECT COUNT(*) FROM gift", &[])).await;
                let gifts: i64 = gifts.unwrap().unwrap().get(0).unwrap();
                said(scene.give(100 + gifts as u128, CID, "heart", 1, NOW).await)
            }
            Halved => {
                moved(scene, 10, earnings_available(CHANNEL), 50).await?;
                moved(scene, 11, PLATFORM_REVENUE, 50).await
            }
            BadgeBegun => said(store.write(begin_badge).await),
            BadgePaid => {
                let paid = PaymentNotice {
                    amount: 99,
                    ..notice(BADGE, BEA, PaymentSaid::Settled)
                };
                heard(scene, "badge", About::Payment(paid)).await
            }
            Released => {
                let id = PostingId(Uuid::from_u128(7));
                said(
                    store
                        .write(move |tx| earnings::release(tx, CHANNEL, id, &rules(), MUCH_LATER))
                        .await,
                )
            }
            Redeemed => {
                let redeem = Redeem {
                    id: RedemptionId(Uuid::from_u128(8)),
                    channel: CHANNEL,
                    diamonds: 10,
                };
                said(
                    store
                        .write(move |tx| earnings::redeem(tx, &redeem, &rules(), NOW))
                        .await,
                )
            }
            RefundAsked => {
                let ask = Ask {
                    id: REFUND,
                    payment: payment_id(COINS),
                    by: By::Payer(CID),
                    amount: Some(40),
                    reason: "by mistake".into(),
                };
                let job = JobId(REFUND.0);
                said(
                    store
                        .write(move |tx| refunds::ask(tx, &ask, job, &rules(), NOW))
                        .await,
                )
            }
            RefundDone => heard(scene, "refunded", refund(RefundSaid::Succeeded)).await,
            RefundFailed => heard(scene, "not refunded", refund(RefundSaid::Failed)).await,
            Disputed => heard(scene, "disputed", dispute(COINS, DisputeSaid::Opened, 70)).await,
            DisputeWon => heard(scene, "won", dispute(COINS, DisputeSaid::Won, 70)).await,
            DisputeLost => heard(scene, "lost", dispute(COINS, DisputeSaid::Lost, 70)).await,
            Earned => earned(scene).await,
            PayoutAsked => {
                let wanted = payouts::Request {
                    id: PAYOUT,
                    channel: CHANNEL,
                    owner: ADA,
                    amount: PAID_OUT,
                    by: Some(ADA),
                };
                said(
                    store
                        .write(move |tx| payouts::request(tx, &wanted, &rules(), NOW))
                        .await,
                )
            }
            PayoutApproved => {
                let approved = store.write(move |tx| approval::approve(tx, PAYOUT, BEA, &rules(), NOW));
                said(approved.await)
            }
            PayoutPaid => heard(scene, "paid out", payout(PayoutSaid::Paid)).await,
            PayoutFailed => heard(scene, "not paid out", payout(PayoutSaid::Failed)).await,
            PayoutReturned => heard(scene, "sent back", payout(PayoutSaid::Returned)).await,
            Sealed => seal_months(scene).await.map_err(|error| error.to_string()),
        }
    }
}

fn said<T, E: std::fmt::Display>(answer: Result<T, E>) -> Result<(), String> {
    answer.map(|_| ()).map_err(|error| error.to_string())
}

/// A provider's notice, taken once or again.
async fn heard(scene: &Scene, id: &'static str, about: About) -> Result<(), String> {
    let notice = Notice {
        id: id.to_owned(),
        about,
    };
    let heard = scene
        .store
        .write(move |tx| notices::hear(tx, "sandbox", &notice, &rules(), NOW));
    match heard.await {
        Ok(Heard::SetAside(why)) => Err(format!("set aside: {why}")),
        other => said(other),
    }
}

fn refund(said: RefundSaid) -> About {
    About::Refund(RefundNotice {
        said,
        refund: REFUND,
        amount: 40,
        currency: "USD".into(),
    })
}

fn payout(said: PayoutSaid) -> About {
    About::Payout(PayoutNotice {
        said,
        payout: PAYOUT,
        amount: PAID_OUT,
        currency: "USD".into(),
        reason: None,
    })
}

fn begin_badge(tx: &mut Tx) -> Result<(), badges::BuyError> {
    let buy = badges::Buy {
        id: payment_id(BADGE),
        room: LIVE,
        person: BEA,
        hearts: 1,
        provider: "sandbox",
    };
    badges::buy(tx, &buy, &rules(), NOW)?;
    payments::opened(tx, buy.id, &format!("checkout-{BADGE}"), "https://pay.example")?;
    Ok(())
}

/// Money comes from the provider to an account.
async fn moved(scene: &Scene, posting: u128, to: AccountRef, amount: i64) -> Result<(), String> {
    let posting = Posting {
        id: PostingId(Uuid::from_u128(posting)),
        cause: Cause {
            kind: "test",
            id: CHANNEL.0,
        },
        policy: rules().version,
        corrects: None,
        legs: money_moves([(PSP_CLEARING, to, amount)]),
    };
    said(
        scene
            .store
            .write(move |tx| busk_ledger::post(tx, &posting, NOW))
            .await,
    )
}

async fn earned(scene: &Scene) -> Result<(), String> {
    moved(scene, 9, earnings_available(CHANNEL), 6_000).await?;
    let opened = scene
        .store
        .write(|tx| identity::opened(tx, CHANNEL, "sandbox", "acct-ada"));
    said(opened.await)?;
    let verified = AccountNotice {
        account: "acct-ada".into(),
        identity: Identity::Verified,
        at: NOW,
    };
    heard(scene, "verified", About::Account(verified)).await
}

/// As `busk close` does, but for the anchor in the data folder.
async fn seal_months(scene: &Scene) -> Result<(), StoreError> {
    let store = &scene.store;
    let broken = |error: seal::CloseError| StoreError::Broken(error.to_string());
    while let Some(until) = store.read(|db| seal::due(db, MUCH_LATER)).await? {
        let begun = store.write(move |tx| seal::begin(tx, until, MUCH_LATER).map_err(broken));
        begun.await?;
        let drawn = store
            .read(move |db| db.snapshot(|db| seal::draw(db, until)))
            .await?;
        if let Some(seal) = drawn {
            store.write(move |tx| seal::keep(tx, &seal)).await?;
        }
    }
    Ok(())
}
