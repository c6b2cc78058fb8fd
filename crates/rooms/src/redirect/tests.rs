//! Who is sent where, and who is not, on both databases.

use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::state::NewRoom;
use crate::talk::tests::{ADA, BEA, CID, LIVE, NOW, Stand};

const OTHER: RoomId = RoomId(Uuid::from_u128(901));

async fn goes_live(stand: &Stand, host: busk_base::PersonId, access: Access) {
    let went = stand.store.write(move |tx| {
        let channel = busk_people::channel_of(tx, host)?;
        let channel = channel.ok_or_else(|| StoreError::Broken("no channel".into()))?;
        let new = NewRoom {
            id: OTHER,
            title: "More songs".into(),
            scheduled_at: None,
            live_on_camera: false,
            access,
        };
        state::create(tx, &channel, &new, NOW).map_err(|e| StoreError::Broken(e.to_string()))?;
        state::go_live(tx, OTHER, By::Person(host), true, NOW).map_err(|e| StoreError::Broken(e.to_string()))
    });
    went.await.unwrap();
}

async fn sends(stand: &Stand, by: busk_base::PersonId, room: RoomId, to: &str) -> String {
    let to = to.to_owned();
    let sent = stand.store.write(move |tx| {
        let by = busk_people::person(tx, by)?.ok_or(RedirectError::RoomUnknown)?;
        let wanted = Redirect {
            room,
            by,
            to: to.clone(),
            viewers: 7,
        };
        redirect(tx, &wanted, NOW)
    });
    sent.await.err().map_or(String::new(), |error| error.to_string())
}

each_db!(viewers_are_sent_to_an_open_live_and_no_other, async |db| {
    let stand = Stand::set(db).await;
    let nowhere = RoomId(Uuid::from_u128(77));
    assert_eq!(sends(&stand, ADA, nowhere, "bea").await, "there is no such room");
    assert_eq!(sends(&stand, BEA, LIVE, "bea").await, "the room is not yours");
    assert_eq!(
        sends(&stand, ADA, LIVE, "nobody").await,
        "there is no such channel"
    );
    let not_open = "the channel is not live, or not for everybody";
    assert_eq!(sends(&stand, ADA, LIVE, "bea").await, not_open);
    assert_eq!(
        sends(&stand, ADA, LIVE, "ada").await,
        not_open,
        "to where they are"
    );
    goes_live(&stand, BEA, Access::Free).await;
    let blocks = stand.store.write(|tx| block::block(tx, BEA, ADA, NOW));
    blocks.await.unwrap();
    assert_eq!(
        sends(&stand, ADA, LIVE, "bea").await,
        "the channel does not take viewers from you"
    );
    let unblocks = stand.store.write(|tx| block::unblock(tx, BEA, ADA));
    unblocks.await.unwrap();
    assert_eq!(sends(&stand, ADA, LIVE, "bea").await, "");
    assert_eq!(sends(&stand, ADA, LIVE, "bea").await, "the room is not live");

    let told = stand.told_to(false, &["redirect", "room_state"]).await;
    let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["room_state", "redirect", "room_state"]);
    assert_eq!(told[1]["channel"]["handle"], "bea");
    let arrived = stand
        .store
        .read(|db| log::after(db, OTHER, log::LogReader::default(), 0, 100));
    let arrived = arrived.await.unwrap();
    let arrivals = arrived.iter().filter(|(_, body)| body.contains("arrivals"));
    let arrivals: Vec<_> = arrivals.collect();
    assert_eq!(arrivals.len(), 1);
    assert!(arrivals[0].1.contains("\"ada\"") && arrivals[0].1.contains("\"viewers\":7"));
});

each_db!(nobody_is_sent_where_they_could_not_come_in, async |db| {
    let stand = Stand::set(db).await;
    goes_live(&stand, CID, Access::Subscribers).await;
    assert_eq!(
        sends(&stand, ADA, LIVE, "cid").await,
        "the channel is not live, or not for everybody"
    );
    assert!(stand.told_to(false, &["redirect"]).await.is_empty());
});
