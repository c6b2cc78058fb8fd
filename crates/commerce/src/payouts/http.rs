//! A creator's payouts over HTTP. They are of a channel of the signed-in person's own: the personal one, or the page
//! that `?channel=` names; nobody else's can be named.

use axum::extract::State as Shared;
use busk_api::{
    Cursor, Failures, Json, OpenApiRouter, Page, Path, Problem, Query, Refusals, StatusCode,
    routes as operations,
};
use busk_base::{ChannelId, PayoutId, Timestamp};
use busk_people::{OwnChannel, Person};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::bank::{BankDetails, BankError};
use super::sql::Place;
use super::standing::PayoutStanding;
use super::{
    CancelError, Method, Payout, PayoutState, Payouts, Request, RequestError, Setting, cancel, identity,
    request, sql,
};
use crate::earnings::{ChannelQuery, StatementQuery};
use crate::payments::{Money, page_of_ours, provider_problem};
use crate::providers::{Identity, Onboard};
use crate::rules::Rules;

pub fn routes(payouts: Payouts) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(standing))
        .routes(operations!(list, ask))
        .routes(operations!(cancel_one))
        .routes(operations!(choose))
        .routes(operations!(keep_bank))
        .routes(operations!(identity_now, verify))
        .with_state(payouts)
}

/// A payout.
#[derive(Serialize, ToSchema)]
pub(super) struct PayoutView {
    pub(super) id: PayoutId,
    pub(super) money: Money,
    pub(super) state: PayoutState,
    /// The provider, or the bank account, masked.
    pub(super) to: String,
    pub(super) method: Method,
    /// Why it was refused, failed or came back.
    pub(super) reason: Option<String>,
    pub(super) requested_at: Timestamp,
    pub(super) changed_at: Timestamp,
}

impl From<Payout> for PayoutView {
    fn from(payout: Payout) -> Self {
        let method = if payout.payee.is_bank() {
            Method::Bank
        } else {
            Method::Provider
        };
        Self {
            id: payout.id,
            money: Money {
                amount: payout.amount,
                currency: payout.currency,
            },
            state: payout.state,
            to: payout.payee.shown().to_owned(),
            method,
            reason: payout.reason,
            requested_at: payout.requested_at,
            changed_at: payout.changed_at,
        }
    }
}

/// Where a list goes on; from `first` when nothing is said.
pub(super) fn place(cursor: Option<&Cursor>, first: Place) -> Result<Place, Problem> {
    let Some(cursor) = cursor else {
        return Ok(first);
    };
    let wrong = || Problem::invalid("cursor", "is not one of this list");
    let (at, id) = cursor.as_bytes().split_first_chunk::<8>().ok_or_else(wrong)?;
    let id = PayoutId::from_slice(id).ok_or_else(wrong)?;
    Ok((Timestamp::from_unix_us(i64::from_be_bytes(*at)), id))
}

pub(super) fn cursor(payout: &Payout) -> Cursor {
    let at = payout.requested_at.unix_us().to_be_bytes();
    Cursor::from_bytes(&[&at[..], payout.id.as_bytes()].concat())
}

/// What money one has where, and what keeps it from being paid out.
#[utoipa::path(get, path = "/api/v1/earnings/money", tag = "payouts", operation_id = "earnings_money", params(ChannelQuery),
    responses((status = 200, body = PayoutStanding), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Failures))]
async fn standing(
    Shared(payouts): Shared<Payouts>,
    OwnChannel { person, channel }: OwnChannel,
) -> Result<Json<PayoutStanding>, Problem> {
    let channel = channel.id;
    stands(&payouts, channel, &person).await
}

async fn stands(
    payouts: &Payouts,
    channel: ChannelId,
    person: &Person,
) -> Result<Json<PayoutStanding>, Problem> {
    let ((now, rules), owner) = (Rules::now(payouts.site()), person.id);
    let read = payouts
        .site()
        .store()
        .read(move |db| db.snapshot(|db| PayoutStanding::of(db, channel, owner, &rules, now)));
    Ok(Json(read.await?))
}

/// One's payouts, newest first.
#[utoipa::path(get, path = "/api/v1/payouts", tag = "payouts", operation_id = "payouts", params(StatementQuery),
    responses((status = 200, body = Page<PayoutView>), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Failures))]
async fn list(
    Shared(payouts): Shared<Payouts>,
    OwnChannel { channel, .. }: OwnChannel,
    Query(page): Query<StatementQuery>,
) -> Result<Json<Page<PayoutView>>, Problem> {
    let last = (Timestamp::from_unix_us(i64::MAX), PayoutId(Uuid::max()));
    let before = place(page.cursor.as_ref(), last)?;
    let (channel, limit) = (channel.id, page.limit);
    let read = payouts
        .site()
        .store()
        .read(move |db| sql::of_channel(db, channel, before, limit.and_one()));
    Ok(Json(views(Page::of(read.await?, limit, cursor))))
}

