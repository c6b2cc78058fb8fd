//! Somebody who does everything that leaves a trace: with a mark in each thing that is theirs.

use busk_testkit::app::{Browser, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ends, on_air, until, uuid};

/// In small letters; stands in all that is hers.
pub const MARK: &str = "qzx";
const HANDLE: &str = "zoeqzx7";
/// A square of eight red pixels, as PNG.
const SQUARE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAYAAADED76LAAAAEklEQVR42mP4b6DwHx9mGBkKABV8k4EJgvDYAAAAAElFTkSuQmCC";

pub struct Life {
    pub zoe: Browser,
    pub ada: Browser,
    pub handle: &'static str,
    /// A live of Ada's.
    pub room: String,
    /// One of hers.
    pub own_room: String,
}

struct Cast<'a> {
    app: &'a TestApp,
    zoe: Browser,
    ada: Browser,
    bea: Browser,
    dan: Browser,
    zoes_id: String,
}

pub async fn a_life(app: &TestApp) -> Life {
    let (zoe, ada) = (app.sign_up(HANDLE).await, app.sign_up("ada").await);
    let (bea, dan) = (app.sign_up("bea").await, app.sign_up("dan").await);
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'dan'")
        .await;
    let zoes_id = zoe.get("/api/v1/me").await.is(200).text("id");
    let cast = Cast {
        app,
        zoe,
        ada,
        bea,
        dan,
        zoes_id,
    };
    cast.herself().await;
    cast.her_channel().await;
    let own_room = cast.her_live().await;
    let room = cast.anothers_live().await;
    cast.reports(&room).await;
    Life {
        zoe: cast.zoe,
        ada: cast.ada,
        handle: HANDLE,
        room,
        own_room,
    }
}

async fn puts(who: &Browser, path: &str, body: Value) -> Value {
    let answer = who.send(Method::PUT, path, body).await;
    assert!(
        answer.status.is_success(),
        "{path}: {} {:#}",
        answer.status,
        answer.body
    );
    answer.body
}

async fn posts(who: &Browser, path: &str, body: Value) -> Value {
    let answer = who.post(path, body).await;
    assert!(
        answer.status.is_success(),
        "{path}: {} {:#}",
        answer.status,
        answer.body
    );
    answer.body
}

