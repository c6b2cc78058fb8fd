//! Who the browser is, and what they say about themselves.

mod http;

use std::sync::Arc;

use busk_api::Problem;
use busk_base::{PersonId, TextError, Timestamp, bounded_text};
use busk_store::{Store, StoreError, Tx, Type, Update, row};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::routes::People;
use crate::sign_up::DISPLAY_NAME_MAX;
use crate::{Caller, Channel, ChannelRef, Person, Role, Shut, adult, channel_of};

pub(crate) use http::routes;

pub const ABOUT_MAX: usize = 500;

/// Reads how many coins a person has. Wallets are commerce's, above this crate; the server passes it.
pub type Coins = Arc<dyn Fn(Store, PersonId) -> BoxFuture<'static, Result<i64, StoreError>> + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Person,
    /// Anonymous, with a name.
    Guest,
    Nobody,
}

/// Who the browser is.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Me {
    pub kind: Kind,
    pub id: Option<Uuid>,
    /// Persons only.
    pub handle: Option<String>,
    pub display_name: Option<String>,
    pub about: Option<String>,
    pub role: Role,
    /// The person's own channel.
    pub channel: Option<ChannelRef>,
    /// Coins in the wallet.
    pub coins: i64,
    /// Whether they have said that they are 18 or older.
    pub adult: bool,
    /// Their account is suspended: they are nobody here, but see what was decided about them, and may appeal.
    pub suspended: bool,
    /// When their account will be deleted, if they have asked for it: they are nobody here until they keep it.
    pub deleted_at: Option<Timestamp>,
    /// Whether this site is a demonstration.
    pub demo: bool,
}

impl Me {
    /// The same for a person whose account may be shut.
    pub(crate) fn shut(self, shut: Shut) -> Self {
        Self {
            suspended: shut.suspended,
            deleted_at: shut.deleted_at,
            ..self
        }
    }
}

/// Answers who `caller` is.
pub(crate) async fn me(people: &People, caller: Caller) -> Result<Me, Problem> {
    let site = &people.site;
    let nobody = Me {
        kind: Kind::Nobody,
        id: None,
        handle: None,
        display_name: None,
        about: None,
        role: Role::Viewer,
        channel: None,
        coins: 0,
        adult: false,
        suspended: false,
        deleted_at: None,
        demo: site.demo(),
    };
    match caller {
        Caller::Nobody => Ok(nobody),
        Caller::Guest(guest) => Ok(Me {
            kind: Kind::Guest,
            id: Some(guest.id.0),
            display_name: Some(guest.name),
            ..nobody
        }),
        Caller::Person(person) => {
            let id = person.id;
            let read = site
                .store()
                .read(move |db| Ok((channel_of(db, id)?, adult::has_declared(db, id)?)));
            let (channel, adult) = read.await.map_err(|error: StoreError| Problem::from(error))?;
            let coins = (people.coins)(site.store().clone(), id).await?;
            Ok(Me {
                kind: Kind::Person,
                id: Some(id.0),
                handle: Some(person.handle),
                display_name: Some(person.display_name),
                about: Some(person.about),
                role: person.role,
                channel: channel.as_ref().map(ChannelRef::from),
                coins,
                adult,
                ..nobody
            })
        }
    }
}

static PERSON: Update = Update {
    table: "person",
    columns: &[
        ("id", Type::Blob),
        ("display_name", Type::Text),
        ("about", Type::Text),
    ],
};

static CHANNEL: Update = Update {
    table: "channel",
    columns: &[("id", Type::Blob), ("name", Type::Text), ("about", Type::Text)],
};

/// What a person changes about themselves; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub display_name: Option<String>,
    pub about: Option<String>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeError {
    #[error("the display name {0}")]
    DisplayName(TextError),
    #[error("the text {0}")]
    About(TextError),
    #[error("there is no such person")]
    PersonUnknown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes a person; the personal channel follows.
pub fn change(tx: &mut Tx, id: PersonId, change: &Change) -> Result<Person, ChangeError> {
    let text = |text: &Option<String>, min, max| {
        text.as_deref()
            .map(|text| bounded_text(text, min, max))
            .transpose()
    };
    let display_name = text(&change.display_name, 1, DISPLAY_NAME_MAX).map_err(ChangeError::DisplayName)?;
    let about = text(&change.about, 0, ABOUT_MAX).map_err(ChangeError::About)?;
    let mut person = tx.find::<Person>(&id)?.ok_or(ChangeError::PersonUnknown)?;
    let channel = channel_of(tx, id)?;

    person.display_name = display_name.unwrap_or(person.display_name);
    person.about = about.unwrap_or(person.about);
    tx.update(&PERSON, row![id, &person.display_name, &person.about]);
    tx.put(id, person.clone());
    if let Some(channel) = channel {
        let channel = Channel {
            name: person.display_name.clone(),
            about: person.about.clone(),
            ..channel
        };
        tx.update(&CHANNEL, row![channel.id, &channel.name, &channel.about]);
        tx.put(channel.id, channel);
    }
    Ok(person)
}
