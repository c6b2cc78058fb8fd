//! The stories of this crate, told to both databases.

use busk_base::{ChannelId, GuestId, PersonId, SessionId, Timestamp};
use busk_store::{Store, StoreError};
use busk_testkit::each_db;
use uuid::Uuid;

use crate::me::{Change, ChangeError, change};
use crate::session::{Holder, LIFETIME, Token};
use crate::setup::SetupError;
use crate::sign_up::{SignUp, SignUpError, sign_up};
use crate::*;

const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn new(number: u128, handle: &str) -> SignUp {
    SignUp {
        person: PersonId(id(number)),
        channel: ChannelId(id(number + 1_000)),
        handle: handle.into(),
        display_name: format!("{handle} "),
        password_hash: "hash".into(),
        role: Role::Viewer,
    }
}

async fn joined(store: &Store, number: u128, handle: &str) -> Result<Person, SignUpError> {
    let new = new(number, handle);
    store.write(move |tx| sign_up(tx, &new, NOW)).await
}

async fn reads<T: Send + 'static>(
    store: &Store,
    f: impl FnOnce(&mut busk_store::Reader) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.read(f).await.expect("the store reads")
}

each_db!(signing_up, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    let ana = joined(&store, 1, "Ana_9").await.unwrap();
    assert_eq!(
        (ana.handle.as_str(), ana.display_name.as_str()),
        ("ana_9", "Ana_9")
    );

    let id = ana.id;
    let read = reads(&store, move |db| person(db, id)).await;
    assert_eq!(read, Some(ana.clone()));
    let channel = reads(&store, move |db| channel_of(db, id)).await.unwrap();
    assert_eq!((channel.handle.as_str(), channel.owner), ("ana_9", id));
    let by_handle = reads(&store, |db| channel_by_handle(db, "ANA_9")).await;
    assert_eq!(by_handle, Some(channel));
    assert_eq!(reads(&store, |db| person_by_handle(db, "bob")).await, None);

    type Row = (&'static str, &'static str, fn(&SignUpError) -> bool);
    let refused: &[Row] = &[
        ("ana_9", "Ana", |e| matches!(e, SignUpError::HandleTaken)),
        ("AnA_9", "Ana", |e| matches!(e, SignUpError::HandleTaken)),
        ("an", "Ana", |e| matches!(e, SignUpError::Handle(_))),
        ("ana-9", "Ana", |e| matches!(e, SignUpError::Handle(_))),
        ("bob", "  ", |e| matches!(e, SignUpError::DisplayName(_))),
        ("bob", "a\u{202e}b", |e| matches!(e, SignUpError::DisplayName(_))),
    ];
    for (handle, display_name, expected) in refused {
        let new = SignUp {
            display_name: (*display_name).into(),
            ..new(7, handle)
        };
        let error = store.write(move |tx| sign_up(tx, &new, NOW)).await.unwrap_err();
        assert!(expected(&error), "{handle} {display_name}: {error:?}");
    }
});

each_db!(a_handle_has_one_winner, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    let all = (0..32u128).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { joined(&store, number, "ana").await.is_ok() })
    });
    let mut winners = 0;
    for one in all.collect::<Vec<_>>() {
        winners += u32::from(one.await.unwrap());
    }
    assert_eq!(winners, 1);
});

each_db!(a_session, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    let ana = joined(&store, 1, "ana").await.unwrap();
    let (first, second) = (Token::new([1; 32]), Token::new([2; 32]));
    let (first, second) = (first.hash(), second.hash());
    let guest = Guest::new(GuestId(id(5)), " Zoé ").unwrap();
    let welcomed = guest.clone();
    let opened = store.write(move |tx| {
        session::open(tx, SessionId(id(1)), Holder::Person(PersonId(id(1))), first, NOW);
        session::open(tx, SessionId(id(2)), Holder::Guest(GuestId(id(5))), second, NOW);
        guest::welcome(tx, &welcomed, NOW);
        Ok::<_, StoreError>(())
    });
    opened.await.unwrap();

    let who = async |token, now| reads(&store, move |db| session::caller(db, token, now)).await;
    assert_eq!(who(first, NOW).await, Caller::Person(ana.clone()));
    assert_eq!(who(second, NOW).await, Caller::Guest(guest));
    assert_eq!(who(Token::new([3; 32]).hash(), NOW).await, Caller::Nobody);
    assert_eq!(who(first, NOW + LIFETIME).await, Caller::Nobody);

    store.write(move |tx| session::close(tx, second)).await.unwrap();
    assert_eq!(who(second, NOW).await, Caller::Nobody);
    assert_eq!(store.write(|tx| session::sweep(tx, NOW)).await.unwrap(), 0);
    let ended = NOW + LIFETIME;
    assert_eq!(store.write(move |tx| session::sweep(tx, ended)).await.unwrap(), 1);
});

