//! For the sandbox's tests: a sandbox on a scene's store, a clock that is set, and what it says read from its jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use busk_base::{Amount, Timestamp};
use busk_store::{Read, StoreError};
use busk_testkit::db::TestDb;

use super::super::checkout::{Act, Checkout, act};
use super::super::{Sandbox, creator};
use crate::accounts::CURRENCY;
use crate::providers::{self, About, Notice, Onboard, Provider};
use crate::scene::*;

pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) sandbox: Sandbox,
    clock: Arc<AtomicI64>,
}

impl World {
    pub(super) async fn set(db: TestDb) -> Self {
        Self::with(db, true).await
    }

    pub(super) async fn with(db: TestDb, is_open: bool) -> Self {
        let scene = Scene::set(db).await;
        let clock = Arc::new(AtomicI64::new(NOW.unix_us()));
        let told = clock.clone();
        let now = move || Timestamp::from_unix_us(told.load(Ordering::Relaxed));
        let site = site(scene.store.clone(), Arc::new(now));
        let sandbox = Sandbox::new(site, [7; 32], "http://127.0.0.1:9/".into(), is_open).unwrap();
        Self {
            scene,
            sandbox,
            clock,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.sandbox.site().now()
    }

    pub(super) fn wait(&self, time: Duration) {
        self.clock.fetch_add(time.as_micros() as i64, Ordering::Relaxed);
    }

    /// Opens a page for a payment of Cid's of 10.00; gives its name.
    pub(super) async fn open(&self, number: u128) -> String {
        let wanted = providers::Checkout {
            payment: payment_id(number),
            payer: CID,
            amount: Amount::money(1_000, CURRENCY),
            description: "<b>coins</b>".into(),
            return_to: "/room?a=1&b=2".into(),
            expires_at: self.now() + Duration::from_secs(3_600),
            keep_method: true,
        };
        let opened = self.sandbox.checkout(&wanted).await.unwrap();
        assert_eq!(
            opened.url,
            format!("http://live.example/sandbox/checkout/{}", opened.checkout)
        );
        assert_eq!(
            self.sandbox.checkout(&wanted).await.unwrap(),
            opened,
            "opened once"
        );
        opened.checkout
    }

    pub(super) async fn act(&self, checkout: &str, said: Act) -> Checkout {
        let (checkout, now) = (checkout.to_owned(), self.now());
        let acted = self
            .scene
            .store
            .write(move |tx| act(tx, &checkout, said, now))
            .await;
        let acted: Result<_, StoreError> = acted;
        acted.unwrap().unwrap()
    }

    /// A creator whose account the sandbox knows.
    pub(super) async fn creator(&self, answer: creator::Answer) -> String {
        let wanted = Onboard {
            channel: CHANNEL,
            account: None,
            return_to: "/earnings".into(),
        };
        let onboarding = self.sandbox.onboard(&wanted).await.unwrap();
        let (account, now) = (onboarding.account.clone(), self.now());
        let answered = self
            .scene
            .store
            .write(move |tx| creator::answer(tx, &account, answer, now));
        let answered: Result<_, StoreError> = answered.await;
        answered.unwrap().unwrap();
        onboarding.account
    }

    /// What it left to be said, in the order of delivery: milliseconds from now, and the notice. Forgets it.
    pub(super) async fn said(&self) -> Vec<(i64, Notice)> {
        let now = self.now();
        let read = self.scene.store.write(move |tx| {
            let rows = tx.rows("SELECT run_at, body FROM job ORDER BY run_at, id", &[])?;
            tx.execute("DELETE FROM job", &[])?;
            let notices = rows.iter().map(|row| {
                let (at, body): (Timestamp, String) = (row.get(0)?, row.get(1)?);
                let notice = serde_json::from_str(&body).map_err(|e| StoreError::Broken(e.to_string()))?;
                Ok(((at.unix_us() - now.unix_us()) / 1_000, notice))
            });
            notices.collect::<Result<Vec<_>, StoreError>>()
        });
        read.await.unwrap()
    }
}

/// The words of what was said, with their times.
pub(super) fn words(said: &[(i64, Notice)]) -> Vec<String> {
    let word = |about: &About| match about {
        About::Payment(notice) => format!("{:?}", notice.said),
        About::Refund(notice) => format!("{:?}", notice.said),
        About::Dispute(notice) => format!("{:?}", notice.said),
        About::Payout(notice) => format!("{:?}", notice.said),
        About::Account(notice) => format!("{:?}", notice.identity),
    };
    said.iter()
        .map(|(at, notice)| format!("{at} {}", word(&notice.about)))
        .collect()
}
