//! People talk among bots that spam, in the real program: what their words take to their own and the host's screens,
//! before it begins and meanwhile.
//!
//! Open-loop, as everything here: a word counts from the moment at which it was to be said. Bots have their pace in the
//! program, so most of what they send is refused, each by an answer; what is not refused is more than anybody can read,
//! so that others see a part of it. The host is told all, and everybody their own.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use busk_bench::figures::{Report, quantile};
use busk_bench::process::{Cores, memory_kb};
use busk_bench::site;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Fallible;
use crate::screens::Screens;

/// People who talk, and how often each says something.
const PEOPLE: usize = 50;
const WORD_EVERY: Duration = Duration::from_secs(4);
/// Messages a second of each bot.
const BOT_RATE: u32 = 5;
/// How long the last words may take.
const PATIENCE: Duration = Duration::from_secs(5);
const HOST: usize = 0;

/// A value a round.
#[derive(Default)]
pub struct Spam {
    calm_p99_ms: Vec<f64>,
    honest_p50_ms: Vec<f64>,
    honest_p99_ms: Vec<f64>,
    lost: Vec<f64>,
    doubled: Vec<f64>,
    refused_pct: Vec<f64>,
    unanswered_pct: Vec<f64>,
    grew_kb: Vec<f64>,
}

/// Whose words they are: screens are the host's, the people's, the bots'.
struct Talk {
    screens: Screens,
    bots: usize,
    /// Who said it, and when it was due.
    words: HashMap<Uuid, (usize, Instant)>,
    heard: HashSet<(usize, Uuid)>,
    took_ms: Vec<f64>,
    doubled: usize,
    offered: usize,
    taken: usize,
    refused: usize,
    next_id: u128,
}

pub fn measure(rounds: &mut Spam, cores: &Cores, bots: usize, seconds: u64) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let app = runtime.block_on(site::start(Some(cores)))?;
    let (room, everybody) = runtime.block_on(async {
        let host = app.sign_up("host").await;
        let room = site::open_without_camera(&app, &host).await;
        let mut everybody = vec![host];
        for n in 0..PEOPLE {
            everybody.push(app.sign_up(&format!("person{n}")).await);
        }
        for n in 0..bots {
            everybody.push(app.guest(&format!("bot {n}")).await);
        }
        (room, everybody)
    });
    let mut talk = Talk {
        screens: Screens::new(app.http)?,
        bots,
        words: HashMap::new(),
        heard: HashSet::new(),
        took_ms: Vec::new(),
        doubled: 0,
        offered: 0,
        taken: 0,
        refused: 0,
        next_id: 1,
    };
    talk.screens.enter(&room, &everybody)?;
    let length = Duration::from_secs(seconds);
    talk.go_on(length, false)?;
    let calm = std::mem::take(&mut talk.took_ms);
    let before_kb = memory_kb(app.pid())?;
    talk.go_on(length, true)?;
    let grew_kb = memory_kb(app.pid())? - before_kb;

    let (honest, offered) = (&talk.took_ms, talk.offered as f64);
    let lost = 2 * talk.words.len() - talk.heard.len();
    let pct = |count: usize| 100.0 * count as f64 / offered;
    eprintln!(
        "spam: calm p99 {:.1} ms, among bots {:.1} ms; {lost} lost; of {offered} {} taken, {} refused",
        quantile(&calm, 0.99),
        quantile(honest, 0.99),
        talk.taken,
        talk.refused
    );
    rounds.calm_p99_ms.push(quantile(&calm, 0.99));
    rounds.honest_p50_ms.push(quantile(honest, 0.5));
    rounds.honest_p99_ms.push(quantile(honest, 0.99));
    rounds.lost.push(lost as f64);
    rounds.doubled.push(talk.doubled as f64);
    rounds.refused_pct.push(pct(talk.refused));
    let unanswered = talk.offered.saturating_sub(talk.taken + talk.refused);
    rounds.unanswered_pct.push(pct(unanswered));
    rounds.grew_kb.push(grew_kb.max(0.0));
    Ok(())
}

