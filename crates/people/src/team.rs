//! A channel's team: who helps its owner to run it. Managers and moderators take messages and people out of its chats;
//! managers also choose moderators.
//!
//! Invariant: the owner is no row here and cannot be removed. Whoever acts as a moderator shows a [`Moderator`], which
//! only this module makes; so what asks for one cannot be done by anybody else.

#[cfg(test)]
mod tests;

use busk_base::{ChannelId, PersonId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};
use serde::{Deserialize, Serialize};

use crate::{Channel, Person, Role};

/// People in one team, its owner not counted.
pub const TEAM_MAX: usize = 100;

/// What somebody is in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TeamRole {
    /// Whose channel it is.
    Owner,
    /// Chooses moderators, and does what they do.
    Manager,
    /// Takes messages and people out of the channel's chats.
    Moderator,
}

impl TeamRole {
    fn code(self) -> &'static str {
        match self {
            TeamRole::Owner => "owner",
            TeamRole::Manager => "manager",
            TeamRole::Moderator => "moderator",
        }
    }

    fn parse(code: &str) -> Result<Self, StoreError> {
        let all = [TeamRole::Owner, TeamRole::Manager, TeamRole::Moderator];
        let found = all.into_iter().find(|role| role.code() == code);
        found.ok_or_else(|| StoreError::Broken(format!("somebody in a team is {code:?}")))
    }

    /// Who may add and remove somebody who is, or shall be, this.
    fn is_chosen_by(self, by: TeamRole) -> bool {
        match self {
            TeamRole::Owner => false,
            TeamRole::Manager => by == TeamRole::Owner,
            TeamRole::Moderator => matches!(by, TeamRole::Owner | TeamRole::Manager),
        }
    }
}

/// Somebody in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teammate {
    pub person: Person,
    pub role: TeamRole,
    /// Since when; of the owner it is not known.
    pub since: Option<Timestamp>,
}

/// The right to moderate a channel's chats: its team has it, and the site's operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moderator {
    person: PersonId,
    name: String,
    channel: ChannelId,
}

impl Moderator {
    /// The right of a person in a channel, if they have it.
    pub fn of(db: &mut impl Read, channel: ChannelId, person: PersonId) -> Result<Option<Self>, StoreError> {
        let Some(known) = crate::person(db, person)? else {
            return Ok(None);
        };
        let may = known.role == Role::Operator || role_in(db, channel, person)?.is_some();
        Ok(may.then_some(Self {
            person,
            name: known.display_name,
            channel,
        }))
    }

    pub fn person(&self) -> PersonId {
        self.person
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn channel(&self) -> ChannelId {
        self.channel
    }
}

/// Why a team stayed as it is, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TeamError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such person")]
    PersonUnknown,
    #[error("only the channel's owner, and for moderators its managers, may do this")]
    NotYours,
    #[error("the owner is always in the team")]
    Owner,
    #[error("at most {TEAM_MAX} people are in a team")]
    TooMany,
}

/// What a person is in a channel's team.
pub fn role_in(
    db: &mut impl Read,
    channel: ChannelId,
    person: PersonId,
) -> Result<Option<TeamRole>, StoreError> {
    let row = db.row(
        "SELECT CASE WHEN c.owner = $2 THEN 'owner' ELSE t.role END FROM channel c \
         LEFT JOIN channel_team t ON t.channel = c.id AND t.person = $2 WHERE c.id = $1",
        params![channel, person],
    )?;
    let code: Option<String> = row.map(|row| row.get(0)).transpose()?.flatten();
    code.as_deref().map(TeamRole::parse).transpose()
}

/// Takes a person into the team, or gives them another role.
pub fn add(
    tx: &mut Tx,
    channel: &Channel,
    by: PersonId,
    person: PersonId,
    role: TeamRole,
    now: Timestamp,
) -> Result<(), TeamError> {
    let was = role_in(tx, channel.id, person)?;
    let own = role_in(tx, channel.id, by)?.ok_or(TeamError::NotYours)?;
    if was == Some(TeamRole::Owner) || role == TeamRole::Owner {
        return Err(TeamError::Owner);
    }
    if !role.is_chosen_by(own) || was.is_some_and(|was| !was.is_chosen_by(own)) {
        return Err(TeamError::NotYours);
    }
    if was.is_none() && size(tx, channel.id)? >= TEAM_MAX {
        return Err(TeamError::TooMany);
    }

    tx.execute(
        "DELETE FROM channel_team WHERE channel = $1 AND person = $2",
        params![channel.id, person],
    )?;
    tx.insert(&MATE, row![channel.id, person, role.code(), now]);
    Ok(())
}

/// Takes a person out of the team; everybody may leave it. Who is not in it is no error.
pub fn remove(tx: &mut Tx, channel: &Channel, by: PersonId, person: PersonId) -> Result<(), TeamError> {
    let was = role_in(tx, channel.id, person)?;
    let own = role_in(tx, channel.id, by)?.ok_or(TeamError::NotYours)?;
    if was == Some(TeamRole::Owner) {
        return Err(TeamError::Owner);
    }
    let allowed = by == person || was.unwrap_or(TeamRole::Moderator).is_chosen_by(own);
    if !allowed {
        return Err(TeamError::NotYours);
    }

    tx.execute(
        "DELETE FROM channel_team WHERE channel = $1 AND person = $2",
        params![channel.id, person],
    )?;
    Ok(())
}

/// The owner, then the others, the longest there first.
pub fn team(db: &mut impl Read, channel: &Channel) -> Result<Vec<Teammate>, StoreError> {
    let rows = db.rows(
        "SELECT person, role, since FROM channel_team WHERE channel = $1 ORDER BY since, person",
        params![channel.id],
    )?;
    let owner = crate::person(db, channel.owner)?.map(|person| Teammate {
        person,
        role: TeamRole::Owner,
        since: None,
    });
    let mut team = Vec::from_iter(owner);
    for row in rows {
        let (role, since): (String, Timestamp) = (row.get(1)?, row.get(2)?);
        if let Some(person) = crate::person(db, row.get(0)?)? {
            team.push(Teammate {
                person,
                role: TeamRole::parse(&role)?,
                since: Some(since),
            });
        }
    }
    Ok(team)
}

fn size(tx: &mut Tx, channel: ChannelId) -> Result<usize, StoreError> {
    let row = tx.row(
        "SELECT COUNT(*) FROM channel_team WHERE channel = $1",
        params![channel],
    )?;
    let count: i64 = row.map_or(Ok(0), |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

static MATE: Insert = Insert {
    table: "channel_team",
    columns: &[
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("role", Type::Text),
        ("since", Type::Int),
    ],
};
