//! Statements and exports over HTTP: the operator's of the whole ledger, the creator's of their own accounts.

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use busk_api::{
    Cursor, Failures, Json, Limit, OpenApiRouter, Page, Path, Problem, Query, Site, routes as operations,
};
use busk_base::{PostingId, Timestamp};
use busk_ledger::journal::{self, Place, Span};
use busk_people::{Operator, OwnChannel};
use busk_store::StoreError;
use futures_util::stream;
use http::header;
use serde::{Deserialize, Deserializer, de};
use utoipa::IntoParams;

use super::operator::{
    OperatorAccount, OperatorPosting, OperatorPostingWhole, PeriodSummary, Wanted, of_account, postings,
    summary, whole,
};
use super::{CreatorJournal, Export, Format, Journal, PostingsCsv, StatementCsv, moment};

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(operator_postings))
        .routes(operations!(operator_posting))
        .routes(operations!(operator_accounts))
        .routes(operations!(operator_month))
        .routes(operations!(operator_csv))
        .routes(operations!(operator_journal))
        .routes(operations!(creator_csv))
        .routes(operations!(creator_journal_text))
        .with_state(site.clone())
        .merge(super::taxes::http::routes(site))
}

/// A moment in a query: a day from its beginning in UTC, or RFC 3339.
#[derive(Clone, Copy, Debug)]
struct Moment(Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        let moment = moment(&text).map(Self);
        moment.ok_or_else(|| de::Error::custom("must be a day, as 2026-11-21, or an RFC 3339 time"))
    }
}

fn span(from: Option<Moment>, to: Option<Moment>) -> Span {
    Span {
        from: from.map_or(Span::ALL.from, |moment| moment.0),
        to: to.map_or(Span::ALL.to, |moment| moment.0),
    }
}

/// From when, and until when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SpanQuery {
    /// The first day, or moment; from the beginning when nothing is said.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<Moment>,
    /// The day or moment after the last.
    #[param(value_type = Option<String>, example = "2026-12-01")]
    to: Option<Moment>,
}

/// The same, and for which program.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JournalQuery {
    /// The first day, or moment; from the beginning when nothing is said.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<Moment>,
    /// The day or moment after the last.
    #[param(value_type = Option<String>, example = "2026-12-01")]
    to: Option<Moment>,
    /// `hledger`, or `beancount`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "hledger")]
    format: FormatWord,
}

#[derive(Clone, Copy, Debug, Default)]
struct FormatWord(Format);

impl<'de> Deserialize<'de> for FormatWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Of which channel, from when, and until when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwnSpanQuery {
    /// The handle of a page of one's own; else one's personal channel.
    #[expect(dead_code, reason = "read by `OwnChannel`; here for the description")]
    channel: Option<String>,
    /// The first day, or moment; from the beginning when nothing is said.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<Moment>,
    /// The day or moment after the last.
    #[param(value_type = Option<String>, example = "2026-12-01")]
    to: Option<Moment>,
}

/// Of one's own: the same, and for which program.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwnJournalQuery {
    /// The handle of a page of one's own; else one's personal channel.
    #[expect(dead_code, reason = "read by `OwnChannel`; here for the description")]
    channel: Option<String>,
    /// The first day, or moment; from the beginning when nothing is said.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<Moment>,
    /// The day or moment after the last.
    #[param(value_type = Option<String>, example = "2026-12-01")]
    to: Option<Moment>,
    /// `hledger`, or `beancount`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "hledger")]
    format: FormatWord,
}

/// Which postings, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PostingsQuery {
    /// What brought them about: `gift`, `coin_purchase`, `release` …
    kind: Option<String>,
    /// The first day, or moment.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<Moment>,
    /// The day or moment after the last.
    #[param(value_type = Option<String>, example = "2026-12-01")]
    to: Option<Moment>,
    /// Only those that moved this account: its `id` in the list of accounts.
    account: Option<i64>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Items at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 30)]
    limit: Limit,
}

pub(super) fn foreign_cursor() -> Problem {
    Problem::invalid("cursor", "is not one of this list")
}

