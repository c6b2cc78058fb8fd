use std::time::Duration;

use busk_base::{ChannelId, PersonId, TextError, Timestamp, TokenId};
use busk_store::Store;
use busk_testkit::each_db;
use uuid::Uuid;

use super::{AccessToken, MakeError, RevokeError, TOKENS_MAX, holder, holds, make, of_person, revoke, text};
use crate::sign_up::{SignUp, sign_up};
use crate::{MIGRATIONS, Role, Scope};

const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);

fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn token(number: u128, person: PersonId) -> AccessToken {
    AccessToken {
        id: TokenId(Uuid::from_u128(number)),
        person,
        name: " greeter ".into(),
        scopes: [Scope::ChatRead].into_iter().collect(),
        created_at: NOW,
        expires_at: None,
    }
}

async fn join(store: &Store, number: u128, handle: &str) -> PersonId {
    let new = SignUp {
        person: PersonId(Uuid::from_u128(number)),
        channel: ChannelId(Uuid::from_u128(number + 1_000)),
        handle: handle.into(),
        display_name: handle.into(),
        password_hash: "hash".into(),
        role: Role::Viewer,
    };
    store.write(move |tx| sign_up(tx, &new, NOW)).await.unwrap().id
}

async fn made(store: &Store, token: AccessToken, secret: u8, now: Timestamp) -> Result<String, MakeError> {
    let text = text([secret; 32]);
    let kept = text.clone();
    store.write(move |tx| make(tx, &token, &kept, now)).await?;
    Ok(text)
}

async fn held(store: &Store, text: &str, now: Timestamp) -> Option<AccessToken> {
    let text = text.to_owned();
    let read = store.read(move |db| holder(db, &text, now)).await;
    read.unwrap().map(|(token, _)| token)
}

each_db!(
    a_token_is_known_by_its_text_until_it_ends,
    async |db: busk_testkit::db::TestDb| {
        let store = db.open(&[MIGRATIONS]);
        let (ana, ben) = (join(&store, 1, "ana").await, join(&store, 2, "ben").await);
        let expiring = AccessToken {
            expires_at: Some(after(60)),
            ..token(11, ana)
        };
        let first = made(&store, token(10, ana), 1, NOW).await.unwrap();
        let second = made(&store, expiring, 2, NOW).await.unwrap();
        assert!(first.starts_with("busk_token_") && first.len() == 75, "{first}");

        let known = held(&store, &first, NOW).await.unwrap();
        assert_eq!((known.person, known.name.as_str()), (ana, "greeter"));
        assert!(known.scopes.has(Scope::ChatRead) && !known.scopes.has(Scope::ChatWrite));
        assert_eq!(held(&store, &first[..74], NOW).await, None);
        assert_eq!(held(&store, "busk_token_", NOW).await, None);

        let id = TokenId(Uuid::from_u128(11));
        assert!(held(&store, &second, after(59)).await.is_some());
        assert_eq!(held(&store, &second, after(60)).await, None);
        assert!(store.read(move |db| holds(db, id, after(59))).await.unwrap());
        assert!(!store.read(move |db| holds(db, id, after(60))).await.unwrap());

        let id = TokenId(Uuid::from_u128(10));
        let others = store.write(move |tx| revoke(tx, ben, id)).await;
        assert!(matches!(others, Err(RevokeError::TokenUnknown)));
        store.write(move |tx| revoke(tx, ana, id)).await.unwrap();
        assert_eq!(held(&store, &first, NOW).await, None);
        let again = store.write(move |tx| revoke(tx, ana, id)).await;
        assert!(matches!(again, Err(RevokeError::TokenUnknown)));
    }
);

each_db!(what_is_refused, async |db: busk_testkit::db::TestDb| {
    let store = db.open(&[MIGRATIONS]);
    let ana = join(&store, 1, "ana").await;
    let nameless = AccessToken {
        name: " ".into(),
        ..token(1, ana)
    };
    let refused = made(&store, nameless, 1, NOW).await;
    assert!(matches!(refused, Err(MakeError::Name(TextError::TooShort(1)))));
    let idle = AccessToken {
        scopes: Default::default(),
        ..token(1, ana)
    };
    assert!(matches!(
        made(&store, idle, 1, NOW).await,
        Err(MakeError::NoScope)
    ));
    let late = AccessToken {
        expires_at: Some(NOW),
        ..token(1, ana)
    };
    assert!(matches!(made(&store, late, 1, NOW).await, Err(MakeError::Past)));

    for number in 0..TOKENS_MAX as u8 {
        let expires_at = (number == 0).then(|| after(60));
        let token = AccessToken {
            expires_at,
            ..token(u128::from(number) + 10, ana)
        };
        made(&store, token, number, NOW).await.unwrap();
    }
    let more = made(&store, token(50, ana), 50, after(59)).await;
    assert!(matches!(more, Err(MakeError::TooMany)));
    // One has expired meanwhile, and makes place.
    made(&store, token(50, ana), 50, after(60)).await.unwrap();
    let kept = store.read(move |db| of_person(db, ana)).await.unwrap();
    assert_eq!(kept.len(), TOKENS_MAX);
});
