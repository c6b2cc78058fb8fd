//! Policies with their numbers and beginnings, and which of them is in force.

use std::sync::Arc;

use super::{Policy, PolicyVersion};
use crate::Timestamp;

/// A policy with its number and its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Dated {
    pub version: PolicyVersion,
    pub starts_at: Timestamp,
    pub policy: Arc<Policy>,
    /// When it was withdrawn, before it began: it is never in force.
    pub withdrawn_at: Option<Timestamp>,
}

/// All policies, oldest first; read once and handed to whoever needs one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies(Vec<Dated>);

impl Policies {
    /// Oldest first.
    pub fn new(all: Vec<Dated>) -> Self {
        Self(all)
    }

    /// Policy 1 alone.
    pub fn first(policy: Policy) -> Self {
        Self(vec![Dated {
            version: PolicyVersion(1),
            starts_at: Timestamp::from_unix_us(0),
            policy: Arc::new(policy),
            withdrawn_at: None,
        }])
    }

    /// The policy in force: the latest that has begun, else the first.
    pub fn at(&self, now: Timestamp) -> &Dated {
        self.standing()
            .rev()
            .find(|dated| dated.starts_at <= now)
            .or(self.0.first())
            .expect("policy 1 is written when the store is first opened, before anything reads policies")
    }

    pub fn version(&self, version: PolicyVersion) -> Option<&Dated> {
        self.0.iter().find(|dated| dated.version == version)
    }

    /// Those that were not withdrawn, oldest first.
    pub fn standing(&self) -> impl DoubleEndedIterator<Item = &Dated> {
        self.0.iter().filter(|dated| dated.withdrawn_at.is_none())
    }

    pub fn all(&self) -> &[Dated] {
        &self.0
    }

    /// The number that the next one gets.
    pub fn next(&self) -> PolicyVersion {
        PolicyVersion(self.0.last().map_or(1, |last| last.version.0 + 1))
    }
}
