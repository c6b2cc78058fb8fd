use std::sync::Mutex;

use busk_api::SiteConfig;
use busk_base::{JobId, Policy, Timestamp};
use busk_store::{Read, Tx, params};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::{clock, stop};

fn site(db: &TestDb) -> Site {
    Site::new(SiteConfig {
        store: db.open(&[]),
        clock: clock::clock(),
        random: clock::randomness(),
        public_url: "http://localhost".into(),
        encoder_ports: busk_api::EncoderPorts::default(),
        demo: false,
        policies: busk_base::Policies::first(Policy::default()),
    })
}

async fn leave(site: &Site, number: u128, kind: &'static str, run_at: Timestamp) {
    let leave = move |tx: &mut Tx| {
        jobs::leave(tx, JobId(Uuid::from_u128(number)), kind, "{}".into(), run_at);
        Ok::<_, StoreError>(())
    };
    site.store().write(leave).await.unwrap();
}

/// Number, attempts and last error of the jobs that are left.
async fn left(site: &Site) -> Vec<(u128, i64, Option<String>)> {
    let read = site.store().read(|db| {
        let rows = db.rows("SELECT id, attempts, last_error FROM job ORDER BY id", params![])?;
        let row = |row: &busk_store::Row| Ok((row.get::<JobId>(0)?.0.as_u128(), row.get(1)?, row.get(2)?));
        rows.iter().map(row).collect::<Result<Vec<_>, StoreError>>()
    });
    read.await.unwrap()
}

each_db!(does_what_is_due_and_puts_off_what_fails, async |db: TestDb| {
    let site = site(&db);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let greet: Handler = Arc::new(move |site, job| {
        noted.lock().unwrap().push(job.id.0.as_u128());
        Box::pin(async move {
            let done = site.store().write(move |tx| jobs::done(tx, job.id));
            done.await.map_err(|error| error.to_string())
        })
    });
    let fail: Handler = Arc::new(|_, _| Box::pin(async { Err("no luck".to_owned()) }));
    let panic: Handler = Arc::new(|_, _| Box::pin(async { panic!("a bug in a handler") }));
    let handlers = Handlers::from([("greet", greet), ("fail", fail), ("panic", panic)]);

    let now = site.now();
    for (number, kind) in [
        (1, "greet"),
        (2, "fail"),
        (3, "panic"),
        (4, "unheard_of"),
        (5, "greet"),
    ] {
        leave(&site, number, kind, now).await;
    }
    leave(&site, 6, "greet", now + Duration::from_secs(3_600)).await;

    let (stopper, stop) = stop::channel();
    let metrics = Metrics::default();
    let worker = tokio::spawn(work(site.clone(), handlers, metrics.clone(), stop));
    for _ in 0..200 {
        let rest = left(&site).await;
        if rest.len() == 4 && rest.iter().filter(|(_, _, error)| error.is_some()).count() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stopper.stop();
    worker.await.unwrap();

    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, [1, 5]);
    let rest = left(&site).await;
    let numbers: Vec<_> = rest
        .iter()
        .map(|(number, attempts, _)| (*number, *attempts))
        .collect();
    assert_eq!(numbers, [(2, 1), (3, 1), (4, 1), (6, 0)], "{rest:?}");
    assert_eq!(rest[0].2.as_deref(), Some("no luck"));
    assert!(rest[1].2.as_deref().unwrap().contains("panicked"), "{rest:?}");
    assert!(metrics.text().contains("busk_jobs_done_total 2\n"));
    assert!(metrics.text().contains("busk_jobs_failed_total 3\n"));
});
