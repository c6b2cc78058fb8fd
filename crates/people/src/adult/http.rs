use axum::extract::State;
use busk_api::{Json, OpenApiRouter, Problem, ProblemBody, Refusals, StatusCode, routes};
use busk_store::StoreError;
use serde::Deserialize;

use crate::SignedIn;
use crate::routes::People;

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new().routes(routes!(declare_adult))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Declaration {
    /// Must be true: whoever is younger says nothing.
    adult: bool,
}

/// Says that one is 18 or older, which payments need.
#[utoipa::path(post, path = "/api/v1/me/adult", tag = "people", request_body = Declaration, security(("session" = [])), responses(
    (status = 204, description = "kept"),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
))]
async fn declare_adult(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Json(said): Json<Declaration>,
) -> Result<StatusCode, Problem> {
    if !said.adult {
        return Err(Problem::invalid("adult", "must be true"));
    }
    let now = people.site.now();
    let kept = people
        .site
        .store()
        .write(move |tx| super::declare(tx, person.id, now));
    kept.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(StatusCode::NO_CONTENT)
}
