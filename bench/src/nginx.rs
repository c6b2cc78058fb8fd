//! nginx as a yardstick: one worker on a core, everything it writes in a folder of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Fallible, process};

pub struct Nginx {
    master: Child,
    worker: u32,
    _folder: tempfile::TempDir,
    pub address: SocketAddr,
}

/// What it is told beyond where its files are: directives outside of any block, in `http`, in `server`.
#[derive(Default)]
pub struct Told<'a> {
    pub main: &'a str,
    pub http: &'a str,
    pub server: &'a str,
}

impl Nginx {
    /// Starts it on a core. The caller's own pinning returns to `home`.
    pub fn start(told: &Told<'_>, core: usize, home: usize) -> Fallible<Self> {
        let folder = tempfile::Builder::new().prefix("busk-bench-nginx-").tempdir()?;
        // Free a moment ago; nginx cannot tell us a port of its own choice.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let conf = folder.path().join("nginx.conf");
        std::fs::write(&conf, configuration(told, folder.path(), address))?;
        process::pin(core)?;
        let mut command = Command::new(program());
        command
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&conf)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        // A group of its own, so that nothing else is meant when it is ended.
        let master = command.process_group(0).spawn();
        process::pin(home)?;
        let mut nginx = Self {
            master: master.map_err(|error| format!("nginx cannot be started: {error}"))?,
            worker: 0,
            _folder: folder,
            address,
        };
        for _ in 0..200 {
            std::thread::sleep(Duration::from_millis(20));
            if let Some(status) = nginx.master.try_wait()? {
                return Err(format!("nginx ended: {status}").into());
            }
            let (pid, worker) = (nginx.master.id(), nginx.worker);
            if worker == 0 {
                let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
                nginx.worker = children.split_whitespace().next().map_or(Ok(0), str::parse)?;
            } else if TcpStream::connect(address).is_ok() {
                return Ok(nginx);
            }
        }
        Err("nginx did not come up".into())
    }

    /// The worker, which does all there is to do; the master waits.
    pub fn worker(&self) -> u32 {
        self.worker
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let master = rustix::process::Pid::from_child(&self.master);
        let _ = rustix::process::kill_process(master, rustix::process::Signal::TERM);
        let _ = self.master.wait();
    }
}

/// Debian's is where ordinary users do not look.
fn program() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/nginx");
    if debian.exists() { debian } else { "nginx".into() }
}

fn configuration(told: &Told<'_>, folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    let Told { main, http, server } = told;
    let user = if rustix::process::getuid().is_root() {
        "user root;"
    } else {
        ""
    };
    format!(
        "daemon off;
        worker_processes 1;
        worker_rlimit_nofile 19000;
        {user}
        pid {folder}/pid;
        error_log {folder}/error.log crit;
        {main}
        events {{ worker_connections 15000; use epoll; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            keepalive_requests 1000000000;
            tcp_nodelay on;
            {http}
            server {{
                listen {address} backlog=4096;
                {server}
            }}
        }}
        "
    )
}
