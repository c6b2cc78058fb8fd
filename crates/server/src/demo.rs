//! `busk demo`: a live site in a throw-away folder. Three creators with synthetic cameras publish through
//! WHIP like any encoder, an audience comes by HTTP and WebSocket like any browser, buys coins from the
//! sandbox and sends gifts; and whoever looks in may enter as a viewer or as a creator with one click.

mod crowd;
mod http;
mod people;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use busk_base::Policy;
use busk_camera::{Camera, CameraConfig, CameraError, ClientError, Publisher, Scene};
use busk_store::StoreError;

use crate::config::{ConfigError, Settings};
use crate::serve::{self, Mode, Running, StartError};
pub use http::routes;
use people::Creator;

/// How long a camera may take to connect.
const CONNECT_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("a throw-away folder cannot be made: {0}")]
    Folder(std::io::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a synthetic camera does not start: {0}")]
    Camera(#[from] CameraError),
    #[error("a synthetic camera cannot publish: {0}")]
    Publish(#[from] ClientError),
    #[error("the camera of {0} did not connect")]
    NotConnected(&'static str),
    #[error("{0}")]
    Cast(String),
}

/// The running demonstration.
pub struct Demo {
    running: Running,
    cameras: Vec<(Camera, Publisher)>,
    crowd: crowd::Crowd,
    /// Removed when dropped.
    _folder: tempfile::TempDir,
}

/// The policy of the demonstration: diamonds are held for a minute instead of a week, so that their
/// release can be watched.
pub fn policy() -> Policy {
    Policy {
        gift_hold_s: 60,
        ..Policy::default()
    }
}

pub(crate) struct Role {
    pub(crate) handle: &'static str,
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    scene: Scene,
}

pub(crate) const CREATORS: [Role; 3] = [
    Role {
        handle: "mara",
        name: "Mara Lindqvist",
        title: "Late set from the rooftop",
        scene: Scene::Stage,
    },
    Role {
        handle: "teo_clay",
        name: "Téo Clay",
        title: "Throwing a teapot, start to finish",
        scene: Scene::Studio,
    },
    Role {
        handle: "nordlys",
        name: "Nordlys",
        title: "Aurora over the fjord — quiet company",
        scene: Scene::Sky,
    },
];

impl Demo {
    /// Starts everything, telling how far it is.
    pub async fn start(settings: Settings) -> Result<Self, DemoError> {
        let folder = tempfile::Builder::new()
            .prefix("busk-demo-")
            .tempdir()
            .map_err(DemoError::Folder)?;
        let local = |port| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let defaults = Settings {
            http_listen: local(8080),
            media_listen: local(8081),
            metrics_listen: local(8082),
            rtmp_listen: Some("127.0.0.1:1935".into()),
            ..Settings::default()
        };
        // Whatever is configured on this machine is for real sites: their data is not played with.
        let thrown_away = Settings {
            data_dir: Some(folder.path().to_owned()),
            ..Settings::default()
        };
        let asked = Settings {
            data_dir: None,
            database_url: None,
            ..settings
        };
        let mut config = thrown_away.or(asked).or(defaults).check()?;
        if config.public_url.is_none()
            && config.http_listen.ip().is_loopback()
            && config.http_listen.port() != 0
        {
            config.public_url = Some(format!("http://localhost:{}", config.http_listen.port()));
        }

        step("opening the site");
        let running = serve::start(config, Mode { demo: true }).await?;
        let mut cameras = Vec::new();
        let mut rooms = Vec::new();
        for role in &CREATORS {
            step(&format!("{} goes live", role.name));
            let creator = Creator::sign_up(&running.site, role).await?;
            cameras.push(go_live(&running, role, &creator).await?);
            rooms.push(creator.room);
        }
        step("the audience comes in");
        let crowd = crowd::Crowd::gather(&running, &rooms).await?;
        greet(&running);
        Ok(Self {
            running,
            cameras,
            crowd,
            _folder: folder,
        })
    }

    /// Where the site is.
    pub fn http(&self) -> SocketAddr {
        self.running.http
    }

    pub async fn stop(self) {
        self.crowd.leave();
        for (_, publisher) in self.cameras {
            publisher.stop().await;
        }
        self.running.stop().await;
    }
}

async fn go_live(
    running: &Running,
    role: &Role,
    creator: &Creator,
) -> Result<(Camera, Publisher), DemoError> {
    let camera = Camera::start(CameraConfig::demo(role.scene, role.name))?;
    let url = format!("http://{}/whip/{}", running.http, role.handle);
    let mut publisher = camera.publish(&url, Some(&creator.stream_key)).await?;
    let connected = tokio::time::timeout(CONNECT_MAX, publisher.connected()).await;
    match connected {
        Ok(true) => Ok((camera, publisher)),
        Ok(false) | Err(_) => Err(DemoError::NotConnected(role.name)),
    }
}

fn step(text: &str) {
    println!("  … {text}");
    // Not being able to show progress is no reason to stop.
    let _ = std::io::stdout().flush();
}

fn greet(running: &Running) {
    let url = running.site.public_url();
    println!(
        "
  Busk is live at {url}

  Try this:
    1. Open {url} and enter as a viewer; tap a room.
    2. Say something, then send a rose again and again: the streak grows on every screen.
    3. Run out of coins, and buy some from the sandbox (no card, no money).
    4. In another browser, enter as a creator: the studio shows gifts as they come, and
       {url}/earnings opens every line down to its transfers.
    5. Sign up, open {url}/studio, and go live with your own camera.

  Ctrl-C ends the demonstration and removes its data."
    );
}
