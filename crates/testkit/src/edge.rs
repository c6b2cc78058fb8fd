//! nginx as an edge before the program, gone when dropped.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crate::app::{TestApp, free};

/// What the manual keeps answers in, and so every edge here.
const ZONE: &str = "busk";
/// What stands for the program's address in the manual.
const ORIGIN: &str = "127.0.0.1:8080";

/// A running nginx.
pub struct Edge {
    process: Child,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Edge {
    /// With these `location` blocks, in which the program is at `127.0.0.1:8080` as in the manual.
    pub async fn start(app: &TestApp, locations: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let address = free();
        let path = folder.path().display();
        let locations = locations.replace(ORIGIN, &app.http.to_string());
        let configuration = format!(
            "daemon off; pid {path}/pid; error_log stderr; events {{}} http {{ access_log off;
             client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;
             uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
             proxy_cache_path {path}/cache keys_zone={ZONE}:1m;
             server {{ listen {address}; {locations} }} }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).expect("the configuration can be written");
        let installed = Path::new("/usr/sbin/nginx");
        let nginx = if installed.exists() {
            installed
        } else {
            Path::new("nginx")
        };
        let process = Command::new(nginx).arg("-c").arg(&file).spawn();
        let edge = Self {
            process: process.expect("nginx is installed"),
            address,
            _folder: folder,
        };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return edge;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nginx does not come up");
    }

    /// As the operator's manual has it, and saying of each answer whether it was kept.
    pub async fn of_the_manual(app: &TestApp, manual: &str) -> Self {
        let (_, after) = manual.split_once("location ~").expect("the manual has an edge");
        let (locations, _) = after.split_once("```").expect("the block ends");
        let told = "proxy_cache busk; add_header X-Cache $upstream_cache_status always;";
        let locations = locations.replace("proxy_cache busk;", told);
        Self::start(app, &format!("location ~{locations}")).await
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // The master tells its workers when it is asked to, not when it is killed.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
