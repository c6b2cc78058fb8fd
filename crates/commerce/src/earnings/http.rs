//! A creator's earnings over HTTP. They are of a channel of the signed-in person's own: the personal one, or the page
//! that `?channel=` names; nobody else's can be named.

use axum::extract::State as Shared;
use busk_api::{
    Cursor, Failures, Json, Limit, OpenApiRouter, Page, Path, Problem, Query, Refusals, Site, StatusCode,
    routes as operations,
};
use busk_base::{ChannelId, Dated, PolicyVersion, PostingId, RedemptionId, Timestamp, Unit};
use busk_ledger::TransferRow;
use busk_people::OwnChannel;
use busk_store::{Read, StoreError, params};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Redeem, RedeemError, StatementLine, lines, next_release, redeem};
use crate::accounts::*;
use crate::rules::Rules;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(summary))
        .routes(operations!(statement))
        .routes(operations!(transfers))
        .routes(operations!(redeem_diamonds))
        .with_state(site)
}

/// What a creator has.
#[derive(Serialize, ToSchema)]
struct Earnings {
    diamonds: Diamonds,
    money: EarnedMoney,
    next_release: Option<NextRelease>,
    /// All diamonds ever earned.
    lifetime_diamonds: i64,
    policy: EarningsPolicy,
}

#[derive(Serialize, ToSchema)]
struct Diamonds {
    pending: i64,
    available: i64,
}

#[derive(Serialize, ToSchema)]
struct EarnedMoney {
    available: MoneyAmount,
}

/// In the currency's minor unit.
#[derive(Serialize, ToSchema)]
struct MoneyAmount {
    amount: i64,
    currency: String,
}

fn money(amount: i64) -> MoneyAmount {
    MoneyAmount {
        amount,
        currency: CURRENCY.code().to_owned(),
    }
}

#[derive(Serialize, ToSchema)]
struct NextRelease {
    at: Timestamp,
    /// What becomes available within a day of it.
    diamonds: i64,
}

/// The rules in force for new gifts.
#[derive(Serialize, ToSchema)]
struct EarningsPolicy {
    version: PolicyVersion,
    gift_share_percent: u8,
    hold_days: f64,
}

/// Which of one's own channels.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChannelQuery {
    /// The handle of a page of one's own; else one's personal channel.
    #[expect(dead_code, reason = "read by `OwnChannel`; here for the description")]
    channel: Option<String>,
}

/// What the signed-in creator has.
#[utoipa::path(get, path = "/api/v1/earnings", tag = "earnings", params(ChannelQuery),
    responses((status = 200, body = Earnings), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Failures))]
async fn summary(Shared(site): Shared<Site>, own: OwnChannel) -> Result<Json<Earnings>, Problem> {
    let channel = own.channel.id;
    let Dated { version, policy, .. } = site.policy_at(site.now());
    let read = site.store().read(move |db| {
        db.snapshot(|db| {
            let diamonds = Diamonds {
                pending: busk_ledger::balance_of(db, &diamonds_pending(channel))?,
                available: busk_ledger::balance_of(db, &diamonds_available(channel))?,
            };
            let available = busk_ledger::balance_of(db, &earnings_available(channel))?;
            let next = next_release(db, channel)?;
            Ok::<_, StoreError>((diamonds, available, next, redeemed(db, channel)?))
        })
    });
    let (diamonds, available, next, redeemed) = read.await?;
    let lifetime_diamonds = diamonds.pending + diamonds.available + redeemed;
    Ok(Json(Earnings {
        lifetime_diamonds,
        diamonds,
        money: EarnedMoney {
            available: money(available),
        },
        next_release: next.map(|(at, diamonds)| NextRelease { at, diamonds }),
        policy: EarningsPolicy {
            version,
            gift_share_percent: policy.gift_share_percent,
            hold_days: policy.gift_hold_s as f64 / 86_400.0,
        },
    }))
}

fn redeemed(db: &mut impl Read, channel: ChannelId) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT CAST(COALESCE(SUM(diamonds), 0) AS BIGINT) FROM earnings_redemption WHERE channel = $1",
        params![channel],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Which channel, and which page of its list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatementQuery {
    /// The handle of a page of one's own; else one's personal channel.
    #[expect(dead_code, reason = "read by `OwnChannel`; here for the description")]
    channel: Option<String>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor>,
    /// Items at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 30)]
    pub(crate) limit: Limit,
}

