use axum::extract::State;
use axum::response::Response;
use busk_api::{Json, OpenApiRouter, Peer, Problem, ProblemBody, Refusals, routes};
use busk_base::{ChannelId, PersonId, bounded_text, handle};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{DISPLAY_NAME_MAX, SignUp, SignUpError};
use crate::me::Me;
use crate::password;
use crate::routes::People;
use crate::session::Holder;
use crate::sign_in::{Opening, answer};
use crate::{Caller, Role};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new().routes(routes!(sign_up))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    /// 3–24 of a–z, 0–9 and _; the part of the address that names the channel.
    #[schema(example = "ana_9", pattern = "^[A-Za-z0-9_]{3,24}$")]
    pub handle: String,
    #[schema(min_length = 1, max_length = 40)]
    pub display_name: String,
    #[schema(min_length = 8, max_length = 200)]
    pub password: String,
}

impl NewPerson {
    /// What can be refused without asking the store, so that no password is hashed in vain.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        handle(&self.handle).map_err(|error| Problem::from(SignUpError::Handle(error)))?;
        bounded_text(&self.display_name, 1, DISPLAY_NAME_MAX)
            .map_err(|error| Problem::from(SignUpError::DisplayName(error)))?;
        password::check(&self.password).map_err(|error| Problem::invalid("password", error.to_string()))
    }

    /// Hashes the password, and gives the person an id.
    pub(crate) async fn prepare(self, people: &People, role: Role) -> Result<SignUp, Problem> {
        let site = &people.site;
        let password_hash = people.passwords.hash(self.password, site.secret()).await?;
        let now = site.now();
        Ok(SignUp {
            person: PersonId::new(now, site.entropy()),
            channel: ChannelId::new(now, site.entropy()),
            handle: self.handle,
            display_name: self.display_name,
            password_hash,
            role,
        })
    }
}

impl From<SignUpError> for Problem {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Handle(why) => Problem::invalid("handle", why.to_string()),
            SignUpError::DisplayName(why) => Problem::invalid("display_name", why.to_string()),
            SignUpError::HandleTaken => {
                Problem::conflict("handle_taken", "Someone else has this handle").field("handle")
            }
            SignUpError::Store(error) => error.into(),
        }
    }
}

/// Signs up and opens a session.
#[utoipa::path(post, path = "/api/v1/sign-up", tag = "people", request_body = NewPerson, responses(
    (status = 201, description = "Signed up; the cookie `busk_session` is set", body = Me),
    (status = 409, description = "`handle_taken`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
))]
async fn sign_up(
    State(people): State<People>,
    peer: Peer,
    headers: HeaderMap,
    Json(new): Json<NewPerson>,
) -> Result<Response, Problem> {
    let site = people.site.clone();
    people.gates.sign_up(peer.bucket(), site.now())?;
    new.check()?;
    let new = new.prepare(&people, Role::Viewer).await?;
    let opening = Opening::new(&site, Holder::Person(new.person), &headers);
    let (write, now) = (opening.clone(), site.now());
    let done = site.store().write(move |tx| {
        let person = super::sign_up(tx, &new, now)?;
        write.open(tx, now)?;
        Ok::<_, SignUpError>(person)
    });
    let person = done.await?;
    answer(&people, StatusCode::CREATED, Caller::Person(person), &opening).await
}
