//! Who asks. Handlers say by an extractor who may call them, so an unprotected one does not compile.

use axum::extract::{FromRef, FromRequestParts};
use busk_api::{Problem, Query, Site, StatusCode};
use busk_base::PersonId;
use busk_store::StoreError;
use http::request::Parts;
use serde::Deserialize;

use crate::session::Holding;
use crate::{Channel, Guest, Person, Role, Shut, own_channel, session, token};

/// Whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Person(Person),
    Guest(Guest),
    Nobody,
}

/// Someone with a name: a person or a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Person(Person),
    Guest(Guest),
}

/// A person.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Person);

/// Someone with a name, also a person whose account is shut: for what they may do still, which is to see what was
/// decided about them, to appeal, to take their data away, and to delete or keep their account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concerned(pub Named);

/// A person with a channel of theirs: the one whose handle the query names as `channel`, else the personal one.
#[derive(Clone, Debug)]
pub struct OwnChannel {
    pub person: Person,
    pub channel: Channel,
}

/// A person who runs the site.
#[derive(Clone, Debug)]
pub struct Operator(pub Person);

impl Concerned {
    /// The person: a guest has no account.
    pub fn signed_in(self) -> Result<Person, Problem> {
        match self.0 {
            Named::Person(person) => Ok(person),
            Named::Guest(guest) => Caller::Guest(guest).signed_in(),
        }
    }
}

impl Caller {
    pub fn person(&self) -> Option<&Person> {
        match self {
            Caller::Person(person) => Some(person),
            Caller::Guest(_) | Caller::Nobody => None,
        }
    }

    pub fn person_id(&self) -> Option<PersonId> {
        self.person().map(|person| person.id)
    }

    pub fn is_operator(&self) -> bool {
        self.person().is_some_and(|person| person.role == Role::Operator)
    }

    pub fn signed_in(self) -> Result<Person, Problem> {
        match self {
            Caller::Person(person) => Ok(person),
            Caller::Guest(_) | Caller::Nobody => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "sign_in_needed",
                "Sign in to do this",
            )),
        }
    }

    pub fn named(self) -> Result<Named, Problem> {
        match self {
            Caller::Person(person) => Ok(Named::Person(person)),
            Caller::Guest(guest) => Ok(Named::Guest(guest)),
            Caller::Nobody => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "name_needed",
                "Sign in or choose a name to do this",
            )),
        }
    }
}

/// Refuses nobody; only a store that cannot be read stops it.
impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Caller>() {
            return Ok(known.clone());
        }
        let Some(token) = session::token_hash(&parts.headers) else {
            return Ok(Caller::Nobody);
        };
        let site = Site::from_ref(state);
        let now = site.now();
        let read = site.store().read(move |db| session::caller(db, token, now));
        let caller = read.await.map_err(Problem::from)?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

impl<S> FromRequestParts<S> for Named
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, state).await?.named()
    }
}

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller == Caller::Nobody && token::bearer(&parts.headers).is_some_and(token::is_one) {
            return Err(Problem::forbidden(
                "session_needed",
                "Tokens cannot do this: sign in to do it",
            ));
        }
        caller.signed_in().map(SignedIn)
    }
}

impl<S> FromRequestParts<S> for Concerned
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let site = Site::from_ref(state);
        holding(parts, &site).await?.caller.named().map(Concerned)
    }
}

/// Who holds the request's session, also while their account is shut.
pub(crate) async fn holding(parts: &Parts, site: &Site) -> Result<Holding, Problem> {
    let Some(token) = session::token_hash(&parts.headers) else {
        return Ok(Holding::nobody());
    };
    let now = site.now();
    let read = site.store().read(move |db| session::holding(db, token, now));
    read.await.map_err(|error: StoreError| Problem::from(error))
}

/// Why the account of the request's session is shut, whose person is nobody to [`Caller`].
impl<S> FromRequestParts<S> for Shut
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let site = Site::from_ref(state);
        Ok(holding(parts, &site).await?.shut)
    }
}

#[derive(Deserialize)]
struct Which {
    channel: Option<String>,
}

impl<S> FromRequestParts<S> for OwnChannel
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let SignedIn(person) = SignedIn::from_request_parts(parts, state).await?;
        let Query(Which { channel: handle }) = Query::from_request_parts(parts, state).await?;
        let owner = person.id;
        let read = Site::from_ref(state)
            .store()
            .read(move |db| own_channel(db, owner, handle.as_deref()))
            .await;
        let unknown = || Problem::not_found("channel_unknown", "You have no such channel");
        let channel = read.map_err(Problem::from)?.ok_or_else(unknown)?;
        Ok(Self { person, channel })
    }
}

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let person = Caller::from_request_parts(parts, state).await?.signed_in()?;
        match person.role {
            Role::Operator => Ok(Operator(person)),
            Role::Viewer => Err(Problem::forbidden(
                "operator_needed",
                "Only the site's operators may do this",
            )),
        }
    }
}
