//! The yardstick: the same datagrams to as many sockets at the same times, by plain `sendto`, without
//! encryption, sessions or anything else; in a process of its own like the server.

use std::io::{BufRead, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};

use crate::Fallible;

/// Datagrams this close together leave one after the other to one viewer, as one picture's do.
const BURST_US: u64 = 2_000;

/// What the sender is told, as one line of JSON.
#[derive(Serialize, Deserialize)]
pub struct Orders {
    pub ports: Vec<u16>,
    /// Microseconds from the start, and bytes, of one viewer's datagrams.
    pub datagrams: Vec<(u64, usize)>,
    /// After which the datagrams begin again.
    pub period_us: u64,
}

/// The sender's process: reads its orders and sends until its input ends.
#[allow(clippy::disallowed_methods, reason = "a load maker keeps time")]
pub fn send() -> Fallible<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let orders: Orders = serde_json::from_str(&line)?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let viewers: Vec<SocketAddr> = orders
        .ports
        .iter()
        .map(|port| (Ipv4Addr::LOCALHOST, *port).into())
        .collect();
    let payload = [0x55u8; 2048];
    let ended = Arc::new(AtomicBool::new(false));
    let of_reader = ended.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_line(&mut String::new());
        of_reader.store(true, Ordering::Relaxed);
    });
    println!("sending");
    let start = Instant::now();
    let bursts: Vec<&[(u64, usize)]> = orders.datagrams.chunk_by(|a, b| b.0 - a.0 < BURST_US).collect();
    for round in 0.. {
        for burst in &bursts {
            let at = start + Duration::from_micros(round * orders.period_us + burst[0].0);
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if ended.load(Ordering::Relaxed) {
                return Ok(());
            }
            for viewer in &viewers {
                for (_, bytes) in *burst {
                    socket.send_to(&payload[..*bytes], viewer)?;
                }
            }
        }
    }
    Ok(())
}

/// Sockets that take what the sender sends, and count.
pub struct Sink {
    pub ports: Vec<u16>,
    bytes: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Sink {
    pub fn start(sockets: usize) -> Fallible<Sink> {
        let mut poll = Poll::new()?;
        let mut open = Vec::new();
        let mut ports = Vec::new();
        for index in 0..sockets {
            let mut socket = mio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
            poll.registry()
                .register(&mut socket, Token(index), Interest::READABLE)?;
            ports.push(socket.local_addr()?.port());
            open.push(socket);
        }
        let (bytes, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, flag) = (bytes.clone(), ended.clone());
        std::thread::spawn(move || -> std::io::Result<()> {
            let mut events = Events::with_capacity(512);
            let mut buffer = [0; 2048];
            while !flag.load(Ordering::Relaxed) {
                poll.poll(&mut events, Some(Duration::from_millis(100)))?;
                for event in &events {
                    loop {
                        match open[event.token().0].recv(&mut buffer) {
                            Ok(len) => counter.fetch_add(len as u64, Ordering::Relaxed),
                            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                            Err(error) => return Err(error),
                        };
                    }
                }
            }
            Ok(())
        });
        Ok(Sink { ports, bytes, ended })
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}
