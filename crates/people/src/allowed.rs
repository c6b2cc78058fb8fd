//! Who asks, where programs may ask too: by a session, or by a token that has the scope.
//!
//! Invariant: a token counts only where a handler takes [`Allowed`]; everywhere else its bearer is nobody.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use busk_api::{Problem, Site, StatusCode};
use busk_base::TokenId;
use http::request::Parts;

use crate::scope::{Needs, Scope, Scopes};
use crate::token::{self, AccessToken};
use crate::{Caller, Person};

/// Whoever may do what needs the scope `N`. A session's person may do all that the person may, so this refuses
/// tokens only: what nobody in particular may do is refused by what follows.
#[derive(Clone, Debug)]
pub struct Allowed<N> {
    pub caller: Caller,
    /// None: by a session, or nobody.
    pub token: Option<ByToken>,
    needs: PhantomData<N>,
}

/// As [`Allowed`], for what only somebody with an account does.
#[derive(Clone, Debug)]
pub struct Acting<N> {
    pub person: Person,
    needs: PhantomData<N>,
}

/// The token that somebody asks by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByToken {
    pub id: TokenId,
    pub scopes: Scopes,
}

impl ByToken {
    /// Refuses what the token is not for.
    pub fn may(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        Err(Problem::forbidden("scope_needed", "The token is not for this")
            .detail(format!("It needs the scope {}", scope.word())))
    }
}

pub(crate) fn token_invalid() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "token_invalid",
        "The token is not one, or not any more",
    )
    .wants_bearer()
}

impl<N, S> FromRequestParts<S> for Allowed<N>
where
    N: Needs,
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let needs = PhantomData;
        let Some(text) = token::bearer(&parts.headers).map(str::to_owned) else {
            let caller = Caller::from_request_parts(parts, state).await?;
            let token = None;
            return Ok(Self { caller, token, needs });
        };
        let site = Site::from_ref(state);
        let now = site.now();
        let read = site.store().read(move |db| token::holder(db, &text, now));
        let (AccessToken { id, scopes, .. }, person) = read.await?.ok_or_else(token_invalid)?;
        let token = ByToken { id, scopes };
        if let Some(scope) = N::SCOPE {
            token.may(scope)?;
        }
        Ok(Self {
            caller: Caller::Person(person),
            token: Some(token),
            needs,
        })
    }
}

impl<N, S> FromRequestParts<S> for Acting<N>
where
    N: Needs,
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Allowed { caller, needs, .. } = Allowed::<N>::from_request_parts(parts, state).await?;
        let person = caller.signed_in()?;
        Ok(Self { person, needs })
    }
}
