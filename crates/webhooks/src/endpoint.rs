//! An endpoint: an address of a channel's owner, what it is told of, and the secret by which it knows that it is us.
//!
//! Invariant: a secret is shown when it is made and never after; in the database it is sealed for its endpoint.

mod http;
mod sql;

use busk_base::{ChannelId, Timestamp, WebhookId};
use busk_outward::Reach;
use busk_people::Channel;
use busk_rooms::restream::SealingKey;
use busk_store::{Read, StoreError, Tx};
use serde::Serialize;

use crate::address::{Address, AddressError};
use crate::kind::Kind;
use crate::read;
use crate::secret::Secret;

pub(crate) use http::{problem, routes};
pub(crate) use sql::{fails, of_channel, one, owned, recovered, stop};

/// Endpoints of one channel.
pub(crate) const ENDPOINTS_MAX: usize = 5;

/// Whether an endpoint is told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WebhookState)]
pub(crate) enum EndpointState {
    On,
    /// Switched off by its owner.
    Off,
    /// Switched off by the site: nothing has arrived for days, or it asked for that.
    Failed,
}

/// An endpoint as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) id: WebhookId,
    pub(crate) channel: ChannelId,
    pub(crate) url: String,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) state: EndpointState,
    /// What happened before is not told.
    pub(crate) since: Timestamp,
    /// Since when nothing has arrived, if it was tried.
    pub(crate) failing_since: Option<Timestamp>,
    /// Why the site switched it off.
    pub(crate) why: Option<String>,
    pub(crate) created_at: Timestamp,
}

/// Why an endpoint was not kept or changed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such channel")]
    ChannelUnknown,
    #[error("only the channel's owner may do this")]
    NotYours,
    #[error("there is no such webhook")]
    WebhookUnknown,
    #[error("there is no such delivery")]
    DeliveryUnknown,
    #[error("a channel has at most {ENDPOINTS_MAX} webhooks; remove one first")]
    TooMany,
    #[error("the address {0}")]
    Url(AddressError),
    #[error("it is told of something")]
    NoKind,
    #[error("it is switched off")]
    Off,
    #[error("it could not be sealed")]
    Sealing,
}

impl Endpoint {
    /// Whether it is told of something that happened then.
    pub(crate) fn hears(&self, kind: Kind, at: Timestamp) -> bool {
        // Logs tell times to the millisecond.
        let since = self.since.unix_us() / 1_000;
        self.state == EndpointState::On && at.unix_us() / 1_000 >= since && self.kinds.contains(&kind)
    }

    pub(crate) fn secret(&self, sealing: &SealingKey) -> Option<Secret> {
        let bytes = sealing.open_for(&bound_to(self.id, self.channel), &self.sealed)?;
        Secret::from_bytes(&bytes)
    }

    pub(crate) fn seal(
        &mut self,
        secret: &Secret,
        sealing: &SealingKey,
        nonce: [u8; 12],
    ) -> Result<(), EndpointError> {
        let owner = bound_to(self.id, self.channel);
        let sealed = sealing.seal_for(&owner, secret.bytes().to_vec(), nonce);
        self.sealed = sealed.ok_or(EndpointError::Sealing)?;
        Ok(())
    }
}

fn bound_to(id: WebhookId, channel: ChannelId) -> Vec<u8> {
    [b"webhook", &id.as_bytes()[..], channel.as_bytes()].concat()
}

/// Keeps a new endpoint; what happens from now on is told.
pub(crate) fn add(tx: &mut Tx, endpoint: Endpoint, reach: &Reach) -> Result<Endpoint, EndpointError> {
    if of_channel(tx, endpoint.channel)?.len() >= ENDPOINTS_MAX {
        return Err(EndpointError::TooMany);
    }
    check(&endpoint, reach)?;

    sql::add(tx, &endpoint);
    read::begin(tx, endpoint.channel)?;
    Ok(endpoint)
}

/// What an owner changes; what is not given stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) url: Option<String>,
    pub(crate) kinds: Option<Vec<Kind>>,
    pub(crate) enabled: Option<bool>,
}

/// Changes an endpoint. One that is switched on again is told what happens from then on, and what waited.
pub(crate) fn change(
    tx: &mut Tx,
    channel: &Channel,
    id: WebhookId,
    change: Change,
    reach: &Reach,
    now: Timestamp,
) -> Result<Endpoint, EndpointError> {
    let mut endpoint = one(tx, channel.id, id)?;
    endpoint.url = change.url.unwrap_or(endpoint.url);
    endpoint.kinds = change.kinds.unwrap_or(endpoint.kinds);
    check(&endpoint, reach)?;

    match (change.enabled, endpoint.state) {
        (Some(true), EndpointState::Off | EndpointState::Failed) => {
            endpoint.state = EndpointState::On;
            endpoint.since = now;
            endpoint.failing_since = None;
            endpoint.why = None;
            read::begin(tx, channel.id)?;
        }
        (Some(false), EndpointState::On | EndpointState::Failed) => {
            endpoint.state = EndpointState::Off;
            endpoint.why = None;
        }
        (Some(true), EndpointState::On) | (Some(false), EndpointState::Off) | (None, _) => {}
    }
    sql::change(tx, &endpoint)?;
    Ok(endpoint)
}

fn check(endpoint: &Endpoint, reach: &Reach) -> Result<(), EndpointError> {
    Address::parse(&endpoint.url, reach).map_err(EndpointError::Url)?;
    let told = endpoint.kinds.iter().any(|kind| *kind != Kind::Test);
    if told { Ok(()) } else { Err(EndpointError::NoKind) }
}

/// Replaces the secret; what is delivered from now on is signed with the new one.
pub(crate) fn rotate(
    tx: &mut Tx,
    channel: ChannelId,
    id: WebhookId,
    secret: &Secret,
    sealing: &SealingKey,
    nonce: [u8; 12],
) -> Result<Endpoint, EndpointError> {
    let mut endpoint = one(tx, channel, id)?;
    endpoint.seal(secret, sealing, nonce)?;
    sql::change(tx, &endpoint)?;
    Ok(endpoint)
}

/// Removes an endpoint, with its secret and all that it was told.
pub(crate) fn remove(tx: &mut Tx, channel: ChannelId, id: WebhookId) -> Result<(), EndpointError> {
    one(tx, channel, id)?;
    sql::remove(tx, id)?;
    Ok(())
}

/// Endpoints that are told of something of that kind in a channel.
pub(crate) fn hearing(
    db: &mut impl Read,
    channel: ChannelId,
    kind: Kind,
    at: Timestamp,
) -> Result<Vec<Endpoint>, StoreError> {
    let endpoints = of_channel(db, channel)?.into_iter();
    Ok(endpoints.filter(|endpoint| endpoint.hears(kind, at)).collect())
}
