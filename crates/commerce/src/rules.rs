//! The rules that an operation acts by: the policy in force, and its number for the posting.

use busk_api::Site;
use busk_base::{Dated, Policy, PolicyVersion, Timestamp};

#[derive(Clone, Debug)]
pub struct Rules {
    pub version: PolicyVersion,
    pub policy: Policy,
}

impl Rules {
    /// What a site acts by now.
    pub fn of(site: &Site) -> Self {
        Self::at(site, site.now())
    }

    /// The time, and what a site acts by then.
    pub fn now(site: &Site) -> (Timestamp, Self) {
        let now = site.now();
        (now, Self::at(site, now))
    }

    /// What a site acts by at a time: that of the posting, so that what is dated after a policy's start is under it.
    pub fn at(site: &Site, at: Timestamp) -> Self {
        let Dated { version, policy, .. } = site.policy_at(at);
        Self {
            version,
            policy: (*policy).clone(),
        }
    }
}
