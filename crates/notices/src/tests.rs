use std::collections::BTreeSet;
use std::time::Duration;

use busk_base::{ChannelId, PersonId, RoomId, Timestamp};
use busk_mail::Address;
use busk_outward::Reach;
use busk_people::sign_up::{SignUp, sign_up};
use busk_people::{Channel, Role, block, channel_of, follow};
use busk_rooms::Access;
use busk_rooms::state::{self, By, NewRoom};
use busk_store::{Read, Store, StoreError, Tx};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use uuid::Uuid;

use crate::address::{self, GiveError};
use crate::begin::{self, APART, NEWS};
use crate::bell::{self, Bell, BellError};
use crate::choice::{self, Switches};
use crate::delivery::{Delivery, Outcome, Queue, Way, attempted, take};
use crate::letters::Language;
use crate::push::{self, Browser, BrowserKeys, SubscribeError};
use crate::{inbox, spread};

const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
const LEASE: Duration = Duration::from_secs(300);
const MINUTE: Duration = Duration::from_secs(60);

fn open(db: &TestDb) -> Store {
    db.open(&[busk_people::MIGRATIONS, busk_rooms::MIGRATIONS, crate::MIGRATIONS])
}

fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

/// Everybody signs up; the first has a channel that all others follow.
async fn town(db: &TestDb, people: u128) -> (Store, Channel) {
    let store = open(db);
    for number in 1..=people {
        let new = SignUp {
            person: person(number),
            channel: ChannelId(Uuid::from_u128(1_000 + number)),
            handle: format!("person{number}"),
            display_name: format!("Person {number}"),
            password_hash: "hash".into(),
            role: Role::Viewer,
        };
        store.write(move |tx| sign_up(tx, &new, NOW)).await.unwrap();
    }
    let channel = store.read(|db| channel_of(db, person(1))).await.unwrap().unwrap();
    for number in 2..=people {
        let channel = channel.clone();
        let follows = store.write(move |tx| follow::follow(tx, &channel, person(number), NOW));
        follows.await.unwrap();
    }
    (store, channel)
}

async fn has_address(store: &Store, who: PersonId) {
    let confirmed = store.write(move |tx| {
        let address = Address::parse("somebody@example.org").unwrap();
        let kept = address::give(tx, who, &address, Language::English, NOW)?;
        address::confirm(tx, who, kept.asked_at, NOW)?;
        // Its question is not what these tests look at.
        for delivery in take(tx, Queue::Mail, 100, LEASE, NOW)? {
            attempted(tx, &delivery, &Outcome::Done, NOW)?;
        }
        Ok::<_, GiveError>(())
    });
    confirmed.await.unwrap();
}

async fn has_browser(store: &Store, who: PersonId, name: &str) -> Result<busk_base::PushId, SubscribeError> {
    let browser = Browser {
        endpoint: format!("https://push.example/{name}"),
        keys: keys(),
    };
    let subscribes = move |tx: &mut Tx| push::subscribe(tx, who, &browser, &Reach::default(), NOW);
    store.write(subscribes).await
}

/// RFC 8291, appendix A.
fn keys() -> BrowserKeys {
    let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    BrowserKeys::new(&crate::keys::decoded(point).unwrap(), &[1; 16]).unwrap()
}

/// A live of the channel begins; whether it is told of.
async fn goes_live(store: &Store, channel: &Channel, number: u128, at: Timestamp) -> (RoomId, bool) {
    let room = RoomId(Uuid::from_u128(5_000 + number));
    let channel = channel.clone();
    let begins = store.write(move |tx| {
        let new = NewRoom {
            id: room,
            title: format!("Live {number}"),
            scheduled_at: None,
            live_on_camera: false,
            access: Access::Free,
        };
        state::create(tx, &channel, &new, at).unwrap();
        state::go_live(tx, room, By::System, true, at).unwrap();
        Ok::<_, StoreError>(())
    });
    begins.await.unwrap();
    let unnoted = store.read(begin::unnoted).await.unwrap();
    let live = unnoted.into_iter().find(|live| live.room == room).unwrap();
    let told = store.write(move |tx| begin::note(tx, &live, at)).await.unwrap();
    let again = store.write(move |tx| begin::note(tx, &live, at)).await.unwrap();
    assert!(!again, "whoever notes it second changes nothing");
    (room, told)
}

async fn ends(store: &Store, room: RoomId, at: Timestamp) {
    let ended = store.write(move |tx| state::end(tx, room, By::System, at));
    ended.await.unwrap();
}

