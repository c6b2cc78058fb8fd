use axum::extract::State;
use axum::response::{IntoResponse, Response};
use busk_api::{Failures, Json, OpenApiRouter, Page, Path, Problem, ProblemBody, Refusals, routes};
use busk_base::{PersonId, Timestamp, TokenId};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{AccessToken, MakeError, RevokeError};
use crate::routes::People;
use crate::{Allowed, AnyScope, Scope, SignedIn};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new()
        .routes(routes!(tokens, make_token))
        .routes(routes!(revoke_token))
        .routes(routes!(own_token))
}

/// A program's token, as its maker sees it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AccessToken)]
struct TokenView {
    id: TokenId,
    name: String,
    scopes: Vec<Scope>,
    created_at: Timestamp,
    /// Null: it does not expire by itself.
    expires_at: Option<Timestamp>,
}

impl From<AccessToken> for TokenView {
    fn from(token: AccessToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes.iter().collect(),
            created_at: token.created_at,
            expires_at: token.expires_at,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccessToken {
    /// What it is for, to tell it from others.
    #[schema(min_length = 1, max_length = 40)]
    name: String,
    #[schema(min_items = 1, max_items = 4)]
    scopes: Vec<Scope>,
    /// In the future; without it the token holds until it is revoked.
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct MadeAccessToken {
    /// Shown this once.
    #[schema(example = "busk_token_kq3…")]
    secret: String,
    token: TokenView,
}

/// What a program learns of its token.
#[derive(Serialize, utoipa::ToSchema)]
struct OwnAccessToken {
    /// Whom it acts as.
    person: PersonId,
    handle: String,
    display_name: String,
    scopes: Vec<Scope>,
}

impl From<MakeError> for Problem {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Store(error) => error.into(),
            MakeError::Name(why) => Problem::invalid("name", why.to_string()),
            MakeError::NoScope => Problem::invalid("scopes", "must name at least one"),
            MakeError::Past => Problem::invalid("expires_at", "must be in the future"),
            MakeError::TooMany => Problem::conflict("too_many", error.to_string()),
        }
    }
}

impl From<RevokeError> for Problem {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::Store(error) => error.into(),
            RevokeError::TokenUnknown => Problem::not_found("token_unknown", "You have no such token"),
        }
    }
}

/// One's tokens for programs, the newest first.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "people", security(("session" = [])), responses(
    (status = 200, body = Page<TokenView>),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`session_needed`", body = ProblemBody, content_type = "application/problem+json"),
    Failures,
))]
async fn tokens(
    State(people): State<People>,
    SignedIn(person): SignedIn,
) -> Result<Json<Page<TokenView>>, Problem> {
    let read = people
        .site
        .store()
        .read(move |db| super::of_person(db, person.id));
    let tokens = read.await?.into_iter().map(TokenView::from);
    Ok(Json(Page::whole(tokens.collect())))
}

/// Makes a token, with which a program acts as oneself as far as its scopes reach.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "people", request_body = NewAccessToken,
    security(("session" = [])), responses(
    (status = 201, body = MadeAccessToken),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`too_many`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
    (status = 403, description = "`session_needed`, `foreign_origin`", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn make_token(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Json(asked): Json<NewAccessToken>,
) -> Result<Response, Problem> {
    let site = &people.site;
    let (secret, now) = (super::text(site.secret()), site.now());
    let token = AccessToken {
        id: TokenId::new(now, site.entropy()),
        person: person.id,
        name: asked.name,
        scopes: asked.scopes.into_iter().collect(),
        created_at: now,
        expires_at: asked.expires_at,
    };
    let kept = secret.clone();
    let write = site.store().write(move |tx| super::make(tx, &token, &kept, now));
    let token = write.await?.into();
    let answer = (
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(MadeAccessToken { secret, token }),
    );
    Ok(answer.into_response())
}

/// Revokes a token; what it has open ends within a second.
#[utoipa::path(delete, path = "/api/v1/tokens/{token}", tag = "people", params(("token" = TokenId, Path)),
    security(("session" = [])), responses(
    (status = 204),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`token_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
    (status = 403, description = "`session_needed`, `foreign_origin`", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn revoke_token(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Path(id): Path<TokenId>,
) -> Result<StatusCode, Problem> {
    let write = people
        .site
        .store()
        .write(move |tx| super::revoke(tx, person.id, id));
    write.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom the token that asks acts as, and what it is for.
#[utoipa::path(get, path = "/api/v1/token", tag = "people", security(("token" = [])), responses(
    (status = 200, body = OwnAccessToken),
    (status = 401, description = "`token_invalid`", body = ProblemBody, content_type = "application/problem+json"),
    Failures,
))]
async fn own_token(asker: Allowed<AnyScope>) -> Result<Json<OwnAccessToken>, Problem> {
    let (Some(token), Some(person)) = (asker.token, asker.caller.person().cloned()) else {
        return Err(crate::allowed::token_invalid());
    };
    Ok(Json(OwnAccessToken {
        person: person.id,
        handle: person.handle,
        display_name: person.display_name,
        scopes: token.scopes.iter().collect(),
    }))
}
