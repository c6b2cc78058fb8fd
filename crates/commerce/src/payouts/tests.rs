//! Payouts, on both databases: every leg and every refusal.

mod approvals;
mod batches;
mod notices;
mod transfers;

use std::time::Duration;

use busk_base::{PolicyVersion, PostingId};
use busk_store::jobs::{self, Job};
use busk_store::{Read, params};
use busk_testkit::each_db;
use uuid::Uuid;

use super::approval::{ApprovalError, approve};
use super::bank::BankDetails;
use super::outcome::{MarkError, Marked, mark};
use super::*;
use crate::notices::{Heard, hear};
use crate::providers::{About, AccountNotice, Notice, PayoutNotice, PayoutSaid};
use crate::scene::*;

const DAY: Duration = Duration::from_secs(86_400);

fn id(number: u128) -> PayoutId {
    PayoutId(Uuid::from_u128(number))
}

fn key() -> SealingKey {
    SealingKey::new(&[7; 32]).unwrap()
}

/// Ada asks for it.
fn wanted(number: u128, amount: i64) -> Request {
    Request {
        id: id(number),
        channel: CHANNEL,
        owner: ADA,
        amount,
        by: Some(ADA),
    }
}

impl Scene {
    /// Money that the channel can have paid out.
    async fn earn(&self, amount: i64) {
        self.moves(PSP_CLEARING, earnings_available(CHANNEL), amount)
            .await;
    }

    async fn moves(&self, from: AccountRef, to: AccountRef, amount: i64) {
        let moved = self.store.write(move |tx| {
            let last = tx.row("SELECT COUNT(*) FROM ledger_posting", &[])?.unwrap();
            let posting = Posting {
                id: PostingId(Uuid::from_u128(90_000 + last.get::<i64>(0)? as u128)),
                cause: Cause {
                    kind: "test",
                    id: CHANNEL.0,
                },
                policy: PolicyVersion(1),
                corrects: None,
                legs: money_moves([(from, to, amount)]),
            };
            busk_ledger::post(tx, &posting, NOW)
        });
        moved.await.unwrap();
    }

    /// The sandbox knows Ada.
    async fn verify(&self) {
        let opened = self
            .store
            .write(|tx| identity::opened(tx, CHANNEL, "sandbox", "acct-ada"));
        opened.await.unwrap();
        assert_eq!(
            self.says_identity("v", Identity::Verified, NOW).await,
            Heard::Taken
        );
    }

    async fn says_identity(&self, notice: &str, identity: Identity, at: Timestamp) -> Heard {
        let said = AccountNotice {
            account: "acct-ada".into(),
            identity,
            at,
        };
        self.said(notice, About::Account(said)).await
    }

    async fn said(&self, notice: &str, about: About) -> Heard {
        let notice = Notice {
            id: format!("evt-{notice}"),
            about,
        };
        let heard = self
            .store
            .write(move |tx| hear(tx, "sandbox", &notice, &rules(), NOW));
        heard.await.unwrap()
    }

    async fn says(&self, notice: &str, number: u128, said: PayoutSaid, amount: i64) -> Heard {
        let said = PayoutNotice {
            said,
            payout: id(number),
            amount,
            currency: "USD".into(),
            reason: (said != PayoutSaid::Paid).then(|| "account closed".to_owned()),
        };
        self.said(notice, About::Payout(said)).await
    }

    /// Ada is paid to her bank account from now on.
    async fn bank(&self) {
        let details = BankDetails::new("Ada Byron", "DE89370400440532013000").unwrap();
        let bank = details.seal(&key(), CHANNEL, [3; 12]);
        let kept = self.store.write(move |tx| {
            let setting = Setting {
                method: Some(Method::Bank),
                bank: bank.clone(),
                month_done: None,
            };
            setting.save(tx, CHANNEL)
        });
        kept.await.unwrap();
    }

    async fn ask(&self, number: u128, amount: i64) -> Result<Payout, RequestError> {
        let wanted = wanted(number, amount);
        self.store
            .write(move |tx| request(tx, &wanted, &rules(), NOW))
            .await
    }

    async fn approve(&self, number: u128, by: PersonId) -> Result<Payout, ApprovalError> {
        self.store
            .write(move |tx| approve(tx, id(number), by, &rules(), NOW))
            .await
    }

