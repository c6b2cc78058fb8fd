//! Overlays as their owner changes them: looks, secrets, versions.

use busk_base::PersonId;
use busk_store::Store;
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::look::Place;

const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
const ANA: ChannelId = ChannelId(Uuid::from_u128(1));
const BEA: ChannelId = ChannelId(Uuid::from_u128(2));

fn id(number: u128) -> OverlayId {
    OverlayId(Uuid::from_u128(number))
}

fn opened(db: &TestDb) -> Store {
    db.open(&[busk_people::MIGRATIONS, crate::MIGRATIONS])
}

async fn whose(store: &Store, secret: &'static str) -> Option<(ChannelId, Kind, i64)> {
    let found = store.read(move |db| by_secret(db, secret)).await.unwrap();
    found.map(|overlay| (overlay.channel, overlay.kind, overlay.version))
}

async fn rotated(
    store: &Store,
    channel: ChannelId,
    kind: Kind,
    secret: &'static str,
    number: u128,
) -> Overlay {
    let write = store.write(move |tx: &mut Tx| rotate(tx, channel, kind, secret, id(number), NOW));
    write.await.unwrap()
}

each_db!(secrets, |db: TestDb| async move {
    let store = opened(&db);
    assert_eq!(whose(&store, "busk_overlay_a").await, None);
    let first = rotated(&store, ANA, Kind::Chat, "busk_overlay_a", 10).await;
    assert_eq!((first.id, first.secret_at), (id(10), Some(NOW)));
    rotated(&store, ANA, Kind::Goal, "busk_overlay_g", 11).await;
    rotated(&store, BEA, Kind::Chat, "busk_overlay_x", 12).await;
    assert_eq!(whose(&store, "busk_overlay_a").await, Some((ANA, Kind::Chat, 1)));
    assert_eq!(whose(&store, "busk_overlay_x").await, Some((BEA, Kind::Chat, 1)));
    assert_eq!(whose(&store, "a").await, None, "the prefix is part of it");

    let again = rotated(&store, ANA, Kind::Chat, "busk_overlay_b", 13).await;
    assert_eq!(again.id, id(10), "it is the same overlay");
    assert_eq!(whose(&store, "busk_overlay_a").await, None);
    assert_eq!(whose(&store, "busk_overlay_b").await, Some((ANA, Kind::Chat, 2)));
    assert_eq!(whose(&store, "busk_overlay_g").await, Some((ANA, Kind::Goal, 1)));

    for version in [3, 3] {
        let write = store.write(move |tx: &mut Tx| shut(tx, ANA, Kind::Chat, id(14)));
        let gone = write.await.unwrap();
        assert_eq!(
            (gone.version, gone.secret_at),
            (version, None),
            "once more changes nothing"
        );
    }
    assert_eq!(whose(&store, "busk_overlay_b").await, None);
    let known = store.read(|db| versions(db, &[id(10), id(11), id(99)])).await;
    assert_eq!(
        known.unwrap(),
        [(id(10), Some(3)), (id(11), Some(1)), (id(99), None)]
    );
});

each_db!(looks, |db: TestDb| async move {
    let store = opened(&db);
    let dressed = async |kind: Kind, look: Look, number: u128| {
        let write = store.write(move |tx: &mut Tx| dress(tx, ANA, kind, look.clone(), id(number)));
        write.await
    };
    let look = Look {
        place: Place::BottomRight,
        font_px: 40,
        ..Look::plain(Kind::Goal)
    };
    let goal = dressed(Kind::Goal, look.clone(), 10).await.unwrap();
    assert_eq!((&goal.look, goal.version, goal.secret_at), (&look, 1, None));
    rotated(&store, ANA, Kind::Goal, "busk_overlay_g", 11).await;
    let kept = store.read(|db| of_channel(db, ANA)).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (&kept[0].look, kept[0].version),
        (&look, 2),
        "another secret, the same look"
    );

    let refused = dressed(Kind::Chat, look.clone(), 12).await.unwrap_err();
    assert!(
        matches!(refused, OverlayError::Look(LookError::Missing("chat"))),
        "{refused}"
    );
    let alerts = Look {
        alerts: Look::plain(Kind::Alerts).alerts,
        ..look
    };
    let refused = dressed(Kind::Goal, alerts, 13).await.unwrap_err();
    assert!(
        matches!(refused, OverlayError::Look(LookError::Foreign("alerts"))),
        "{refused}"
    );
    let kept = store.read(|db| of_channel(db, ANA)).await.unwrap();
    assert_eq!(
        (kept.len(), kept[0].version),
        (1, 2),
        "what is refused changes nothing"
    );
});

each_db!(owners, |db: TestDb| async move {
    let store = opened(&db);
    let read = store.read(|db| owned(db, "ana", PersonId(Uuid::from_u128(5))));
    assert!(matches!(read.await.unwrap_err(), OverlayError::ChannelUnknown));
});
