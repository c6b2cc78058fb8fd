//! Start and drain.

use std::net::SocketAddr;
use std::time::Duration;

use busk_api::{EncoderPorts, Site, SiteConfig};
use busk_base::{Policy, Timestamp};
use busk_ledger::policy::{self, Policies};
use busk_people::{session, setup};
use busk_rooms::Rooms;
use busk_store::{Sink, Store, StoreError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use utoipa::openapi::OpenApi;

use crate::close::close_months;
use crate::config::{Config, Settings};
use crate::doors::{Doors, Visitors};
use crate::features::{
    Features, MIGRATIONS, count_gifts, erase_accounts, follow_policies, release_earnings, settle_events,
};
use crate::listen::Front;
use crate::metrics::Metrics;
use crate::pages::Web;
use crate::stop::{self, Stop, Stopper};
use crate::tls::TlsError;
use crate::{clock, demo, jobs, limits, listen, router};

const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
const METRICS_CONNECTIONS_MAX: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the folder {0} cannot be made: {1}")]
    DataDir(String, std::io::Error),
    #[error("the sealing key cannot be read or made: {0}")]
    SealingKey(std::io::Error),
    #[error("the database cannot be opened: {0}")]
    Store(#[from] StoreError),
    #[error("{0} cannot be listened on: {1}")]
    Listen(SocketAddr, std::io::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TlsError),
    #[error("payment providers cannot be asked: {0}")]
    Provider(reqwest::Error),
    #[error("the rooms cannot be opened: {0}")]
    Rooms(std::io::Error),
}

/// A server that runs until it is told to stop.
pub struct Running {
    pub site: Site,
    pub http: SocketAddr,
    pub metrics: SocketAddr,
    rooms: Rooms,
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
    let (sink, announced) = busk_rooms::announcements();
    let first = if mode.demo {
        demo::policy()
    } else {
        Policy::default()
    };
    let doors = Doors::open(&config, Visitors::Encoders).await?;
    let bots = Doors::open(&config, Visitors::Bots).await?;
    let store = open_store(&config, sink).await?;
    let policies = policies(&store, first).await?;
    let front = Front::open(&config).await?;
    let metrics_listener = bind(config.metrics_listen).await?;
    let (http_address, metrics_address) = (front.address()?, local(&metrics_listener)?);

    let public_url = config
        .public_url
        .clone()
        .unwrap_or_else(|| found_at(http_address));
    let site = site(store, policies, public_url, mode.demo, doors.ports());
    if !mode.demo {
        offer_setup(&site).await?;
    }
    let features = Features::start(&site, &config, http_address, announced).await?;
    let metrics = Metrics::new(features.gauges());
    let mut routes = features.routes(&site);
    if mode.demo {
        routes = routes.merge(demo::routes(site.clone()));
    }
    let sealing = features.sealing.clone();
    let web = Web::load(site.public_url());
    let router = router::router(&site, routes, sealing, web, metrics.clone());

    let (stop, stopped) = stop::channel();
    let served = front.serve(router, &site, config.connections_max, &metrics, &stopped);
    let mut tasks = vec![
        tokio::spawn(listen::serve(
            metrics_listener,
            None,
            metrics.router(),
            METRICS_CONNECTIONS_MAX,
            None,
            stopped.clone(),
        )),
        tokio::spawn(jobs::work(
            site.clone(),
            features.handlers(),
            metrics,
            stopped.clone(),
        )),
        tokio::spawn(release_earnings(site.clone(), stopped.clone())),
        tokio::spawn(follow_policies(site.clone(), stopped.clone())),
        tokio::spawn(close_months(
            site.clone(),
            config.data_dir.clone(),
            stopped.clone(),
        )),
        tokio::spawn(count_gifts(features.rooms.clone(), stopped.clone())),
        tokio::spawn(settle_events(site.clone(), stopped.clone())),
        tokio::spawn(erase_accounts(features.rooms.clone(), stopped.clone())),
        tokio::spawn(sweep(site.clone(), features.rooms.clone(), stopped.clone())),
    ];
    tasks.extend(served);
    tasks.extend(doors.serve(&features.rooms, &stopped));
    tasks.extend(bots.serve(&features.rooms, &stopped));
    tracing::info!(http = %http_address, metrics = %metrics_address, url = site.public_url(), "serving");
    Ok(Running {
        site,
        http: http_address,
        metrics: metrics_address,
        rooms: features.rooms,
        stop,
        tasks,
    })
}

impl Running {
    /// Stops accepting and lets what was begun end, for at most ten seconds.
    pub async fn stop(self) {
        self.stop.stop();
        let rooms = self.rooms;
        let _ = tokio::task::spawn_blocking(move || rooms.stop()).await;
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

fn site(
    store: Store,
    policies: Policies,
    public_url: String,
    demo: bool,
    encoder_ports: EncoderPorts,
) -> Site {
    Site::new(SiteConfig {
        store,
        clock: clock::clock(),
        random: clock::randomness(),
        public_url,
        encoder_ports,
        demo,
        policies,
    })
}

/// Reads the policies; writes the first when there is none.
async fn policies(store: &Store, first: Policy) -> Result<Policies, StoreError> {
    let now: Timestamp = clock::clock()();
    store.write(move |tx| policy::ensure(tx, &first, now)).await?;
    store.read(policy::all).await
}

/// The OpenAPI document of all routes; they are made over an empty store, and thrown away.
pub async fn openapi() -> Result<OpenApi, StartError> {
    let unmade = |error| StartError::DataDir("for a moment".into(), error);
    let folder = tempfile::tempdir().map_err(unmade)?;
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings {
        data_dir: Some(folder.path().to_owned()),
        media_listen: Some(any_port),
        rtmp_listen: Some("off".into()),
        ..Settings::default()
    };
    let config = settings
        .check()
        .map_err(|error| unmade(std::io::Error::other(error)))?;
    let (sink, announced) = busk_rooms::announcements();
    let store = open_store(&config, sink).await?;
    let policies = policies(&store, Policy::default()).await?;
    let site = site(store, policies, String::new(), false, EncoderPorts::default());
    let features = Features::start(&site, &config, any_port, announced).await?;
    let routes = features.routes(&site).merge(demo::routes(site.clone()));
    Ok(router::document(routes.into_openapi()))
}

async fn open_store(config: &Config, sink: Sink) -> Result<Store, StartError> {
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| StartError::DataDir(config.data_dir.display().to_string(), error))?;
    let store = busk_store::Config {
        sink: Some(sink),
        ..busk_store::Config::new(config.database.clone())
    };
    let opened = tokio::task::spawn_blocking(move || Store::open(store, MIGRATIONS)).await;
    Ok(opened.map_err(|panic| StoreError::Broken(panic.to_string()))??)
}

/// The store alone, for a command beside a server or without one.
pub fn open_quietly(config: &Config) -> Result<Store, StoreError> {
    Store::open(busk_store::Config::new(config.database.clone()), MIGRATIONS)
}

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen(address, error))
}

pub(crate) fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
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

/// Removes sessions that have ended and replays that were kept long enough, now and then.
async fn sweep(site: Site, rooms: Rooms, mut stop: Stop) {
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
        if let Err(error) = site.store().write(move |tx| busk_api::once::sweep(tx, now)).await {
            tracing::warn!(%error, "answers that were kept long enough could not be removed");
        }
        rooms.expire_replays().await;
    }
}
