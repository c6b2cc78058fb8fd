//! A live: what is said, who may say it, who comes on stage, and where its viewers go.

use busk_testkit::app::Browser;
use serde_json::{Value, json};

use super::{NONE, People, Walk};

/// What a live and its talk take; gives its room, which goes on.
pub(super) async fn a_live(walk: &Walk<'_>, people: &People) -> String {
    let People { ada, bea, cid, .. } = people;
    let room = walk
        .drive(ada, "POST /api/v1/rooms", &[], json!({"title": "Songs"}))
        .await
        .text("id");
    // On the air without a camera.
    let on_air = "UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1; \
        UPDATE ledger_policy SET body = REPLACE(body, '\"gift_hold_s\":604800', '\"gift_hold_s\":0')";
    walk.app.db.tamper(on_air).await;
    let drive = async |who: &Browser, operation: &str, more: &[&str], body: Value| {
        let (method, path) = operation.split_once(' ').unwrap();
        let at = [&[room.as_str()], more].concat();
        walk.drive(who, &format!("{method} /api/v1/rooms/{{room}}/{path}"), &at, body)
            .await
    };
    let said = walk.id();
    drive(bea, "POST messages", &[], json!({"id": said, "text": "hello"})).await;
    drive(ada, "PUT pin", &[], json!({"message": said})).await;
    drive(ada, "DELETE pin", &[], NONE).await;
    let spotlight = walk.id();
    let shown = json!({"id": spotlight, "message": said, "to": "everyone"});
    drive(ada, "PUT spotlight", &[], shown).await;
    drive(
        ada,
        "POST spotlight/{spotlight}/end",
        &[&spotlight],
        json!({"answered": true}),
    )
    .await;
    drive(bea, "DELETE messages/{message}", &[&said], NONE).await;
    let topic = walk.id();
    drive(
        ada,
        "POST topics",
        &[],
        json!({"id": topic, "title": "The encore"}),
    )
    .await;
    drive(
        ada,
        "POST sub-room/messages",
        &[],
        json!({"id": walk.id(), "text": "welcome"}),
    )
    .await;
    drive(ada, "DELETE topics/{topic}", &[&topic], NONE).await;
    let poll = walk.id();
    let asked =
        json!({"id": poll, "question": "Which song?", "options": ["Roses", "Rain"], "to": "everyone"});
    drive(ada, "POST polls", &[], asked).await;
    drive(bea, "PUT polls/{poll}/vote", &[&poll], json!({"choice": 1})).await;
    drive(ada, "POST polls/{poll}/close", &[&poll], NONE).await;
    let question = walk.id();
    drive(
        bea,
        "POST questions",
        &[],
        json!({"id": question, "text": "When?"}),
    )
    .await;
    drive(cid, "PUT questions/{message}/vote", &[&question], NONE).await;
    drive(
        ada,
        "PUT questions/{message}",
        &[&question],
        json!({"state": "answered"}),
    )
    .await;
    let goal = walk.id();
    let wanted = json!({"id": goal, "title": "A new amp", "kind": "coins", "target": 100_000});
    drive(ada, "POST goals", &[], wanted).await;
    drive(ada, "DELETE goals/{goal}", &[&goal], NONE).await;
    on_stage(walk, people, &room).await;
    room
}

/// Who asks, is admitted, is switched and leaves.
async fn on_stage(walk: &Walk<'_>, people: &People, room: &str) {
    let People { ada, bea, cid, .. } = people;
    let drive = async |who: &Browser, operation: &str, body: Value| {
        let (method, path) = operation.split_once(' ').unwrap();
        let operation = format!("{method} /api/v1/rooms/{{room}}/{path}");
        walk.drive(who, &operation, &[room], body).await
    };
    let person = bea.get("/api/v1/me").await.is(200).body["id"].clone();
    drive(bea, "POST stage/ask", NONE).await;
    drive(ada, "POST stage/admit", json!({"person": person})).await;
    drive(ada, "PUT stage/layout", json!({"layout": "split"})).await;
    drive(ada, "POST stage/switch", json!({"person": person, "muted": true})).await;
    drive(ada, "POST stage/remove", json!({"person": person})).await;
    drive(ada, "POST stage/invite", json!({"handle": "cid"})).await;
    drive(cid, "POST stage/join", NONE).await;
    drive(cid, "POST stage/leave", NONE).await;
}

/// Whoever leads a channel, follows it, and what they may say there.
pub(super) async fn the_chats_rules(walk: &Walk<'_>, people: &People) {
    let People { ada, bea, cid, .. } = people;
    let room = ada.get("/api/v1/channels/ada").await.is(200).body["room"]["id"].clone();
    let room = room.as_str().unwrap();
    let drive = async |who: &Browser, operation: &str, at: &[&str], body: Value| {
        walk.drive(who, operation, at, body).await
    };
    drive(bea, "PUT /api/v1/channels/{handle}/follow", &["ada"], NONE).await;
    drive(bea, "DELETE /api/v1/channels/{handle}/follow", &["ada"], NONE).await;
    let team = "/api/v1/channels/{handle}/team/{member}";
    drive(
        ada,
        &format!("PUT {team}"),
        &["ada", "dan"],
        json!({"role": "moderator"}),
    )
    .await;
    drive(ada, &format!("DELETE {team}"), &["ada", "dan"], NONE).await;
    let mode = json!({"slow_s": 0, "subscribers": false, "guests": true, "links": "held"});
    drive(ada, "PUT /api/v1/rooms/{room}/chat-mode", &[room], mode).await;
    let filter = json!({"words": ["rutabaga"], "lists": [], "action": "hold", "repeat_s": 0});
    drive(ada, "PUT /api/v1/channels/{handle}/chat-filter", &["ada"], filter).await;
    let held = walk.id();
    let said = json!({"id": held, "text": "a rutabaga"});
    cid.post(&format!("/api/v1/rooms/{room}/messages"), said).await;
    let let_through = json!({"approve": true});
    drive(
        ada,
        "POST /api/v1/rooms/{room}/moderation/held/{message}",
        &[room, &held],
        let_through,
    )
    .await;
    drive(
        ada,
        "PUT /api/v1/rooms/{room}/moderation/raid",
        &[room],
        json!({"minutes": 5}),
    )
    .await;
    drive(ada, "DELETE /api/v1/rooms/{room}/moderation/raid", &[room], NONE).await;
    let person = cid.get("/api/v1/me").await.is(200).body["id"].clone();
    let out = json!({"act": "time_out", "person": person, "seconds": 60, "why": "spam"});
    drive(ada, "POST /api/v1/rooms/{room}/moderation/acts", &[room], out).await;
    let in_again = json!({"act": "end_time_out", "person": person});
    drive(
        ada,
        "POST /api/v1/channels/{handle}/moderation/acts",
        &["ada"],
        in_again,
    )
    .await;
}

/// A live whose viewers go on to another one.
pub(super) async fn onward(walk: &Walk<'_>, people: &People) {
    let People { ada, cid, .. } = people;
    let mut rooms = Vec::new();
    for who in [ada, cid] {
        let made = who.post("/api/v1/rooms", json!({"title": "Once more"})).await;
        rooms.push(made.is(201).text("id"));
    }
    let on_air = "UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1 \
        WHERE title = 'Once more'";
    walk.app.db.tamper(on_air).await;
    let to = json!({"channel": "cid"});
    walk.drive(ada, "POST /api/v1/rooms/{room}/redirect", &[&rooms[0]], to)
        .await;
}
