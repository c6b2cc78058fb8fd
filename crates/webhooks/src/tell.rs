//! Telling: what happened becomes a delivery for each endpoint that hears of it, in the transaction at hand.

use busk_base::{ChannelId, DeliveryId, Timestamp, WebhookId};
use busk_people::{ChannelRef, channel};
use busk_store::{Read, StoreError, Tx};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::delivery::Delivery;
use crate::endpoint::{self, Endpoint};
use crate::kind::Kind;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Telling<'a, T> {
    pub kind: Kind,
    /// What it is known by: the same again is the same delivery.
    pub subject: (Uuid, i64),
    pub at: Timestamp,
    pub data: &'a T,
}

/// What an endpoint is sent.
#[derive(Serialize)]
struct Body<'a, T> {
    #[serde(rename = "type")]
    kind: Kind,
    timestamp: Timestamp,
    data: Data<'a, T>,
}

#[derive(Serialize)]
struct Data<'a, T> {
    channel: &'a ChannelRef,
    #[serde(flatten)]
    of_kind: &'a T,
}

/// Has a channel's endpoints told what happened, once this transaction is committed. `data` is an object.
pub fn tell<T: Serialize>(
    tx: &mut Tx,
    channel: ChannelId,
    telling: &Telling<'_, T>,
) -> Result<(), StoreError> {
    let hearing = endpoint::hearing(tx, channel, telling.kind, telling.at)?;
    if hearing.is_empty() {
        return Ok(());
    }
    let channel = named(tx, channel)?;
    tell_those(tx, &channel, &hearing, telling)
}

/// As [`tell`], to endpoints that were found already.
pub(crate) fn tell_those<T: Serialize>(
    tx: &mut Tx,
    channel: &ChannelRef,
    endpoints: &[Endpoint],
    telling: &Telling<'_, T>,
) -> Result<(), StoreError> {
    let body = Body {
        kind: telling.kind,
        timestamp: telling.at,
        data: Data {
            channel,
            of_kind: telling.data,
        },
    };
    let body = serde_json::to_string(&body).map_err(|error| StoreError::Broken(error.to_string()))?;
    for endpoint in endpoints {
        let id = id_of(endpoint.id, telling.subject, telling.at);
        Delivery::new(id, endpoint.id, telling.kind, body.clone(), telling.at).add(tx);
    }
    Ok(())
}

/// A channel as others' answers name it.
pub(crate) fn named(db: &mut impl Read, of: ChannelId) -> Result<ChannelRef, StoreError> {
    let gone = || StoreError::Broken(format!("channel {of} is gone"));
    Ok(ChannelRef::from(&channel(db, of)?.ok_or_else(gone)?))
}

/// Follows from what is told to whom, so that nobody is told twice under two ids, whoever reads the log.
fn id_of(webhook: WebhookId, (subject, number): (Uuid, i64), at: Timestamp) -> DeliveryId {
    let hash = Sha256::new()
        .chain_update(webhook.as_bytes())
        .chain_update(subject.as_bytes())
        .chain_update(number.to_be_bytes())
        .finalize();
    DeliveryId::new(at, std::array::from_fn(|byte| hash[byte]))
}
