//! Where the site is served by TLS, who comes to its name in the clear is led there (RFC 9110, section 15.4.9).
//!
//! Asked by another name, as health checks on the machine itself do, the clear listener answers as ever; so it does to
//! what a proxy hands on, which may have spoken TLS already.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, Uri, header};

const BY_PROXY: [&str; 3] = ["forwarded", "x-forwarded-for", "x-forwarded-proto"];

/// The router of the clear listener; `site` is the site's own address, `https://…`.
pub(super) fn to_tls(router: Router, site: &str) -> Router {
    router.layer(from_fn_with_state(Arc::<str>::from(site), led))
}

async fn led(State(site): State<Arc<str>>, request: Request, next: Next) -> Response {
    let by_proxy = BY_PROXY.iter().any(|name| request.headers().contains_key(*name));
    if by_proxy || !is_asked_for(request.headers(), &site) {
        return next.run(request).await;
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    Redirect::permanent(&format!("{site}{path}")).into_response()
}

/// Whether the request names the site's host, at whatever port.
fn is_asked_for(headers: &HeaderMap, site: &str) -> bool {
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let asked = asked.and_then(|host| host.parse::<http::uri::Authority>().ok());
    let own = site.parse::<Uri>().ok();
    asked
        .as_ref()
        .zip(own.as_ref().and_then(Uri::host))
        .is_some_and(|(asked, own)| asked.host().eq_ignore_ascii_case(own))
}
