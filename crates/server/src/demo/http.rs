//! Entering the demonstration with one click.

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use busk_api::{Json, OpenApiRouter, Problem, Refusals, Site, StatusCode, routes as operations};
use busk_people::person_by_handle;
use http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CREATORS, DemoError, people};

/// Coins that a viewer of the demonstration begins with.
const WELCOME_PACK: &str = "coins-350";
const NAMES: [&str; 8] = ["Robin", "Alex", "Sacha", "Kim", "Noor", "Jules", "Ari", "Lou"];

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new().routes(operations!(enter)).with_state(site)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Enter {
    #[serde(rename = "as")]
    part: Part,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Part {
    /// Someone new, with coins.
    Viewer,
    /// The first of the creators that are live.
    Creator,
}

/// Who was entered as.
#[derive(Serialize, ToSchema)]
struct Entered {
    handle: String,
    display_name: String,
}

/// Enters the demonstration; there is none elsewhere.
#[utoipa::path(post, path = "/api/v1/demo/enter", tag = "demo", request_body = Enter,
    responses((status = 200, body = Entered, description = "the session's cookie comes with it"),
        (status = 404, description = "`no_demo`"), Refusals))]
async fn enter(Shared(site): Shared<Site>, Json(body): Json<Enter>) -> Result<Response, Problem> {
    if !site.demo() {
        return Err(Problem::not_found("no_demo", "This site is no demonstration"));
    }
    let (person, token) = match body.part {
        Part::Viewer => {
            let [a, b, c, ..] = site.entropy();
            let name = NAMES[usize::from(a) % NAMES.len()];
            let number = u16::from_be_bytes([b, c]);
            let handle = format!("{}_{number}", name.to_lowercase());
            let (person, token) = people::viewer(&site, handle, name.to_owned())
                .await
                .map_err(problem)?;
            people::give_coins(&site, person.id, WELCOME_PACK)
                .await
                .map_err(problem)?;
            (person, token)
        }
        Part::Creator => {
            let person = site
                .store()
                .read(|db| person_by_handle(db, CREATORS[0].handle))
                .await?;
            let person = person.ok_or_else(|| Problem::not_found("no_demo", "The creators are not here"))?;
            let token = people::enter(&site, person.id).await?;
            (person, token)
        }
    };
    let cookie = token.cookie(&site);
    let body = Entered {
        handle: person.handle,
        display_name: person.display_name,
    };
    Ok((StatusCode::OK, [(SET_COOKIE, cookie)], Json(body)).into_response())
}

fn problem(error: DemoError) -> Problem {
    match error {
        DemoError::Store(error) => error.into(),
        other => {
            tracing::warn!("nobody entered: {other}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again").retry_after(1)
        }
    }
}
