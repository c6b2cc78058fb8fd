//! Where browser sources come in: by an overlay's secret, and by nothing else. Sessions are not looked at, so that the
//! page may be of no origin at all, and another site's page gains nothing by a person's cookies.
//!
//! The secret travels in headers only: `Authorization: Bearer`, or beside the name of the protocol where a browser opens
//! a socket (RFC 6455 §1.9). Addresses end up in logs.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use busk_api::{Json, OpenApiRouter, Problem, Query, StatusCode, routes as operations};
use busk_base::RoomId;
use busk_commerce::accounts::CURRENCY;
use busk_commerce::gifts::catalogue::KINDS;
use busk_people::{ChannelRef, channel};
use busk_rooms::overlay::{OverlayPass, Since};
use busk_store::{Reader, StoreError};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::overlay::by_secret;
use crate::{Kind, Look, Overlay, Overlays};

/// The protocol's name in the opening handshake; the secret is offered behind it.
const PROTOCOL: &str = "busk.overlay";

pub(crate) fn routes() -> OpenApiRouter<Overlays> {
    OpenApiRouter::new()
        .routes(operations!(show, allow))
        .route("/ws/overlay", axum::routing::get(open))
}

/// What a browser source has to know before it shows anything.
#[derive(Serialize, ToSchema)]
struct OverlayShown {
    kind: Kind,
    look: Look,
    channel: ChannelRef,
    /// The live that is on, from its lobby to its end; null: ask again.
    room: Option<RoomId>,
    /// What goals of money are counted in.
    #[schema(example = "USD")]
    currency: String,
    /// What gifts are called.
    gifts: Vec<OverlayGift>,
}

#[derive(Serialize, ToSchema)]
struct OverlayGift {
    code: &'static str,
    en: &'static str,
    fr: &'static str,
}

/// How an overlay looks, and where its channel's live is. `Authorization: Bearer` has the overlay's secret; cookies are
/// not looked at, and pages of any origin may ask.
#[utoipa::path(get, path = "/api/v1/overlay", tag = "overlays",
    responses((status = 200, body = OverlayShown),
        (status = 404, description = "`overlay_unknown`: there is no such secret, or not any more")))]
async fn show(State(overlays): State<Overlays>, headers: HeaderMap) -> Response {
    let shown = shown(&overlays, bearer(&headers)).await;
    for_any_origin(shown.map(Json).into_response())
}

/// What a page may send to it.
#[utoipa::path(options, path = "/api/v1/overlay", tag = "overlays",
    responses((status = 204, description = "`Access-Control-Allow-…`")))]
async fn allow() -> Response {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    for_any_origin((StatusCode::NO_CONTENT, allowed).into_response())
}

/// The page has no origin (its policy puts it into a sandbox), so that only a star lets it read the answer. Nothing is
/// given away by that: whoever knows the secret may ask without a browser.
fn for_any_origin(mut response: Response) -> Response {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn shown(overlays: &Overlays, secret: Option<&str>) -> Result<OverlayShown, Problem> {
    let overlay = found(overlays, secret).await?;
    let room = overlays.rooms().room_for_overlay(overlay.channel).await?;
    let of = overlay.channel;
    let read = overlays.site().store().read(move |db: &mut Reader| {
        let gone = || StoreError::Broken("an overlay's channel is gone".into());
        channel(db, of)?.ok_or_else(gone)
    });
    let channel = ChannelRef::from(&read.await?);
    let gifts = KINDS.iter().map(|kind| OverlayGift {
        code: kind.code,
        en: kind.name_en,
        fr: kind.name_fr,
    });
    Ok(OverlayShown {
        kind: overlay.kind,
        look: overlay.look,
        channel,
        room,
        currency: CURRENCY.code().to_owned(),
        gifts: gifts.collect(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    room: RoomId,
    after: Option<i64>,
    epoch: Option<i64>,
}

/// Opens the socket of an overlay: that of the room, as read by nobody in particular.
async fn open(
    State(overlays): State<Overlays>,
    Query(asked): Query<Asked>,
    request: Request,
) -> Result<Response, Problem> {
    let overlay = found(&overlays, offered(request.headers())).await?;
    let pass = OverlayPass {
        id: overlay.id,
        version: overlay.version,
    };
    let since = Since {
        after: asked.after,
        epoch: asked.epoch,
    };
    let rooms = overlays.rooms().clone();
    let mut response = rooms
        .open_overlay(pass, overlay.channel, asked.room, since, request)
        .await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // A browser hangs up on a server that chose none of what it offered.
        let chosen = HeaderValue::from_static(PROTOCOL);
        response
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    Ok(response)
}

async fn found(overlays: &Overlays, secret: Option<&str>) -> Result<Overlay, Problem> {
    let unknown = || Problem::not_found("overlay_unknown", "There is no such overlay");
    let secret = secret.ok_or_else(unknown)?.to_owned();
    let read = overlays.site().store().read(move |db| by_secret(db, &secret));
    read.await?.ok_or_else(unknown)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// What stands behind our protocol's name.
fn offered(headers: &HeaderMap) -> Option<&str> {
    let mut offers = text(headers, header::SEC_WEBSOCKET_PROTOCOL)?
        .split(',')
        .map(str::trim);
    offers.next().filter(|first| *first == PROTOCOL)?;
    offers.next()
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_read_from_headers() {
        let of = |name: HeaderName, value: &'static str| {
            HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
        };
        for (value, secret) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
        ] {
            assert_eq!(bearer(&of(header::AUTHORIZATION, value)), secret, "{value}");
        }
        for (value, secret) in [
            ("busk.overlay, abc", Some("abc")),
            ("busk.overlay,abc", Some("abc")),
            ("busk.overlay", None),
            ("abc, busk.overlay", None),
        ] {
            let headers = of(header::SEC_WEBSOCKET_PROTOCOL, value);
            assert_eq!(offered(&headers), secret, "{value}");
        }
    }
}
