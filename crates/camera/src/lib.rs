//! A synthetic camera with its microphone, a WHIP publisher and a WHEP viewer: the creators of
//! `busk demo`, the other end in tests, the load in benches.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use busk_camera::{Camera, CameraConfig, Scene, ViewOptions, Viewer};
//!
//! let camera = Camera::start(CameraConfig::demo(Scene::Stage, "Ada"))?;
//! let mut publisher = camera.publish("http://127.0.0.1:8080/whip/ada", Some("the stream key")).await?;
//! assert!(publisher.connected().await);
//! let viewer = Viewer::start("http://127.0.0.1:8080/whep/…", None, ViewOptions { decode: true, people: 1 }).await?;
//! println!("{:?}", viewer.stats());
//! viewer.stop().await;
//! publisher.stop().await;
//! # Ok(()) }
//! ```
//!
//! Without I/O: [`picture`], [`encode`], [`tone`], [`h264`], [`protocol`]. With clocks, threads and
//! sockets: [`camera`] (a plain thread that draws and encodes) and [`client`] (tokio tasks).

pub mod camera;
pub mod client;
pub mod encode;
pub mod feed;
pub mod h264;
pub mod picture;
pub mod protocol;
pub mod tone;

pub use camera::{Camera, CameraConfig, CameraError, CameraStats};
pub use client::{ClientError, Publisher, PublisherStats, ViewOptions, Viewer, ViewerStats};
pub use feed::{Feed, FeedSender, feed};
pub use picture::Scene;
pub use protocol::Sample;
