use axum::extract::State;
use axum::response::{IntoResponse, Response};
use busk_api::{Failures, Json, OpenApiRouter, Problem, ProblemBody, Refusals, routes};
use http::header;
use serde::Deserialize;

use super::{Change, ChangeError, Me};
use crate::routes::People;
use crate::{Caller, Shut, SignedIn};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new().routes(routes!(me, change_me))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeMe {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40)]
    display_name: Option<String>,
    #[serde(default)]
    #[schema(max_length = 500)]
    about: Option<String>,
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::DisplayName(why) => Problem::invalid("display_name", why.to_string()),
            ChangeError::About(why) => Problem::invalid("about", why.to_string()),
            ChangeError::PersonUnknown => Problem::not_found("person_unknown", "There is no such person"),
            ChangeError::Store(error) => error.into(),
        }
    }
}

/// Who the browser is; answers anyone.
#[utoipa::path(get, path = "/api/v1/me", tag = "people", responses((status = 200, body = Me), Failures))]
async fn me(State(people): State<People>, caller: Caller, shut: Shut) -> Result<Response, Problem> {
    let me = super::me(&people, caller).await?.shut(shut);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(me)).into_response())
}

/// Changes what a person says about themselves.
#[utoipa::path(patch, path = "/api/v1/me", tag = "people", request_body = ChangeMe, security(("session" = [])), responses(
    (status = 200, body = Me),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`person_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
))]
async fn change_me(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Json(asked): Json<ChangeMe>,
) -> Result<Json<Me>, Problem> {
    let change = Change {
        display_name: asked.display_name,
        about: asked.about,
    };
    let write = people
        .site
        .store()
        .write(move |tx| super::change(tx, person.id, &change));
    let person = write.await?;
    super::me(&people, Caller::Person(person)).await.map(Json)
}
