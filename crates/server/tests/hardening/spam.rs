//! A thousand who spam while people talk. Each of them has a pace, and who floods is closed; what people say is taken,
//! comes to its author and to those who moderate, in order and once, or they are told that they read too slowly for it;
//! what the host says comes to everybody. Others see a part of such a chat, and are told so: the log has all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use super::{BUSK, STRANGERS, id, open_room, print_p99};

/// Of the strangers, those who send more at once than a socket takes.
const FLOODERS: usize = 50;
/// More than is taken at once, and than is earned while it is read.
const FLOOD: u128 = 200;
/// What each of the others says, and how often.
const SPAM: u128 = 12;
const SPAM_EVERY: Duration = Duration::from_millis(600);
/// What a guest may say in [`WINDOW`].
const GUEST_MAX: usize = 3;
const WINDOW: Duration = Duration::from_secs(10);
/// People who talk, what each says, and how often: within their own pace.
const PEOPLE: u128 = 20;
const WORDS: u128 = 4;
const WORD_EVERY: Duration = Duration::from_secs(2);
/// What the program may need more for all this, which it is built for: queues of a thousand sockets would be 64 MB.
const MEMORY_MAX_KB: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Ids of what the host says, of what people say, and of spam.
const HOSTS: u128 = 1_000;
const PEOPLES: u128 = 2_000;
const SPAMMED: u128 = 1_000_000;

/// What a bot looks for in what it is told; the rest it does not even read.
const BY_THE_HOST: &str = "quiet, please";

/// A socket that is read all the time.
struct Ear {
    mouth: SplitSink<WebSocketStream<MaybeTlsStream<TcpStream>>, Message>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    /// What was said, by number, as it came.
    said: Vec<(i64, Uuid, Instant)>,
    /// What was answered, by the message: `None`, or why not.
    answers: BTreeMap<Uuid, Option<String>>,
    sampled: bool,
    /// Chat that was left out for a slow reader: from which number to which.
    gaps: Vec<RangeInclusive<i64>>,
    closed: Option<Option<u16>>,
}

/// How closely it is listened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listens {
    ToAll,
    ToTheHost,
}

impl Heard {
    fn frame(&mut self, text: &str, listens: Listens) {
        let of_the_room = text.starts_with("{\"v\":1,\"room\":");
        let wanted = || text.contains(BY_THE_HOST) || text.contains("\"gap\":");
        if listens == Listens::ToTheHost && of_the_room && !wanted() {
            return;
        }
        let (at, frame) = (Instant::now(), serde_json::from_str::<Value>(text).unwrap());
        for event in frame["ev"].as_array().into_iter().flatten() {
            if event["type"] == "said" {
                self.said
                    .push((event["n"].as_i64().unwrap(), uuid(&event["id"]), at));
            }
        }
        if !frame["re"].is_null() {
            let problem = frame["problem"]["type"].as_str().map(str::to_owned);
            self.answers.insert(uuid(&frame["re"]), problem);
        }
        if let Some(gap) = frame.get("gap") {
            let (from, to) = (gap["from"].as_i64().unwrap(), gap["to"].as_i64().unwrap());
            self.gaps.push(from..=to);
        }
        self.sampled |= frame["totals"]["sampled"]["shown"].is_u64();
    }

    fn when(&self, message: Uuid) -> Option<Instant> {
        let found = self.said.iter().find(|(_, id, _)| *id == message);
        found.map(|(_, _, at)| *at)
    }

    /// Whether this number was in what they were told they had missed.
    fn missed(&self, n: i64) -> bool {
        self.gaps.iter().any(|gap| gap.contains(&n))
    }
}

fn uuid(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}

