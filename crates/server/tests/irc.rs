//! Bots by IRC, as Twitch's speak it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::time::Duration;

use busk_testkit::app::{Browser, TestApp, free};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

async fn site(db: TestDb) -> (TestApp, SocketAddr) {
    let irc = free();
    let app = TestApp::start_with(BUSK, db, &[("--irc-listen", irc.to_string())]).await;
    (app, irc)
}

async fn open_room(app: &TestApp, host: &Browser) -> String {
    let room = host.post("/api/v1/rooms", json!({"title": "Songs"})).await;
    let room = room.is(201).text("id");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    room
}

async fn token(who: &Browser, scopes: &[&str]) -> (String, String) {
    let made = who
        .post("/api/v1/tokens", json!({"name": "bot", "scopes": scopes}))
        .await
        .is(201);
    (
        made.text("secret"),
        made.body["token"]["id"].as_str().unwrap().to_owned(),
    )
}

struct Bot {
    lines: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Bot {
    async fn connect(irc: SocketAddr, token: &str) -> Self {
        let (read, write) = TcpStream::connect(irc).await.unwrap().into_split();
        let mut bot = Self {
            lines: BufReader::new(read).lines(),
            write,
        };
        bot.send("CAP REQ :twitch.tv/tags twitch.tv/commands twitch.tv/membership")
            .await;
        bot.send(&format!("PASS oauth:{token}")).await;
        bot.send("NICK whoever").await;
        bot
    }

    async fn send(&mut self, line: &str) {
        let line = format!("{line}\r\n");
        self.write.write_all(line.as_bytes()).await.unwrap();
    }

    /// The next line that has this in it.
    async fn hears(&mut self, what: &str) -> String {
        loop {
            let line = timeout(Duration::from_secs(10), self.lines.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("never {what}")).unwrap();
            let line = line.unwrap_or_else(|| panic!("hung up before {what}"));
            if line.contains(what) {
                return line;
            }
        }
    }

    async fn hung_up(&mut self) {
        while let Ok(Some(_)) = self.lines.next_line().await {}
    }
}

fn tag<'a>(line: &'a str, key: &str) -> &'a str {
    let tags = line.strip_prefix('@').unwrap().split(' ').next().unwrap();
    let found = tags
        .split(';')
        .find_map(|tag| tag.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {key} in {line}"))
}

