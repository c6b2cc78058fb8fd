//! The yardstick people would reach for: nchan, a publish/subscribe module, in an nginx of our own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use busk_bench::process;

use crate::Fallible;

const MODULES: [&str; 2] = [
    "/usr/lib/nginx/modules/ngx_nchan_module.so",
    "/usr/lib64/nginx/modules/ngx_nchan_module.so",
];

pub struct Nchan {
    master: Child,
    worker: u32,
    folder: PathBuf,
    pub address: SocketAddr,
}

impl Nchan {
    /// Starts nginx with one worker on a core. The caller's own pinning returns to `home`.
    pub fn start(core: usize, home: usize) -> Fallible<Self> {
        let module = MODULES.into_iter().find(|module| Path::new(module).exists());
        let module = module.ok_or("nginx with nchan is not installed (Debian: libnginx-mod-nchan)")?;
        let folder = std::env::temp_dir().join(format!("busk-bench-nchan-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        // Free a moment ago; nginx cannot tell us a port of its own choice.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let conf = folder.join("nginx.conf");
        std::fs::write(&conf, configuration(module, &folder, address))?;
        process::pin(core)?;
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(&folder)
            .arg("-c")
            .arg(&conf)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        // A group of its own, so that nothing else is meant when it is ended.
        let master = command.process_group(0).spawn();
        process::pin(home)?;
        let mut nchan = Self {
            master: master?,
            worker: 0,
            folder,
            address,
        };
        for _ in 0..200 {
            std::thread::sleep(Duration::from_millis(20));
            if let Some(status) = nchan.master.try_wait()? {
                return Err(format!("nginx ended: {status}").into());
            }
            let (pid, worker) = (nchan.master.id(), nchan.worker);
            if worker == 0 {
                let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
                nchan.worker = children.split_whitespace().next().map_or(Ok(0), str::parse)?;
            } else if TcpStream::connect(address).is_ok() {
                return Ok(nchan);
            }
        }
        Err("nginx did not come up".into())
    }

    /// CPU time of the worker, which does all there is to do; the master waits.
    pub fn cpu_s(&self) -> Fallible<f64> {
        process::cpu_s(self.worker)
    }

    /// Memory of the worker that is no file's. Channels live in memory it shares with other workers.
    pub fn memory_kb(&self) -> Fallible<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.worker))?;
        let mut total = 0.0;
        for kind in ["RssAnon:", "RssShmem:"] {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(kind))
                .ok_or("no such memory")?;
            total += line.trim().trim_end_matches("kB").trim().parse::<f64>()?;
        }
        Ok(total)
    }
}

impl Drop for Nchan {
    fn drop(&mut self) {
        let master = rustix::process::Pid::from_child(&self.master);
        let _ = rustix::process::kill_process(master, rustix::process::Signal::TERM);
        let _ = self.master.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn configuration(module: &str, folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
        worker_processes 1;
        worker_rlimit_nofile 19000;
        user root;
        pid {folder}/pid;
        error_log {folder}/error.log crit;
        load_module {module};
        events {{ worker_connections 15000; use epoll; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            keepalive_requests 1000000;
            tcp_nodelay on;
            nchan_shared_memory_size 256M;
            server {{
                listen {address} backlog=4096;
                location = /sub {{
                    nchan_subscriber websocket;
                    nchan_subscriber_first_message newest;
                    nchan_channel_id room;
                }}
                location = /pub {{
                    nchan_publisher;
                    nchan_channel_id room;
                    nchan_message_buffer_length 500;
                }}
            }}
        }}
        "
    )
}
