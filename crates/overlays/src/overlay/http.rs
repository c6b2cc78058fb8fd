use axum::extract::State;
use axum::response::{IntoResponse, Response};
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, StatusCode, routes as operations,
};
use busk_base::{OverlayId, Timestamp};
use busk_people::SignedIn;
use busk_store::{Reader, Tx};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Kind, Overlay, OverlayError, dress, new_secret, of_channel, owned, rotate, shut};
use crate::{Look, Overlays};

pub(crate) fn routes() -> OpenApiRouter<Overlays> {
    OpenApiRouter::new()
        .routes(operations!(list))
        .routes(operations!(change))
        .routes(operations!(renew_secret, take_secret))
}

/// An overlay as its channel's owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Overlay)]
struct OverlayView {
    kind: Kind,
    look: Look,
    /// When its secret was made; null: it has none, so nothing opens it.
    secret_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
struct OverlayWithSecret {
    overlay: OverlayView,
    /// The address for OBS, with the secret behind `#`. Shown this once.
    #[schema(example = "https://live.example.org/overlay#busk_overlay_Vw3…")]
    url: String,
}

impl From<Overlay> for OverlayView {
    fn from(overlay: Overlay) -> Self {
        Self {
            kind: overlay.kind,
            look: overlay.look,
            secret_at: overlay.secret_at,
        }
    }
}

fn problem(error: OverlayError) -> Problem {
    match error {
        OverlayError::Store(error) => error.into(),
        OverlayError::ChannelUnknown => Problem::not_found("channel_unknown", "There is no such channel"),
        OverlayError::NotYours => Problem::forbidden("not_yours", "Only the channel's owner may do this"),
        OverlayError::Look(why) => Problem::invalid(why.field(), why.to_string()),
    }
}

/// A channel's overlays, one of each kind.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/overlays", tag = "overlays",
    params(("handle" = String, Path)),
    responses((status = 200, body = Page<OverlayView>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn list(
    State(overlays): State<Overlays>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<Json<Page<OverlayView>>, Problem> {
    let read = overlays.site().store().read(move |db: &mut Reader| {
        let channel = owned(db, &handle, person.id)?;
        Ok::<_, OverlayError>(of_channel(db, channel.id)?)
    });
    let mut kept = read.await.map_err(problem)?;
    let all = Kind::ALL.map(|kind| {
        let at = kept.iter().position(|overlay| overlay.kind == kind);
        match at {
            Some(at) => kept.swap_remove(at).into(),
            None => OverlayView {
                kind,
                look: Look::plain(kind),
                secret_at: None,
            },
        }
    });
    Ok(Json(Page::whole(all.into())))
}

/// Changes how an overlay looks; what is open shows it within a second.
#[utoipa::path(put, path = "/api/v1/channels/{handle}/overlays/{kind}", tag = "overlays",
    operation_id = "overlay_change", params(("handle" = String, Path), ("kind" = Kind, Path)), request_body = Look,
    responses((status = 200, body = OverlayView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Refusals))]
async fn change(
    State(overlays): State<Overlays>,
    SignedIn(person): SignedIn,
    Path((handle, kind)): Path<(String, Kind)>,
    Json(look): Json<Look>,
) -> Result<Json<OverlayView>, Problem> {
    let id = new_id(&overlays);
    let write = overlays.site().store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        dress(tx, channel.id, kind, look.clone(), id)
    });
    let overlay = write.await.map_err(problem)?;
    overlays.0.changed.notify_one();
    Ok(Json(overlay.into()))
}

/// Makes an overlay's secret, or another one: what the one before has opened is closed within a second.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/overlays/{kind}/secret", tag = "overlays",
    params(("handle" = String, Path), ("kind" = Kind, Path)),
    responses((status = 201, body = OverlayWithSecret), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Refusals))]
async fn renew_secret(
    State(overlays): State<Overlays>,
    SignedIn(person): SignedIn,
    Path((handle, kind)): Path<(String, Kind)>,
) -> Result<Response, Problem> {
    let (site, now) = (overlays.site(), overlays.site().now());
    let (id, secret) = (new_id(&overlays), new_secret(site.secret()));
    let kept = secret.clone();
    let write = site.store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        rotate(tx, channel.id, kind, &kept, id, now)
    });
    let overlay = write.await.map_err(problem)?;
    overlays.0.changed.notify_one();
    let url = format!("{}/overlay#{secret}", site.public_url());
    let body = OverlayWithSecret {
        overlay: overlay.into(),
        url,
    };
    // No cache may have it.
    let once = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, once, Json(body)).into_response())
}

/// Takes an overlay's secret away: what it has opened is closed within a second, and nothing opens it any more.
#[utoipa::path(delete, path = "/api/v1/channels/{handle}/overlays/{kind}/secret", tag = "overlays",
    params(("handle" = String, Path), ("kind" = Kind, Path)),
    responses((status = 200, body = OverlayView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Refusals))]
async fn take_secret(
    State(overlays): State<Overlays>,
    SignedIn(person): SignedIn,
    Path((handle, kind)): Path<(String, Kind)>,
) -> Result<Json<OverlayView>, Problem> {
    let id = new_id(&overlays);
    let write = overlays.site().store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        shut(tx, channel.id, kind, id)
    });
    let overlay = write.await.map_err(problem)?;
    overlays.0.changed.notify_one();
    Ok(Json(overlay.into()))
}

fn new_id(overlays: &Overlays) -> OverlayId {
    OverlayId::new(overlays.site().now(), overlays.site().entropy())
}
