//! `/livez`: the program runs. `/readyz`: it can serve, that is read the store.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use busk_api::{Problem, Site, StatusCode};
use busk_store::{Read, StoreError, params};

const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn routes(site: Site) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(site)
}

async fn ready(State(site): State<Site>) -> Result<&'static str, Problem> {
    let read = site
        .store()
        .read(|db| Ok::<_, StoreError>(db.row("SELECT 1", params![])?.is_some()));
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(read) => read.map(|_| "ok\n").map_err(Problem::from),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The store does not answer",
        )
        .retry_after(1)),
    }
}