async fn step(store: &Store, room: RoomId, piece: i64) -> bool {
    store
        .write(move |tx| spread::step(tx, room, piece, NOW))
        .await
        .unwrap()
}

async fn due(store: &Store, queue: Queue, now: Timestamp) -> Vec<Delivery> {
    store
        .write(move |tx| take(tx, queue, 1_000, LEASE, now))
        .await
        .unwrap()
}

async fn came_of(store: &Store, delivery: &Delivery, outcome: Outcome, now: Timestamp) {
    let delivery = delivery.clone();
    let written = store.write(move |tx| attempted(tx, &delivery, &outcome, now));
    written.await.unwrap();
}

each_db!(a_channel_is_told_of_once_in_a_while, async |db: TestDb| {
    let (store, ana) = town(&db, 2).await;
    let (first, told) = goes_live(&store, &ana, 1, NOW).await;
    assert!(told);
    assert!(store.read(begin::unnoted).await.unwrap().is_empty());
    // It stops and comes back, as another live.
    ends(&store, first, NOW + MINUTE).await;
    let (second, told) = goes_live(&store, &ana, 2, NOW + 2 * MINUTE).await;
    assert!(!told);
    ends(&store, second, NOW + 3 * MINUTE).await;
    // What was not told does not hold up what comes later.
    let (third, told) = goes_live(&store, &ana, 3, NOW + APART).await;
    assert!(told);
    let waiting = store.read(spread::spreading).await.unwrap();
    assert_eq!(waiting, [first, third]);

    // A live that nobody noted for hours is no news.
    ends(&store, third, NOW + APART).await;
    let begun = NOW + 2 * APART;
    let channel = ana.clone();
    let room = RoomId(Uuid::from_u128(9));
    let begins = store.write(move |tx| {
        let new = NewRoom {
            id: room,
            title: "Old".into(),
            scheduled_at: None,
            live_on_camera: false,
            access: Access::Free,
        };
        state::create(tx, &channel, &new, begun).unwrap();
        state::go_live(tx, room, By::System, true, begun).unwrap();
        Ok::<_, StoreError>(())
    });
    begins.await.unwrap();
    let live = store.read(begin::unnoted).await.unwrap()[0];
    let told = store
        .write(move |tx| begin::note(tx, &live, begun + NEWS))
        .await
        .unwrap();
    assert!(!told);
});

each_db!(
    followers_are_told_once_also_where_the_program_dies,
    async |db: TestDb| {
        let (store, ana) = town(&db, 9).await;
        for number in 2..=9 {
            has_address(&store, person(number)).await;
            has_browser(&store, person(number), &format!("of{number}"))
                .await
                .unwrap();
        }
        has_browser(&store, person(2), "second").await.unwrap();
        // Who does not want to: 3 no letters, 4 no messages, 5 not of this channel. 6 is blocked.
        let wishes = store.write(move |tx| {
            let off = |email, push| Switches {
                in_app: None,
                email,
                push,
            };
            choice::switch(tx, person(3), &off(Some(false), None))?;
            choice::switch(tx, person(4), &off(None, Some(false)))?;
            bell::set(tx, person(5), "person1", Bell::None).unwrap();
            block::block(tx, person(1), person(6), NOW).unwrap();
            Ok::<_, StoreError>(())
        });
        wishes.await.unwrap();
        let (room, _) = goes_live(&store, &ana, 1, NOW).await;
        // 10 follows when the live is on.
        let channel = ana.clone();
        let late = store.write(move |tx| {
            let new = SignUp {
                person: person(10),
                channel: ChannelId(Uuid::from_u128(1_010)),
                handle: "person10".into(),
                display_name: "Late".into(),
                password_hash: "hash".into(),
                role: Role::Viewer,
            };
            sign_up(tx, &new, NOW).unwrap();
            follow::follow(tx, &channel, person(10), NOW + MINUTE).unwrap();
            Ok::<_, StoreError>(())
        });
        late.await.unwrap();
        has_address(&store, person(10)).await;

        assert!(step(&store, room, 3).await);
        // It dies in the middle of a piece: nothing of that is there.
        let dies = store.write(move |tx| {
            spread::step(tx, room, 3, NOW)?;
            Err::<(), _>(StoreError::Broken("it dies".into()))
        });
        assert!(dies.await.is_err());
        drop(store);
        let store = open(&db);
        let mut pieces = 0;
        while step(&store, room, 3).await {
            pieces += 1;
            assert!(pieces < 10);
        }
        assert!(!step(&store, room, 3).await, "and nothing after the end");
        assert!(store.read(spread::spreading).await.unwrap().is_empty());

        let mail = due(&store, Queue::Mail, NOW).await;
        let to: Vec<PersonId> = mail.iter().map(|delivery| delivery.person).collect();
        let set: BTreeSet<PersonId> = to.iter().copied().collect();
        assert_eq!(set, [2, 4, 7, 8, 9].map(person).into());
        assert_eq!(to.len(), set.len(), "nobody twice");
        let pushed = due(&store, Queue::Push, NOW).await;
        let to: Vec<PersonId> = pushed.iter().map(|delivery| delivery.person).collect();
        assert_eq!(
            to.len(),
            6,
            "both browsers of 2, one each of 3, 7, 8 and 9: {to:?}"
        );
        let ids: BTreeSet<_> = mail.iter().chain(&pushed).map(|delivery| delivery.id).collect();
        assert_eq!(ids.len(), mail.len() + pushed.len());
    }
);

