//! What runs beside the program: looking for lives that began, seeing to their followers, and delivering. Not among the
//! program's other jobs: a relay that takes its time must not hold up a refund.

use std::time::Duration;

use busk_base::RoomId;
use busk_mail::{Session, SubmitError};
use busk_store::{Reader, StoreError, Tx};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::delivery::{self, Delivery, Outcome, Queue, Way};
use crate::{Notices, begin, inbox, letters, post, push, spread};

/// How often it is looked whether a live began.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often what nobody is told of any more is forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Letters that go over one connection to the relay.
const LETTERS_MAX: i64 = 50;
/// Connections to the relay at once.
const CONNECTIONS: usize = 4;
/// After so long a connection takes no further letter.
const CONNECTION_MAX: Duration = Duration::from_secs(120);
/// Messages to browsers under way.
const MESSAGES_MAX: usize = 64;
/// Longer than a connection's letters, or a message, can take.
const LEASE: Duration = Duration::from_secs(300);
const _: () = assert!(LEASE.as_secs() > CONNECTION_MAX.as_secs() + 120);
const _: () = assert!(LEASE.as_secs() > 2 * push::PATIENCE.as_secs());

/// Works for as long as the program runs; what is under way when it ends is due again after its lease.
pub async fn work(notices: Notices) {
    let mut tasks = JoinSet::new();
    tasks.spawn(look(notices.clone()));
    tasks.spawn(messages(notices.clone()));
    for _ in 0..CONNECTIONS {
        tasks.spawn(mail(notices.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!("notices stopped working: {error}");
        }
    }
}

async fn look(notices: Notices) {
    let (mut tick, mut sweep) = (interval(LOOK_EVERY), interval(SWEEP_EVERY));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let done = tokio::select! {
            _ = tick.tick() => beat(&notices).await,
            _ = sweep.tick() => {
                let before = notices.site().now() - inbox::KEPT;
                let swept = move |tx: &mut Tx| {
                    post::sweep(tx)?;
                    begin::sweep(tx, before)
                };
                notices.site().store().write(swept).await
            }
        };
        if let Err(error) = done {
            tracing::warn!("it could not be looked for lives that began: {error}");
        }
    }
}

/// Notes what began, and sees to the followers of what is noted, until none is left.
async fn beat(notices: &Notices) -> Result<(), StoreError> {
    let store = notices.site().store();
    for live in store.read(begin::unnoted).await? {
        let now = notices.site().now();
        store.write(move |tx| begin::note(tx, &live, now)).await?;
    }
    loop {
        let spreading: Vec<RoomId> = store.read(spread::spreading).await?;
        if spreading.is_empty() {
            return Ok(());
        }
        for room in spreading {
            let now = notices.site().now();
            let step = move |tx: &mut Tx| spread::step(tx, room, spread::PIECE, now);
            store.write(step).await?;
        }
        notices.0.due.notify_waiters();
    }
}

async fn take(notices: &Notices, queue: Queue, max: i64) -> Vec<Delivery> {
    let (store, now) = (notices.site().store(), notices.site().now());
    let taken = async {
        if !store.read(move |db| delivery::any_due(db, queue, now)).await? {
            return Ok::<_, StoreError>(Vec::new());
        }
        store
            .write(move |tx| delivery::take(tx, queue, max, LEASE, now))
            .await
    };
    taken.await.unwrap_or_else(|error| {
        tracing::warn!("notices could not be taken: {error}");
        Vec::new()
    })
}

async fn write(notices: &Notices, delivery: Delivery, outcome: Outcome) {
    let now = notices.site().now();
    let store = notices.site().store();
    let written = store.write(move |tx| delivery::attempted(tx, &delivery, &outcome, now));
    if let Err(error) = written.await {
        // Its lease ends by itself, and it is done once more.
        tracing::warn!("what came of a notice could not be written: {error}");
    }
}

/// Hands letters over, connection after connection.
async fn mail(notices: Notices) {
    loop {
        let due = take(&notices, Queue::Mail, LETTERS_MAX).await;
        if due.is_empty() {
            let _ = timeout(LOOK_EVERY, notices.0.due.notified()).await;
            continue;
        }
        let Some(relay) = &notices.0.relay else {
            // There was one, and is none any more.
            for delivery in due {
                write(&notices, delivery, Outcome::Done).await;
            }
            continue;
        };
        let begun = notices.site().now();
        let mut session = match Session::open(relay, &notices.0.tls).await {
            Ok(session) => Some(session),
            Err(error) => {
                tracing::warn!("letters wait: {error}");
                None
            }
        };
        for delivery in due {
            if notices.site().now().since(begun) > CONNECTION_MAX {
                session = None;
            }
            let outcome = hand_over(&notices, &mut session, &delivery).await;
            write(&notices, delivery, outcome).await;
        }
        if let Some(session) = session {
            session.quit().await;
        }
    }
}

/// One letter; a session that broke is none any more.
async fn hand_over(notices: &Notices, session: &mut Option<Session>, delivery: &Delivery) -> Outcome {
    let Some(open) = session else {
        return Outcome::Again(None);
    };
    let (parts, of, now) = (notices.clone(), delivery.clone(), notices.site().now());
    let read = notices.site().store().read(move |db: &mut Reader| {
        letters::letter(db, (parts.site().public_url(), &parts.0.keys), &of, now)
    });
    let letter = match read.await {
        Ok(Some(letter)) => letter,
        Ok(None) => return Outcome::Done,
        Err(error) => {
            tracing::warn!("a letter could not be written: {error}");
            return Outcome::Again(None);
        }
    };
    match open.send(&letter).await {
        Ok(()) => Outcome::Done,
        Err(SubmitError::Never(why)) => {
            tracing::info!("a letter was refused: {why}");
            Outcome::Done
        }
        Err(SubmitError::Later(why)) => {
            tracing::info!("a letter waits: {why}");
            *session = None;
            Outcome::Again(None)
        }
    }
}

/// Sends messages to browsers, many at a time.
async fn messages(notices: Notices) {
    let mut running = JoinSet::new();
    loop {
        let places = MESSAGES_MAX - running.len();
        let max = i64::try_from(places).expect("there are at most MESSAGES_MAX places");
        let due = match places {
            0 => Vec::new(),
            _ => take(&notices, Queue::Push, max).await,
        };
        let none = due.is_empty();
        for delivery in due {
            let notices = notices.clone();
            running.spawn(async move {
                let outcome = tell(&notices, &delivery).await;
                write(&notices, delivery, outcome).await;
            });
        }
        tokio::select! {
            Some(done) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = done {
                    tracing::error!("a message to a browser panicked: {error}");
                }
            }
            _ = timeout(LOOK_EVERY, notices.0.due.notified()), if none => {}
            // Nothing runs and something was taken: cannot be.
            else => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

async fn tell(notices: &Notices, delivery: &Delivery) -> Outcome {
    let (Way::Push(id), Some(room)) = (delivery.way, delivery.room) else {
        return Outcome::Done;
    };
    let of = delivery.clone();
    let read = notices.site().store().read(move |db: &mut Reader| {
        let browser = push::browser(db, of.person, id)?;
        Ok::<_, StoreError>(browser.zip(letters::told(db, &of)?))
    });
    match read.await {
        Ok(Some((browser, told))) if told.on_air => {
            push::send(notices, &browser, room, &told, notices.site().now()).await
        }
        // The browser is somebody else's now, or the live is over.
        Ok(_) => Outcome::Done,
        Err(error) => {
            tracing::warn!("a message could not be made: {error}");
            Outcome::Again(None)
        }
    }
}
