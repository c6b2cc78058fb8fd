//! Buying coins over HTTP.

use axum::extract::{FromRef, State as Shared};
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::PurchaseId;
use busk_people::SignedIn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Buy, BuyError, PACKS, Purchase, PurchaseState, buy};
use crate::accounts::CURRENCY;
use crate::caps::{Period, Reached};
use crate::providers::sandbox::{Checkout, Sandbox};

#[derive(Clone, FromRef)]
struct Till {
    site: Site,
    sandbox: Sandbox,
}

pub fn routes(site: Site, sandbox: Sandbox) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(packs))
        .routes(operations!(begin))
        .routes(operations!(show))
        .with_state(Till { site, sandbox })
}

/// An amount of money.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Money {
    /// In the currency's minor unit.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

/// A number of coins that can be bought.
#[derive(Serialize, ToSchema)]
struct CoinPack {
    code: &'static str,
    coins: i64,
    price: Money,
}

/// The coin packs, smallest first.
#[utoipa::path(get, path = "/api/v1/coin-packs", tag = "coins",
    responses((status = 200, body = Page<CoinPack>), Failures))]
async fn packs(Shared(site): Shared<Site>) -> Json<Page<CoinPack>> {
    let cents = site.policy().coin_price_cents;
    let packs = PACKS.iter().map(|pack| {
        let price = Money {
            amount: pack.price(cents),
            currency: CURRENCY.code().to_owned(),
        };
        CoinPack {
            code: pack.code,
            coins: pack.coins,
            price,
        }
    });
    Json(Page::whole(packs.collect()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BuyBody {
    /// Made by the buyer and permanent: the same purchase again is begun once.
    id: PurchaseId,
    /// A code of the packs.
    pack: String,
    /// The page of this site that the checkout leads back to.
    return_to: String,
}

/// A purchase of coins.
#[derive(Serialize, ToSchema)]
struct CoinPurchase {
    id: PurchaseId,
    state: PurchaseState,
    coins: i64,
    price: Money,
    /// Where to pay.
    checkout_url: String,
}

impl CoinPurchase {
    fn new(purchase: Purchase, sandbox: &Sandbox) -> Self {
        let Purchase {
            id,
            state,
            coins,
            price,
            currency,
            checkout,
            ..
        } = purchase;
        let price = Money {
            amount: price,
            currency,
        };
        Self {
            id,
            state,
            coins,
            price,
            checkout_url: sandbox.checkout_url(&checkout),
        }
    }
}

/// Begins a purchase of coins; they come when the provider says that it was paid.
#[utoipa::path(post, path = "/api/v1/coin-purchases", tag = "coins", request_body = BuyBody,
    responses((status = 201, body = CoinPurchase), (status = 200, body = CoinPurchase, description = "begun before"),
        (status = 401, description = "`sign_in_needed`"), (status = 409, description = "`id_reused`, `spending_cap_reached`"), Refusals))]
async fn begin(
    Shared(till): Shared<Till>,
    SignedIn(person): SignedIn,
    Json(body): Json<BuyBody>,
) -> Result<(StatusCode, Json<CoinPurchase>), Problem> {
    let Till { site, sandbox } = till;
    let return_to = page_of_ours(&body.return_to)?;
    let now = site.now();
    let wanted = Buy {
        id: body.id,
        person: person.id,
        pack: body.pack,
        checkout: sandbox.new_checkout(),
        coin_price_cents: site.policy().coin_price_cents,
    };
    let begun = site.store().write(move |tx| {
        let (purchase, new) = buy(tx, &wanted, now)?;
        if new {
            Checkout::of(&purchase, &return_to).add(tx);
        }
        Ok((purchase, new))
    });
    let (purchase, new) = begun.await.map_err(problem)?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(CoinPurchase::new(purchase, &sandbox))))
}

/// A purchase of one's own.
#[utoipa::path(get, path = "/api/v1/coin-purchases/{id}", tag = "coins", params(("id" = PurchaseId, Path)),
    responses((status = 200, body = CoinPurchase), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`purchase_unknown`"), Failures))]
async fn show(
    Shared(till): Shared<Till>,
    SignedIn(person): SignedIn,
    Path(id): Path<PurchaseId>,
) -> Result<Json<CoinPurchase>, Problem> {
    let read = till
        .site
        .store()
        .read(move |db| super::purchase(db, id, person.id));
    let unknown = || Problem::not_found("purchase_unknown", "There is no such purchase");
    let purchase = read.await?.ok_or_else(unknown)?;
    Ok(Json(CoinPurchase::new(purchase, &till.sandbox)))
}

/// A path on this site: nothing that a browser could take for another host.
fn page_of_ours(path: &str) -> Result<String, Problem> {
    let ours = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 200
        && path
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>'));
    if ours {
        Ok(path.to_owned())
    } else {
        Err(Problem::invalid("return_to", "must be a path on this site"))
    }
}

fn problem(error: BuyError) -> Problem {
    match error {
        BuyError::Store(error) => error.into(),
        BuyError::IdReused(_) => {
            Problem::conflict("id_reused", "This id was used for another purchase").field("id")
        }
        BuyError::PackUnknown => Problem::invalid("pack", "there is no such pack"),
        BuyError::CapReached(Reached { period, left }) => {
            let of = match period {
                Period::Day => "24 hours",
                Period::Month => "30 days",
            };
            let (whole, cents, currency) = (left / 100, left % 100, CURRENCY.code());
            Problem::conflict(
                "spending_cap_reached",
                "This would go over the cap that you have set",
            )
            .detail(format!(
                "{whole}.{cents:02} {currency} of your cap for {of} is left"
            ))
        }
    }
}
