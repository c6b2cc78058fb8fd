//! The guards that every request passes.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::Limited;

use crate::input::too_large;
use crate::{Problem, Site};

/// What pages of other sites may use too (RFC 9725 §4.2), but as strangers: their cookies are not looked at.
const FOR_ALL_ORIGINS: &[&str] = &["/whip/", "/whep/", "/webrtc/"];

/// Refuses requests that change something and were sent by a page of another origin. Cookies are
/// `SameSite=Lax` as well; this also covers sign-in, which needs no cookie.
pub fn same_origin(site: &Site, request: &mut Request) -> Result<(), Problem> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || origin_is_ours(site, request.headers()) {
        return Ok(());
    }
    let path = request.uri().path();
    if FOR_ALL_ORIGINS.iter().any(|start| path.starts_with(start)) {
        request.headers_mut().remove(header::COOKIE);
        return Ok(());
    }
    Err(Problem::forbidden(
        "foreign_origin",
        "Another site's page may not do this",
    ))
}

/// Whether a request comes from our own pages or from no page at all. For WebSocket upgrades too.
pub fn origin_is_ours(site: &Site, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        let fetch_site = headers.get("sec-fetch-site");
        return fetch_site.is_none_or(|from| from == "same-origin" || from == "none");
    };
    let Ok(origin) = origin.to_str() else { return false };
    if origin.eq_ignore_ascii_case(origin_of(site.public_url())) {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    match (host, authority) {
        (Some(host), Some(authority)) => host.eq_ignore_ascii_case(authority),
        _ => false,
    }
}

/// Scheme, host and port of a URL.
fn origin_of(url: &str) -> &str {
    let Some(start) = url.find("://").map(|at| at + 3) else {
        return url;
    };
    match url[start..].find('/') {
        Some(end) => &url[..start + end],
        None => url,
    }
}

/// Refuses bodies over `bytes_max`: at once when their length is given, else while they are read.
pub fn limit_body(bytes_max: usize, request: Request) -> Result<Request, Problem> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large());
    }
    if request.body().is_end_stream() {
        return Ok(request);
    }
    Ok(request.map(|body| Body::new(Limited::new(body, bytes_max))))
}

/// What pages may do: our own files only, no frames around us, no plug-ins.
/// Inline styles are allowed because components set sizes and colours; scripts are not.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' ws: wss:; \
     frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'";

/// Adds the headers that keep a browser from doing more than our pages need.
pub fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), microphone=(self), geolocation=(), payment=()",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests;
