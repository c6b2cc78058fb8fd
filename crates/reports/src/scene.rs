//! For tests: Ada is live, Bea and a guest have said something there, Cid watches, Ola and Oz run the site.

use std::time::Duration;

use busk_base::{
    AppealId, ChannelId, DecisionId, GuestId, MessageId, PersonId, RecordId, ReportId, RoomId, Timestamp,
};
use busk_people::sign_up::{SignUp, sign_up};
use busk_people::{Caller, Guest, Role, guest, person};
use busk_rooms::chat::{self, Place, Say};
use busk_rooms::state::{self, By, NewRoom};
use busk_rooms::{Access, speaker};
use busk_store::{Read, Store, StoreError, Tx};
use busk_testkit::db::TestDb;
use uuid::Uuid;

use crate::appeal::{Appeal, AppealError, JudgeError, Judgement, NewAppeal, Outcome, appeal, judge};
use crate::category::{Category, Ground};
use crate::decision::{DecideError, Decided, Measure, NewDecision, decide};
use crate::report::{NewReport, Object, ObjectKind, Report, ReportError, report};

pub(crate) const ADA: u128 = 1;
pub(crate) const BEA: u128 = 2;
pub(crate) const CID: u128 = 3;
pub(crate) const OLA: u128 = 4;
pub(crate) const OZ: u128 = 5;
pub(crate) const GUEST: u128 = 20;
pub(crate) const ROOM: u128 = 100;
/// Bea's, and the guest's.
pub(crate) const SAID: u128 = 200;
pub(crate) const SAID_BY_GUEST: u128 = 201;

const MIGRATIONS: &[&[busk_store::Migration]] = &[
    busk_ledger::MIGRATIONS,
    busk_people::MIGRATIONS,
    busk_rooms::MIGRATIONS,
    busk_webhooks::MIGRATIONS,
    busk_notices::MIGRATIONS,
    busk_commerce::MIGRATIONS,
    busk_overlays::MIGRATIONS,
    crate::MIGRATIONS,
];

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_us(1_795_252_800_000_000) + Duration::from_secs(seconds)
}

/// A report of Bea's message by Cid.
pub(crate) fn of_message(number: u128) -> NewReport {
    NewReport {
        id: ReportId(id(number)),
        object: Object {
            kind: ObjectKind::Message,
            id: id(SAID),
            room: None,
        },
        ground: Ground::Rules,
        category: Category::Hate,
        words: String::new(),
        good_faith: false,
        reporter: Some(id(CID)),
        contact_name: None,
        contact_email: None,
    }
}

/// What Ola decides about a report.
pub(crate) fn decision(number: u128, report: u128, measure: Measure) -> NewDecision {
    NewDecision {
        id: DecisionId(id(number)),
        report: ReportId(id(report)),
        measure,
        seconds: None,
        ground: Ground::Rules,
        category: Category::Hate,
        basis: "Rule 3".into(),
        facts: "It insults people for what they are.".into(),
        operator: PersonId(id(OLA)),
    }
}

pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) db: TestDb,
}

impl Scene {
    pub(crate) async fn set(db: TestDb) -> Self {
        let scene = Self {
            store: db.open(MIGRATIONS),
            db,
        };
        for (number, handle) in [
            (ADA, "ada"),
            (BEA, "bea"),
            (CID, "cid"),
            (OLA, "ola"),
            (OZ, "ozz"),
        ] {
            let role = if number >= OLA {
                Role::Operator
            } else {
                Role::Viewer
            };
            let new = SignUp {
                person: PersonId(id(number)),
                channel: ChannelId(id(1_000 + number)),
                handle: handle.into(),
                display_name: handle.into(),
                password_hash: "hash".into(),
                role,
            };
            let joined = scene.store.write(move |tx| sign_up(tx, &new, at(0))).await;
            joined.unwrap();
        }
        let set = |tx: &mut Tx| {
            let anna = Guest::new(GuestId(id(GUEST)), "anna").expect("a name");
            guest::welcome(tx, &anna, at(0));
            let channel = busk_people::channel(tx, ChannelId(id(1_000 + ADA)))?.expect("Ada's");
            let room = NewRoom {
                id: RoomId(id(ROOM)),
                title: "Evening".into(),
                scheduled_at: None,
                live_on_camera: false,
                access: Access::Free,
            };
            let host = By::Person(PersonId(id(ADA)));
            state::create(tx, &channel, &room, at(0)).expect("a room");
            state::go_live(tx, room.id, host, true, at(0)).expect("a camera is there");
            Ok::<_, StoreError>(())
        };
        scene.store.write(set).await.unwrap();
        scene.says(BEA, SAID, "go away").await;
        scene.says(GUEST, SAID_BY_GUEST, "hello").await;
        scene
    }

    pub(crate) async fn says(&self, who: u128, message: u128, text: &'static str) {
        let says = move |tx: &mut Tx| {
            let caller = match person(tx, PersonId(id(who)))? {
                Some(person) => Caller::Person(person),
                None => Caller::Guest(guest::guest(tx, GuestId(id(who)))?.expect("somebody")),
            };
            let say = Say {
                id: MessageId(id(message)),
                room: RoomId(id(ROOM)),
                from: speaker(&caller, false).expect("a name"),
                text: text.into(),
                place: Place::Chat,
                reply_to: None,
                trusted: false,
            };
            chat::say(tx, &say, at(1)).map(|_| ())
        };
        self.store.write(says).await.unwrap();
    }

    pub(crate) async fn reports(&self, new: NewReport, seconds: u64) -> Result<Report, ReportError> {
        let made = self.store.write(move |tx| report(tx, &new, at(seconds)));
        made.await
    }

    pub(crate) async fn decides(&self, new: NewDecision, seconds: u64) -> Result<Decided, DecideError> {
        let made = self.store.write(move |tx| decide(tx, &new, at(seconds)));
        made.await
    }

    pub(crate) async fn appeals(
        &self,
        number: u128,
        decision: u128,
        by: u128,
        when: Timestamp,
    ) -> Result<Appeal, AppealError> {
        let new = NewAppeal {
            id: AppealId(id(number)),
            decision: DecisionId(id(decision)),
            by: id(by),
            words: "It was a joke.".into(),
        };
        self.store.write(move |tx| appeal(tx, &new, when)).await
    }

    pub(crate) async fn judges(
        &self,
        number: u128,
        by: u128,
        outcome: Outcome,
        seconds: u64,
    ) -> Result<Appeal, JudgeError> {
        let judgement = Judgement {
            appeal: AppealId(id(number)),
            operator: PersonId(id(by)),
            outcome,
            answer: "We looked again.".into(),
            record: RecordId(id(9_000 + number)),
        };
        self.store
            .write(move |tx| judge(tx, &judgement, at(seconds)))
            .await
    }

    pub(crate) async fn reads<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut busk_store::Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.read(f).await.unwrap()
    }

    /// How many rows a statement finds.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.reads(move |db| db.row(sql, &[])?.map_or(Ok(0), |row| row.get(0)))
            .await
    }
}
