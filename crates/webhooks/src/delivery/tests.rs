use std::time::Duration;

use busk_base::{ChannelId, DeliveryId, PersonId, Timestamp, WebhookId};
use busk_outward::Reach;
use busk_people::sign_up::{SignUp, sign_up};
use busk_people::{Channel, Role, channel_of};
use busk_rooms::restream::SealingKey;
use busk_store::Store;
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use uuid::Uuid;

use super::{DeliveryState, KEPT_MAX, Outcome, WAITS, attempted, due, sql, take};
use crate::endpoint::{self, Change, ENDPOINTS_MAX, Endpoint, EndpointError, EndpointState};
use crate::kind::Kind;
use crate::secret::Secret;
use crate::tell::{Telling, tell};

const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
const LEASE: Duration = Duration::from_secs(60);
const HOOK: WebhookId = WebhookId(Uuid::from_u128(7));

fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn answered(status: u16) -> Outcome {
    Outcome {
        status: Some(status),
        took_ms: 3,
        why: None,
    }
}

fn hook(id: WebhookId, channel: &Channel) -> Endpoint {
    Endpoint {
        id,
        channel: channel.id,
        url: "https://example.com/hook".into(),
        kinds: vec![Kind::Gift],
        sealed: Vec::new(),
        state: EndpointState::On,
        since: NOW,
        failing_since: None,
        why: None,
        created_at: NOW,
    }
}

async fn keep(store: &Store, endpoint: Endpoint) -> Result<Endpoint, EndpointError> {
    store
        .write(move |tx| endpoint::add(tx, endpoint.clone(), &Reach::default()))
        .await
}

/// A channel with an endpoint that hears of gifts.
async fn channel(db: &TestDb) -> (Store, Channel) {
    let store = db.open(&[busk_people::MIGRATIONS, busk_rooms::MIGRATIONS, crate::MIGRATIONS]);
    let new = SignUp {
        person: PersonId(Uuid::from_u128(1)),
        channel: ChannelId(Uuid::from_u128(2)),
        handle: "ana".into(),
        display_name: "Ana".into(),
        password_hash: "hash".into(),
        role: Role::Viewer,
    };
    let person = store.write(move |tx| sign_up(tx, &new, NOW)).await.unwrap().id;
    let channel = store
        .read(move |db| channel_of(db, person))
        .await
        .unwrap()
        .unwrap();
    keep(&store, hook(HOOK, &channel)).await.unwrap();
    (store, channel)
}

async fn happens(store: &Store, channel: &Channel, kind: Kind, number: i64, at: Timestamp) {
    let of = channel.id;
    let told = store.write(move |tx| {
        let telling = Telling {
            kind,
            subject: (Uuid::from_u128(9), number),
            at,
            data: &serde_json::json!({ "number": number }),
        };
        tell(tx, of, &telling)
    });
    told.await.unwrap();
}

/// One attempt at each delivery that is due, all with one outcome; gives their ids.
async fn attempt(store: &Store, outcome: &Outcome, now: Timestamp) -> Vec<DeliveryId> {
    let outcome = outcome.clone();
    let done = store.write(move |tx| {
        let mut ids = Vec::new();
        for webhook in due(tx, now)? {
            for due in take(tx, webhook, 1_000, LEASE, now)? {
                attempted(tx, (due.id, due.webhook), due.attempts, &outcome, now)?;
                ids.push(due.id);
            }
        }
        Ok::<_, busk_store::StoreError>(ids)
    });
    done.await.unwrap()
}

async fn state(store: &Store) -> (EndpointState, Option<String>) {
    let read = store
        .read(|db| endpoint::one(db, ChannelId(Uuid::from_u128(2)), HOOK))
        .await;
    let endpoint = read.unwrap();
    (endpoint.state, endpoint.why)
}

