//! A site with creators that are live and senders that have coins, and nothing but its store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use busk_base::{
    Amount, ChannelId, GiftId, PersonId, Policy, PolicyVersion, PostingId, RoomId, StreakId, Timestamp,
};
use busk_commerce::accounts::{COIN_FLOAT, COIN_ISSUED, CURRENCY, PSP_CLEARING, wallet};
use busk_commerce::gifts::{self, SendGift, SendGiftError};
use busk_commerce::rules::Rules;
use busk_ledger::{Cause, Leg, Posting};
use busk_people::{Channel, ChannelKind};
use busk_rooms::Access;
use busk_rooms::event::{Speaker, SpeakerKind};
use busk_rooms::state::{self, By, NewRoom};
use busk_store::{Config, Database, Store, StoreError};
use rustix::thread::{CpuSet, Pid, sched_setaffinity};
use tokio::runtime::Runtime;
use uuid::Uuid;

const SENDERS: u64 = 10_000;
const COINS: i64 = 1_000_000_000;
const AT_ONCE: usize = 2_000;

pub struct Site {
    database: Database,
    store: Store,
    rooms: Arc<[RoomId]>,
    rules: Rules,
    /// Makes every id of the bench another one, in order of time as clients' are.
    clock: Arc<AtomicU64>,
}