each_db!(setting_up, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    let offer =
        async |token: &'static str| store.write(move |tx| setup::offer(tx, token, NOW)).await.unwrap();
    let set_up = async |token: &'static str, new: SignUp| {
        store.write(move |tx| setup::set_up(tx, token, &new, NOW)).await
    };
    joined(&store, 1, "ana").await.unwrap();
    assert!(matches!(
        set_up("old", new(2, "bob")).await,
        Err(SetupError::TokenWrong)
    ));
    assert!(offer("old").await);
    assert!(offer("new").await);
    assert!(matches!(
        set_up("old", new(2, "bob")).await,
        Err(SetupError::TokenWrong)
    ));
    let taken = set_up("new", new(2, "ana")).await;
    assert!(
        matches!(taken, Err(SetupError::SignUp(SignUpError::HandleTaken))),
        "{taken:?}"
    );

    // A refusal leaves the token good; the first success uses it up.
    let bob = set_up("new", new(2, "bob")).await.unwrap();
    assert_eq!(bob.role, Role::Operator);
    assert!(matches!(
        set_up("new", new(3, "cem")).await,
        Err(SetupError::AlreadySetUp)
    ));
    assert!(!offer("newer").await);
});

each_db!(a_stream_key, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    joined(&store, 1, "ana").await.unwrap();
    let channel = ChannelId(id(1_001));
    let owner = async |key: String| {
        let channel = reads(&store, move |db| stream_key::owner(db, &key, NOW)).await;
        channel.map(|channel| channel.handle)
    };
    let rotate = async |key: String, now| {
        let done = store.write(move |tx| stream_key::rotate(tx, channel, &key, now));
        done.await.unwrap();
    };
    let created = async || reads(&store, move |db| stream_key::created_at(db, channel)).await;
    let (first, second) = (stream_key::key([1; 32]), stream_key::key([2; 32]));
    assert!(first.starts_with("busk_") && first.len() == 48, "{first}");
    assert_eq!((owner(first.clone()).await, created().await), (None, None));
    rotate(first.clone(), NOW).await;
    assert_eq!(owner(first.clone()).await.as_deref(), Some("ana"));
    rotate(second.clone(), NOW + LIFETIME).await;
    assert_eq!(owner(first).await, None);
    assert_eq!(owner(second).await.as_deref(), Some("ana"));
    assert_eq!(created().await, Some(NOW + LIFETIME));
});

each_db!(changing_oneself, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    let ana = joined(&store, 1, "ana").await.unwrap().id;
    let changing = async |id: PersonId, asked: Change| store.write(move |tx| change(tx, id, &asked)).await;
    let name = |name: &str| Change {
        display_name: Some(name.into()),
        about: None,
    };
    changing(ana, name("Ana Lima")).await.unwrap();
    let about = Change {
        display_name: None,
        about: Some("Songs at noon".into()),
    };
    let person = changing(ana, about).await.unwrap();
    assert_eq!(
        (person.display_name.as_str(), person.about.as_str()),
        ("Ana Lima", "Songs at noon")
    );
    let channel = reads(&store, move |db| channel_of(db, ana)).await.unwrap();
    assert_eq!(
        (channel.name.as_str(), channel.about.as_str()),
        ("Ana Lima", "Songs at noon")
    );

    let long = Change {
        display_name: None,
        about: Some("x".repeat(501)),
    };
    assert!(matches!(
        changing(ana, name("")).await,
        Err(ChangeError::DisplayName(_))
    ));
    assert!(matches!(changing(ana, long).await, Err(ChangeError::About(_))));
    let nobody = PersonId(id(99));
    assert!(matches!(
        changing(nobody, name("X")).await,
        Err(ChangeError::PersonUnknown)
    ));
});

each_db!(
    a_page_is_its_owners_alone,
    async |db: busk_testkit::db::TestDb| {
        let store = db.open(&[MIGRATIONS]);
        let ana = joined(&store, 1, "ana").await.unwrap().id;
        let bob = joined(&store, 2, "bob").await.unwrap().id;
        let new = |number: u128, handle: &str| page::NewPage {
            id: ChannelId(Uuid::from_u128(number)),
            owner: ana,
            handle: handle.into(),
            name: "The Venue".into(),
            about: String::new(),
        };
        let rows = [
            (new(50, "x"), "handle"),
            (new(50, "bob"), "taken"),
            (new(50, "Venue"), "created"),
            (new(51, "venue"), "taken"),
        ];
        for (wanted, expected) in rows {
            let created = store.write(move |tx| page::create(tx, &wanted, NOW)).await;
            let said = match created {
                Ok(_) => "created",
                Err(page::CreateError::Handle(_)) => "handle",
                Err(page::CreateError::HandleTaken) => "taken",
                Err(error) => panic!("{error}"),
            };
            assert_eq!(said, expected);
        }
        let own = reads(&store, move |db| {
            let mut handles = Vec::new();
            for (who, handle) in [(ana, None), (ana, Some("VENUE")), (bob, Some("venue"))] {
                handles.push(own_channel(db, who, handle)?.map(|channel| channel.handle));
            }
            Ok((handles, page::pages_of(db, ana)?.len()))
        });
        let expected = vec![Some("ana".to_owned()), Some("venue".to_owned()), None];
        assert_eq!(own.await, (expected, 1));
    }
);