pub(super) fn views<V: From<Payout>>(page: Page<Payout>) -> Page<V> {
    Page {
        items: page.items.into_iter().map(V::from).collect(),
        next: page.next,
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PayoutBody {
    /// Made by the creator and permanent: the same payout again is asked for once.
    id: PayoutId,
    /// In the currency's minor unit.
    #[schema(minimum = 1)]
    amount: i64,
}

/// Asks for a payout; it is on its way once an operator has approved it.
#[utoipa::path(post, path = "/api/v1/payouts", tag = "payouts", operation_id = "payout_request", params(ChannelQuery),
    request_body = PayoutBody,
    responses((status = 201, body = PayoutView), (status = 200, body = PayoutView, description = "asked for before"),
        (status = 401, description = "`sign_in_needed`"), (status = 402, description = "`insufficient_funds`"),
        (status = 403, description = "`age_undeclared`, `identity_unverified`"),
        (status = 404, description = "`channel_unknown`"),
        (status = 409, description = "`id_reused`, `payout_method_missing`, `in_debt`, `below_payout_minimum`"),
        Refusals))]
async fn ask(
    Shared(payouts): Shared<Payouts>,
    OwnChannel { person, channel }: OwnChannel,
    Json(body): Json<PayoutBody>,
) -> Result<(StatusCode, Json<PayoutView>), Problem> {
    let (now, rules) = Rules::now(payouts.site());
    let wanted = Request {
        id: body.id,
        channel: channel.id,
        owner: person.id,
        amount: body.amount,
        by: Some(person.id),
    };
    let written = payouts.site().store().write(move |tx: &mut Tx| {
        let again = tx.find::<Payout>(&wanted.id)?.is_some();
        Ok((again, request(tx, &wanted, &rules, now)?))
    });
    let (again, payout) = written.await.map_err(request_problem)?;
    let status = if again {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(payout.into())))
}

fn request_problem(error: RequestError) -> Problem {
    let text = error.to_string();
    match error {
        RequestError::Store(error) => error.into(),
        RequestError::IdReused(_) => Problem::conflict("id_reused", text).field("id"),
        RequestError::BelowMinimum(minimum) => Problem::conflict("below_payout_minimum", text)
            .field("amount")
            .detail(format!("At least {} of the currency's minor unit", minimum)),
        RequestError::AgeUndeclared => Problem::forbidden("age_undeclared", text),
        RequestError::MethodMissing => Problem::conflict("payout_method_missing", text),
        RequestError::IdentityUnverified => Problem::forbidden("identity_unverified", text),
        RequestError::InDebt => Problem::conflict("in_debt", text),
        RequestError::InsufficientFunds => {
            Problem::new(StatusCode::PAYMENT_REQUIRED, "insufficient_funds", text).field("amount")
        }
        RequestError::Ledger(error) => {
            tracing::error!("a payout was refused by the ledger: {error}");
            Problem::internal()
        }
    }
}

/// Cancels a payout that no operator has approved yet; the money is available again.
#[utoipa::path(post, path = "/api/v1/payouts/{payout}/cancel", tag = "payouts", operation_id = "payout_cancel",
    params(("payout" = PayoutId, Path), ChannelQuery),
    responses((status = 200, body = PayoutView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`payout_unknown`, `channel_unknown`"),
        (status = 409, description = "`payout_too_late`"), Failures))]
async fn cancel_one(
    Shared(payouts): Shared<Payouts>,
    OwnChannel { person, channel }: OwnChannel,
    Path(id): Path<PayoutId>,
) -> Result<Json<PayoutView>, Problem> {
    let (now, rules) = Rules::now(payouts.site());
    let channel = channel.id;
    let written = payouts
        .site()
        .store()
        .write(move |tx| cancel(tx, id, channel, person.id, &rules, now));
    let payout = written.await.map_err(|error| {
        let text = error.to_string();
        match error {
            CancelError::Store(error) => error.into(),
            CancelError::PayoutUnknown => Problem::not_found("payout_unknown", text),
            CancelError::TooLate(state) => {
                Problem::conflict("payout_too_late", text).detail(format!("It is {}", state.word()))
            }
            CancelError::Ledger(error) => {
                tracing::error!("a payout could not be cancelled: {error}");
                Problem::internal()
            }
        }
    })?;
    Ok(Json(payout.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingBody {
    method: Method,
    /// Whether all that is available is asked for at the beginning of each month.
    monthly: bool,
}

/// Says how one is paid.
#[utoipa::path(put, path = "/api/v1/payouts/setting", tag = "payouts", operation_id = "payout_setting", params(ChannelQuery),
    request_body = SettingBody,
    responses((status = 200, body = PayoutStanding), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Refusals))]
async fn choose(
    Shared(payouts): Shared<Payouts>,
    OwnChannel { person, channel }: OwnChannel,
    Json(body): Json<SettingBody>,
) -> Result<Json<PayoutStanding>, Problem> {
    let (channel, now) = (channel.id, payouts.site().now());
    let (method, monthly) = (Some(body.method), body.monthly);
    let written = payouts.site().store().write(move |tx: &mut Tx| {
        let setting = Setting::of(tx, channel)?.monthly(monthly, now);
        Setting { method, ..setting }.save(tx, channel)
    });
    written.await.map_err(|error: StoreError| Problem::from(error))?;
    stands(&payouts, channel, &person).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BankBody {
    /// Whose account it is, 1–70 characters.
    name: String,
    /// It is kept sealed, and never shown again but for its country and last four characters.
    iban: String,
    /// One's own, again: a session that somebody took must not lead the money elsewhere.
    password: String,
}

/// Says which bank account one is paid to; what was asked for before goes where it was asked for.
#[utoipa::path(put, path = "/api/v1/payouts/bank", tag = "payouts", operation_id = "payout_bank", params(ChannelQuery),
    request_body = BankBody,
    responses((status = 200, body = PayoutStanding), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`password_wrong`"), (status = 404, description = "`channel_unknown`"),
        (status = 429, description = "`too_many_attempts`"), Refusals))]