/// The time and the number of a posting, for a cursor.
pub(super) fn cursor_of(place: Place) -> Cursor {
    let [at, number] = [place.at.unix_us(), place.number].map(i64::to_be_bytes);
    Cursor::from_bytes(&[at, number].concat())
}

pub(super) fn place_of(cursor: &Cursor) -> Option<Place> {
    let (at, number) = cursor.as_bytes().split_first_chunk::<8>()?;
    Some(Place {
        at: Timestamp::from_unix_us(i64::from_be_bytes(*at)),
        number: i64::from_be_bytes(number.try_into().ok()?),
    })
}

/// All postings, newest first. With `account`, a page may hold fewer than asked for, and still have a next one.
#[utoipa::path(get, path = "/api/v1/operator/postings", tag = "operator", params(PostingsQuery),
    responses((status = 200, body = Page<OperatorPosting>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 422, description = "`invalid`"), Failures))]
async fn operator_postings(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(query): Query<PostingsQuery>,
) -> Result<Json<Page<OperatorPosting>>, Problem> {
    let wanted = Wanted {
        span: span(query.from, query.to),
        kind: query.kind,
    };
    let limit = query.limit;
    if let Some(account) = query.account {
        let before = query
            .cursor
            .map(|cursor| cursor.as_i64().ok_or_else(foreign_cursor));
        let before = before.transpose()?;
        let read = site
            .store()
            .read(move |db| of_account(db, account, &wanted, before, limit.get()));
        let part = read.await.map_err(|error: StoreError| Problem::from(error))?;
        return Ok(Json(Page {
            items: part.items,
            next: part.next.map(Cursor::from_i64),
        }));
    }
    let before = query
        .cursor
        .map(|cursor| place_of(&cursor).ok_or_else(foreign_cursor));
    let before = before.transpose()?.unwrap_or(Place::before(wanted.span.to));
    let read = site
        .store()
        .read(move |db| postings(db, &wanted, before, limit.and_one()));
    let rows = read.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(Page::of(rows, limit, |last| {
        cursor_of(Place {
            at: last.at,
            number: last.number,
        })
    })))
}

/// A posting with its transfers.
#[utoipa::path(get, path = "/api/v1/operator/postings/{posting}", tag = "operator",
    params(("posting" = PostingId, Path)),
    responses((status = 200, body = OperatorPostingWhole), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`posting_unknown`"), Failures))]
async fn operator_posting(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Path(posting): Path<PostingId>,
) -> Result<Json<OperatorPostingWhole>, Problem> {
    let read = site.store().read(move |db| whole(db, posting));
    let found = read.await.map_err(|error: StoreError| Problem::from(error))?;
    let unknown = || Problem::not_found("posting_unknown", "There is no such posting");
    found.map(Json).ok_or_else(unknown)
}

/// Which page of the accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AccountsQuery {
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Items at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 30)]
    limit: Limit,
}

/// All accounts with what they have, in the order in which they were opened.
#[utoipa::path(get, path = "/api/v1/operator/accounts", tag = "operator", params(AccountsQuery),
    responses((status = 200, body = Page<OperatorAccount>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 422, description = "`invalid`"), Failures))]
async fn operator_accounts(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(query): Query<AccountsQuery>,
) -> Result<Json<Page<OperatorAccount>>, Problem> {
    let after = query
        .cursor
        .map(|cursor| cursor.as_i64().ok_or_else(foreign_cursor));
    let (after, limit) = (after.transpose()?.unwrap_or(0), query.limit);
    let read = site
        .store()
        .read(move |db| journal::accounts_after(db, after, limit.and_one()));
    let rows = read.await.map_err(|error: StoreError| Problem::from(error))?;
    let rows = rows.into_iter().map(OperatorAccount::from).collect();
    Ok(Json(Page::of(rows, limit, |last: &OperatorAccount| {
        Cursor::from_i64(last.id)
    })))
}