each_db!(
    a_delivery_is_tried_again_until_it_is_no_news,
    async |db: TestDb| {
        let (store, ana) = town(&db, 3).await;
        let browser = has_browser(&store, person(2), "of2").await.unwrap();
        has_browser(&store, person(3), "of3").await.unwrap();
        let (room, _) = goes_live(&store, &ana, 1, NOW).await;
        step(&store, room, 10).await;

        let taken = due(&store, Queue::Push, NOW).await;
        assert_eq!(taken.len(), 2);
        assert!(
            taken
                .iter()
                .all(|delivery| delivery.attempts == 1 && delivery.room == Some(room))
        );
        assert!(due(&store, Queue::Push, NOW).await.is_empty(), "they are leased");
        assert!(due(&store, Queue::Mail, NOW).await.is_empty());
        let (of2, of3): (Vec<_>, Vec<_>) = taken
            .into_iter()
            .partition(|delivery| delivery.person == person(2));
        assert_eq!(of2[0].way, Way::Push(browser));
        came_of(&store, &of2[0], Outcome::Gone, NOW).await;
        let gone = store.read(move |db| push::browser(db, person(2), browser)).await;
        assert_eq!(gone.unwrap(), None, "a browser that has gone is forgotten");

        came_of(&store, &of3[0], Outcome::Again(Some(10 * MINUTE)), NOW).await;
        assert!(
            due(&store, Queue::Push, NOW + 9 * MINUTE).await.is_empty(),
            "as long as was asked for"
        );
        let again = due(&store, Queue::Push, NOW + 10 * MINUTE).await;
        assert_eq!((again.len(), again[0].attempts, again[0].id), (1, 2, of3[0].id));
        came_of(&store, &again[0], Outcome::Again(None), NOW + 10 * MINUTE).await;
        assert!(due(&store, Queue::Push, NOW + NEWS).await.is_empty());
        let rows = store
            .read(|db| db.rows("SELECT id FROM notice_delivery", &[]))
            .await;
        assert!(rows.unwrap().is_empty(), "what is no news any more is forgotten");
    }
);

each_db!(the_inbox_is_of_what_one_follows, async |db: TestDb| {
    let (store, ana) = town(&db, 3).await;
    let (first, _) = goes_live(&store, &ana, 1, NOW + MINUTE).await;
    let of =
        async |who: PersonId, now: Timestamp| store.read(move |db| inbox::of(db, who, now)).await.unwrap();
    let later = NOW + 2 * MINUTE;
    let seen = of(person(2), later).await;
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].room, seen[0].title.as_str()), (first, "Live 1"));
    assert!(seen[0].on_air && seen[0].unread && seen[0].channel.handle == "person1");
    assert!(
        of(person(1), later).await.is_empty(),
        "nobody is told of themselves"
    );

    let at = seen[0].at;
    let reads = store.write(move |tx| {
        inbox::read_through(tx, person(2), at)?;
        // An older page's word does not make it unread again.
        inbox::read_through(tx, person(2), at - MINUTE)
    });
    reads.await.unwrap();
    assert!(!of(person(2), later).await[0].unread);
    assert!(of(person(3), later).await[0].unread, "each for themselves");

    ends(&store, first, later).await;
    let (second, _) = goes_live(&store, &ana, 2, NOW + APART + MINUTE).await;
    let both = of(person(2), NOW + APART + 2 * MINUTE).await;
    let states: Vec<_> = both
        .iter()
        .map(|notice| (notice.room, notice.on_air, notice.unread))
        .collect();
    assert_eq!(states, [(second, true, true), (first, false, false)]);
    let kept = NOW + MINUTE + inbox::KEPT;
    assert_eq!(of(person(2), kept).await.len(), 1, "for thirty days");

    let quiet = store
        .write(|tx| bell::set(tx, person(2), "person1", Bell::None))
        .await;
    quiet.unwrap();
    assert!(of(person(2), later).await.is_empty());
    let off = Switches {
        in_app: Some(false),
        ..Switches::default()
    };
    store
        .write(move |tx| choice::switch(tx, person(3), &off))
        .await
        .unwrap();
    assert!(of(person(3), later).await.is_empty());
    let choice = store.read(|db| choice::of(db, person(3))).await.unwrap();
    assert!(choice.email && choice.push && !choice.in_app);

    let stranger = store
        .write(|tx| bell::set(tx, person(1), "person2", Bell::None))
        .await;
    assert!(matches!(stranger, Err(BellError::NotFollowed)));
    let unknown = store
        .write(|tx| bell::set(tx, person(1), "nobody", Bell::None))
        .await;
    assert!(matches!(unknown, Err(BellError::ChannelUnknown)));
});

