use axum::extract::State;
use axum::response::Response;
use busk_api::{Json, OpenApiRouter, Peer, Problem, ProblemBody, Refusals, routes};
use busk_base::GuestId;
use busk_store::StoreError;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{Guest, welcome};
use crate::Caller;
use crate::me::Me;
use crate::routes::People;
use crate::session::Holder;
use crate::sign_in::{Opening, answer};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new().routes(routes!(become_guest))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGuest {
    #[schema(min_length = 1, max_length = 40)]
    name: String,
}

/// Gives an anonymous viewer a name to chat under.
#[utoipa::path(post, path = "/api/v1/guests", tag = "people", request_body = NewGuest, responses(
    (status = 201, description = "A guest now; the cookie `busk_session` is set", body = Me),
    (status = 409, description = "`already_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
))]
async fn become_guest(
    State(people): State<People>,
    peer: Peer,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewGuest>,
) -> Result<Response, Problem> {
    let site = people.site.clone();
    if caller.person().is_some() {
        return Err(Problem::conflict("already_signed_in", "Sign out to be a guest"));
    }
    let now = site.now();
    let guest = Guest::new(GuestId::new(now, site.entropy()), &new.name)
        .map_err(|why| Problem::invalid("name", why.to_string()))?;
    people.gates.guest(peer.bucket(), now)?;

    let opening = Opening::new(&site, Holder::Guest(guest.id), &headers);
    let (write, welcomed) = (opening.clone(), guest.clone());
    let done = site.store().write(move |tx| {
        welcome(tx, &welcomed, now);
        write.open(tx, now)?;
        Ok::<_, StoreError>(())
    });
    done.await?;
    answer(&people, StatusCode::CREATED, Caller::Guest(guest), &opening).await
}