/// The creator's statement, newest first.
#[utoipa::path(get, path = "/api/v1/earnings/statement", tag = "earnings", params(StatementQuery),
    responses((status = 200, body = Page<StatementLine>), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn statement(
    Shared(site): Shared<Site>,
    own: OwnChannel,
    Query(page): Query<StatementQuery>,
) -> Result<Json<Page<StatementLine>>, Problem> {
    let before = match &page.cursor {
        None => i64::MAX,
        Some(cursor) => cursor
            .as_i64()
            .ok_or_else(|| Problem::invalid("cursor", "is not one of this list"))?,
    };
    let (limit, channel) = (page.limit, own.channel.id);
    let read = site
        .store()
        .read(move |db| db.snapshot(|db| lines(db, channel, before, limit.and_one())));
    let rows = read.await?;
    // A posting's lines have several numbers; what is before its first one is the next page.
    Ok(Json(Page::of(rows, limit, |line| {
        Cursor::from_i64(line.transfer)
    })))
}

/// A posting with its transfers, to be re-added by whoever wants to.
#[derive(Serialize, ToSchema)]
struct PostingView {
    posting: PostingId,
    at: Timestamp,
    policy: PolicyVersion,
    cause: String,
    transfers: Vec<TransferView>,
}

#[derive(Serialize, ToSchema)]
struct TransferView {
    id: i64,
    /// The account it left; `(you)` and `(viewer)` say whose it is.
    debit: String,
    credit: String,
    amount: i64,
    #[schema(value_type = String)]
    unit: Unit,
    /// Of one's own accounts, the balance after it.
    debit_balance: Option<i64>,
    credit_balance: Option<i64>,
}

/// The transfers of one of the statement's postings.
#[utoipa::path(get, path = "/api/v1/earnings/statement/{posting}", tag = "earnings",
    params(("posting" = PostingId, Path), ChannelQuery),
    responses((status = 200, body = PostingView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`posting_unknown`"), Failures))]
async fn transfers(
    Shared(site): Shared<Site>,
    own: OwnChannel,
    Path(posting): Path<PostingId>,
) -> Result<Json<PostingView>, Problem> {
    let own = [Some(own.channel.id.0), Some(own.person.id.0)];
    let read = site.store().read(move |db| {
        let rows = busk_ledger::transfers_of(db, posting)?;
        let head = db.row(
            "SELECT at, policy, cause FROM ledger_posting WHERE id = $1",
            params![posting],
        )?;
        let Some(head) = head else { return Ok(None) };
        Ok(Some((rows, head.get(0)?, head.get(1)?, head.get::<String>(2)?)))
    });
    let unknown = || Problem::not_found("posting_unknown", "There is no such posting of yours");
    let (rows, at, policy, cause) = read
        .await
        .map_err(|e: StoreError| Problem::from(e))?
        .ok_or_else(unknown)?;
    let mine = |owner: Option<Uuid>| owner.is_some() && own.contains(&owner);
    if !rows
        .iter()
        .any(|row| mine(row.debit.owner) || mine(row.credit.owner))
    {
        return Err(unknown());
    }
    let transfers = rows.into_iter().map(|row| transfer(row, mine)).collect();
    Ok(Json(PostingView {
        posting,
        at,
        policy,
        cause,
        transfers,
    }))
}

fn transfer(row: TransferRow, mine: impl Fn(Option<Uuid>) -> bool) -> TransferView {
    let name = |account: &str, owner: Option<Uuid>| match owner {
        None => account.to_owned(),
        Some(_) if mine(owner) => format!("{account} (you)"),
        Some(_) => format!("{account} (viewer)"),
    };
    TransferView {
        id: row.id,
        debit: name(&row.debit.account, row.debit.owner),
        credit: name(&row.credit.account, row.credit.owner),
        amount: row.amount,
        unit: row.unit,
        debit_balance: mine(row.debit.owner).then_some(row.debit.balance),
        credit_balance: mine(row.credit.owner).then_some(row.credit.balance),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedeemBody {
    /// Made by the creator and permanent: the same redemption again is done once.
    id: RedemptionId,
    #[schema(minimum = 1)]
    diamonds: i64,
}

/// What a redemption brought.
#[derive(Serialize, ToSchema)]
struct RedeemedView {
    id: RedemptionId,
    money: MoneyAmount,
}

/// Redeems available diamonds to earnings.
#[utoipa::path(post, path = "/api/v1/earnings/redeem", tag = "earnings", params(ChannelQuery),
    request_body = RedeemBody,
    responses((status = 201, body = RedeemedView), (status = 200, body = RedeemedView, description = "done before"),
        (status = 401, description = "`sign_in_needed`"), (status = 402, description = "`insufficient_funds`"),
        (status = 409, description = "`id_reused`"), Refusals))]
async fn redeem_diamonds(
    Shared(site): Shared<Site>,
    own: OwnChannel,
    Json(body): Json<RedeemBody>,
) -> Result<(StatusCode, Json<RedeemedView>), Problem> {
    let now = site.now();
    let rules = Rules::at(&site, now);
    let wanted = Redeem {
        id: body.id,
        channel: own.channel.id,
        diamonds: body.diamonds,
    };
    let done = site
        .store()
        .write(move |tx| redeem(tx, &wanted, &rules, now))
        .await
        .map_err(problem)?;
    let status = if done.again {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((
        status,
        Json(RedeemedView {
            id: done.id,
            money: money(done.money),
        }),
    ))
}

fn problem(error: RedeemError) -> Problem {
    match error {
        RedeemError::Store(error) => error.into(),
        RedeemError::IdReused(_) => {
            Problem::conflict("id_reused", "This id was used for another redemption").field("id")
        }
        RedeemError::Count => Problem::invalid("diamonds", "must be at least 1"),
        RedeemError::InsufficientFunds => Problem::new(
            StatusCode::PAYMENT_REQUIRED,
            "insufficient_funds",
            "Fewer diamonds are available",
        )
        .field("diamonds"),
        RedeemError::Ledger(error) => {
            tracing::error!("a redemption was refused by the ledger: {error}");
            Problem::internal()
        }
    }
}
