//! Members of a channel: who subscribes to it, until when, and for how many months. Doors, chat and the log ask
//! here; whoever sells subscriptions (commerce) writes it, in the transaction that moves the money.
//!
//! Invariant: a person has at most one row in a channel, and is a member up to `until`, that moment not included.
//! A row of a time that is over stays, so that loyalty is remembered.

#[cfg(test)]
mod tests;

use busk_base::{ChannelId, PersonId, Timestamp};
use busk_store::{
    Ahead, Announcement, Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row,
};

/// The tables of members.
pub(crate) const MEMBERS: &str = "
CREATE TABLE channel_member (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    person BYTEA NOT NULL,
    tier BIGINT NOT NULL CHECK (tier > 0),
    until BIGINT NOT NULL,
    since BIGINT NOT NULL,
    months BIGINT NOT NULL CHECK (months >= 0)
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX channel_member_by_channel ON channel_member (channel, until);
CREATE INDEX channel_member_by_person ON channel_member (person);
";

/// Channels that have or had a member: where nobody ever was one, nobody's months are looked for.
pub(crate) const LOYALTY: &str = "
CREATE TABLE channel_loyalty (channel BYTEA PRIMARY KEY)/*sqlite: WITHOUT ROWID*/;
INSERT INTO channel_loyalty (channel) SELECT DISTINCT channel FROM channel_member;
";

/// A person's membership, now or once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub channel: ChannelId,
    pub person: PersonId,
    /// The tier's number.
    pub tier: u8,
    /// When access ends.
    pub until: Timestamp,
    /// Since when without a break.
    pub since: Timestamp,
    /// Months of loyalty: those begun without a break.
    pub months: i64,
}

impl Member {
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// Whether a person is a member of a channel now.
pub fn is_member(
    db: &mut impl Read,
    channel: ChannelId,
    person: PersonId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(member(db, channel, person, now)?.is_some())
}

/// A person's membership of a channel, while it is in force.
pub fn member(
    db: &mut impl Read,
    channel: ChannelId,
    person: PersonId,
    now: Timestamp,
) -> Result<Option<Member>, StoreError> {
    let row = db.row(
        "SELECT id, tier, until, since, months FROM channel_member WHERE id = $1",
        params![Member::key(&(channel, person))],
    )?;
    let read = row.as_ref().map(<Member as Entity>::read).transpose()?;
    let member = read.map(|(_, member)| member);
    Ok(member.filter(|member| member.is_in_force(now)))
}

/// A membership as it was last written, in force or not.
pub fn find(tx: &mut Tx, channel: ChannelId, person: PersonId) -> Result<Option<Member>, StoreError> {
    tx.find::<Member>(&(channel, person))
}

/// Names the rows that [`months`] will want.
pub(crate) fn ahead(ahead: &mut Ahead, channel: ChannelId, person: PersonId) {
    if ahead.want::<Loyalty>(channel).is_some() {
        ahead.want::<Member>((channel, person));
    }
}

/// For how many months a person has been a member, while they are one.
pub(crate) fn months(
    tx: &mut Tx,
    channel: ChannelId,
    person: PersonId,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    if tx.find::<Loyalty>(&channel)?.is_none() {
        return Ok(None);
    }
    let member = find(tx, channel, person)?.filter(|member| member.is_in_force(now));
    Ok(member.map(|member| member.months))
}

/// Writes a membership as it is from now on.
pub fn keep(tx: &mut Tx, member: Member) -> Result<(), StoreError> {
    let key = (member.channel, member.person);
    let (id, tier) = (Member::key(&key), i64::from(member.tier));
    if tx.find::<Member>(&key)?.is_some() {
        let row = row![id, tier, member.until, member.since, member.months];
        tx.update(&CHANGE, row);
    } else {
        let row = row![
            id,
            member.channel,
            member.person,
            tier,
            member.until,
            member.since,
            member.months
        ];
        tx.insert(&NEW, row);
        Loyalty::begin(tx, member.channel)?;
    }
    let said = serde_json::to_string(&(member.person, member.until));
    tx.announce(Announcement {
        subject: member.channel.0,
        number: 0,
        tag: CHANGED.into(),
        body: said.map_err(|e| StoreError::Broken(e.to_string()))?.into(),
    });
    tx.put::<Member>(key, member);
    Ok(())
}

/// The tag of what is announced when a membership changes: sockets that are open follow it.
const CHANGED: &str = "member";

/// A membership that begins, goes on or ends, as it is told after the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) channel: ChannelId,
    pub(crate) person: PersonId,
    pub(crate) until: Timestamp,
}

/// Reads an announcement back.
pub(crate) fn announced(announcement: &Announcement) -> Option<Changed> {
    if announcement.tag != CHANGED {
        return None;
    }
    let (person, until) = serde_json::from_slice(&announcement.body).ok()?;
    Some(Changed {
        channel: ChannelId(announcement.subject),
        person,
        until,
    })
}

static NEW: Insert = Insert {
    table: "channel_member",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("tier", Type::Int),
        ("until", Type::Int),
        ("since", Type::Int),
        ("months", Type::Int),
    ],
};

static CHANGE: Update = Update {
    table: "channel_member",
    columns: &[
        ("id", Type::Blob),
        ("tier", Type::Int),
        ("until", Type::Int),
        ("since", Type::Int),
        ("months", Type::Int),
    ],
};

/// A channel that has or had a member.
#[derive(Clone)]
struct Loyalty;

static LOYAL: Insert = Insert {
    table: "channel_loyalty",
    columns: &[("channel", Type::Blob)],
};

impl Loyalty {
    fn begin(tx: &mut Tx, channel: ChannelId) -> Result<(), StoreError> {
        if tx.find::<Loyalty>(&channel)?.is_none() {
            tx.insert(&LOYAL, row![channel]);
            tx.put::<Loyalty>(channel, Loyalty);
        }
        Ok(())
    }
}

impl Entity for Loyalty {
    type Key = ChannelId;
    const SELECT: &'static str = "SELECT channel FROM channel_loyalty WHERE channel";
    const KEY: Type = Type::Blob;

    fn key(key: &ChannelId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(ChannelId, Self), StoreError> {
        Ok((row.get(0)?, Self))
    }
}

/// The channel, then the person: one column, as the batch wants it.
impl Entity for Member {
    type Key = (ChannelId, PersonId);
    const SELECT: &'static str = "SELECT id, tier, until, since, months FROM channel_member WHERE id";
    const KEY: Type = Type::Blob;

    fn key((channel, person): &Self::Key) -> Value {
        Value::from([&channel.as_bytes()[..], &person.as_bytes()[..]].concat())
    }

    fn read(row: &Row) -> Result<(Self::Key, Self), StoreError> {
        let id: Vec<u8> = row.get(0)?;
        let halves = id.split_at_checked(16);
        let halves = halves.and_then(|(channel, person)| {
            Some((ChannelId::from_slice(channel)?, PersonId::from_slice(person)?))
        });
        let (channel, person) = halves.ok_or_else(|| StoreError::Broken("a member who is nobody".into()))?;
        let tier: i64 = row.get(1)?;
        let member = Member {
            channel,
            person,
            tier: u8::try_from(tier).map_err(|_| StoreError::Broken(format!("tier {tier}")))?,
            until: row.get(2)?,
            since: row.get(3)?,
            months: row.get(4)?,
        };
        Ok(((channel, person), member))
    }
}
