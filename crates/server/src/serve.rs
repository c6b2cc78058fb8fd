//! Start and drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use busk_api::{OpenApiRouter, Site, SiteConfig};
use busk_base::{Policy, PolicyVersion};
use busk_people::{Coins, Limits, session, setup};
use busk_store::{Database, Migration, Store, StoreError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use utoipa::openapi::OpenApi;

use crate::config::Config;
use crate::jobs::{self, Handlers};
use crate::metrics::Metrics;
use crate::pages::Web;
use crate::stop::{self, Stop, Stopper};
use crate::{clock, limits, listen, router};

/// Every crate's tables, lower crates first.
pub const MIGRATIONS: &[&[Migration]] = &[busk_people::MIGRATIONS];

const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
const METRICS_CONNECTIONS_MAX: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the folder {0} cannot be made: {1}")]
    DataDir(String, std::io::Error),
    #[error("the database cannot be opened: {0}")]
    Store(#[from] StoreError),
    #[error("{0} cannot be listened on: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// A server that runs until it is told to stop.
pub struct Running {
    pub site: Site,
    pub http: SocketAddr,
    pub metrics: SocketAddr,
    stop: Stopper,
    tasks: Vec<JoinHandle<()>>,
}

/// How a site is started, beside its configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mode {
    /// Anyone may enter as one of the demonstration's people.
    pub demo: bool,
}

/// Opens the store, listens, and serves.
pub async fn start(config: Config, mode: Mode) -> Result<Running, StartError> {
    limits::raise_open_files();
    let store = open_store(&config).await?;
    let http = bind(config.http_listen).await?;
    let metrics_listener = bind(config.metrics_listen).await?;
    let http_address = local(&http)?;
    let metrics_address = local(&metrics_listener)?;

    let site = Site::new(SiteConfig {
        store,
        clock: clock::clock(),
        random: clock::randomness(),
        public_url: config
            .public_url
            .clone()
            .unwrap_or_else(|| found_at(http_address)),
        demo: mode.demo,
        policy: Policy::default(),
        policy_version: PolicyVersion(1),
    });
    if !mode.demo {
        offer_setup(&site).await?;
    }

    let people_limits = if config.address_limits {
        Limits::default()
    } else {
        Limits::default().without_addresses()
    };
    let features = features(&site, people_limits);
    let metrics = Metrics::new(Vec::new());
    let router = router::router(&site, features, Web::load(), metrics.clone());

    let (stop, stopped) = stop::channel();
    let tasks = vec![
        tokio::spawn(listen::serve(
            http,
            router,
            config.connections_max,
            Some(metrics.clone()),
            stopped.clone(),
        )),
        tokio::spawn(listen::serve(
            metrics_listener,
            metrics.router(),
            METRICS_CONNECTIONS_MAX,
            None,
            stopped.clone(),
        )),
        tokio::spawn(jobs::work(
            site.clone(),
            Handlers::new(),
            metrics,
            stopped.clone(),
        )),
        tokio::spawn(sweep(site.clone(), stopped)),
    ];
    tracing::info!(http = %http_address, metrics = %metrics_address, url = site.public_url(), "serving");
    Ok(Running {
        site,
        http: http_address,
        metrics: metrics_address,
        stop,
        tasks,
    })
}

impl Running {
    /// Stops accepting and lets what was begun end, for at most ten seconds.
    pub async fn stop(self) {
        self.stop.stop();
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Every feature's routes.
pub fn features(site: &Site, limits: Limits) -> OpenApiRouter {
    let no_wallet: Coins = Arc::new(|_, _| Box::pin(async { Ok(0) }));
    OpenApiRouter::new().merge(busk_people::routes(site.clone(), no_wallet, limits))
}

/// The OpenAPI document of all routes; they are made over an empty store in memory for it.
pub fn openapi() -> Result<OpenApi, StartError> {
    let memory = Database::Sqlite(":memory:".into());
    let site = Site::new(SiteConfig {
        store: Store::open(busk_store::Config::new(memory), MIGRATIONS)?,
        clock: clock::clock(),
        random: clock::randomness(),
        public_url: String::new(),
        demo: false,
        policy: Policy::default(),
        policy_version: PolicyVersion(1),
    });
    Ok(router::document(
        features(&site, Limits::default()).into_openapi(),
    ))
}

async fn open_store(config: &Config) -> Result<Store, StartError> {
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| StartError::DataDir(config.data_dir.display().to_string(), error))?;
    let database = config.database.clone();
    let opening = move || Store::open(busk_store::Config::new(database), MIGRATIONS);
    let opened = tokio::task::spawn_blocking(opening).await;
    Ok(opened.map_err(|panic| StoreError::Broken(panic.to_string()))??)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen(address, error))
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    listener
        .local_addr()
        .map_err(|error| StartError::Listen(unknown, error))
}

/// Where the site is found when nobody said.
fn found_at(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

/// While there is no operator, prints a link that makes the first one.
async fn offer_setup(site: &Site) -> Result<(), StoreError> {
    let (token, now) = (setup::token(site.secret()), site.now());
    let offered = token.clone();
    if site
        .store()
        .write(move |tx| setup::offer(tx, &offered, now))
        .await?
    {
        println!(
            "Set this site up, once, at {}/setup#token={token}",
            site.public_url()
        );
    }
    Ok(())
}

/// Removes sessions that have ended, now and then.
async fn sweep(site: Site, mut stop: Stop) {
    let mut tick = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = tick.tick() => {}
        }
        let now = site.now();
        if let Err(error) = site.store().write(move |tx| session::sweep(tx, now)).await {
            tracing::warn!(%error, "ended sessions could not be removed");
        }
    }
}
