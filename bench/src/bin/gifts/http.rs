//! Gifts through the real program: `busk serve` in a process of its own, and clients that keep their connections,
//! each with a session of its own, as browsers do. What they send is written by hand and what comes back is hardly
//! read, since the load has to share two cores with what is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use busk_base::{ChannelId, GiftId, RoomId, SessionId, Timestamp};
use busk_bench::figures::quantile;
use busk_bench::process::{self, Cores};
use busk_bench::{Fallible, site};
use busk_people::Role;
use busk_people::session::{self, Holder, TokenHash};
use busk_people::sign_up::{SignUp, sign_up};
use busk_store::{Database, Store, StoreError, params};
use busk_testkit::db::TestDb;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::load::Figures;
use crate::site::{Site, person};

/// Before it is counted, so that connections stand and pages of the database are read.
const WARM_UP: Duration = Duration::from_secs(1);
/// Longest answer to a gift, with its header.
const ANSWER_BYTES_MAX: usize = 4_096;

#[derive(Clone, Copy)]
pub struct Wanted {
    pub creators: usize,
    pub clients: usize,
    pub seconds: u64,
}

/// Starts the program on a database that is filled, and has `clients` send for a while.
pub fn load(runtime: &Runtime, cores: &Cores, database: Database, plan: Wanted) -> Fallible<Figures> {
    let Wanted {
        creators,
        clients,
        seconds,
    } = plan;
    let filled = Site::open(runtime, database.clone(), creators, 1_024).map_err(|e| e.to_string())?;
    runtime.block_on(sign_up_all(filled.store(), clients))?;
    let rooms = filled.rooms();
    drop(filled);
    // Filling pins its threads, and a child inherits that.
    process::pin_to_both(cores)?;
    let app = runtime.block_on(site::start_on(TestDb::kept(database), None))?;
    process::pin(cores.load)?;
    let end = now() + WARM_UP + Duration::from_secs(seconds);
    let counted = now() + WARM_UP;
    let ids = Arc::new(AtomicU64::new(1_900_000_000_000_000));
    let before = process::cpu_s(app.pid())?;
    let mut times = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for client in 0..clients as u64 {
            let client = Client {
                number: client,
                room: rooms[client as usize % rooms.len()],
                server: app.http,
                ids: Arc::clone(&ids),
            };
            tasks.spawn(client.send_until(counted, end));
        }
        let mut all = Vec::new();
        while let Some(times) = tasks.join_next().await {
            all.append(&mut times??);
        }
        Fallible::Ok(all)
    })?;
    let cpu = (process::cpu_s(app.pid())? - before) / (seconds as f64 + WARM_UP.as_secs_f64());
    eprintln!("the server used {cpu:.2} cores");
    times.sort_by(f64::total_cmp);
    Ok(Figures {
        per_s: times.len() as f64 / seconds as f64,
        p50_ms: quantile(&times, 0.5),
        p99_ms: quantile(&times, 0.99),
    })
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// The session of a client, as its cookie has it.
fn token(client: u64) -> String {
    format!("client-{client}")
}

fn token_hash(client: u64) -> Fallible<TokenHash> {
    let mut headers = axum::http::HeaderMap::new();
    headers.insert(
        "cookie",
        format!("{}={}", session::COOKIE, token(client)).parse()?,
    );
    Ok(session::token_hash(&headers).ok_or("a cookie has a token")?)
}

/// The senders that the site has coins for are people, with sessions; and its rooms go on without a camera.
async fn sign_up_all(store: &Store, clients: usize) -> Fallible<()> {
    // The program's own clock has to find the sessions open.
    let now = Timestamp::from_unix_us(std::time::UNIX_EPOCH.elapsed()?.as_micros() as i64);
    for client in 0..clients as u64 {
        let token = token_hash(client)?;
        let id = person(client);
        let new = SignUp {
            person: id,
            channel: ChannelId(Uuid::from_u128(4 << 100 | u128::from(client))),
            handle: format!("client{client}"),
            display_name: format!("Client {client}"),
            password_hash: "none".into(),
            role: Role::Viewer,
        };
        let signed_up = store.write(move |tx| {
            sign_up(tx, &new, now).map_err(|error| StoreError::Broken(error.to_string()))?;
            session::open(tx, SessionId(id.0), Holder::Person(id), token, now);
            Ok::<_, StoreError>(())
        });
        signed_up.await?;
    }
    let on_the_air = store.write(|tx| {
        tx.execute(
            "UPDATE room SET state = 'interrupted', resume_until = $1",
            params![9_000_000_000_000_000_i64],
        )
    });
    on_the_air.await?;
    Ok(())
}

/// Who sends one gift after another, each when the last is answered.
struct Client {
    number: u64,
    room: RoomId,
    server: SocketAddr,
    /// Makes each gift's id another one, in order of time as clients' are.
    ids: Arc<AtomicU64>,
}

impl Client {
    /// Milliseconds that each answer took.
    async fn send_until(self, counted: Instant, end: Instant) -> Fallible<Vec<f64>> {
        let mut stream = TcpStream::connect(self.server).await?;
        stream.set_nodelay(true)?;
        let mut answer = vec![0; ANSWER_BYTES_MAX];
        let mut times = Vec::new();
        while now() < end {
            let request = self.request();
            let begun = now();
            stream.write_all(request.as_bytes()).await?;
            read_answer(&mut stream, &mut answer).await?;
            if begun >= counted {
                times.push(begun.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        Ok(times)
    }

    fn request(&self) -> String {
        let us = self.ids.fetch_add(50, Ordering::Relaxed);
        let mut entropy = [0; 10];
        entropy[2..].copy_from_slice(&(us ^ self.number << 40).to_be_bytes());
        let id = GiftId::new(Timestamp::from_unix_us(us as i64), entropy);
        let kind = if us.is_multiple_of(100) { "rose" } else { "guitar" };
        let body = format!(r#"{{"id":"{id}","kind":"{kind}","count":1}}"#);
        format!(
            "POST /api/v1/rooms/{}/gifts HTTP/1.1\r\nhost: {}\r\ncookie: {}={}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.room,
            self.server,
            session::COOKIE,
            token(self.number),
            body.len()
        )
    }
}

/// Reads one answer to its end. One that is not 201 is a bug here, and ends the bench.
async fn read_answer(stream: &mut TcpStream, answer: &mut [u8]) -> Fallible<()> {
    let mut have = 0;
    loop {
        let read = stream.read(&mut answer[have..]).await?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        have += read;
        let text = std::str::from_utf8(&answer[..have])?;
        let Some((header, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = header
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.ok_or("no content-length")?.parse()?;
        if body.len() < length {
            continue;
        }
        if !header.starts_with("HTTP/1.1 201") {
            return Err(format!("a gift of the bench is paid for: {text}").into());
        }
        return Ok(());
    }
}
