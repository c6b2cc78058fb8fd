//! What the log gives to whom: over generated histories, exactly what a filter by audience and number would.

use busk_base::{ChannelId, PersonId, RecordId};
use busk_store::Store;
use busk_testkit::chance::Chance;
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::State;
use crate::chat::{self, Delete, Place, Say};
use crate::{Speaker, SpeakerKind};

const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
const BEA: Uuid = Uuid::from_u128(5);
const CID: Uuid = Uuid::from_u128(6);

/// A live without a channel's row: the log asks for none.
fn room(id: RoomId) -> Room {
    Room {
        id,
        // A channel has one open room.
        channel: ChannelId(id.0),
        host: PersonId(Uuid::from_u128(2)),
        title: "Songs".into(),
        state: State::Live,
        epoch: 1,
        seq: 0,
        created_at: NOW,
        scheduled_at: None,
        started_at: None,
        resume_until: None,
        ended_at: None,
        live_on_camera: false,
        private: false,
    }
}

/// What somebody does in a history.
#[derive(Clone, Copy, Debug)]
enum Step {
    For(Audience),
    Say { place: Place, message: u128 },
    Delete { message: u128 },
}

fn steps(chance: &mut Chance) -> Vec<Step> {
    let mut messages = Vec::new();
    let length = 1 + chance.below(12);
    let mut steps = Vec::with_capacity(length);
    for _ in 0..length {
        let audience = |number: usize| match number {
            0 | 1 => Audience::Everyone,
            2 => Audience::Stage,
            3 => Audience::One(BEA),
            4 => Audience::One(CID),
            _ => Audience::Subscribers,
        };
        let topic = None;
        let answers = None;
        let step = match chance.below(10) {
            0..=4 => Step::For(audience(chance.below(7))),
            5..=7 => {
                let message = messages.len() as u128;
                let place = match chance.below(2) {
                    0 => Place::Chat,
                    _ => Place::SubRoom { topic, answers },
                };
                messages.push(place);
                Step::Say { place, message }
            }
            _ if messages.is_empty() => Step::For(Audience::Subscribers),
            _ => Step::Delete {
                message: chance.below(messages.len()) as u128,
            },
        };
        steps.push(step);
    }
    steps
}

/// What stands in the log by our own book: the audience, and whether the words are there.
type Book = Vec<(Audience, bool)>;

fn act_out(tx: &mut Tx, id: RoomId, number: u128, steps: &[Step]) -> Result<Book, StoreError> {
    room(id).add(tx);
    let (mut book, mut said): (Book, Vec<usize>) = (Vec::new(), Vec::new());
    let mut removed = Vec::new();
    let message_id = |message: u128| MessageId(Uuid::from_u128(number << 32 | message));
    for step in steps {
        match *step {
            Step::For(audience) => {
                let title = format!("{audience:?}");
                append_for(tx, id, audience, What::Title { title }, NOW)?;
                book.push((audience, true));
            }
            Step::Say { place, message } => {
                let say = Say {
                    id: message_id(message),
                    room: id,
                    from: Speaker {
                        id: BEA,
                        name: "bea".into(),
                        kind: SpeakerKind::Person,
                        role: None,
                        badge: None,
                        months: None,
                        rank: None,
                    },
                    text: format!("words {message}"),
                    place,
                    reply_to: None,
                    trusted: false,
                };
                chat::say(tx, &say, NOW).map_err(|e| StoreError::Broken(e.to_string()))?;
                said.push(book.len());
                let audience = match place {
                    Place::Chat => Audience::Everyone,
                    Place::SubRoom { .. } => Audience::Subscribers,
                };
                book.push((audience, true));
            }
            Step::Delete { message } => {
                let delete = Delete {
                    room: id,
                    message: message_id(message),
                    by: BEA,
                    record: RecordId(Uuid::nil()),
                };
                chat::delete(tx, &delete, NOW).map_err(|e| StoreError::Broken(e.to_string()))?;
                if !removed.contains(&message) {
                    removed.push(message);
                    let place = said[message as usize];
                    book[place].1 = false;
                    book.push((book[place].0, true));
                }
            }
        }
    }
    Ok(book)
}

fn readers() -> Vec<LogReader> {
    let mut readers = Vec::new();
    for person in [None, Some(BEA), Some(CID)] {
        for (stage, subscriber) in [(false, false), (true, false), (false, true), (true, true)] {
            readers.push(LogReader {
                person,
                stage,
                subscriber,
            });
        }
    }
    readers
}