impl Ear {
    async fn open(app: &TestApp, room: &str, who: &Browser, listens: Listens) -> Self {
        let url = format!("ws://{}/ws/rooms/{room}", app.http);
        let mut request = url.into_client_request().unwrap();
        if let Some(cookie) = &who.cookie {
            request.headers_mut().insert("cookie", cookie.parse().unwrap());
        }
        let (stream, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let (mouth, mut input) = stream.split();
        let heard = Arc::<Mutex<Heard>>::default();
        let notes = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut code = None;
            while let Some(Ok(message)) = input.next().await {
                match message {
                    Message::Text(text) => notes.lock().unwrap().frame(&text, listens),
                    Message::Close(frame) => code = frame.map(|frame| frame.code.into()),
                    _ => {}
                }
            }
            notes.lock().unwrap().closed = Some(code);
        });
        Self { mouth, heard }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap()
    }

    fn say(message: u128, text: &str) -> Message {
        Message::text(json!({"do": "say", "id": id(message), "text": text}).to_string())
    }

    /// Says something, and goes on; gives when.
    async fn says(&mut self, message: u128, text: &str) -> Instant {
        let at = Instant::now();
        self.mouth.send(Self::say(message, text)).await.unwrap();
        at
    }

    async fn until(&self, what: &str, holds: impl Fn(&Heard) -> bool) {
        let waiting = async {
            while !holds(&self.heard()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        let heard = self.heard();
        assert!(
            waited.is_ok(),
            "never {what}: closed {:?}, {} said, gaps {:?}, answers {:?}",
            heard.closed,
            heard.said.len(),
            heard.gaps,
            heard.answers
        );
    }
}

/// Says its words at its pace, and waits for an answer to each.
async fn spams(mut bot: Ear, number: u128) -> Ear {
    let begun = Instant::now();
    let first = SPAMMED + number * 1_000;
    for n in 0..SPAM {
        bot.says(first + n, "buy my thing").await;
        tokio::time::sleep(SPAM_EVERY).await;
    }
    bot.until("all answered", |heard| heard.answers.len() == SPAM as usize)
        .await;
    {
        let heard = bot.heard();
        let taken = heard.answers.values().filter(|why| why.is_none()).count();
        let windows = 1 + begun.elapsed().as_secs() / WINDOW.as_secs();
        assert!(
            (GUEST_MAX..=GUEST_MAX * windows as usize).contains(&taken),
            "{taken} of bot {number}"
        );
        let refused: BTreeSet<&str> = heard.answers.values().flatten().map(String::as_str).collect();
        assert_eq!(refused, BTreeSet::from(["/problems/too_fast"]));
    }
    bot
}

/// Sends more at once than may be sent.
async fn floods(mut bot: Ear, number: u128) {
    let first = SPAMMED + number * 1_000;
    for n in 0..FLOOD {
        bot.mouth.feed(Ear::say(first + n, "buy my thing")).await.unwrap();
    }
    // It may be closed before all of it is out.
    let _ = bot.mouth.flush().await;
    bot.until("closed", |heard| heard.closed.is_some()).await;
    let heard = bot.heard();
    assert_eq!(heard.closed, Some(Some(1008)), "too many messages");
    let taken = heard.answers.values().filter(|why| why.is_none()).count();
    assert!(taken <= GUEST_MAX, "{taken} of bot {number}");
}

/// The room's log, from its beginning: what was said, by number.
async fn logged(app: &TestApp, room: &str) -> Vec<(i64, Uuid)> {
    let (mut after, mut said) = (0, Vec::new());
    loop {
        let path = format!("/api/v1/rooms/{room}/events?after={after}");
        let page = app.nobody().get(&path).await.is(200).body;
        for event in page["items"].as_array().unwrap() {
            after = event["n"].as_i64().unwrap();
            if event["type"] == "said" {
                said.push((after, uuid(&event["id"])));
            }
        }
        if page["next"].is_null() {
            return said;
        }
    }
}

fn words_of(person: u128) -> impl Iterator<Item = u128> {
    (0..WORDS).map(move |n| PEOPLES + person * WORDS + n)
}

/// Those who talk, and those who spam.
async fn crowd(app: &TestApp, room: &str) -> (Vec<Ear>, Vec<Ear>) {
    let (mut people, mut bots) = (Vec::new(), Vec::new());
    for n in 0..PEOPLE {
        let person = app.sign_up(&format!("person{n}")).await;
        people.push(Ear::open(app, room, &person, Listens::ToAll).await);
    }
    for n in 0..STRANGERS {
        let bot = app.guest(&format!("bot {n}")).await;
        bots.push(Ear::open(app, room, &bot, Listens::ToTheHost).await);
    }
    (people, bots)
}

/// Each of these messages came, or was in a gap that the listener was told of.
fn was_told(ear: &Ear, log: &[(i64, Uuid)], of: impl Fn(u128) -> bool) {
    let heard = ear.heard();
    for (n, message) in log.iter().filter(|(_, id)| of(id.as_u128())) {
        let told = heard.when(*message).is_some() || heard.missed(*n);
        assert!(told, "{message} was number {n}, gaps {:?}", heard.gaps);
    }
}

/// The host and people say their words at their pace, each of which is taken. Gives who said which, and when.
async fn talk(hosting: &mut Ear, people: &mut [Ear]) -> Vec<(usize, Uuid, Instant)> {
    let mut said = Vec::new();
    for n in 0..WORDS {
        hosting.says(HOSTS + n, &format!("{BY_THE_HOST}: {n}")).await;
        for (number, person) in people.iter_mut().enumerate() {
            let message = PEOPLES + number as u128 * WORDS + n;
            let at = person.says(message, &format!("word {n} of {number}")).await;
            said.push((number, Uuid::from_u128(message), at));
            tokio::time::sleep(WORD_EVERY / PEOPLE as u32).await;
        }
    }
    for person in people {
        person
            .until("all answered", |heard| heard.answers.len() == WORDS as usize)
            .await;
        let heard = person.heard();
        assert!(heard.answers.values().all(Option::is_none), "{:?}", heard.answers);
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_words_arrive_among_a_thousand_who_spam() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (host, moe) = (app.sign_up("host").await, app.sign_up("moe").await);
    let room = open_room(&app, &host).await;
    host.send(
        Method::PUT,
        "/api/v1/channels/host/team/moe",
        json!({"role": "moderator"}),
    )
    .await
    .is(204);
    let mut hosting = Ear::open(&app, &room, &host, Listens::ToAll).await;
    let moderating = Ear::open(&app, &room, &moe, Listens::ToAll).await;
    let watching = Ear::open(&app, &room, &app.nobody(), Listens::ToAll).await;
    let (mut people, bots) = crowd(&app, &room).await;
    let before_kb = app.memory_kb();

    let (mut spamming, mut flooding) = (JoinSet::new(), JoinSet::new());
    for (number, bot) in (0..).zip(bots) {
        match number < FLOODERS as u128 {
            true => _ = flooding.spawn(floods(bot, number)),
            false => _ = spamming.spawn(spams(bot, number)),
        }
    }
    let said = talk(&mut hosting, &mut people).await;
    flooding.join_all().await;
    let bots = spamming.join_all().await;
    let more_kb = app.memory_kb().saturating_sub(before_kb);
    eprintln!("{more_kb} kB more");
    assert!(more_kb < MEMORY_MAX_KB, "{more_kb} kB more");

    hosting.says(HOSTS + WORDS, BY_THE_HOST).await;
    let (hosts, last) = (HOSTS..PEOPLES, Uuid::from_u128(HOSTS + WORDS));
    let moderators = [&hosting, &moderating];
    let viewers = || people.iter().chain(&bots).chain([&watching]);
    for ear in viewers().chain(moderators) {
        // All that was said before it has come then.
        ear.until("the host's last word", |heard| heard.when(last).is_some())
            .await;
    }
    let log = logged(&app, &room).await;
    for (ids, words) in [(hosts.clone(), WORDS + 1), (PEOPLES..SPAMMED, PEOPLE * WORDS)] {
        let taken = log
            .iter()
            .map(|(_, id)| id.as_u128())
            .filter(|id| ids.contains(id));
        assert_eq!(taken.count() as u128, words, "the log has all of it");
    }
    for ear in viewers().chain(moderators) {
        was_told(ear, &log, |id| hosts.contains(&id));
        let heard = ear.heard();
        assert_eq!(heard.closed, None);
        assert!(
            heard.said.is_sorted_by(|(a, ..), (b, ..)| a < b),
            "in order, once"
        );
    }
    for (number, person) in (0..).zip(&people) {
        was_told(person, &log, |id| words_of(number).any(|word| word == id));
    }
    for ear in moderators {
        was_told(ear, &log, |_| true);
    }

    let mut waits = Vec::new();
    for (person, word, at) in said {
        for ear in [&people[person], &hosting] {
            waits.extend(ear.heard().when(word).map(|heard| heard - at));
        }
    }
    assert!(
        waits.len() as u128 > PEOPLE * WORDS,
        "gaps are no way to chat: {}",
        waits.len()
    );
    print_p99("a word, among a thousand who spam", waits);
    let (shown, all) = (watching.heard().said.len(), log.len());
    eprintln!("a viewer was shown {shown} of {all}");
    assert!(watching.heard().sampled && shown < all, "{shown} of {all}");
}
