//! For tests: Ada hosts a live room, Bea has 70 coins, Cid has none.

use std::collections::BTreeMap;

use busk_api::{Clock, EncoderPorts, Site, SiteConfig};
use busk_base::{
    ChannelId, DisputeId, GiftId, PaymentId, PersonId, Policy, PolicyVersion, PostingId, RoomId, StreakId,
    Timestamp,
};
use busk_ledger::AccountRef;
use busk_people::Role;
use busk_people::sign_up::{SignUp, sign_up};
use busk_rooms::state::{self, By, NewRoom};
use busk_rooms::{Speaker, SpeakerKind};
use busk_store::{Read, Store, StoreError};
use busk_testkit::db::TestDb;
use uuid::Uuid;

use crate::coins::{self, Buy};
use crate::gifts::{self, Receipt, SendGift, SendGiftError};
use crate::notices::{self, Heard};
use crate::payments::{self, NewPayment, Order, Weighed};
use crate::providers::{About, DisputeNotice, DisputeSaid, Notice, PaymentNotice, PaymentSaid};
use crate::rules::Rules;
use crate::sales;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
pub(crate) const ADA: PersonId = PersonId(Uuid::from_u128(1));
pub(crate) const BEA: PersonId = PersonId(Uuid::from_u128(2));
pub(crate) const CID: PersonId = PersonId(Uuid::from_u128(3));
/// Ada's.
pub(crate) const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1_001));
pub(crate) const LIVE: RoomId = RoomId(Uuid::from_u128(100));
/// Scheduled, in Ada's channel.
pub(crate) const LATER: RoomId = RoomId(Uuid::from_u128(101));

const MIGRATIONS: &[&[busk_store::Migration]] = &[
    busk_ledger::MIGRATIONS,
    busk_people::MIGRATIONS,
    busk_rooms::MIGRATIONS,
    busk_webhooks::MIGRATIONS,
    crate::MIGRATIONS,
];

pub(crate) struct Scene {
    pub(crate) store: Store,
    db: TestDb,
}

pub(crate) fn rules() -> Rules {
    Rules {
        version: PolicyVersion(1),
        policy: Policy::default(),
    }
}

pub(crate) fn buy_70(number: u128, person: PersonId) -> Buy {
    Buy {
        id: payment_id(number),
        person,
        pack: "coins-70".into(),
        provider: "sandbox",
    }
}

pub(crate) fn payment_id(number: u128) -> PaymentId {
    PaymentId(Uuid::from_u128(number))
}

/// A site on a scene's store, with a clock that is told; its random bytes count.
pub(crate) fn site(store: Store, clock: Clock) -> Site {
    let drawn = std::sync::atomic::AtomicU8::new(1);
    let next = move || drawn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Site::new(SiteConfig {
        store,
        clock,
        random: std::sync::Arc::new(move |bytes| bytes.fill(next())),
        public_url: "http://live.example".into(),
        encoder_ports: EncoderPorts::default(),
        demo: false,
        policies: busk_base::Policies::first(rules().policy),
    })
}

/// What the provider says when all is well with [`buy_70`].
pub(crate) fn notice(number: u128, payer: PersonId, said: PaymentSaid) -> PaymentNotice {
    PaymentNotice {
        said,
        payment: payment_id(number),
        payer,
        checkout: Some(format!("checkout-{number}")),
        charge: Some(format!("charge-{number}")),
        method: None,
        country: None,
        amount: 70,
        currency: "USD".into(),
    }
}

/// What a bank says of the payment of this number.
pub(crate) fn dispute(number: u128, said: DisputeSaid, amount: i64) -> About {
    About::Dispute(DisputeNotice {
        said,
        dispute: format!("dp-{number}"),
        id: dispute_id(number),
        charge: format!("charge-{number}"),
        amount,
        fee: 1_500,
        currency: "USD".into(),
        reason: "fraudulent".into(),
    })
}

pub(crate) fn dispute_id(number: u128) -> DisputeId {
    DisputeId(Uuid::from_u128(number + (7 << 100)))
}

