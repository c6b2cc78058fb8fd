//! Who may run a live's talk, and what the chat's rules are to questions.

use busk_people::team::{self, TeamRole};

use super::*;

each_db!(a_question_keeps_the_chats_rules, async |db| {
    let stand = Stand::set(db).await;
    stand.unwanted("plum").await;
    let ask = |number: u128, text| {
        let say = chat_message(number, BEA, text);
        stand.store.write(move |tx| question::ask(tx, &say, NOW))
    };
    // As a message it would wait for a moderator; nothing of it is kept.
    assert!(matches!(ask(1, "a plum?").await, Err(AskError::Unwanted)));
    let all = &["said", "held", "held_mine", "question"];
    assert!(stand.told_to(true, all).await.is_empty());
    stand.act(ActKind::Shadow).await;
    assert_eq!(
        ask(2, "why?").await.unwrap().text,
        "why?",
        "to its author it looks asked"
    );
    assert!(stand.told_to(true, all).await.is_empty());
    let waiting = stand.store.write(|tx| find(tx, LIVE));
    assert!(waiting.await.unwrap().questions.is_empty());
});

each_db!(moderators_run_what_is_for_everybody, async |db| {
    let stand = Stand::set(db).await;
    stand.say(1, BEA, "pin me").await;
    let pins = async || {
        let pinned = stand.store.write(|tx| pin::pin(tx, LIVE, CID, message(1), NOW));
        pinned
            .await
            .err()
            .map_or(String::new(), |error| error.to_string())
    };
    let refused = "only the host, and moderators where it is for everybody, may do this";
    assert_eq!(pins().await, refused);
    let joins = stand.store.write(|tx| {
        let channel = busk_people::channel_of(tx, ADA)?;
        let channel = channel.ok_or_else(|| StoreError::Broken("no channel".into()))?;
        team::add(tx, &channel, ADA, CID, TeamRole::Moderator, NOW)
            .map_err(|e| StoreError::Broken(e.to_string()))
    });
    joins.await.unwrap();
    assert_eq!(pins().await, "");
    let opens = async |number, to| {
        let wanted = NewPoll {
            by: CID,
            ..new_poll(number, to, &["Yes", "No"])
        };
        opened(&stand, wanted).await
    };
    assert_eq!(opens(1, Circle::Everyone).await, "opened");
    assert_eq!(
        opens(2, Circle::Subscribers).await,
        "not_yours",
        "the sub room is the host's"
    );
    let closes = stand
        .store
        .write(|tx| poll::close(tx, LIVE, CID, PollId(Uuid::from_u128(1)), NOW));
    assert!(!closes.await.unwrap().open);
});
