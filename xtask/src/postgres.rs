//! One throw-away PostgreSQL for a run of tests or a bench: loopback only, in a temporary folder,
//! with `fsync` on, gone when the value is dropped (and when we are killed: it dies with its parent).

use crate::run::{Outcome, command, found, read, which};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Cluster {
    folder: PathBuf,
    server: Child,
    port: u16,
}

/// Says to tests where a PostgreSQL is, and where its programs are.
pub fn tell(tests: &mut Command, url: &str) {
    tests.env("BUSK_TEST_POSTGRES", url);
    if let Some(programs) = programs() {
        tests.env("BUSK_PG_BIN", programs);
    }
}

/// The folder that holds `initdb` and `postgres`: Debian's newest, which it keeps off the PATH, else the
/// PATH's.
pub fn programs() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
    {
        if let Some(version) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            found.push((version, entry.path().join("bin")));
        }
    }
    found.sort();
    let on_path = || {
        which("initdb")?
            .canonicalize()
            .ok()?
            .parent()
            .map(Path::to_path_buf)
    };
    let newest = found
        .into_iter()
        .rev()
        .map(|(_, bin)| bin)
        .find(|bin| is_whole(bin));
    newest.or_else(|| on_path().filter(|bin| is_whole(bin)))
}

fn is_whole(bin: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| bin.join(program).exists())
}

impl Cluster {
    pub fn start() -> Outcome<Cluster> {
        let bin = programs().ok_or("PostgreSQL's programs are not found")?;
        let folder = home().join(format!("busk-postgres-{}", std::process::id()));
        remove_orphans();
        make_folder(&folder)?;
        let data = folder.join("data");
        let mut initdb = as_user(&bin.join("initdb"), &folder);
        initdb
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]);
        // The new cluster's files are synced when they first change; syncing them twice buys nothing.
        initdb.arg("--no-sync");
        read(&mut initdb)?;

        let port = free_port()?;
        let log =
            std::fs::File::create(folder.join("log")).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut postgres = as_user(&bin.join("postgres"), &folder);
        postgres.arg("-D").arg(&data).arg("-k").arg(&folder);
        for setting in settings(port) {
            postgres.arg("-c").arg(setting);
        }
        postgres.stdout(Stdio::null()).stderr(log);
        let server = postgres
            .spawn()
            .map_err(|e| format!("cannot start PostgreSQL: {e}"))?;
        let mut cluster = Cluster { folder, server, port };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// A connection string for the cluster's superuser and first database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self) -> Outcome {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            // Its own word, so that no client program is needed.
            if self
                .log()
                .contains("database system is ready to accept connections")
            {
                return Ok(());
            }
            if let Ok(Some(status)) = self.server.try_wait() {
                return Err(format!("PostgreSQL stopped at once ({status}): {}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!(
            "PostgreSQL did not answer within a minute: {}",
            self.log()
        ))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGQUIT: stop at once. What it held is about to be deleted.
        let _ = command("kill")
            .args(["-QUIT", &self.server.id().to_string()])
            .status();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// On a disk, where `fsync` means something: the usual temporary folder may be memory.
fn home() -> PathBuf {
    Some(PathBuf::from("/var/tmp"))
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(std::env::temp_dir)
}

/// Folders of runs that were killed before they could clean up. Only where /proc tells who is alive.
fn remove_orphans() {
    for entry in std::fs::read_dir(home()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix("busk-postgres-"));
        if let Some(pid) = owner
            && Path::new("/proc/self").exists()
            && !Path::new("/proc").join(pid).exists()
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn settings(port: u16) -> Vec<String> {
    let mut settings = vec![format!("port={port}")];
    let fixed = [
        "listen_addresses=127.0.0.1",
        "max_connections=400",
        "shared_buffers=256MB",
        "max_wal_size=4GB",
        "fsync=on",
        "synchronous_commit=on",
        "timezone=UTC",
    ];
    settings.extend(fixed.map(String::from));
    settings
}

/// PostgreSQL refuses to run as root; there it runs as the user its package made.
fn as_user(program: &Path, folder: &Path) -> Command {
    let mut command = if found("setpriv") {
        let mut setpriv = Command::new("setpriv");
        if is_root() {
            setpriv.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        // SIGINT is PostgreSQL's fast shutdown.
        setpriv.args(["--pdeathsig", "INT", "--"]).arg(program);
        setpriv
    } else {
        Command::new(program)
    };
    // A folder that this user may enter, whatever ours is; and no settings from our environment.
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("LC_ALL", "C");
    for name in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE"] {
        command.env_remove(name);
    }
    command
}

fn make_folder(folder: &Path) -> Outcome {
    let mut install = command("install");
    install.args(["-d", "-m", "0700"]);
    if is_root() {
        install.args(["-o", "postgres", "-g", "postgres"]);
    }
    read(install.arg(folder)).map(drop)
}

fn is_root() -> bool {
    read(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn free_port() -> Outcome<u16> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| format!("no free port on loopback: {e}"))
}
