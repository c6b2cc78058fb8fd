//! The yardstick people would reach for: nchan, a publish/subscribe module, in an nginx of our own.

use std::net::SocketAddr;
use std::path::Path;

use busk_bench::nginx::{Nginx, Told};
use busk_bench::process;

use crate::Fallible;

const MODULES: [&str; 2] = [
    "/usr/lib/nginx/modules/ngx_nchan_module.so",
    "/usr/lib64/nginx/modules/ngx_nchan_module.so",
];
const CHANNEL: &str = "
    location = /sub {
        nchan_subscriber websocket;
        nchan_subscriber_first_message newest;
        nchan_channel_id room;
    }
    location = /pub {
        nchan_publisher;
        nchan_channel_id room;
        nchan_message_buffer_length 500;
    }";

pub struct Nchan(Nginx);

impl Nchan {
    /// Starts nginx with one worker on a core. The caller's own pinning returns to `home`.
    pub fn start(core: usize, home: usize) -> Fallible<Self> {
        let module = MODULES.into_iter().find(|module| Path::new(module).exists());
        let module = module.ok_or("nginx with nchan is not installed (Debian: libnginx-mod-nchan)")?;
        let told = Told {
            main: &format!("load_module {module};"),
            http: "nchan_shared_memory_size 256M;",
            server: CHANNEL,
        };
        Ok(Self(Nginx::start(&told, core, home)?))
    }

    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    pub fn cpu_s(&self) -> Fallible<f64> {
        process::cpu_s(self.0.worker())
    }

    /// Memory of the worker that is no file's. Channels live in memory it shares with other workers.
    pub fn memory_kb(&self) -> Fallible<f64> {
        let of = |kind| process::resident_kb(self.0.worker(), kind);
        Ok(of("RssAnon:")? + of("RssShmem:")?)
    }
}