impl Scene {
    pub(crate) async fn set(db: TestDb) -> Self {
        let scene = Self::open(db);
        let first = Policy::default();
        let written = scene
            .store
            .write(move |tx| busk_ledger::policy::ensure(tx, &first, NOW));
        written.await.unwrap();
        for (number, handle) in [(1, "ada"), (2, "bea"), (3, "cid")] {
            let new = SignUp {
                person: PersonId(Uuid::from_u128(number)),
                channel: ChannelId(Uuid::from_u128(number + 1_000)),
                handle: handle.into(),
                display_name: handle.into(),
                password_hash: "hash".into(),
                role: Role::Viewer,
            };
            scene.store.write(move |tx| sign_up(tx, &new, NOW)).await.unwrap();
            let declared = scene
                .store
                .write(move |tx| busk_people::adult::declare(tx, PersonId(Uuid::from_u128(number)), NOW));
            declared.await.unwrap();
        }
        scene.open_rooms().await;
        scene.begin(buy_70(900, BEA), NOW).await.unwrap();
        assert_eq!(
            scene.hear(notice(900, BEA, PaymentSaid::Settled)).await,
            Heard::Settled
        );
        scene
    }

    /// A scene that was set before.
    pub(crate) fn open(db: TestDb) -> Self {
        Self {
            store: db.open(MIGRATIONS),
            db,
        }
    }

    async fn open_rooms(&self) {
        let channel = self.store.read(|db| busk_people::channel_of(db, ADA)).await;
        let channel = channel.unwrap().unwrap();
        let opened = self.store.write(move |tx| {
            let later = NOW + std::time::Duration::from_secs(3_600);
            for (id, scheduled_at) in [(LIVE, None), (LATER, Some(later))] {
                let new = NewRoom {
                    id,
                    title: "Songs".into(),
                    scheduled_at,
                    live_on_camera: false,
                    access: busk_rooms::Access::Free,
                };
                state::create(tx, &channel, &new, NOW)?;
            }
            Ok::<_, state::CreateError>(())
        });
        opened.await.unwrap();
        let live = self
            .store
            .write(|tx| state::go_live(tx, LIVE, By::Person(ADA), true, NOW));
        live.await.unwrap();
    }

    /// Begins to buy coins, and opens the page to pay at.
    pub(crate) async fn begin(&self, buy: Buy, now: Timestamp) -> Result<coins::Purchase, coins::BuyError> {
        let number = buy.id.0.as_u128();
        let begun = self.store.write(move |tx| {
            let purchase = coins::buy(tx, &buy, &rules(), now)?;
            let (checkout, url) = (
                format!("checkout-{number}"),
                format!("https://pay.example/{number}"),
            );
            payments::opened(tx, buy.id, &checkout, &url)?;
            Ok(purchase)
        });
        begun.await
    }

    /// The provider says something of a payment; each saying is a notice of its own.
    pub(crate) async fn hear(&self, said: PaymentNotice) -> Heard {
        let id = format!("evt-{}-{:?}", said.payment, said.said);
        self.hear_as(&id, said).await
    }

    pub(crate) async fn hear_as(&self, id: &str, said: PaymentNotice) -> Heard {
        self.hear_about(id, About::Payment(said)).await
    }

    pub(crate) async fn hear_about(&self, id: &str, about: About) -> Heard {
        let notice = Notice {
            id: id.to_owned(),
            about,
        };
        let heard = self
            .store
            .write(move |tx| notices::hear(tx, "sandbox", &notice, &rules(), NOW));
        heard.await.unwrap()
    }

    /// What the room's log says, in order; each of the types that are asked for.
    pub(crate) async fn told(&self, types: &[&str]) -> Vec<serde_json::Value> {
        let read = self
            .store
            .read(|db| busk_rooms::log::after(db, LIVE, busk_rooms::log::LogReader::default(), 0, 10_000));
        let events = read.await.unwrap().into_iter();
        let events = events.map(|(_, body)| serde_json::from_str::<serde_json::Value>(&body).unwrap());
        events
            .filter(|event| types.iter().any(|kind| event["type"] == *kind))
            .collect()
    }

    /// Counts what came in the live since.
    pub(crate) async fn count(&self, now: Timestamp) -> Option<Vec<busk_rooms::TopSupporter>> {
        crate::tally::step(&self.store, LIVE, &rules(), now)
            .await
            .unwrap()
    }

    /// A database with the same in it.
    pub(crate) async fn copy(&self) -> TestDb {
        self.db.copy().await
    }

    /// How many rows each table has.
    pub(crate) async fn row_counts(&self) -> BTreeMap<String, i64> {
        self.db.row_counts().await
    }

    /// The site's program ends and begins again.
    pub(crate) fn reopen(self) -> Self {
        let Self { store, db } = self;
        drop(store);
        Self::open(db)
    }

