//! The rules that an operation acts by: the policy in force, and its number for the posting.

use busk_api::Site;
use busk_base::{Policy, PolicyVersion};

#[derive(Clone, Debug)]
pub struct Rules {
    pub version: PolicyVersion,
    pub policy: Policy,
}

impl Rules {
    /// What a site acts by now.
    pub fn of(site: &Site) -> Self {
        Self {
            version: site.policy_version(),
            policy: site.policy().clone(),
        }
    }
}
