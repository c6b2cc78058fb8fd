//! The site: what every handler may hold. The only way to a time or a random number above `store`.

use std::sync::{Arc, PoisonError, RwLock};

use busk_base::{Dated, Policies, Policy, Timestamp};
use busk_store::Store;

/// Tells the time. The server passes the real one; tests pass theirs.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Fills a buffer with random bytes fit for secrets.
pub type Randomness = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What a site is made of.
pub struct SiteConfig {
    pub store: Store,
    pub clock: Clock,
    pub random: Randomness,
    /// Where people find the site: `https://live.example.org`, without a slash at its end.
    pub public_url: String,
    pub encoder_ports: EncoderPorts,
    /// Whether anyone may enter as one of the demonstration's people.
    pub demo: bool,
    /// All there are when the site starts; [`Site::adopt`] brings later ones.
    pub policies: Policies,
}

/// Where encoders are listened for, on the host that the site is found at.
#[derive(Clone, Copy, Debug, Default)]
pub struct EncoderPorts {
    pub rtmp: Option<u16>,
    /// The same by TLS.
    pub rtmps: Option<u16>,
}

/// A running site. Clones share it.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    config: SiteConfig,
    policies: RwLock<Policies>,
}

impl Site {
    pub fn new(mut config: SiteConfig) -> Self {
        let length = config.public_url.trim_end_matches('/').len();
        config.public_url.truncate(length);
        let policies = RwLock::new(std::mem::take(&mut config.policies));
        Self(Arc::new(Inner { config, policies }))
    }

    pub fn store(&self) -> &Store {
        &self.0.config.store
    }

    pub fn now(&self) -> Timestamp {
        (self.0.config.clock)()
    }

    /// The random part of an id: `GiftId::new(site.now(), site.entropy())`.
    pub fn entropy(&self) -> [u8; 10] {
        self.random()
    }

    /// A new 256-bit secret.
    pub fn secret(&self) -> [u8; 32] {
        self.random()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0.config.random)(&mut bytes);
        bytes
    }

    /// Without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.0.config.public_url
    }

    pub fn encoder_ports(&self) -> EncoderPorts {
        self.0.config.encoder_ports
    }

    /// Whether cookies may travel on encrypted connections only.
    pub fn is_https(&self) -> bool {
        self.0.config.public_url.starts_with("https://")
    }

    pub fn demo(&self) -> bool {
        self.0.config.demo
    }

    /// The policy in force now.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy_at(self.now()).policy
    }

    /// The policy in force at a time, with its number.
    pub fn policy_at(&self, at: Timestamp) -> Dated {
        let policies = self.0.policies.read().unwrap_or_else(PoisonError::into_inner);
        policies.at(at).clone()
    }

    /// Goes by these policies from now on: they were read anew.
    pub fn adopt(&self, policies: Policies) {
        *self.0.policies.write().unwrap_or_else(PoisonError::into_inner) = policies;
    }
}
