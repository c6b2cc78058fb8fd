//! A moderator takes messages away, in the real program: how soon each screen hears of it, and how soon somebody knows
//! who was away and comes back.
//!
//! A removal counts from the moment at which it was to be asked for, [`STANDS`] after the moderator saw the message,
//! however late it was sent. Who comes back had not seen the message; being told its words would be a fault, and ends
//! the bench.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use busk_bench::figures::{Report, quantile};
use busk_bench::process::Cores;
use busk_bench::site;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Fallible;
use crate::screens::Screens;

/// Messages that are said, and taken away, in a second.
const RATE: u32 = 5;
/// People who say them, each within their pace.
const SPEAKERS: usize = 20;
/// How long a message stands before it is taken away, and how much later somebody comes back.
const STANDS: Duration = Duration::from_millis(300);
const AWAY: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(5);
const HOST: usize = 0;

/// A value a round.
#[derive(Default)]
pub struct Removal {
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    resumed_p99_ms: Vec<f64>,
    unheard: Vec<f64>,
}

struct Room {
    room: String,
    screens: Screens,
    /// Screens that stay.
    staying: usize,
    epoch: u64,
    /// The number of each message, and when the moderator saw it.
    seen: HashMap<Uuid, (u64, Instant)>,
    removed: HashMap<Uuid, Instant>,
    heard: HashSet<(usize, Uuid)>,
    took_ms: Vec<f64>,
    /// By screen: what was missed, and when one came back.
    back: HashMap<usize, (Uuid, Instant)>,
    back_ms: Vec<f64>,
}

pub fn measure(rounds: &mut Removal, cores: &Cores, sockets: usize, removals: u32) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let app = runtime.block_on(site::start(Some(cores)))?;
    let (id, mut everybody) = runtime.block_on(async {
        let host = app.sign_up("host").await;
        let room = site::open_without_camera(&app, &host).await;
        let mut everybody = vec![host];
        for n in 0..SPEAKERS {
            everybody.push(app.sign_up(&format!("person{n}")).await);
        }
        (room, everybody)
    });
    everybody.resize_with(1 + SPEAKERS + sockets, || app.nobody());
    let mut room = Room {
        room: id,
        screens: Screens::new(app.http)?,
        staying: everybody.len(),
        epoch: 1,
        seen: HashMap::new(),
        removed: HashMap::new(),
        heard: HashSet::new(),
        took_ms: Vec::new(),
        back: HashMap::new(),
        back_ms: Vec::new(),
    };
    let id = room.room.clone();
    room.screens.enter(&id, &everybody)?;
    let start = Instant::now();
    let at = |step: u32| start + Duration::from_secs(1) * step / RATE;
    let (mut said, mut removed, mut back) = (0, 0, 0);
    loop {
        let now = Instant::now();
        if said < removals && now >= at(said) {
            room.say(said)?;
            said += 1;
        }
        if let Some((_, seen)) = room.seen.get(&message(removed))
            && now >= *seen + STANDS
        {
            let due = *seen + STANDS;
            room.remove(removed, due)?;
            removed += 1;
        }
        if let Some(due) = room.removed.get(&message(back))
            && now >= *due + AWAY
        {
            room.come_back(back, &app.nobody())?;
            back += 1;
        }
        let all = room.heard.len() == room.staying * removals as usize;
        if (all && back == removals && room.back.is_empty()) || now > at(removals) + PATIENCE {
            break;
        }
        room.turn()?;
    }
    let missed = (removals - back) as usize + room.back.len();
    let unheard = room.staying * removals as usize - room.heard.len() + missed;
    eprintln!(
        "removal: p99 {:.1} ms, back {:.1} ms, {unheard} unheard",
        quantile(&room.took_ms, 0.99),
        quantile(&room.back_ms, 0.99)
    );
    rounds.p50_ms.push(quantile(&room.took_ms, 0.5));
    rounds.p99_ms.push(quantile(&room.took_ms, 0.99));
    rounds.resumed_p99_ms.push(quantile(&room.back_ms, 0.99));
    rounds.unheard.push(unheard as f64);
    Ok(())
}

impl Removal {
    pub fn tell(&self, report: &mut Report) {
        report.figure("removal.p50_ms", &self.p50_ms, "ms");
        report.figure("removal.p99_ms", &self.p99_ms, "ms");
        report.figure("removal.resumed_p99_ms", &self.resumed_p99_ms, "ms");
        report.figure("removal.unheard", &self.unheard, "screens");
    }

    pub fn is_measured(&self) -> bool {
        !self.p99_ms.is_empty()
    }
}

fn message(number: u32) -> Uuid {
    Uuid::from_u128(1_000 + u128::from(number))
}

fn words(message: Uuid) -> String {
    format!("the words of {message}")
}

impl Room {
    fn say(&mut self, number: u32) -> Fallible<()> {
        let (id, speaker) = (message(number), 1 + number as usize % SPEAKERS);
        let say = json!({"do": "say", "id": id, "text": words(id)});
        self.screens.send(speaker, &say.to_string())
    }

    fn remove(&mut self, number: u32, due: Instant) -> Fallible<()> {
        let (id, message) = (Uuid::from_u128(1 << 64 | u128::from(number)), message(number));
        self.removed.insert(message, due);
        let delete = json!({"do": "delete", "id": id, "message": message});
        self.screens.send(HOST, &delete.to_string())
    }

    /// Somebody who was away since just before the message was said.
    fn come_back(&mut self, number: u32, who: &busk_testkit::app::Browser) -> Fallible<()> {
        let message = message(number);
        let (n, _) = self.seen.get(&message).ok_or("it was never said")?;
        let query = format!("?after={}&epoch={}", n - 1, self.epoch);
        let (began, room) = (Instant::now(), self.room.clone());
        let screen = self.screens.dial(&room, &query, who)?;
        self.back.insert(screen, (message, began));
        Ok(())
    }

    fn turn(&mut self) -> Fallible<()> {
        let Self {
            screens,
            staying,
            seen,
            removed,
            heard,
            took_ms,
            back,
            back_ms,
            ..
        } = self;
        let mut gone = Vec::new();
        screens.turn(Duration::from_millis(1), &mut |screen, text| {
            let at = Instant::now();
            let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
            if screen != HOST && !has(b"\"deleted\"") {
                return Ok(());
            }
            let frame: Value = serde_json::from_slice(text)?;
            if let Some(problem) = frame.get("problem") {
                return Err(format!("the host was refused: {problem}").into());
            }
            for event in frame["ev"].as_array().into_iter().flatten() {
                let id = |field: &str| event[field].as_str().and_then(|id| id.parse::<Uuid>().ok());
                if event["type"] == "said"
                    && let (Some(id), Some(n)) = (id("id"), event["n"].as_u64())
                {
                    seen.insert(id, (n, at));
                }
                let Some(message) = id("message").filter(|_| event["type"] == "deleted") else {
                    continue;
                };
                let came_back = back.get(&screen).filter(|(missed, _)| *missed == message);
                if let Some((missed, began)) = came_back {
                    if has(words(*missed).as_bytes()) {
                        return Err("who comes back is told what was taken away".into());
                    }
                    back_ms.push(at.duration_since(*began).as_secs_f64() * 1_000.0);
                    back.remove(&screen);
                    gone.push(screen);
                } else if screen < *staying
                    && heard.insert((screen, message))
                    && let Some(due) = removed.get(&message)
                {
                    took_ms.push(at.duration_since(*due).as_secs_f64() * 1_000.0);
                }
            }
            Ok(())
        })?;
        for screen in gone {
            self.screens.leave(screen);
        }
        Ok(())
    }
}
