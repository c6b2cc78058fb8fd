//! The links in letters. Whoever reads the letter may follow them: no session is asked for, the link itself shows for
//! whom it is. A GET only asks, since mailboxes fetch links by themselves; a POST does it, also one that a mailbox sends
//! without anybody looking (RFC 8058).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use busk_api::{Failures, OpenApiRouter, Path, Problem, StatusCode, routes};
use busk_base::{PersonId, Timestamp};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::choice::{Switches, switch};
use crate::keys::{Keys, Link};
use crate::letters::Language;
use crate::lives::escaped;
use crate::{Notices, address};

pub(crate) fn routes() -> OpenApiRouter<Notices> {
    OpenApiRouter::new()
        .routes(routes!(ask_unsubscribe, unsubscribe))
        .routes(routes!(ask_confirm, confirm))
}

fn unknown() -> Problem {
    Problem::not_found("link_unknown", "This link is not good, or not any more")
}

fn subscriber(notices: &Notices, token: &str) -> Result<PersonId, Problem> {
    let person = Keys::person_of(token).ok_or_else(unknown)?;
    match notices.0.keys.is_good(token, Link::Unsubscribe, person) {
        true => Ok(person),
        false => Err(unknown()),
    }
}

/// Whose address the link confirms, and when it was given.
async fn asked(notices: &Notices, token: &str) -> Result<(PersonId, Timestamp), Problem> {
    let person = Keys::person_of(token).ok_or_else(unknown)?;
    let read = notices.site().store().read(move |db| address::of(db, person));
    let at = read.await?.ok_or_else(unknown)?.asked_at;
    let late = notices.site().now().since(at) >= address::GOOD_FOR;
    if late || !notices.0.keys.is_good(token, Link::Confirm(at), person) {
        return Err(unknown());
    }
    Ok((person, at))
}

/// Asks whether there are to be no more letters.
#[utoipa::path(get, path = "/unsubscribe/{token}", tag = "notices", params(("token" = String, Path)),
    responses((status = 200, description = "A page", content_type = "text/html"),
        (status = 404, description = "`link_unknown`"), Failures))]
async fn ask_unsubscribe(
    State(notices): State<Notices>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    subscriber(&notices, &token)?;
    let words = Language::of(&headers).page();
    Ok(page(words.tag, words.unsubscribe, Some(words.unsubscribe_do)))
}

/// No more letters: one click (RFC 8058), without a session.
#[utoipa::path(post, path = "/unsubscribe/{token}", tag = "notices", params(("token" = String, Path)),
    responses((status = 200, description = "A page", content_type = "text/html"),
        (status = 404, description = "`link_unknown`"), Failures))]
async fn unsubscribe(
    State(notices): State<Notices>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let person = subscriber(&notices, &token)?;
    let off = Switches {
        email: Some(false),
        ..Switches::default()
    };
    notices
        .site()
        .store()
        .write(move |tx| switch(tx, person, &off))
        .await?;
    let words = Language::of(&headers).page();
    Ok(page(words.tag, words.unsubscribed, None))
}

/// Asks whether the address is whoever's it was given for.
#[utoipa::path(get, path = "/confirm-address/{token}", tag = "notices", params(("token" = String, Path)),
    responses((status = 200, description = "A page", content_type = "text/html"),
        (status = 404, description = "`link_unknown`"), Failures))]
async fn ask_confirm(
    State(notices): State<Notices>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    asked(&notices, &token).await?;
    let words = Language::of(&headers).page();
    Ok(page(words.tag, words.confirm, Some(words.confirm_do)))
}

/// The address is theirs.
#[utoipa::path(post, path = "/confirm-address/{token}", tag = "notices", params(("token" = String, Path)),
    responses((status = 200, description = "A page", content_type = "text/html"),
        (status = 404, description = "`link_unknown`"), Failures))]
async fn confirm(
    State(notices): State<Notices>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (person, at) = asked(&notices, &token).await?;
    let now = notices.site().now();
    let store = notices.site().store();
    store
        .write(move |tx| address::confirm(tx, person, at, now))
        .await?;
    let words = Language::of(&headers).page();
    Ok(page(words.tag, words.confirmed, None))
}

/// A sentence, and a button that posts to the page's own address.
fn page(tag: &str, text: &str, button: Option<&str>) -> Response {
    let button = button.map_or(String::new(), |button| {
        format!(
            "<form method=\"post\"><button>{}</button></form>",
            escaped(button)
        )
    });
    let html = format!(
        "<!doctype html><html lang=\"{tag}\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><title>Busk</title><style>{STYLE}\
         </style><main><p>{}</p>{button}<p><a href=\"/\">Busk</a></p></main></html>",
        escaped(text)
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::OK, headers, html).into_response()
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;display:grid;min-height:100vh;place-items:center;\
    background:light-dark(#fff9f1,#16100d);color:light-dark(#2a1a12,#fbeee0)}\
    main{max-width:26rem;text-wrap:balance;padding:2rem;text-align:center}a{color:inherit}\
    button{font:inherit;font-weight:700;min-height:3rem;padding:0 1.5rem;border:0;border-radius:99rem;\
    background:#d6321f;color:#fff;cursor:pointer}";