fn may_see(reader: LogReader, audience: Audience) -> bool {
    match audience {
        Audience::Everyone => true,
        Audience::Subscribers => reader.subscriber,
        Audience::Stage => reader.stage,
        Audience::One(person) => reader.person == Some(person),
    }
}

/// Acts so many histories out, and reads each as everybody might.
async fn histories(store: &Store, chance: &mut Chance, count: u128) {
    let all = readers();
    for first in (0..count).step_by(50) {
        let batch: Vec<_> = (first..(first + 50).min(count))
            .map(|number| {
                (
                    RoomId(Uuid::from_u128(number + (1 << 64))),
                    number + 1,
                    steps(chance),
                )
            })
            .collect();
        let written = batch.clone();
        let books = store
            .write(move |tx| {
                let books = written
                    .iter()
                    .map(|(id, number, steps)| act_out(tx, *id, *number, steps));
                books.collect::<Result<Vec<_>, _>>()
            })
            .await
            .unwrap();
        let reads: Vec<_> = batch
            .iter()
            .zip(&books)
            .map(|((id, ..), book)| {
                let reader = all[chance.below(all.len())];
                (
                    *id,
                    reader,
                    chance.below(book.len() + 1) as i64,
                    1 + chance.below(9) as i64,
                )
            })
            .collect();
        let readers = all.clone();
        let found = store
            .read(move |db| {
                let one = reads.iter().map(|(id, reader, from, max)| {
                    let whole = readers.iter().map(|reader| after(db, *id, *reader, 0, 1_000));
                    let whole = whole.collect::<Result<Vec<_>, _>>()?;
                    Ok((
                        whole,
                        after(db, *id, *reader, *from, *max)?,
                        (*reader, *from, *max),
                    ))
                });
                one.collect::<Result<Vec<_>, StoreError>>()
            })
            .await
            .unwrap();
        for (((_, _, steps), book), (whole, part, (reader, from, max))) in
            batch.iter().zip(&books).zip(&found)
        {
            for (reader, got) in all.iter().zip(whole) {
                agrees(book, *reader, 0, 1_000, got, steps);
            }
            agrees(book, *reader, *from, *max, part, steps);
        }
    }
}

fn agrees(book: &Book, reader: LogReader, from: i64, max: i64, got: &[(i64, String)], steps: &[Step]) {
    let wanted: Vec<(i64, bool)> = (1..)
        .zip(book)
        .filter(|(n, (audience, _))| *n > from && may_see(reader, *audience))
        .map(|(n, (_, words))| (n, *words))
        .take(max as usize)
        .collect();
    let given: Vec<(i64, bool)> = got
        .iter()
        .map(|(n, body)| (*n, !body.contains(r#""type":"removed""#)))
        .collect();
    assert_eq!(given, wanted, "{reader:?} after {from}: {steps:?}");
    if !reader.subscriber {
        let bytes: String = got.iter().map(|(_, body)| body.as_str()).collect();
        assert!(
            !bytes.contains("sub_room") && !bytes.contains("Subscribers"),
            "{bytes}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_histories() {
    let store = TestDb::sqlite();
    let store = store.open(&[crate::MIGRATIONS]);
    histories(&store, &mut Chance::new(), 10_000).await;
}

each_db!(histories_on_both, async |db: TestDb| {
    let store = db.open(&[crate::MIGRATIONS]);
    histories(&store, &mut Chance::new(), 200).await;
});

#[test]
fn an_announcement_is_read_back_as_it_was_told() {
    let all = [
        (Audience::Everyone, busk_fanout::Audience::Everyone),
        (Audience::Subscribers, busk_fanout::Audience::Subscribers),
        (Audience::Stage, busk_fanout::Audience::Stage),
        (Audience::One(BEA), busk_fanout::Audience::One(5)),
    ];
    for (audience, expected) in all {
        for class in [Class::Chat, Class::Kept] {
            let told = Announcement {
                subject: Uuid::from_u128(9),
                number: 4,
                tag: tag(class, 1, audience),
                body: Bytes::from_static(b"{}"),
            };
            let (room, epoch, event) = announced(told).unwrap();
            assert_eq!((room.0.as_u128(), epoch, event.n), (9, 1, 4));
            assert_eq!((event.audience, event.class), (expected, class));
        }
    }
}
