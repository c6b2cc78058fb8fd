use axum::extract::State;
use busk_api::{Failures, Json, OpenApiRouter, Page, Problem, ProblemBody, Refusals, routes};
use busk_base::ChannelId;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{CreateError, NewPage, create, pages_of};
use crate::routes::People;
use crate::{Channel, SignedIn};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new().routes(routes!(pages, create_page))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreatePage {
    /// Among persons and channels nobody else's.
    handle: String,
    #[schema(min_length = 1, max_length = 40)]
    name: String,
    #[serde(default)]
    #[schema(max_length = 500)]
    about: String,
}

/// A page of one's own.
#[derive(Serialize, utoipa::ToSchema)]
struct OwnPage {
    id: ChannelId,
    handle: String,
    name: String,
    about: String,
}

impl From<Channel> for OwnPage {
    fn from(page: Channel) -> Self {
        Self {
            id: page.id,
            handle: page.handle,
            name: page.name,
            about: page.about,
        }
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        let text = error.to_string();
        match error {
            CreateError::Store(error) => error.into(),
            CreateError::Handle(why) => Problem::invalid("handle", why.to_string()),
            CreateError::Name(why) => Problem::invalid("name", why.to_string()),
            CreateError::About(why) => Problem::invalid("about", why.to_string()),
            CreateError::HandleTaken => {
                Problem::conflict("handle_taken", "This handle is taken").field("handle")
            }
            CreateError::TooMany => Problem::conflict("too_many", text),
        }
    }
}

/// One's own pages, the oldest first.
#[utoipa::path(get, path = "/api/v1/pages", tag = "people", security(("session" = [])), responses(
    (status = 200, body = Page<OwnPage>),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    Failures,
))]
async fn pages(
    State(people): State<People>,
    SignedIn(person): SignedIn,
) -> Result<Json<Page<OwnPage>>, Problem> {
    let read = people.site.store().read(move |db| pages_of(db, person.id));
    let pages = read.await?.into_iter().map(OwnPage::from);
    Ok(Json(Page::whole(pages.collect())))
}

/// Creates a page: a channel that sells tickets.
#[utoipa::path(post, path = "/api/v1/pages", tag = "people", request_body = CreatePage, security(("session" = [])),
    responses(
    (status = 201, body = OwnPage),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`handle_taken`, `too_many`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
))]
async fn create_page(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Json(asked): Json<CreatePage>,
) -> Result<(StatusCode, Json<OwnPage>), Problem> {
    let (site, now) = (&people.site, people.site.now());
    let new = NewPage {
        id: ChannelId::new(now, site.entropy()),
        owner: person.id,
        handle: asked.handle,
        name: asked.name,
        about: asked.about,
    };
    let page = site.store().write(move |tx| create(tx, &new, now)).await?;
    Ok((StatusCode::CREATED, Json(page.into())))
}