impl Cast<'_> {
    /// Profile, tokens, whom she follows and blocks, and how she is told.
    async fn herself(&self) {
        let zoe = &self.zoe;
        let words = json!({"display_name": "Zoe Qzx", "about": "I am Qzx of Qzxtown"});
        zoe.send(Method::PATCH, "/api/v1/me", words).await.is(200);
        posts(
            zoe,
            "/api/v1/tokens",
            json!({"name": "qzxbot", "scopes": ["chat:read"]}),
        )
        .await;
        puts(zoe, "/api/v1/channels/ada/follow", json!({})).await;
        puts(zoe, "/api/v1/me/blocks/dan", json!({})).await;
        puts(zoe, "/api/v1/channels/ada/bell", json!({"bell": "none"})).await;
        let keys = json!({
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg"
        });
        let browser = json!({"endpoint": "https://push.example.com/qzx", "keys": keys});
        posts(zoe, "/api/v1/me/push-subscriptions", browser).await;
        // A site that sends letters would be needed to ask for one.
        let address = format!(
            "INSERT INTO notice_address (person, address, language, asked_at, asked_since, asked) \
             SELECT id, 'qzx@example.org', 'en', 1, 1, 1 FROM person WHERE handle = '{HANDLE}'"
        );
        self.app.db.tamper(&address).await;
        puts(
            zoe,
            "/api/v1/me/spending-caps",
            json!({"day": 50_000, "month": null}),
        )
        .await;
    }

    /// A page, a stream key, where her lives go, what her chats do not want, tiers, an emote, a webhook, an overlay.
    async fn her_channel(&self) {
        let zoe = &self.zoe;
        let page = json!({"handle": "pageqzx", "name": "Qzx & Sons", "about": "Qzx!"});
        posts(zoe, "/api/v1/pages", page).await;
        zoe.stream_key(HANDLE).await;
        let of = format!("/api/v1/channels/{HANDLE}");
        let target = json!({
            "name": "Qzx there", "url": "rtmp://live.example.org/qzx", "key": "qzxkey", "enabled": false
        });
        posts(zoe, &format!("{of}/restream-targets"), target).await;
        let filter = json!({"words": ["notqzx"], "lists": [], "action": "hold", "repeat_s": 0});
        puts(zoe, &format!("{of}/chat-filter"), filter).await;
        let tiers = json!({"tiers": [
            {"name": "Friend of Qzx", "about": "qzx", "price": 499, "ticket_discount": 0}
        ]});
        puts(zoe, &format!("{of}/tiers"), tiers).await;
        let emote = json!({"name": "qzxhat", "tiers": [], "picture": SQUARE});
        posts(zoe, &format!("{of}/emotes"), emote).await;
        // Nobody listens there: what is told waits.
        let hook = json!({"url": "http://127.0.0.1:9/qzx", "kinds": ["gift", "follow"]});
        posts(zoe, &format!("{of}/webhooks"), hook).await;
        let look = json!({
            "font_px": 40, "text": "#ffffff", "accent": "#ff7a45", "back": "#000000", "back_percent": 50, "place": "top"
        });
        puts(zoe, &format!("{of}/overlays/goal"), look).await;
        posts(zoe, &format!("{of}/overlays/goal/secret"), json!({})).await;
        let account =
            json!({"name": "Zoe Qzx", "iban": "DE89 3704 0044 0532 0130 00", "password": "correct horse"});
        puts(zoe, "/api/v1/payouts/bank", account).await;
        puts(&self.zoe, &format!("{of}/team/bea"), json!({"role": "moderator"})).await;
        let later = json!({"title": "Later with Qzx", "scheduled_at": "2099-01-01T00:00:00Z"});
        posts(zoe, "/api/v1/rooms", later).await;
    }

    /// What she hosts, and others in it.
    async fn her_live(&self) -> String {
        let (zoe, bea) = (&self.zoe, &self.bea);
        let room = on_air(self.app, zoe, HANDLE, "An evening with Qzx").await;
        let at = |rest: &str| format!("/api/v1/rooms/{room}/{rest}");
        let topic = json!({"id": uuid(101), "title": "All about Qzx"});
        posts(zoe, &at("topics"), topic).await;
        let poll = json!({"id": uuid(102), "question": "Qzx?", "options": ["Qzx", "Rain"], "to": "everyone"});
        posts(zoe, &at("polls"), poll).await;
        let goal = json!({"id": uuid(103), "title": "A hat for Qzx", "kind": "coins", "target": 100});
        posts(zoe, &at("goals"), goal).await;
        posts(
            bea,
            &at("messages"),
            json!({"id": uuid(104), "text": "good evening, Qzx"}),
        )
        .await;
        posts(
            zoe,
            &at("messages"),
            json!({"id": uuid(105), "text": "Qzx greets you"}),
        )
        .await;
        puts(bea, &format!("/api/v1/channels/{HANDLE}/follow"), json!({})).await;
        ends(zoe, &room).await;
        room
    }

    /// What she says, gives and is told in a live of Ada's, who has a webhook, and moderates her.
    async fn anothers_live(&self) -> String {
        let (zoe, ada, bea) = (&self.zoe, &self.ada, &self.bea);
        let hook = json!({"url": "http://127.0.0.1:9/hook", "kinds": ["gift", "follow", "badge"]});
        posts(ada, "/api/v1/channels/ada/webhooks", hook).await;
        let room = on_air(self.app, ada, "ada", "Songs").await;
        let at = |rest: &str| format!("/api/v1/rooms/{room}/{rest}");
        let filter = json!({"words": ["rutabaga"], "lists": [], "action": "hold", "repeat_s": 0});
        puts(ada, "/api/v1/channels/ada/chat-filter", filter).await;
        zoe.send(Method::DELETE, "/api/v1/channels/ada/follow", Value::Null)
            .await;
        puts(zoe, "/api/v1/channels/ada/follow", json!({})).await;
        posts(
            zoe,
            &at("messages"),
            json!({"id": uuid(201), "text": "Qzx was here"}),
        )
        .await;
        let answer = json!({"id": uuid(202), "text": "so I see", "reply_to": uuid(201)});
        posts(bea, &at("messages"), answer).await;
        puts(ada, &at("pin"), json!({"message": uuid(201)})).await;
        let shown = json!({"id": uuid(203), "message": uuid(201), "to": "everyone"});
        puts(ada, &at("spotlight"), shown).await;
        posts(
            zoe,
            &at("questions"),
            json!({"id": uuid(204), "text": "Does Qzx like rain?"}),
        )
        .await;
        posts(
            zoe,
            &at("messages"),
            json!({"id": uuid(205), "text": "Qzx eats a rutabaga"}),
        )
        .await;
        let poll =
            json!({"id": uuid(206), "question": "Which?", "options": ["Roses", "Rain"], "to": "everyone"});
        posts(ada, &at("polls"), poll).await;
        puts(
            zoe,
            &at(&format!("polls/{}/vote", uuid(206))),
            json!({"choice": 1}),
        )
        .await;
        posts(zoe, &at("stage/ask"), json!({})).await;
        posts(ada, &at("stage/admit"), json!({"person": self.zoes_id})).await;
        posts(zoe, &at("stage/leave"), json!({})).await;
        self.pays(&room).await;
        let out =
            json!({"act": "time_out", "person": self.zoes_id, "seconds": 60, "why": "Qzx goes on and on"});
        posts(ada, &at("moderation/acts"), out).await;
        ends(ada, &room).await;
        room
    }

    /// Coins, gifts, hearts; and money back that she asks for and is refused.
    async fn pays(&self, room: &str) {
        let zoe = &self.zoe;
        self.app.buy_coins(zoe, &uuid(301), "coins-1400").await;
        let gift = json!({"id": uuid(302), "kind": "rose", "count": 3});
        posts(zoe, &format!("/api/v1/rooms/{room}/gifts"), gift).await;
        let hearts = json!({"id": uuid(303), "hearts": 1, "return_to": "/qzx"});
        let begun = zoe
            .post(&format!("/api/v1/rooms/{room}/badges"), hearts)
            .await
            .is(201);
        zoe.choose(&begun.text("checkout_url"), "pay").await;
        let path = format!("/api/v1/payments/{}", uuid(303));
        until("the hearts are paid", async || {
            zoe.get(&path).await.is(200).body["state"] == "paid"
        })
        .await;
        let asks = json!({"id": uuid(304), "amount": 10, "reason": "Qzx is poor"});
        posts(
            zoe,
            &format!("/api/v1/payments/{}/refund-requests", uuid(303)),
            asks,
        )
        .await;
        let no = json!({"grant": false, "answer": "no"});
        let path = format!("/api/v1/operator/refunds/{}/decision", uuid(304));
        posts(&self.dan, &path, no).await;
        until("the gift is counted", async || {
            let path = "/api/v1/channels/ada/supporters";
            self.ada.get(path).await.is(200).body.to_string().contains("Qzx")
        })
        .await;
    }

    /// She reports, is reported, and complains.
    async fn reports(&self, room: &str) {
        let (zoe, bea, dan) = (&self.zoe, &self.bea, &self.dan);
        let by_her = json!({
            "id": uuid(401), "object": {"kind": "room", "id": room}, "ground": "rules", "category": "spam",
            "words": "Qzx does not like it", "name": "Zoe Qzx", "email": "qzx@example.org"
        });
        posts(zoe, "/api/v1/reports", by_her).await;
        let of_her = json!({
            "id": uuid(402), "object": {"kind": "message", "id": uuid(201)}, "ground": "rules",
            "category": "harassment", "words": "she boasts"
        });
        posts(bea, "/api/v1/reports", of_her).await;
        let decided = json!({
            "id": uuid(403), "measure": "remove_message", "ground": "rules", "category": "harassment",
            "facts": "she boasts", "basis": "rule 3"
        });
        let path = format!("/api/v1/operator/reports/{}/decision", uuid(402));
        posts(dan, &path, decided).await;
        let complains = json!({"id": uuid(404), "words": "Qzx never boasts"});
        posts(
            zoe,
            &format!("/api/v1/decisions/{}/appeals", uuid(403)),
            complains,
        )
        .await;
    }
}
