//! Group commit: the writer's thread.
//!
//! Invariant: a caller hears `Ok` only after the commit of the transaction in which its function ran
//! last, and exactly the effects of that run are in it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fail::fail_point;
use tokio::sync::{mpsc, oneshot};

use crate::store::Sink;
use crate::{Ahead, StoreError, Tx};

/// How often one function is tried again when another transaction won.
const RETRIES_MAX: usize = 10;

/// A queued function with its caller.
pub(crate) trait Member: Send {
    fn ahead(&self, ahead: &mut Ahead);
    /// Runs the function; `true` when it gave `Ok`.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Answers with what the last run gave, or with a failure of the database.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

pub(crate) struct Write<T, E, A, F> {
    pub(crate) ahead: A,
    pub(crate) function: F,
    pub(crate) result: Option<Result<T, E>>,
    pub(crate) reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, A, F> Member for Write<T, E, A, F>
where
    T: Send,
    E: From<StoreError> + Send,
    A: Fn(&mut Ahead) + Send,
    F: FnMut(&mut Tx) -> Result<T, E> + Send,
{
    fn ahead(&self, ahead: &mut Ahead) {
        (self.ahead)(ahead);
    }

    fn run(&mut self, tx: &mut Tx) -> bool {
        let result = (self.function)(tx);
        let ok = result.is_ok();
        self.result = Some(result);
        ok
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let answer = match (failure, self.result) {
            (Some(failure), _) => Err(E::from(failure)),
            (None, Some(result)) => result,
            (None, None) => Err(E::from(StoreError::Broken("the function did not run".into()))),
        };
        // A caller that went away no longer wants the answer; what it wrote stands.
        let _ = self.reply.send(answer);
    }
}

pub(crate) type Queue = mpsc::Receiver<Box<dyn Member>>;

/// Runs until every `Store` is gone and the queue is empty.
pub(crate) fn run(mut tx: Tx, mut queue: Queue, batch_max: usize, sink: Option<Sink>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < batch_max
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        if let Err(batch) = together(&mut tx, batch, sink.as_ref()) {
            for member in batch {
                alone(&mut tx, member, sink.as_ref());
            }
        }
    }
}

/// One transaction for all; gives them back, with nothing done, when one of them spoils it.
fn together(
    tx: &mut Tx,
    mut batch: Vec<Box<dyn Member>>,
    sink: Option<&Sink>,
) -> Result<(), Vec<Box<dyn Member>>> {
    // Also what panics beside the functions: the writer's thread is the only one, and must go on.
    let ran = catch_unwind(AssertUnwindSafe(|| {
        tx.begin().ok()?;
        tx.read_ahead(|ahead| batch.iter().for_each(|member| member.ahead(ahead)))
            .ok()?;
        for member in &mut batch {
            let writes = tx.writes();
            let ok = catch_unwind(AssertUnwindSafe(|| member.run(tx))).ok()?;
            let spoilt = tx.failure().is_some() || (!ok && tx.writes() != writes);
            if spoilt {
                return None;
            }
            fail_point!("store::ran", |_| None);
        }
        tx.commit().ok()
    }));
    let Ok(Some(announcements)) = ran else {
        roll_back(tx);
        return Err(batch);
    };
    announce(sink, announcements);
    for member in batch {
        member.answer(None);
    }
    Ok(())
}

fn alone(tx: &mut Tx, mut member: Box<dyn Member>, sink: Option<&Sink>) {
    for attempt in 0.. {
        let ran = catch_unwind(AssertUnwindSafe(|| try_alone(tx, member.as_mut())));
        let failure = match ran {
            Ok(Ok(announcements)) => {
                announce(sink, announcements);
                return member.answer(None);
            }
            Ok(Err(failure)) => failure,
            Err(_) => Some(StoreError::Broken("the function panicked".into())),
        };
        roll_back(tx);
        let again = matches!(&failure, Some(StoreError::Conflict(_))) && attempt < RETRIES_MAX;
        if !again {
            return member.answer(failure);
        }
    }
}

/// `Err(None)` when the function itself refused.
fn try_alone(tx: &mut Tx, member: &mut dyn Member) -> Result<Vec<crate::Announcement>, Option<StoreError>> {
    tx.begin().map_err(Some)?;
    tx.read_ahead(|ahead| member.ahead(ahead)).map_err(Some)?;
    let ok = member.run(tx);
    if let Some(failure) = tx.failure() {
        return Err(Some(failure.clone()));
    }
    if !ok {
        return Err(None);
    }
    tx.commit().map_err(Some)
}

fn roll_back(tx: &mut Tx) {
    if let Err(error) = tx.rollback() {
        tracing::error!("could not roll back: {error}");
    }
}

fn announce(sink: Option<&Sink>, announcements: Vec<crate::Announcement>) {
    if let Some(sink) = sink
        && !announcements.is_empty()
    {
        Arc::clone(sink)(announcements);
    }
}