each_db!(a_delivery_is_attempted_over_three_days, async |db: TestDb| {
    let (store, ana) = channel(&db).await;
    happens(&store, &ana, Kind::Gift, 1, NOW).await;
    // Of what it does not hear of, and of what was before it, nothing is told.
    happens(&store, &ana, Kind::Badge, 2, NOW).await;
    happens(&store, &ana, Kind::Gift, 3, NOW - Duration::from_secs(1)).await;

    let mut now = NOW;
    let first = attempt(&store, &answered(500), now).await;
    assert_eq!(first.len(), 1);
    for wait in WAITS {
        assert!(
            attempt(&store, &answered(500), now + wait - Duration::from_secs(1))
                .await
                .is_empty()
        );
        now = now + wait;
        assert_eq!(
            attempt(&store, &answered(500), now).await,
            first,
            "after {wait:?}"
        );
    }
    let seconds = WAITS.iter().sum::<Duration>().as_secs();
    assert!((72..80).contains(&(seconds / 3_600)), "{seconds}");
    let dead = store.read(|db| sql::listed(db, HOOK, true)).await.unwrap();
    assert_eq!(
        (dead.len(), dead[0].attempts, dead[0].state),
        (1, 10, DeliveryState::Dead)
    );
    assert_eq!(dead[0].last, Some(answered(500)));
    assert!(
        dead[0].body.starts_with(r#"{"type":"gift","timestamp":"#),
        "{}",
        dead[0].body
    );

    let (id, far) = (first[0], now + Duration::from_secs(3_600));
    store.write(move |tx| sql::again(tx, id, far)).await.unwrap();
    assert_eq!(attempt(&store, &answered(204), far).await, first);
    let listed = store.read(|db| sql::listed(db, HOOK, false)).await.unwrap();
    assert_eq!(
        (listed[0].state, listed[0].attempts),
        (DeliveryState::Delivered, 1)
    );
    assert_eq!(
        state(&store).await.0,
        EndpointState::On,
        "three days are not five"
    );
});

each_db!(an_endpoint_that_only_fails_is_switched_off, async |db: TestDb| {
    let (store, ana) = channel(&db).await;
    happens(&store, &ana, Kind::Gift, 1, NOW).await;
    attempt(&store, &answered(404), NOW).await;
    let days = |days: u64| after(days * 24 * 3_600);
    happens(&store, &ana, Kind::Gift, 2, days(4)).await;
    attempt(&store, &answered(302), days(4)).await;
    assert_eq!(state(&store).await.0, EndpointState::On);
    happens(&store, &ana, Kind::Gift, 3, days(5)).await;
    attempt(&store, &Outcome::default(), days(5)).await;
    let (off, why) = state(&store).await;
    assert_eq!(off, EndpointState::Failed);
    assert!(why.unwrap().contains("five days"));
    // Nothing is told any more, nor attempted.
    happens(&store, &ana, Kind::Gift, 4, days(5)).await;
    assert!(attempt(&store, &answered(200), days(9)).await.is_empty());

    let change = |enabled, now| {
        let (ana, store) = (ana.clone(), store.clone());
        async move {
            let asked = Change {
                enabled: Some(enabled),
                ..Change::default()
            };
            let changed = store
                .write(move |tx| endpoint::change(tx, &ana, HOOK, asked.clone(), &Reach::default(), now))
                .await;
            changed.unwrap()
        }
    };
    let on = change(true, days(9)).await;
    assert_eq!(
        (on.state, on.failing_since, on.why),
        (EndpointState::On, None, None)
    );
    let waited = attempt(&store, &answered(200), days(9)).await;
    assert_eq!(waited.len(), 3, "what waited is attempted");
    happens(&store, &ana, Kind::Gift, 5, days(9)).await;
    attempt(&store, &answered(410), days(9)).await;
    assert_eq!(state(&store).await.0, EndpointState::Failed, "it says so itself");
});

each_db!(what_is_kept_is_bounded_and_sealed, async |db: TestDb| {
    let (store, ana) = channel(&db).await;
    for number in 0..KEPT_MAX + 20 {
        happens(&store, &ana, Kind::Gift, number, after(number as u64)).await;
    }
    attempt(&store, &answered(200), after(1_000)).await;
    let listed = store.read(|db| sql::listed(db, HOOK, false)).await.unwrap();
    assert_eq!(listed.len() as i64, KEPT_MAX);
    assert!(
        listed
            .iter()
            .all(|delivery| delivery.state == DeliveryState::Delivered)
    );
    assert_eq!(listed[0].made_at, after(KEPT_MAX as u64 + 19));

    for number in 1..ENDPOINTS_MAX as u128 {
        keep(&store, hook(WebhookId(Uuid::from_u128(70 + number)), &ana))
            .await
            .unwrap();
    }
    let more = keep(&store, hook(WebhookId(Uuid::from_u128(80)), &ana)).await;
    assert!(matches!(more, Err(EndpointError::TooMany)));

    let sealing = SealingKey::new(&[3; 32]).unwrap();
    let secret = Secret::new([5; 32]);
    let mut endpoint = hook(HOOK, &ana);
    endpoint.seal(&secret, &sealing, [1; 12]).unwrap();
    assert!(endpoint.secret(&sealing) == Some(secret));
    let elsewhere = Endpoint {
        id: WebhookId(Uuid::from_u128(8)),
        ..endpoint.clone()
    };
    assert!(elsewhere.secret(&sealing).is_none());
    let stranger = SealingKey::new(&[4; 32]).unwrap();
    assert!(endpoint.secret(&stranger).is_none());
});

each_db!(what_is_refused, async |db: TestDb| {
    let (store, ana) = channel(&db).await;
    let id = WebhookId(Uuid::from_u128(8));
    let plain = Endpoint {
        url: "http://example.com".into(),
        ..hook(id, &ana)
    };
    assert!(matches!(keep(&store, plain).await, Err(EndpointError::Url(_))));
    let idle = Endpoint {
        kinds: vec![Kind::Test],
        ..hook(id, &ana)
    };
    assert!(matches!(keep(&store, idle).await, Err(EndpointError::NoKind)));
    let of = ana.id;
    let unknown = store.write(move |tx| endpoint::remove(tx, of, id)).await;
    assert!(matches!(unknown, Err(EndpointError::WebhookUnknown)));
    let others = store
        .read(|db| endpoint::owned(db, "ana", PersonId(Uuid::from_u128(3))))
        .await;
    assert!(matches!(others, Err(EndpointError::NotYours)));
    let nowhere = store
        .read(|db| endpoint::owned(db, "bob", PersonId(Uuid::from_u128(1))))
        .await;
    assert!(matches!(nowhere, Err(EndpointError::ChannelUnknown)));
    store
        .write(move |tx| endpoint::remove(tx, of, HOOK))
        .await
        .unwrap();
});
