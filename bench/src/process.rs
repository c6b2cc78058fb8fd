//! Other processes: started on a core of their own, asked by /proc what they used.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Fallible;

/// The cores of this machine that the bench may use: one for what is measured, one for the load.
pub struct Cores {
    pub measured: usize,
    pub load: usize,
}

impl Cores {
    pub fn pick() -> Fallible<Cores> {
        let allowed = sched_getaffinity(None)?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|core| allowed.is_set(*core))
            .collect();
        match cores.as_slice() {
            [measured, load, ..] => Ok(Cores {
                measured: *measured,
                load: *load,
            }),
            _ => Err("the bench needs two cores: one for the server, one for the load".into()),
        }
    }
}

/// Pins the calling thread, and those it starts from now on.
pub fn pin(core: usize) -> Fallible<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// This program again in another role; it ends when it is dropped.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: BufReader<std::process::ChildStdout>,
}

impl Process {
    /// Starts a role, with its flags, on a core. The caller's own pinning returns to `home`.
    pub fn start(role: &[&str], core: usize, home: usize) -> Fallible<Process> {
        pin(core)?;
        let mut command = Command::new(std::env::current_exe()?);
        let child = command
            .args(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        pin(home)?;
        let mut child = child?;
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().ok_or("its output was asked to be a pipe")?);
        Ok(Process { child, stdin, lines })
    }

    pub fn tell(&mut self, line: &str) -> Fallible<()> {
        let stdin = self.stdin.as_mut().ok_or("its input is closed")?;
        Ok(writeln!(stdin, "{line}")?)
    }

    pub fn hear(&mut self) -> Fallible<String> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err("it ended without a word".into());
        }
        Ok(line.trim().into())
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time used so far, user and system, of all threads.
    pub fn cpu_s(&self) -> Fallible<f64> {
        cpu_s(self.id())
    }

    /// The same of the threads that it still has, to the nanosecond: for one that does little.
    pub fn living_threads_cpu_s(&self) -> Fallible<f64> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let told = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            nanoseconds += told
                .split(' ')
                .next()
                .ok_or("no time on a processor")?
                .parse::<u64>()?;
        }
        Ok(nanoseconds as f64 / 1e9)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stdin.take();
        // Both roles end with their input; one that does not is ended. It is our own child either way.
        for _ in 0..50 {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of a process, user and system, of all its threads; the kernel tells it in ticks of 10 ms.
pub fn cpu_s(pid: u32) -> Fallible<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields.get(11).ok_or("no utime")?.parse::<u64>()?
        + fields.get(12).ok_or("no stime")?.parse::<u64>()?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory of a process that is its own, not a file's.
pub fn memory_kb(pid: u32) -> Fallible<f64> {
    resident_kb(pid, "RssAnon:")
}

/// Resident memory of one kind, as /proc/PID/status names it.
pub fn resident_kb(pid: u32, kind: &str) -> Fallible<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(kind));
    let line = line.ok_or_else(|| format!("process {pid} has no {kind}"))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// The machine's load average of the last minute, before a bench begins.
pub fn load_average() -> Fallible<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}