    async fn mark(&self, number: u128, marked: Marked) -> Result<Payout, MarkError> {
        self.store
            .write(move |tx| mark(tx, id(number), BEA, marked, "account closed", &rules(), NOW))
            .await
    }

    async fn payout(&self, number: u128) -> Payout {
        let read = self.store.read(move |db| sql::payout(db, id(number)));
        read.await.unwrap().unwrap()
    }

    /// What was done, in order.
    async fn acts(&self, number: u128) -> Vec<String> {
        let read = self.store.read(move |db| sql::acts(db, id(number)));
        let said = |done: sql::Done| match done.by {
            Some(by) => format!("{} {by}", done.act),
            None => done.act,
        };
        read.await.unwrap().into_iter().map(said).collect()
    }

    /// Available, in transit, at the bank.
    async fn has(&self) -> [i64; 3] {
        [
            self.balance(earnings_available(CHANNEL)).await,
            self.balance(earnings_in_transit(CHANNEL)).await,
            self.balance(BANK).await,
        ]
    }

    /// Every leg of a step, and what it corrects.
    async fn step_legs(&self, number: u128, step: Step) -> Vec<String> {
        let posting = following(id(number).0, step.word());
        let read = self.store.read(move |db| {
            let rows = busk_ledger::transfers_of(db, posting)?;
            let corrects = db.row(
                "SELECT corrects FROM ledger_posting WHERE id = $1",
                params![posting],
            )?;
            Ok::<_, StoreError>((rows, corrects.map(|row| row.get::<Option<PostingId>>(0))))
        });
        let (rows, corrects) = read.await.unwrap();
        let corrected = corrects.map(Result::unwrap);
        let expected = step.corrects().map(|step| following(id(number).0, step.word()));
        assert_eq!(
            corrected,
            (!rows.is_empty()).then_some(expected),
            "{}",
            step.word()
        );
        let leg = |row: &busk_ledger::TransferRow| {
            let (from, to, unit) = (&row.debit.account, &row.credit.account, row.unit);
            format!("{from} -> {to}: {} {}", row.amount, unit.code())
        };
        rows.iter().map(leg).collect()
    }

    async fn jobs(&self) -> Vec<Job> {
        let later = NOW + DAY;
        let taken = self.store.write(move |tx| jobs::take(tx, later, DAY, 10));
        taken.await.unwrap()
    }
}

each_db!(a_payout_is_paid_and_comes_back, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.earn(5_000).await;
    let asked = scene.ask(1, 3_000).await.unwrap();
    assert_eq!(
        (asked.state, asked.payee.shown()),
        (PayoutState::Requested, "sandbox")
    );
    assert_eq!(
        scene.step_legs(1, Step::Request).await,
        ["earnings.available -> earnings.in_transit: 3000 USD"]
    );
    assert_eq!(scene.ask(1, 3_000).await.unwrap(), asked, "the same once");
    assert_eq!(scene.has().await, [2_000, 3_000, 0]);

    assert_eq!(scene.approve(1, BEA).await.unwrap().state, PayoutState::Approved);
    assert_eq!(scene.says("paid", 1, PayoutSaid::Paid, 3_000).await, Heard::Taken);
    assert_eq!(
        scene.step_legs(1, Step::Paid).await,
        ["earnings.in_transit -> bank: 3000 USD"]
    );
    assert_eq!(scene.has().await, [2_000, 0, 3_000]);
    assert_eq!(scene.says("paid", 1, PayoutSaid::Paid, 3_000).await, Heard::Again);
    assert_eq!(
        scene.says("paid-2", 1, PayoutSaid::Paid, 3_000).await,
        Heard::Nothing
    );

    assert_eq!(
        scene.says("back", 1, PayoutSaid::Returned, 3_000).await,
        Heard::Taken
    );
    assert_eq!(
        scene.step_legs(1, Step::Returned).await,
        ["bank -> earnings.available: 3000 USD"]
    );
    assert_eq!(scene.step_legs(1, Step::Void).await, [""; 0]);
    assert_eq!(scene.has().await, [5_000, 0, 0]);
    let returned = scene.payout(1).await;
    assert_eq!(returned.state, PayoutState::Returned);
    assert_eq!(returned.reason.as_deref(), Some("account closed"));
    assert_eq!(
        scene.acts(1).await,
        ["request ada", "approve bea", "pay", "return"]
    );
    scene.audit().await;
});