async fn keep_bank(
    Shared(payouts): Shared<Payouts>,
    OwnChannel { person, channel }: OwnChannel,
    Json(body): Json<BankBody>,
) -> Result<Json<PayoutStanding>, Problem> {
    let details = BankDetails::new(&body.name, &body.iban).map_err(bank_problem)?;
    let confirmation = &payouts.confirmation;
    confirmation
        .confirm(payouts.site(), person.id, body.password)
        .await?;
    let channel = channel.id;
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&payouts.site().secret()[..12]);
    let sealed = details.seal(&payouts.sealing, channel, nonce);
    let bank = Some(sealed.ok_or_else(Problem::internal)?);
    let written = payouts.site().store().write(move |tx: &mut Tx| {
        let setting = Setting::of(tx, channel)?;
        let bank = bank.clone();
        Setting { bank, ..setting }.save(tx, channel)
    });
    written.await.map_err(|error: StoreError| Problem::from(error))?;
    stands(&payouts, channel, &person).await
}

pub(super) fn bank_problem(error: BankError) -> Problem {
    let text = error.to_string();
    match error {
        BankError::Name => Problem::invalid("name", text),
        BankError::Iban => Problem::invalid("iban", text),
    }
}

/// Who one is to the payment provider.
#[derive(Serialize, ToSchema)]
struct IdentityView {
    identity: Identity,
    /// The provider's page at which one says who one is; answered to POST only.
    url: Option<String>,
}

/// Whether the payment provider knows who one is.
#[utoipa::path(get, path = "/api/v1/earnings/identity", tag = "payouts", operation_id = "identity", params(ChannelQuery),
    responses((status = 200, body = IdentityView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Failures))]
async fn identity_now(
    Shared(payouts): Shared<Payouts>,
    OwnChannel { channel, .. }: OwnChannel,
) -> Result<Json<IdentityView>, Problem> {
    let channel = channel.id;
    let read = payouts
        .site()
        .store()
        .read(move |db| identity::account_of(db, channel));
    let account = read.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(IdentityView {
        identity: account.map_or(Identity::Unverified, |account| account.identity),
        url: None,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    /// The page of this site that the provider's leads back to: a path.
    return_to: String,
}

/// Opens the provider's page at which one says who one is, and where one's bank is.
#[utoipa::path(post, path = "/api/v1/earnings/identity", tag = "payouts", operation_id = "identity_verify", params(ChannelQuery),
    request_body = VerifyBody,
    responses((status = 200, body = IdentityView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), (status = 502, description = "`provider_refused`"),
        (status = 503, description = "`provider_unavailable`"), Refusals))]
async fn verify(
    Shared(payouts): Shared<Payouts>,
    OwnChannel { channel, .. }: OwnChannel,
    Json(body): Json<VerifyBody>,
) -> Result<Json<IdentityView>, Problem> {
    let return_to = page_of_ours(&body.return_to)?;
    let channel = channel.id;
    let store = payouts.site().store();
    let read = store.read(move |db| identity::account_of(db, channel));
    let known = read.await.map_err(|error: StoreError| Problem::from(error))?;
    // Who is known to a provider stays with it, while it is there.
    let named = known
        .as_ref()
        .and_then(|known| payouts.till.named(&known.provider));
    let provider = named.unwrap_or_else(|| payouts.till.provider());
    let known = known.filter(|known| known.provider == provider.name());
    let wanted = Onboard {
        channel,
        account: known.as_ref().map(|known| known.account.clone()),
        return_to,
    };
    let page = provider.onboard(&wanted).await.map_err(provider_problem)?;
    let name = provider.name();
    let written = store.write(move |tx| identity::opened(tx, channel, name, &page.account));
    written.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(IdentityView {
        identity: known.map_or(Identity::Unverified, |known| known.identity),
        url: Some(page.url),
    }))
}