    /// Somebody buys a pack, and has it.
    pub(crate) async fn bought(&self, number: u128, person: PersonId, pack: &str, price: i64) {
        let pack = Buy {
            pack: pack.into(),
            ..buy_70(number, person)
        };
        self.begin(pack, NOW).await.unwrap();
        let said = PaymentNotice {
            amount: price,
            ..notice(number, person, PaymentSaid::Settled)
        };
        assert_eq!(self.hear(said).await, Heard::Settled);
    }

    /// Cid pays 10.00 for something of Ada's channel, which gets 70 % of it once it is delivered.
    pub(crate) async fn sold(&self, number: u128, delivered: bool) {
        let sold = self.store.write(move |tx| {
            let new = NewPayment {
                id: payment_id(number),
                payer: CID,
                order: Order::Badge,
                price: 1_000,
                provider: "sandbox",
            };
            payments::begin(tx, &new, &rules().policy, NOW).map_err(|e| StoreError::Broken(e.to_string()))?;
            payments::opened(tx, new.id, &format!("checkout-{number}"), "https://pay.example")?;
            let said = PaymentNotice {
                amount: 1_000,
                ..notice(number, CID, PaymentSaid::Settled)
            };
            let Weighed::Settled(payment) = payments::hear(tx, &said, NOW)? else {
                return Err(StoreError::Broken("it is not settled".into()));
            };
            let refused = |e: busk_ledger::PostError| StoreError::Broken(e.to_string());
            sales::paid(tx, &payment, &rules(), NOW).map_err(refused)?;
            if delivered {
                sales::deliver(tx, &payment, CHANNEL, 70, &rules(), NOW).map_err(refused)?;
            }
            Ok(())
        });
        sold.await.unwrap();
    }

    pub(crate) async fn give(
        &self,
        number: u128,
        sender: PersonId,
        kind: &str,
        count: i64,
        now: Timestamp,
    ) -> Result<Receipt, SendGiftError> {
        let gift = SendGift {
            id: GiftId(Uuid::from_u128(number)),
            room: LIVE,
            sender,
            from: Speaker {
                id: sender.0,
                name: if sender == BEA { "bea" } else { "cid" }.into(),
                kind: SpeakerKind::Person,
                role: None,
                badge: None,
                months: None,
                rank: None,
            },
            kind: kind.into(),
            count,
            streak: StreakId(Uuid::from_u128(1_000 + number)),
        };
        let wanted = gift.clone();
        let sent = self.store.write_ahead(
            move |rows| gifts::ahead(rows, &wanted),
            move |tx| gifts::send(tx, &gift, &rules(), now),
        );
        sent.await
    }

    /// The same where nothing speaks against it.
    pub(crate) async fn gave(&self, number: u128, sender: PersonId, kind: &str, count: i64, now: Timestamp) {
        self.give(5_000 + number, sender, kind, count, now).await.unwrap();
    }

    /// The transfers of a posting, each as `debit>credit amount`.
    pub(crate) async fn legs(&self, posting: PostingId) -> Vec<String> {
        let read = self
            .store
            .read(move |db| busk_ledger::transfers_of(db, posting))
            .await;
        let legs = read.unwrap().into_iter();
        legs.map(|leg| format!("{}>{} {}", leg.debit.account, leg.credit.account, leg.amount))
            .collect()
    }

    /// What every account has that has anything.
    pub(crate) async fn books(&self) -> BTreeMap<(String, Option<Uuid>), i64> {
        let read = self.store.read(|db| {
            let rows = db.rows(
                "SELECT a.name, a.owner, b.balance FROM ledger_account a \
                 JOIN ledger_balance b ON b.account = a.id WHERE b.balance <> 0",
                &[],
            )?;
            let balances = rows
                .iter()
                .map(|row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)));
            balances.collect::<Result<_, StoreError>>()
        });
        read.await.unwrap()
    }

    pub(crate) async fn balance(&self, account: AccountRef) -> i64 {
        let read = self.store.read(move |db| busk_ledger::balance_of(db, &account));
        read.await.unwrap()
    }

    /// The last number of the room's log.
    pub(crate) async fn last_number(&self) -> i64 {
        let read = self
            .store
            .read(|db| busk_rooms::log::after(db, LIVE, busk_rooms::log::LogReader::default(), 0, 1_000));
        read.await.unwrap().last().unwrap().0
    }

    /// Re-adds the books.
    pub(crate) async fn audit(&self) {
        let audit = self.store.read(busk_ledger::audit::run);
        let audit: Result<_, StoreError> = audit.await;
        assert_eq!(audit.unwrap().findings, Vec::<String>::new());
    }
}