impl Site {
    pub fn open(
        runtime: &Runtime,
        database: Database,
        creators: usize,
        batch_max: usize,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let config = Config {
            batch_max,
            ..Config::new(database.clone())
        };
        let store = Store::open(
            config,
            &[
                busk_ledger::MIGRATIONS,
                busk_people::MIGRATIONS,
                busk_rooms::MIGRATIONS,
                busk_commerce::MIGRATIONS,
            ],
        )?;
        // A thread has its name when it begins to work, not when it is made.
        runtime.block_on(store.write(|_| Ok::<_, StoreError>(())))?;
        pin_apart();
        let rules = Rules {
            version: PolicyVersion(1),
            policy: Policy::default(),
        };
        let rooms: Arc<[RoomId]> = (0..creators)
            .map(|n| RoomId(Uuid::from_u128(1 << 100 | n as u128)))
            .collect();
        let clock = Arc::new(AtomicU64::new(1_800_000_000_000_000));
        let site = Self {
            database,
            store,
            rooms,
            rules,
            clock,
        };
        runtime.block_on(site.fill())?;
        Ok(site)
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn rooms(&self) -> Arc<[RoomId]> {
        Arc::clone(&self.rooms)
    }

    pub fn creators(&self) -> usize {
        self.rooms.len()
    }

    async fn fill(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut tasks = tokio::task::JoinSet::new();
        for room in self.rooms.iter().copied() {
            let (store, now) = (self.store.clone(), self.tick());
            tasks.spawn(async move { store.write(move |tx| go_live(tx, room, now)).await });
            if tasks.len() >= AT_ONCE
                && let Some(done) = tasks.join_next().await
            {
                done??;
            }
        }
        for n in 0..SENDERS {
            let (store, now) = (self.store.clone(), self.tick());
            let posting = coins_for(person(n), PostingId::new(now, [n as u8; 10]));
            tasks.spawn(async move {
                let posted = store.write(move |tx| busk_ledger::post(tx, &posting, now)).await;
                posted.map(|_| ()).map_err(|e| StoreError::Broken(e.to_string()))
            });
            if tasks.len() >= AT_ONCE
                && let Some(done) = tasks.join_next().await
            {
                done??;
            }
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(())
    }

    fn tick(&self) -> Timestamp {
        Timestamp::from_unix_us(self.clock.fetch_add(1_000, Ordering::Relaxed) as i64)
    }

    pub fn sender(&self, seed: u64) -> Sender {
        Sender {
            store: self.store.clone(),
            rooms: Arc::clone(&self.rooms),
            rules: self.rules.clone(),
            clock: Arc::clone(&self.clock),
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// The books must balance after the load, or its figures are worth nothing.
    pub fn check(&self) -> Result<(), Box<dyn std::error::Error>> {
        let audit = busk_store::read_only(&self.database, busk_ledger::audit::run)?;
        if audit.is_clean() {
            Ok(())
        } else {
            Err(audit.findings.join("; ").into())
        }
    }
}

pub fn person(n: u64) -> PersonId {
    PersonId(Uuid::from_u128(2 << 100 | u128::from(n)))
}

fn go_live(tx: &mut busk_store::Tx, room: RoomId, now: Timestamp) -> Result<(), StoreError> {
    let (channel, owner) = (ChannelId(room.0), PersonId(room.0));
    let channel = Channel {
        id: channel,
        owner,
        kind: ChannelKind::Personal,
        handle: String::new(),
        name: String::new(),
        about: String::new(),
    };
    let new = NewRoom {
        id: room,
        title: "bench".into(),
        scheduled_at: None,
        live_on_camera: false,
        access: Access::Free,
    };
    state::create(tx, &channel, &new, now).map_err(|e| StoreError::Broken(e.to_string()))?;
    state::go_live(tx, room, By::System, true, now).map_err(|e| StoreError::Broken(e.to_string()))?;
    Ok(())
}

fn coins_for(person: PersonId, id: PostingId) -> Posting {
    Posting {
        id,
        cause: Cause {
            kind: "coin_purchase",
            id: id.0,
        },
        policy: PolicyVersion(1),
        corrects: None,
        legs: vec![
            Leg::Move {
                debit: PSP_CLEARING,
                credit: COIN_FLOAT,
                amount: Amount::money(COINS, CURRENCY),
            },
            Leg::Move {
                debit: COIN_ISSUED,
                credit: wallet(person),
                amount: Amount::coins(COINS),
            },
        ],
    }
}

/// Sends one gift after another, from anyone to anyone.
pub struct Sender {
    store: Store,
    rooms: Arc<[RoomId]>,
    rules: Rules,
    clock: Arc<AtomicU64>,
    state: u64,
}

impl Sender {
    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    pub async fn send(&mut self) -> Result<(), SendGiftError> {
        let now = Timestamp::from_unix_us(self.clock.fetch_add(20, Ordering::Relaxed) as i64);
        let (a, b) = (self.random(), self.random());
        let mut entropy = [0; 10];
        entropy[..8].copy_from_slice(&a.to_le_bytes());
        let sender = a % SENDERS;
        // A viewer gives in the room that they watch.
        let room = sender.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let gift = SendGift {
            id: GiftId::new(now, entropy),
            room: self.rooms[room as usize % self.rooms.len()],
            sender: person(sender),
            from: Speaker {
                id: person(sender).0,
                name: "Ines".into(),
                kind: SpeakerKind::Person,
                role: None,
                badge: None,
                months: None,
                rank: None,
            },
            kind: if b & (1 << 40) == 0 { "rose" } else { "guitar" }.into(),
            count: 1,
            streak: StreakId::new(now, entropy),
        };
        let (wanted, rules) = (gift.clone(), self.rules.clone());
        let sent = self.store.write_ahead(
            move |rows| gifts::ahead(rows, &wanted),
            move |tx| gifts::send(tx, &gift, &rules, now),
        );
        sent.await.map(|_| ())
    }
}

/// The writer's threads on the first core, everything else on the second, when there are two.
fn pin_apart() {
    for entry in std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        let core = usize::from(name.trim() != "store-writer");
        let thread = entry
            .file_name()
            .to_str()
            .and_then(|id| id.parse().ok())
            .and_then(Pid::from_raw);
        let mut set = CpuSet::new();
        set.set(core);
        // On one core there is nothing to keep apart.
        let _ = sched_setaffinity(thread, &set);
    }
}
