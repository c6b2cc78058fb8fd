//! The job that asks a provider.

use std::sync::{Arc, Mutex};

use busk_api::SiteConfig;
use busk_base::{JobId, Policy};

use super::*;
use crate::providers::{
    Asked, Charge, Checkout, Onboard, Onboarding, Opened, Provider, ProviderError, Refund, Settlement,
    Transfer,
};

/// A provider that answers as it is told, and remembers what it was asked.
#[derive(Default)]
struct Teller {
    answers: Mutex<Vec<Result<(), ProviderError>>>,
    asked: Mutex<Vec<Transfer>>,
}

fn refuse<'a, T: Send + 'a>() -> Asked<'a, T> {
    Box::pin(async { Err(ProviderError::Refused("not asked for".into())) })
}

impl Provider for Teller {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn checkout<'a>(&'a self, _: &'a Checkout) -> Asked<'a, Opened> {
        refuse()
    }

    fn charge<'a>(&'a self, _: &'a Charge) -> Asked<'a, ()> {
        refuse()
    }

    fn refund<'a>(&'a self, _: &'a Refund) -> Asked<'a, ()> {
        refuse()
    }

    fn onboard<'a>(&'a self, _: &'a Onboard) -> Asked<'a, Onboarding> {
        refuse()
    }

    fn transfer<'a>(&'a self, wanted: &'a Transfer) -> Asked<'a, ()> {
        self.asked.lock().unwrap().push(wanted.clone());
        let answer = self.answers.lock().unwrap().remove(0);
        Box::pin(async move { answer })
    }

    fn settlements<'a>(&'a self, _: Timestamp, _: Timestamp) -> Asked<'a, Vec<Settlement>> {
        refuse()
    }
}

fn payouts_of(scene: &Scene, teller: Arc<Teller>) -> Payouts {
    let site = Site::new(SiteConfig {
        store: scene.store.clone(),
        clock: Arc::new(|| NOW),
        random: Arc::new(|bytes| bytes.fill(5)),
        public_url: "http://localhost".into(),
        encoder_ports: busk_api::EncoderPorts::default(),
        demo: false,
        policies: busk_base::Policies::first(Policy::default()),
    });
    Payouts::new(Till::new(site, teller, Vec::new()), key())
}

each_db!(a_provider_is_asked_until_it_answers, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.earn(6_000).await;
    for number in 1..=3 {
        scene.ask(number, 2_000).await.unwrap();
        scene.approve(number, BEA).await.unwrap();
    }
    let mut found = scene.jobs().await;
    found.sort_by_key(|job| serde_json::from_str::<Transfer>(&job.body).unwrap().payout);
    let ids: Vec<JobId> = found.iter().map(|job| job.id).collect();
    assert_eq!(ids, [job_of(id(1)), job_of(id(2)), job_of(id(3))]);

    let teller = Arc::new(Teller::default());
    *teller.answers.lock().unwrap() = vec![
        Err(ProviderError::Unavailable("busy".into())),
        Ok(()),
        Err(ProviderError::Refused("no such account".into())),
        Ok(()),
    ];
    let payouts = payouts_of(&scene, teller.clone());
    payouts.send(&found[0]).await.unwrap_err();
    assert_eq!(
        scene.payout(1).await.state,
        PayoutState::Approved,
        "it is asked again"
    );
    payouts.send(&found[0]).await.unwrap();
    assert_eq!(scene.payout(1).await.state, PayoutState::Sent);
    payouts.send(&found[1]).await.unwrap();
    let refused = scene.payout(2).await;
    assert_eq!(
        (refused.state, refused.reason.as_deref()),
        (PayoutState::Failed, Some("no such account"))
    );
    // The notice was faster than the answer.
    scene.says("fast", 3, PayoutSaid::Paid, 2_000).await;
    payouts.send(&found[2]).await.unwrap();
    assert_eq!(scene.payout(3).await.state, PayoutState::Paid);

    let asked = teller.asked.lock().unwrap().clone();
    assert_eq!(asked[0], asked[1], "the same is asked for again");
    assert_eq!((asked[0].account.as_str(), asked[0].amount), ("acct-ada", 2_000));
    let left = scene.store.read(|db| db.rows("SELECT id FROM job", &[]));
    assert_eq!(left.await.unwrap().len(), 0, "no job is left");
    assert_eq!(scene.has().await, [2_000, 2_000, 2_000]);
    scene.audit().await;
});