each_db!(
    a_bot_joins_chats_and_sees_gifts_and_deletions,
    async |db: TestDb| {
        let (app, irc) = site(db).await;
        let (host, ana) = (app.sign_up("host").await, app.sign_up("ana").await);
        let bot_account = app.sign_up("robot").await;
        app.buy_coins(&ana, &id(1), "coins-70").await;
        let (secret, _) = token(&bot_account, &["chat:read", "chat:write"]).await;
        let mut bot = Bot::connect(irc, &secret).await;
        bot.hears("CAP * ACK").await;
        bot.hears(":tmi.twitch.tv 001 robot :").await;
        assert_eq!(tag(&bot.hears("GLOBALUSERSTATE").await, "display-name"), "robot");
        bot.send("JOIN #host,#nobody").await;
        bot.hears(":robot!robot@robot.tmi.twitch.tv JOIN #host").await;
        bot.hears("366 robot #host").await;
        assert_eq!(tag(&bot.hears("ROOMSTATE #host").await, "slow"), "0");
        assert_eq!(
            tag(&bot.hears("NOTICE #nobody").await, "msg-id"),
            "msg_channel_suspended"
        );
        bot.send("PRIVMSG #host :too early").await;
        assert_eq!(
            tag(&bot.hears("NOTICE #host").await, "msg-id"),
            "msg_room_not_live"
        );

        // It joined before the live, and is there when it begins.
        let room = open_room(&app, &host).await;
        let mut viewer = app.socket(&room, "", &host).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        bot.send("PRIVMSG #host :\u{1}ACTION waves\u{1}").await;
        bot.hears("USERSTATE #host").await;
        let said = viewer.event(|event| event["text"] == "waves").await;
        assert_eq!(said["from"]["name"], "robot");

        let messages = format!("/api/v1/rooms/{room}/messages");
        ana.post(&messages, json!({"id": id(5), "text": "hello; robot"}))
            .await
            .is(201);
        let heard = bot.hears("PRIVMSG").await;
        assert!(
            heard.ends_with(":ana!ana@ana.tmi.twitch.tv PRIVMSG #host :hello; robot"),
            "{heard}"
        );
        assert_eq!(
            (tag(&heard, "id"), tag(&heard, "display-name"), tag(&heard, "mod")),
            (id(5).as_str(), "ana", "0")
        );

        host.send(Method::DELETE, &format!("{messages}/{}", id(5)), json!({}))
            .await
            .is(204);
        let gone = bot.hears("CLEARMSG").await;
        assert_eq!(
            (tag(&gone, "target-msg-id"), tag(&gone, "login")),
            (id(5).as_str(), "ana")
        );

        let gift = json!({"id": id(6), "kind": "rose", "count": 3});
        ana.post(&format!("/api/v1/rooms/{room}/gifts"), gift)
            .await
            .is(201);
        let given = bot.hears("bits=").await;
        assert!(given.contains("PRIVMSG #host :rose x3"), "{given}");
        assert!(tag(&given, "bits").parse::<i64>().unwrap() > 0 && tag(&given, "busk-gift-count") == "3");

        host.post(&messages, json!({"id": id(7), "text": "thanks"}))
            .await
            .is(201);
        assert_eq!(
            tag(&bot.hears(":thanks").await.replace(":thanks", ""), "badges"),
            "broadcaster/1"
        );
        let me = bot_account.get("/api/v1/me").await.is(200).body;
        let act = json!({"act": "time_out", "person": me["id"], "seconds": 60});
        host.post(&format!("/api/v1/rooms/{room}/moderation/acts"), act)
            .await
            .is(200);
        let silent = bot.hears("CLEARCHAT #host :robot").await;
        assert_eq!(tag(&silent, "ban-duration"), "60");
        bot.send("PRIVMSG #host :may I?").await;
        assert_eq!(tag(&bot.hears("NOTICE #host").await, "msg-id"), "msg_timedout");

        bot.send("PRIVMSG #host :/ban ana").await;
        assert_eq!(
            tag(&bot.hears("NOTICE #host").await, "msg-id"),
            "unrecognized_cmd"
        );
        bot.send("PING :still there").await;
        bot.hears("PONG tmi.twitch.tv :still there").await;
        bot.send("PART #host").await;
        bot.hears("PART #host").await;
        bot.send("QUIT").await;
        timeout(Duration::from_secs(5), bot.hung_up()).await.unwrap();
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_without_a_token_nor_does_more_than_its_scopes() {
    let (app, irc) = site(TestDb::sqlite()).await;
    let (host, ana) = (app.sign_up("host").await, app.sign_up("ana").await);
    let room = open_room(&app, &host).await;
    for wrong in ["busk_token_wrong", "SCHMOOPIIE"] {
        let mut stranger = Bot::connect(irc, wrong).await;
        stranger
            .hears(":tmi.twitch.tv NOTICE * :Login authentication failed")
            .await;
        timeout(Duration::from_secs(5), stranger.hung_up()).await.unwrap();
    }
    let (writes, _) = token(&ana, &["chat:write"]).await;
    let mut writer = Bot::connect(irc, &writes).await;
    writer.send("JOIN #host").await;
    assert_eq!(
        tag(&writer.hears("NOTICE #host").await, "msg-id"),
        "no_permission"
    );

    let (reads, token_id) = token(&ana, &["chat:read"]).await;
    let mut reader = Bot::connect(irc, &reads).await;
    reader.send("JOIN #host").await;
    reader.hears("ROOMSTATE").await;
    reader.send("PRIVMSG #host :hello").await;
    assert_eq!(
        tag(&reader.hears("NOTICE #host").await, "msg-id"),
        "no_permission"
    );
    let events = host
        .get(&format!("/api/v1/rooms/{room}/events"))
        .await
        .is(200)
        .body;
    assert!(!events.to_string().contains("hello"));

    ana.send(Method::DELETE, &format!("/api/v1/tokens/{token_id}"), json!({}))
        .await
        .is(204);
    timeout(Duration::from_millis(1_000), reader.hung_up())
        .await
        .expect("hung up within a second");
    let mut late = Bot::connect(irc, &reads).await;
    late.hears("Login authentication failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_send_too_much_are_hung_up_on() {
    let (_app, irc) = site(TestDb::sqlite()).await;
    let mut stream = TcpStream::connect(irc).await.unwrap();
    let _ = stream.write_all(&[b'x'; 10_000]).await;
    let mut lines = BufReader::new(stream).lines();
    let end = timeout(Duration::from_secs(5), async {
        while let Ok(Some(_)) = lines.next_line().await {}
    });
    end.await.expect("hung up on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_does_not_follow_is_told_why_it_is_not_let_in() {
    let (app, irc) = site(TestDb::sqlite()).await;
    let (host, robot) = (app.sign_up("host").await, app.sign_up("robot").await);
    let asked = json!({"title": "Among us", "access": "followers"});
    host.post("/api/v1/rooms", asked).await.is(201);
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    let (secret, _) = token(&robot, &["chat:read", "chat:write"]).await;
    let mut bot = Bot::connect(irc, &secret).await;
    bot.send("JOIN #host").await;
    bot.hears("This is for the channel's followers").await;
    bot.send("PRIVMSG #host :hello").await;
    let refused = bot.hears("NOTICE #host").await;
    assert_eq!(tag(&refused, "msg-id"), "msg_followersonly");

    let follow = "/api/v1/channels/host/follow";
    robot.send(Method::PUT, follow, json!({})).await.is(200);
    bot.send("PRIVMSG #host :hello again").await;
    bot.hears("USERSTATE #host").await;
}