each_db!(a_failed_payout_is_voided_and_settles_debt, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.earn(3_000).await;
    scene.ask(1, 3_000).await.unwrap();
    scene.approve(1, BEA).await.unwrap();
    scene.moves(debt(CHANNEL), PSP_CLEARING, 500).await;
    assert_eq!(scene.says("f", 1, PayoutSaid::Failed, 3_000).await, Heard::Taken);
    assert_eq!(
        scene.step_legs(1, Step::Void).await,
        ["earnings.in_transit -> earnings.available: 3000 USD"]
    );
    assert_eq!(scene.has().await, [2_500, 0, 0]);
    assert_eq!(scene.balance(debt(CHANNEL)).await, 0);
    assert_eq!(scene.payout(1).await.state, PayoutState::Failed);
    scene.audit().await;
});

each_db!(refusals_of_a_request, async |db| {
    let scene = Scene::set(db).await;
    type Is = fn(&RequestError) -> bool;
    let refused = async |number, amount, is: Is| {
        let error = scene.ask(number, amount).await.unwrap_err();
        assert!(is(&error), "{number} {amount}: {error:?}");
        assert_eq!(scene.balance(earnings_in_transit(CHANNEL)).await, 0);
    };
    scene.earn(3_000).await;
    for amount in [1_999, 0, -1, i64::MIN] {
        refused(1, amount, |e| matches!(e, RequestError::BelowMinimum(2_000))).await;
    }
    let forget = scene
        .store
        .write(|tx| tx.execute("DELETE FROM person_adult WHERE person = $1", params![ADA]));
    forget.await.unwrap();
    refused(1, 2_000, |e| matches!(e, RequestError::AgeUndeclared)).await;
    let declared = scene.store.write(|tx| busk_people::adult::declare(tx, ADA, NOW));
    declared.await.unwrap();
    refused(1, 2_000, |e| matches!(e, RequestError::MethodMissing)).await;
    scene.bank().await;
    refused(1, 2_000, |e| matches!(e, RequestError::IdentityUnverified)).await;
    scene.verify().await;
    scene
        .says_identity("rejected", Identity::Rejected, NOW + DAY)
        .await;
    refused(1, 2_000, |e| matches!(e, RequestError::IdentityUnverified)).await;
    scene
        .says_identity("again", Identity::Verified, NOW + DAY + DAY)
        .await;
    refused(1, 3_001, |e| matches!(e, RequestError::InsufficientFunds)).await;
    refused(1, i64::MAX, |e| matches!(e, RequestError::InsufficientFunds)).await;
    scene.moves(debt(CHANNEL), PSP_CLEARING, 1).await;
    refused(1, 2_000, |e| matches!(e, RequestError::InDebt)).await;
    scene.moves(earnings_available(CHANNEL), debt(CHANNEL), 1).await;
    scene.ask(1, 2_000).await.unwrap();
    let reused = scene.ask(1, 2_001).await.unwrap_err();
    assert!(matches!(reused, RequestError::IdReused(_)), "{reused:?}");
    scene.audit().await;
});

each_db!(two_requests_at_once_are_one_payout, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.earn(3_000).await;
    let (one, same) = tokio::join!(scene.ask(1, 3_000), scene.ask(1, 3_000));
    assert_eq!(one.unwrap(), same.unwrap());
    assert_eq!(scene.has().await, [0, 3_000, 0]);
    let cancelled = scene
        .store
        .write(|tx| cancel(tx, id(1), CHANNEL, ADA, &rules(), NOW));
    assert_eq!(cancelled.await.unwrap().state, PayoutState::Cancelled);
    assert_eq!(
        scene.step_legs(1, Step::Void).await,
        ["earnings.in_transit -> earnings.available: 3000 USD"]
    );

    let (one, other) = tokio::join!(scene.ask(2, 3_000), scene.ask(3, 3_000));
    let errors: Vec<RequestError> = [one, other].into_iter().filter_map(Result::err).collect();
    assert!(
        matches!(errors[..], [RequestError::InsufficientFunds]),
        "{errors:?}"
    );
    assert_eq!(scene.has().await, [0, 3_000, 0]);
    scene.audit().await;
});

