//! Who a creator is, as the payment provider knows it. No document and no bank account of theirs is kept here: they
//! say both at the provider's page.
//!
//! Invariant: the provider's newest word counts, in whatever order its words come.

use busk_base::{ChannelId, Timestamp};
use busk_store::{Read, Row, StoreError, Tx, params};

use crate::notices::Heard;
use crate::providers::{AccountNotice, Identity};

/// A channel, as a provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub channel: ChannelId,
    pub provider: String,
    /// The provider's name for the creator.
    pub account: String,
    pub identity: Identity,
}

fn word(identity: Identity) -> &'static str {
    match identity {
        Identity::Unverified => "unverified",
        Identity::Pending => "pending",
        Identity::Verified => "verified",
        Identity::Rejected => "rejected",
    }
}

fn parse(word: &str) -> Result<Identity, StoreError> {
    match word {
        "unverified" => Ok(Identity::Unverified),
        "pending" => Ok(Identity::Pending),
        "verified" => Ok(Identity::Verified),
        "rejected" => Ok(Identity::Rejected),
        other => Err(StoreError::Broken(format!("an identity that is {other}"))),
    }
}

fn read(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        channel: row.get(0)?,
        provider: row.get(1)?,
        account: row.get(2)?,
        identity: parse(&row.get::<String>(3)?)?,
    })
}

/// What the provider knows of a channel, once its page was opened.
pub fn account_of(db: &mut impl Read, channel: ChannelId) -> Result<Option<Account>, StoreError> {
    let row = db.row(
        "SELECT channel, provider, account, identity FROM payout_account WHERE channel = $1",
        params![channel],
    )?;
    row.as_ref().map(read).transpose()
}

/// The provider has opened its page to the channel. Another provider's account takes the place of an earlier one's,
/// and begins anew; another channel's is nobody's to take.
pub fn opened(tx: &mut Tx, channel: ChannelId, provider: &str, account: &str) -> Result<(), StoreError> {
    let known = account_of(tx, channel)?;
    if known.is_some_and(|known| known.provider == provider && known.account == account) {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO payout_account (channel, provider, account, identity) VALUES ($1, $2, $3, 'unverified') \
         ON CONFLICT (channel) DO UPDATE SET provider = excluded.provider, account = excluded.account, \
         identity = excluded.identity, said_at = NULL",
        params![channel, provider, account],
    )?;
    Ok(())
}

/// Takes the provider's word for an identity.
pub(crate) fn hear(tx: &mut Tx, provider: &str, said: &AccountNotice) -> Result<Heard, StoreError> {
    let row = tx.row(
        "SELECT said_at FROM payout_account WHERE provider = $1 AND account = $2",
        params![provider, said.account.as_str()],
    )?;
    let Some(row) = row else {
        return Ok(Heard::SetAside("no such account"));
    };
    let known: Option<Timestamp> = row.get(0)?;
    if known.is_some_and(|known| said.at <= known) {
        return Ok(Heard::Nothing);
    }
    tx.execute(
        "UPDATE payout_account SET identity = $3, said_at = $4 WHERE provider = $1 AND account = $2",
        params![provider, said.account.as_str(), word(said.identity), said.at],
    )?;
    Ok(Heard::Taken)
}
