use axum::extract::State;
use axum::response::Response;
use busk_api::{Json, OpenApiRouter, Peer, Problem, ProblemBody, Refusals, routes};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{SetupError, check};
use crate::me::Me;
use crate::routes::People;
use crate::session::Holder;
use crate::sign_in::{Opening, answer};
use crate::sign_up::NewPerson;
use crate::{Caller, Role};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new().routes(routes!(set_up))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct FirstOperator {
    /// From the link that the program printed at its start.
    token: String,
    #[schema(example = "ana_9", pattern = "^[A-Za-z0-9_]{3,24}$")]
    handle: String,
    #[schema(min_length = 1, max_length = 40)]
    display_name: String,
    #[schema(min_length = 8, max_length = 200)]
    password: String,
}

impl From<SetupError> for Problem {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::AlreadySetUp => {
                Problem::conflict("already_set_up", "This site has an operator already")
            }
            SetupError::TokenWrong => {
                Problem::forbidden("setup_token_wrong", "This set-up link is not valid any more")
                    .field("token")
            }
            SetupError::SignUp(error) => error.into(),
        }
    }
}

/// Makes the site's first operator. Works once.
#[utoipa::path(post, path = "/api/v1/setup", tag = "people", request_body = FirstOperator, responses(
    (status = 201, description = "Set up and signed in; the cookie `busk_session` is set", body = Me),
    (status = 409, description = "`already_set_up`, `handle_taken`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
    (status = 403, description = "`setup_token_wrong`, `foreign_origin`", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn set_up(
    State(people): State<People>,
    peer: Peer,
    headers: HeaderMap,
    Json(first): Json<FirstOperator>,
) -> Result<Response, Problem> {
    let site = people.site.clone();
    people.gates.sign_up(peer.bucket(), site.now())?;
    let token = first.token;
    let new = NewPerson {
        handle: first.handle,
        display_name: first.display_name,
        password: first.password,
    };
    new.check()?;
    let asked = token.clone();
    site.store().read(move |db| check(db, &asked)).await?;
    let new = new.prepare(&people, Role::Operator).await?;

    let opening = Opening::new(&site, Holder::Person(new.person), &headers);
    let (write, now) = (opening.clone(), site.now());
    let done = site.store().write(move |tx| {
        let person = super::set_up(tx, &token, &new, now)?;
        write.open(tx, now)?;
        Ok::<_, SetupError>(person)
    });
    let person = done.await?;
    answer(&people, StatusCode::CREATED, Caller::Person(person), &opening).await
}
