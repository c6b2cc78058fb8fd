//! What whoever comes later finds, and what a batch reads together.

use super::*;
use crate::subroom::Right;

/// The polls that whoever comes at a moment is told: their numbers, and whether they are open.
async fn polls_seen(stand: &Stand, by: PersonId, right: Right, now: Timestamp) -> Vec<(u64, bool)> {
    let read = stand
        .store
        .read(move |db| view(db, LIVE, Some(by), right, now))
        .await;
    let view = serde_json::to_value(read.unwrap()).unwrap();
    let polls = view["polls"].as_array().unwrap().iter();
    let number = |poll: &Value| poll["id"].as_str().unwrap().parse::<Uuid>().unwrap().as_u128() as u64;
    polls.map(|poll| (number(poll), poll["open"] == true)).collect()
}

each_db!(a_result_stays_for_whoever_comes_until_the_next_poll, async |db| {
    let stand = Stand::set(db).await;
    let close = async |number: u128, now: Timestamp| {
        let id = PollId(Uuid::from_u128(number));
        let closed = stand.store.write(move |tx| poll::close(tx, LIVE, ADA, id, now));
        closed.await.unwrap();
    };
    let all = Right::Always;
    let opens = async |number, to| {
        assert_eq!(
            opened(&stand, new_poll(number, to, &["Roses", "Rain"])).await,
            "opened"
        );
    };
    opens(1, Circle::Everyone).await;
    opens(2, Circle::Subscribers).await;
    assert_eq!(voted(&stand, 1, BEA, 1).await, "voted");
    close(1, NOW).await;
    assert_eq!(polls_seen(&stand, CID, Right::None, NOW).await, [(1, false)]);
    assert_eq!(polls_seen(&stand, CID, all, NOW).await, [(1, false), (2, true)]);
    // One's own vote is told with it.
    let read = stand
        .store
        .read(|db| view(db, LIVE, Some(BEA), Right::None, NOW))
        .await;
    let seen = serde_json::to_value(read.unwrap()).unwrap();
    assert_eq!(
        (&seen["polls"][0]["mine"], &seen["polls"][0]["votes"]),
        (&1.into(), &vec![0, 1].into())
    );
    // For subscribers alone it is told to nobody else, also when it is closed.
    close(2, NOW).await;
    assert_eq!(polls_seen(&stand, CID, Right::None, NOW).await, [(1, false)]);
    assert_eq!(polls_seen(&stand, CID, all, NOW).await, [(1, false), (2, false)]);
    // The next one of its kind takes its place, and time does.
    opens(3, Circle::Everyone).await;
    assert_eq!(polls_seen(&stand, CID, all, NOW).await, [(2, false), (3, true)]);
    let late = NOW + poll::RESULT_STAYS;
    assert_eq!(polls_seen(&stand, CID, all, late).await, [(3, true)]);
    close(3, late).await;
    assert_eq!(polls_seen(&stand, CID, all, late).await, [(3, false)]);
    assert!(stand.talk().await.results.len() <= 2, "bounded");
});

each_db!(what_is_said_in_the_sub_room_finds_its_rows_read, async |db| {
    let stand = Stand::set(db).await;
    stand.member(BEA, NOW + Duration::from_secs(9)).await;
    let mut said = Vec::new();
    for (number, who) in [(1, BEA), (2, ADA), (3, CID)] {
        let say = SaySub {
            id: message(number),
            room: LIVE,
            from: speaker(who),
            operator: false,
            trusted: false,
            text: "hello".into(),
            answers: None,
        };
        let rows = say.clone();
        let write = stand.store.write_ahead(
            move |named| subroom::ahead(named, &rows),
            move |tx| subroom::say(tx, &say, NOW),
        );
        said.push(write.await.is_ok());
    }
    assert_eq!(said, [true, true, false]);
    assert_eq!(stand.told_to(true, &["sub_room_said"]).await.len(), 2);
});