each_db!(an_address_is_asked_before_it_is_written_to, async |db: TestDb| {
    let (store, _) = town(&db, 2).await;
    let give = async |text: &str, at: Timestamp| {
        let address = Address::parse(text).unwrap();
        let gives = move |tx: &mut Tx| address::give(tx, person(2), &address, Language::French, at);
        store.write(gives).await
    };
    let confirm = async |asked: Timestamp| {
        let confirms = store
            .write(move |tx| address::confirm(tx, person(2), asked, NOW))
            .await;
        confirms.unwrap();
        store
            .read(|db| address::of(db, person(2)))
            .await
            .unwrap()
            .unwrap()
    };
    give("a@example.org", NOW).await.unwrap();
    give("b@example.org", NOW + MINUTE).await.unwrap();
    let asked = due(&store, Queue::Mail, NOW + MINUTE).await;
    assert!(asked.len() == 2 && asked.iter().all(|delivery| delivery.way == Way::Confirm));
    // The answer to an earlier question confirms nothing.
    assert_eq!(confirm(NOW).await.confirmed_at, None);
    let kept = confirm(NOW + MINUTE).await;
    assert_eq!(
        (kept.address.as_str(), kept.confirmed_at),
        ("b@example.org", Some(NOW))
    );
    assert_eq!(kept.language, Language::French);
    // The same once more asks nothing.
    assert!(
        give("b@example.org", NOW + MINUTE)
            .await
            .unwrap()
            .confirmed_at
            .is_some()
    );
    assert!(due(&store, Queue::Mail, NOW + MINUTE).await.is_empty());

    // Forgetting an address does not give more questions.
    store.write(|tx| address::forget(tx, person(2))).await.unwrap();
    assert_eq!(store.read(|db| address::of(db, person(2))).await.unwrap(), None);
    for turn in 2..5 {
        give("c@example.org", NOW + turn * MINUTE).await.unwrap();
    }
    assert!(matches!(
        give("d@example.org", NOW + 6 * MINUTE).await,
        Err(GiveError::TooOften)
    ));
    give("d@example.org", NOW + 25 * 60 * MINUTE).await.unwrap();
});

each_db!(a_browser_is_one_persons, async |db: TestDb| {
    let (store, _) = town(&db, 3).await;
    let id = has_browser(&store, person(2), "one").await.unwrap();
    assert_eq!(has_browser(&store, person(3), "one").await.unwrap(), id);
    let of = async |who: PersonId| store.read(move |db| push::browser(db, who, id)).await.unwrap();
    assert_eq!(of(person(2)).await, None);
    assert_eq!(of(person(3)).await.unwrap().endpoint, "https://push.example/one");
    store
        .write(move |tx| push::unsubscribe(tx, person(2), id))
        .await
        .unwrap();
    assert!(of(person(3)).await.is_some(), "nobody takes away another's");
    for number in 0..push::BROWSERS_MAX + 3 {
        has_browser(&store, person(3), &format!("{number}"))
            .await
            .unwrap();
    }
    let rows = store
        .read(|db| db.rows("SELECT id FROM notice_push", &[]))
        .await
        .unwrap();
    assert_eq!(rows.len() as i64, push::BROWSERS_MAX);
    let inside = Browser {
        endpoint: "http://127.0.0.1/x".into(),
        keys: keys(),
    };
    let refused = store
        .write(move |tx| push::subscribe(tx, person(2), &inside, &Reach::default(), NOW))
        .await;
    assert!(matches!(refused, Err(SubscribeError::Endpoint(_))));
});
