//! All routes, the OpenAPI document they make, and the guards around them.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use busk_api::{OpenApiRouter, Problem, Site, StatusCode, limit_body, same_origin, secure};
use busk_rooms::restream::SealingKey;
use futures_util::FutureExt;
use http::{Method, header};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi};

use crate::health;
use crate::metrics::Metrics;
use crate::once;
use crate::pages::Web;

/// The largest body of any request: an SDP offer.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a request may take, its body included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Paths that are for programs: what is not found there is said as a problem, not as a page.
const FOR_PROGRAMS: &[&str] = &[
    "/api/",
    "/ws/",
    "/whip/",
    "/whep/",
    "/webrtc/",
    "/sandbox/",
    "/hls/",
    "/emotes/",
];

/// Adds what no feature crate knows to the document that their routes made.
pub(crate) fn document(mut made: OpenApi) -> OpenApi {
    made.info = InfoBuilder::new()
        .title("Busk")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A self-hosted live platform. Errors are RFC 9457 problem details; times are RFC 3339; ids are \
             UUIDs; lists come in pages with a cursor.",
        ))
        .build();
    let mut components = made
        .components
        .take()
        .unwrap_or_else(|| ComponentsBuilder::new().build());
    components.schemas.extend(busk_api::schemas());
    let session = ApiKey::Cookie(ApiKeyValue::new(busk_people::session::COOKIE));
    components
        .security_schemes
        .insert("session".into(), SecurityScheme::ApiKey(session).into());
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A person's token for a program, by its scopes."))
        .build();
    components
        .security_schemes
        .insert("token".into(), SecurityScheme::Http(token).into());
    made.components = Some(components);
    name_operations(&mut made);
    busk_api::complete_keys(&mut made);
    busk_api::complete_openapi(&mut made);
    made
}

/// Gives every operation a name of its own, of its method and path: the functions behind them are named within
/// their story, where more than one is called `show`.
fn name_operations(made: &mut OpenApi) {
    for (path, item) in &mut made.paths.paths {
        let words: Vec<&str> = path
            .split(['/', '{', '}', '-'])
            .filter(|word| !matches!(*word, "" | "api" | "v1"))
            .collect();
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
            ("options", &mut item.options),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{}", words.join("_")));
            }
        }
    }
}

/// The whole router.
pub(crate) fn router(
    site: &Site,
    features: OpenApiRouter,
    sealing: SealingKey,
    web: Web,
    metrics: Metrics,
) -> Router {
    let (features, made) = features.split_for_parts();
    let openapi = document(made)
        .to_pretty_json()
        .expect("the document is numbers and text under text keys");
    let json = [(header::CONTENT_TYPE, "application/json")];
    features
        .route("/api/openapi.json", get(async move || (json, openapi)))
        .merge(health::routes(site.clone()))
        .fallback(not_routed)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(Extension(web))
        .layer(from_fn_with_state((site.clone(), sealing, metrics), guarded))
}

/// What every request passes. In one layer: each costs every request allocations.
async fn guarded(
    State((site, sealing, metrics)): State<(Site, SealingKey, Metrics)>,
    request: Request,
    next: Next,
) -> Response {
    let _held = metrics.request();
    let mut response = match admitted(&site, request) {
        Ok(request) if once::is_keyed(&request) => {
            once::once(site, sealing, request, |request| in_time(request, next)).await
        }
        Ok(request) => in_time(request, next).await,
        Err(refused) => refused.into_response(),
    };
    secure(response.headers_mut());
    metrics.answered(response.status());
    response
}

fn admitted(site: &Site, mut request: Request) -> Result<Request, Problem> {
    same_origin(site, &mut request)?;
    limit_body(BODY_BYTES_MAX, request)
}

async fn not_routed(Extension(web): Extension<Web>, request: Request) -> Response {
    let path = request.uri().path();
    if FOR_PROGRAMS.iter().any(|start| path.starts_with(start)) {
        return Problem::not_found("not_found", "There is nothing at this address").into_response();
    }
    web.serve(request.method(), path, request.headers())
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{method} is not possible here"),
    )
}

/// Ends what takes too long, and turns a panic into an answer: a bug must cost one request, not more.
async fn in_time(request: Request, next: Next) -> Response {
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(PATIENCE, answering).await {
        Ok(Ok(response)) => response,
        // The panic hook has written where.
        Ok(Err(_)) => Problem::internal().into_response(),
        Err(_) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "The request took too long",
        )
        .into_response(),
    }
}