impl Spam {
    pub fn tell(&self, report: &mut Report) {
        report.figure("spam.calm_p99_ms", &self.calm_p99_ms, "ms");
        report.figure("spam.honest_p50_ms", &self.honest_p50_ms, "ms");
        report.figure("spam.honest_p99_ms", &self.honest_p99_ms, "ms");
        report.figure("spam.lost", &self.lost, "words");
        report.figure("spam.doubled", &self.doubled, "words");
        report.figure("spam.refused_pct", &self.refused_pct, "%");
        report.figure("spam.unanswered_pct", &self.unanswered_pct, "%");
        report.figure("spam.grew_kb", &self.grew_kb, "kB");
    }

    pub fn is_measured(&self) -> bool {
        !self.honest_p99_ms.is_empty()
    }
}

impl Talk {
    /// People talk for a while, and bots too if they are to; ends when all words are heard.
    fn go_on(&mut self, length: Duration, spammed: bool) -> Fallible<()> {
        let start = Instant::now();
        let (word_every, bots_rate) = (WORD_EVERY / PEOPLE as u32, BOT_RATE * self.bots as u32);
        let (mut words, mut spam) = (0, 0);
        loop {
            let now = Instant::now();
            let over = now >= start + length;
            if !over && now >= start + word_every * words {
                self.word(1 + words as usize % PEOPLE, start + word_every * words)?;
                words += 1;
                continue;
            }
            let due = start + Duration::from_secs(1) * spam / bots_rate.max(1);
            if !over && spammed && bots_rate > 0 && now >= due {
                self.spam(1 + PEOPLE + spam as usize % self.bots)?;
                spam += 1;
                // Who reads nothing while there is something to say would be late in hearing.
                self.turn(Duration::ZERO)?;
                continue;
            }
            let all = self.heard.len() == 2 * self.words.len();
            if over && (all || now > start + length + PATIENCE) {
                // The last answers to bots.
                return self.turn(Duration::from_millis(200));
            }
            let mut next = start + word_every * words;
            if spammed {
                next = next.min(due);
            }
            let wait = next.saturating_duration_since(now).min(Duration::from_millis(10));
            self.turn(if over { Duration::from_millis(10) } else { wait })?;
        }
    }

    fn word(&mut self, person: usize, due: Instant) -> Fallible<()> {
        let id = self.id();
        self.words.insert(id, (person, due));
        let text = json!({"do": "say", "id": id, "text": format!("what do you think of {id}?")});
        self.screens.send(person, &text.to_string())
    }

    fn spam(&mut self, bot: usize) -> Fallible<()> {
        let (id, text) = (
            self.id(),
            "buy my thing, it is cheap and it is good, at all hours",
        );
        self.offered += 1;
        let text = json!({"do": "say", "id": id, "text": text});
        self.screens.send(bot, &text.to_string())
    }

    fn id(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }

    fn turn(&mut self, wait: Duration) -> Fallible<()> {
        let Self {
            screens,
            words,
            heard,
            took_ms,
            doubled,
            taken,
            refused,
            ..
        } = self;
        screens.turn(wait, &mut |screen, text| {
            let at = Instant::now();
            if screen > PEOPLE {
                // Bots take no notice of what is said, only of what becomes of their own.
                let told = text.starts_with(b"{\"v\":1,\"room\":");
                let problem = text.windows(9).take(64).any(|window| window == b"\"problem\"");
                *taken += usize::from(!told && !problem);
                *refused += usize::from(!told && problem);
                return Ok(());
            }
            let frame: Value = serde_json::from_slice(text)?;
            if let Some(problem) = frame.get("problem") {
                return Err(format!("a word was refused: {problem}").into());
            }
            for event in frame["ev"].as_array().into_iter().flatten() {
                let Some(id) = event["id"].as_str().and_then(|id| id.parse().ok()) else {
                    continue;
                };
                let Some((person, due)) = words.get(&id) else {
                    continue;
                };
                if screen != HOST && screen != *person {
                    continue;
                }
                if heard.insert((screen, id)) {
                    took_ms.push(at.duration_since(*due).as_secs_f64() * 1_000.0);
                } else {
                    *doubled += 1;
                }
            }
            Ok(())
        })
    }
}
