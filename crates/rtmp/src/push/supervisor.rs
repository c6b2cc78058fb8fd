//! When a restream tries again, and when it gives up. Chance is an argument.

use std::time::Duration;

use super::{ConnectError, PushEnded, PushError};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// A target that was live for so long is as good as new.
const PROVEN: Duration = Duration::from_secs(30);
/// In a row. A target that took the key before may still hold the connection that was lost, and say that
/// somebody else is publishing.
const REFUSALS_MAX: u32 = 6;

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    Unconnected(ConnectError),
    Pushed(Result<PushEnded, PushError>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Again { after: Duration, why: String },
    GiveUp { why: String },
    Stop,
}

/// The attempts with one target so far.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    failures: u32,
    refusals: u32,
    was_live: bool,
}

impl Supervisor {
    /// What to do after an attempt that was live for so long. `jitter`, from 0 to 1, shortens the wait by up to a
    /// quarter.
    pub fn next(&mut self, attempt: &Attempt, live: Option<Duration>, jitter: f64) -> Step {
        if live.is_some() {
            self.was_live = true;
            self.refusals = 0;
        }
        if live.is_some_and(|live| live >= PROVEN) {
            self.failures = 0;
        }
        let why = match attempt {
            Attempt::Pushed(Ok(PushEnded::BySource)) => return Step::Stop,
            Attempt::Pushed(Ok(PushEnded::ByTarget)) => "The other platform ended the stream.".to_owned(),
            Attempt::Pushed(Err(error)) => error.to_string(),
            Attempt::Unconnected(error) => error.to_string(),
        };
        let patience = match attempt {
            Attempt::Unconnected(ConnectError::Private | ConnectError::NoAuthorities) => 0,
            Attempt::Pushed(Err(PushError::Refused(_))) if !self.was_live => 0,
            // Hanging up has other causes, too.
            Attempt::Pushed(Err(PushError::Refused(_) | PushError::HungUp)) => REFUSALS_MAX,
            _ => u32::MAX,
        };
        if patience < u32::MAX {
            self.refusals += 1;
            if self.refusals > patience {
                return Step::GiveUp { why };
            }
        }
        let doubled = FIRST.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = (self.failures + 1).min(16);
        let after = doubled.min(LONGEST).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0);
        Step::Again { after, why }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TargetRefusal;
    use super::*;

    fn lost() -> Attempt {
        Attempt::Pushed(Err(PushError::Lost))
    }

    fn refused() -> Attempt {
        let refusal = TargetRefusal {
            code: "NetStream.Publish.BadName".into(),
            description: "No such stream".into(),
        };
        Attempt::Pushed(Err(PushError::Refused(refusal)))
    }

    fn wait_ms(step: Step) -> u128 {
        match step {
            Step::Again { after, .. } => after.as_millis(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn waits_grow_and_begin_anew_after_it_was_live() {
        let mut supervisor = Supervisor::default();
        let waits: Vec<_> = (0..40)
            .map(|_| wait_ms(supervisor.next(&lost(), None, 0.0)))
            .collect();
        assert_eq!(waits[..7], [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(waits[39], 30_000);
        assert_eq!(wait_ms(supervisor.next(&lost(), None, 1.0)), 22_500);
        let briefly = Some(Duration::from_secs(29));
        assert_eq!(wait_ms(supervisor.next(&lost(), briefly, 0.0)), 30_000);
        let long = Some(Duration::from_secs(30));
        assert_eq!(wait_ms(supervisor.next(&lost(), long, 0.0)), 1_000);
    }

    #[test]
    fn what_cannot_heal_is_given_up() {
        for attempt in [
            refused(),
            Attempt::Unconnected(ConnectError::Private),
            Attempt::Unconnected(ConnectError::NoAuthorities),
        ] {
            let step = Supervisor::default().next(&attempt, None, 0.5);
            assert!(matches!(step, Step::GiveUp { .. }), "{attempt:?}: {step:?}");
        }
        let step = Supervisor::default().next(&refused(), None, 0.5);
        assert_eq!(
            step,
            Step::GiveUp {
                why: "The other platform refuses the stream: No such stream".into()
            }
        );
        for attempt in [
            lost(),
            Attempt::Pushed(Err(PushError::TooSlow)),
            Attempt::Pushed(Err(PushError::Stalled)),
            Attempt::Pushed(Err(PushError::NotRtmp)),
            Attempt::Pushed(Ok(PushEnded::ByTarget)),
            Attempt::Unconnected(ConnectError::Unresolved),
            Attempt::Unconnected(ConnectError::Unreachable),
            Attempt::Unconnected(ConnectError::Certificate),
        ] {
            let mut supervisor = Supervisor::default();
            for _ in 0..100 {
                wait_ms(supervisor.next(&attempt, None, 0.5));
            }
        }
        let ended = Attempt::Pushed(Ok(PushEnded::BySource));
        assert_eq!(Supervisor::default().next(&ended, None, 0.5), Step::Stop);
    }

    #[test]
    fn a_key_that_was_good_is_tried_again() {
        let mut supervisor = Supervisor::default();
        supervisor.next(&lost(), Some(Duration::from_secs(60)), 0.0);
        for _ in 0..REFUSALS_MAX {
            wait_ms(supervisor.next(&refused(), None, 0.0));
        }
        assert!(matches!(
            supervisor.next(&refused(), None, 0.0),
            Step::GiveUp { .. }
        ));

        let mut supervisor = Supervisor::default();
        let hung_up = Attempt::Pushed(Err(PushError::HungUp));
        for _ in 0..REFUSALS_MAX {
            wait_ms(supervisor.next(&hung_up, None, 0.0));
        }
        assert!(matches!(
            supervisor.next(&hung_up, None, 0.0),
            Step::GiveUp { .. }
        ));
    }
}