/// What a calendar month comes to, by kind and account.
#[utoipa::path(get, path = "/api/v1/operator/months/{month}", tag = "operator",
    params(("month" = String, Path, example = "2026-11")),
    responses((status = 200, body = PeriodSummary), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`month_unknown`"), Failures))]
async fn operator_month(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Path(month): Path<String>,
) -> Result<Json<PeriodSummary>, Problem> {
    let from = moment(&format!("{month}-01"));
    let unknown = || Problem::not_found("month_unknown", "A month is written as 2026-11");
    let span = from.and_then(|from| {
        let to = from.next_month()?;
        Some(Span { from, to })
    });
    let span = span.ok_or_else(unknown)?;
    let read = site.store().read(move |db| db.snapshot(|db| summary(db, span)));
    Ok(Json(
        read.await.map_err(|error: StoreError| Problem::from(error))?,
    ))
}

/// Sends an export as it is made: each piece is read when the one before it was taken.
pub(super) fn streamed(
    site: Site,
    export: impl Export + 'static,
    kind: &'static str,
    name: &str,
) -> Response {
    let pieces = stream::try_unfold((site, export), async |(site, mut export)| {
        let read = site.store().read(move |db| {
            let piece = export.next(db)?;
            Ok::<_, StoreError>((piece, export))
        });
        let (piece, export) = read.await?;
        Ok::<_, StoreError>(piece.map(|piece| (piece, (site, export))))
    });
    let name = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

pub(super) const CSV: &str = "text/csv; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// All postings of a span as CSV, oldest first, a line a transfer.
#[utoipa::path(get, path = "/api/v1/operator/postings.csv", tag = "operator", params(SpanQuery),
    responses((status = 200, body = String, content_type = "text/csv"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`operator_needed`"),
        (status = 422, description = "`invalid`"), Failures))]
async fn operator_csv(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(query): Query<SpanQuery>,
) -> Response {
    let export = PostingsCsv::new(span(query.from, query.to));
    streamed(site, export, CSV, "postings.csv")
}

/// The ledger as a plain-text journal.
#[utoipa::path(get, path = "/api/v1/operator/journal", tag = "operator", params(JournalQuery),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`operator_needed`"),
        (status = 422, description = "`invalid`"), Failures))]
async fn operator_journal(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(query): Query<JournalQuery>,
) -> Response {
    let export = Journal::new(span(query.from, query.to), query.format.0);
    streamed(site, export, TEXT, file_name(query.format.0))
}

fn file_name(format: Format) -> &'static str {
    match format {
        Format::Hledger => "busk.journal",
        Format::Beancount => "busk.beancount",
    }
}

/// One's own statement as CSV, oldest first, a line a posting.
#[utoipa::path(get, path = "/api/v1/earnings/statement.csv", tag = "earnings", params(OwnSpanQuery),
    responses((status = 200, body = String, content_type = "text/csv"),
        (status = 401, description = "`sign_in_needed`"), (status = 404, description = "`channel_unknown`"),
        (status = 422, description = "`invalid`"), Failures))]
async fn creator_csv(
    Shared(site): Shared<Site>,
    own: OwnChannel,
    Query(query): Query<OwnSpanQuery>,
) -> Result<Response, Problem> {
    let channel = own.channel.id;
    let export = StatementCsv::new(channel, span(query.from, query.to));
    Ok(streamed(site, export, CSV, "statement.csv"))
}

/// One's own accounts as a plain-text journal.
#[utoipa::path(get, path = "/api/v1/earnings/journal", tag = "earnings", params(OwnJournalQuery),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 401, description = "`sign_in_needed`"), (status = 404, description = "`channel_unknown`"),
        (status = 422, description = "`invalid`"), Failures))]
async fn creator_journal_text(
    Shared(site): Shared<Site>,
    own: OwnChannel,
    Query(query): Query<OwnJournalQuery>,
) -> Result<Response, Problem> {
    let channel = own.channel.id;
    let export = CreatorJournal::new(channel, span(query.from, query.to), query.format.0);
    Ok(streamed(site, export, TEXT, file_name(query.format.0)))
}
