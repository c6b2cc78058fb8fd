//! Buying coins over HTTP.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::PaymentId;
use busk_people::SignedIn;
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Buy, BuyError, CoinOrder, Purchase, buy, order};
use crate::payments::{self, Money, PaymentState, Till};
use crate::rules::Rules;
use crate::sales::Quote;

pub fn routes(till: Till) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(packs))
        .routes(operations!(begin))
        .routes(operations!(show))
        .with_state(till)
}

/// A number of coins that can be bought.
#[derive(Serialize, ToSchema)]
struct CoinPack {
    code: String,
    coins: i64,
    /// Coins that come with them, worth nothing to creators; they are spent first.
    promotional: i64,
    price: Money,
    /// Who gets what of the price once all of these coins are given.
    split: Quote,
}

/// The coin packs, smallest first.
#[utoipa::path(get, path = "/api/v1/coin-packs", tag = "coins",
    responses((status = 200, body = Page<CoinPack>), Failures))]
async fn packs(Shared(site): Shared<Site>) -> Json<Page<CoinPack>> {
    let policy = site.policy();
    let packs = policy.coin_packs.iter().map(|pack| {
        let price = pack.coins * policy.coin_price_cents;
        CoinPack {
            code: pack.code(),
            coins: pack.coins,
            promotional: pack.promotional,
            price: Money::new(price),
            split: Quote::of(price, policy.gift_share_percent, None, &policy),
        }
    });
    Json(Page::whole(packs.collect()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BuyBody {
    /// Made by the buyer and permanent: the same purchase again is begun once.
    id: PaymentId,
    /// A code of the packs.
    pack: String,
    /// The page of this site that the checkout leads back to.
    return_to: String,
}

/// A purchase of coins.
#[derive(Serialize, ToSchema)]
struct CoinPurchase {
    id: PaymentId,
    state: PaymentState,
    coins: i64,
    promotional: i64,
    price: Money,
    /// What was given back of the price.
    refunded: i64,
    /// Where to pay.
    checkout_url: Option<String>,
}

impl From<Purchase> for CoinPurchase {
    fn from(Purchase { payment, order, .. }: Purchase) -> Self {
        Self {
            id: payment.id,
            state: payment.state,
            coins: order.coins,
            promotional: order.promotional,
            price: Money::new(payment.price),
            refunded: payment.refunded,
            checkout_url: payment.checkout_url,
        }
    }
}

/// Begins a purchase of coins; they come when the provider says that it was paid.
#[utoipa::path(post, path = "/api/v1/coin-purchases", tag = "coins", request_body = BuyBody,
    responses((status = 201, body = CoinPurchase), (status = 200, body = CoinPurchase, description = "begun before"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`age_undeclared`"),
        (status = 409, description = "`id_reused`, `spending_cap_reached`"),
        (status = 429, description = "`too_many_payments`"),
        (status = 502, description = "`provider_refused`"), (status = 503, description = "`provider_unavailable`"), Refusals))]
async fn begin(
    Shared(till): Shared<Till>,
    SignedIn(person): SignedIn,
    Json(body): Json<BuyBody>,
) -> Result<(StatusCode, Json<CoinPurchase>), Problem> {
    let wanted = Buy {
        id: body.id,
        person: person.id,
        pack: body.pack,
        provider: till.provider().name(),
    };
    let begin = move |tx: &mut Tx, rules: &Rules, now| buy(tx, &wanted, rules, now);
    let describe = |order: &CoinOrder| format!("{} coins", order.coins + order.promotional);
    let (status, purchase) = till.begin(&body.return_to, begin, describe).await?;
    Ok((status, Json(purchase.into())))
}

/// A purchase of one's own.
#[utoipa::path(get, path = "/api/v1/coin-purchases/{id}", tag = "coins", params(("id" = PaymentId, Path)),
    responses((status = 200, body = CoinPurchase), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`purchase_unknown`"), Failures))]
async fn show(
    Shared(till): Shared<Till>,
    SignedIn(person): SignedIn,
    Path(id): Path<PaymentId>,
) -> Result<Json<CoinPurchase>, Problem> {
    let read = till.site().store().read(move |db| {
        let payment = payments::payment(db, id)?.filter(|payment| payment.payer == person.id);
        Ok::<_, StoreError>(payment.zip(order(db, id)?))
    });
    let unknown = || Problem::not_found("purchase_unknown", "There is no such purchase");
    let (payment, order) = read.await?.ok_or_else(unknown)?;
    let purchase = Purchase {
        payment,
        order,
        new: false,
    };
    Ok(Json(purchase.into()))
}

impl From<BuyError> for Problem {
    fn from(error: BuyError) -> Self {
        match error {
            BuyError::Store(error) => error.into(),
            BuyError::IdReused(_) => {
                Problem::conflict("id_reused", "This id was used for another payment").field("id")
            }
            BuyError::PackUnknown => Problem::invalid("pack", "there is no such pack"),
            BuyError::Begin(error) => payments::begin_problem(error),
        }
    }
}
