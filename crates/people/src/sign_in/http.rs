use axum::extract::State;
use axum::response::{IntoResponse, Response};
use busk_api::{Failures, Json, OpenApiRouter, Peer, Problem, ProblemBody, Refusals, routes};
use busk_store::StoreError;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::{Opening, credentials, refused};
use crate::me::{self, Me};
use crate::routes::People;
use crate::session::{self, Holder};
use crate::{Caller, Shut, person};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    handle: String,
    password: String,
}

/// Signs in: a new session in place of whatever the browser had. Whose account is suspended may, too, to see why; and
/// whose is to be deleted, to keep it.
#[utoipa::path(post, path = "/api/v1/sign-in", tag = "people", request_body = Credentials, responses(
    (status = 200, description = "Signed in; the cookie `busk_session` is set", body = Me),
    (status = 401, description = "`sign_in_failed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
))]
async fn sign_in(
    State(people): State<People>,
    peer: Peer,
    headers: HeaderMap,
    Json(credentials_given): Json<Credentials>,
) -> Result<Response, Problem> {
    let Credentials { handle, password } = credentials_given;
    let site = people.site.clone();
    // Nobody has a handle or a password that sign-up would refuse; they still cost an attempt.
    let handle = busk_base::handle(&handle).unwrap_or_default();
    people.gates.sign_in(&handle, peer.bucket(), site.now())?;
    if crate::password::check(&password).is_err() {
        return Err(refused());
    }

    let asked = handle.clone();
    let found = site.store().read(move |db| credentials(db, &asked)).await;
    let found = found.map_err(|error: StoreError| Problem::from(error))?;
    let (id, hash) = found.map_or((None, None), |(id, hash)| (Some(id), Some(hash)));
    let right = people.passwords.verify(password, hash).await?;
    let id = id.filter(|_| right).ok_or_else(refused)?;

    let opening = Opening::new(&site, Holder::Person(id), &headers);
    let (write, now) = (opening.clone(), site.now());
    let done = site.store().write(move |tx| {
        let person = person(tx, id)?;
        if person.is_some() {
            write.open(tx, now)?;
        }
        let shut = Shut::of(tx, id, now)?;
        Ok::<_, StoreError>(person.map(|person| (person, shut)))
    });
    let (person, shut) = done.await?.ok_or_else(refused)?;
    people.gates.signed_in(&handle);
    if shut.is_shut() {
        let me = me::me(&people, Caller::Nobody).await?.shut(shut);
        let cookie = [(header::SET_COOKIE, opening.token.cookie(&site))];
        return Ok((StatusCode::OK, cookie, Json(me)).into_response());
    }
    answer(&people, StatusCode::OK, Caller::Person(person), &opening).await
}

/// Ends the session; says the same when there was none.
#[utoipa::path(post, path = "/api/v1/sign-out", tag = "people", responses(
    (status = 204, description = "Signed out; the cookie is removed"),
    (status = 403, description = "`foreign_origin`", body = ProblemBody, content_type = "application/problem+json"),
    Failures,
))]
async fn sign_out(State(people): State<People>, headers: HeaderMap) -> Result<Response, Problem> {
    let site = &people.site;
    if let Some(token) = session::token_hash(&headers) {
        site.store().write(move |tx| session::close(tx, token)).await?;
    }
    let gone = [(header::SET_COOKIE, session::cookie_gone(site))];
    Ok((StatusCode::NO_CONTENT, gone).into_response())
}

/// The answer that gives a browser its new session.
pub(crate) async fn answer(
    people: &People,
    status: StatusCode,
    caller: Caller,
    opening: &Opening,
) -> Result<Response, Problem> {
    let me = me::me(people, caller).await?;
    let cookie = [(header::SET_COOKIE, opening.token.cookie(&people.site))];
    Ok((status, cookie, Json(me)).into_response())
}