each_db!(cancelling_is_the_creators_until_it_is_approved, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.earn(2_000).await;
    scene.ask(1, 2_000).await.unwrap();
    let cancel_of = async |number, channel| {
        let cancelled = scene
            .store
            .write(move |tx| cancel(tx, id(number), channel, ADA, &rules(), NOW));
        cancelled.await
    };
    let theirs = ChannelId(Uuid::from_u128(1_002));
    for (number, channel) in [(9, CHANNEL), (1, theirs)] {
        let error = cancel_of(number, channel).await.unwrap_err();
        assert!(matches!(error, CancelError::PayoutUnknown), "{error:?}");
    }
    cancel_of(1, CHANNEL).await.unwrap();
    cancel_of(1, CHANNEL).await.unwrap();
    assert_eq!(scene.acts(1).await, ["request ada", "cancel ada"]);
    scene.ask(2, 2_000).await.unwrap();
    scene.approve(2, BEA).await.unwrap();
    let late = cancel_of(2, CHANNEL).await.unwrap_err();
    assert!(
        matches!(late, CancelError::TooLate(PayoutState::Approved)),
        "{late:?}"
    );
    scene.audit().await;
});

each_db!(every_month_by_itself, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.earn(3_000).await;
    let month = async |now| {
        let due = scene
            .store
            .read(move |db| channels_monthly(db, now))
            .await
            .unwrap();
        let asked = scene
            .store
            .write(move |tx| monthly(tx, CHANNEL, ADA, &rules(), now));
        (due.len(), asked.await.unwrap())
    };
    let (due, asked) = month(NOW).await;
    assert_eq!((due, asked), (0, None), "it was not chosen");
    let chosen = scene.store.write(|tx| {
        let setting = Setting::of(tx, CHANNEL)?.monthly(true, NOW);
        setting.save(tx, CHANNEL)
    });
    chosen.await.unwrap();
    let (due, asked) = month(NOW).await;
    assert_eq!((due, asked), (0, None), "from the next month on");
    let next = "2026-12-01T00:00:00Z".parse().unwrap();
    let (due, asked) = month(next).await;
    assert_eq!(due, 1);
    assert_eq!(asked.map(|payout| payout.amount), Some(3_000));
    scene.earn(3_000).await;
    for now in [next, next + DAY, NOW, next] {
        assert_eq!(
            month(now).await,
            (0, None),
            "once a month, however the clock jumps"
        );
    }
    let january = "2027-01-01T00:00:00Z".parse().unwrap();
    let asked = month(january).await.1.unwrap();
    assert_eq!((asked.amount, asked.state), (3_000, PayoutState::Requested));
    // Nothing to be paid: seen to, and nothing is left over.
    let february = "2027-02-01T00:00:00Z".parse().unwrap();
    assert_eq!(month(february).await, (1, None));
    assert_eq!(month(february).await, (0, None));
    scene.audit().await;
});

each_db!(the_newest_word_on_an_identity_counts, async |db| {
    let scene = Scene::set(db).await;
    let unknown = scene.says_identity("0", Identity::Verified, NOW).await;
    assert_eq!(unknown, Heard::SetAside("no such account"));
    scene.verify().await;
    let is = async || {
        let read = scene.store.read(|db| identity::account_of(db, CHANNEL)).await;
        read.unwrap().unwrap().identity
    };
    assert_eq!(is().await, Identity::Verified);
    let older = scene.says_identity("1", Identity::Pending, NOW - DAY).await;
    assert_eq!((older, is().await), (Heard::Nothing, Identity::Verified));
    let newer = scene.says_identity("2", Identity::Rejected, NOW + DAY).await;
    assert_eq!((newer, is().await), (Heard::Taken, Identity::Rejected));
    // Opened once more it stays; at another provider it begins anew.
    for (account, left) in [
        ("acct-ada", Identity::Rejected),
        ("acct-other", Identity::Unverified),
    ] {
        let opened = scene
            .store
            .write(move |tx| identity::opened(tx, CHANNEL, "sandbox", account));
        opened.await.unwrap();
        assert_eq!(is().await, left, "{account}");
    }
});
