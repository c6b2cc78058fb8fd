//! Reading rooms' logs for what webhooks tell of: up to a mark a room, which moves in the transaction that makes the
//! deliveries. A program that dies goes on where it was; two that read the same are told apart by the mark.

use std::time::Duration;

use busk_base::{ChannelId, RoomId};
use busk_rooms::log::{self, LogReader};
use busk_rooms::{RoomEvent, State, What};
use busk_store::{Read, Reader, StoreError, Tx, params};
use serde::{Deserialize, Serialize};

use crate::Webhooks;
use crate::delivery;
use crate::endpoint;
use crate::kind::Kind;
use crate::tell::{Telling, named, tell_those};

/// Events read at once.
const EVENTS_MAX: i64 = 500;
/// Rooms found behind at once.
const ROOMS_MAX: i64 = 256;
/// Between one reading and the next: however much is given, it is looked five times a second whether anybody is told.
const BEAT: Duration = Duration::from_millis(200);
/// How often it is looked for rooms that nobody has told of: after a start, or of a node that is gone.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// How far a room's log is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    through: i64,
    /// Whether it has been told that the live began.
    began: bool,
    /// Whether there is a row of it.
    kept: bool,
}

/// An event that is told, and where it happened.
#[derive(Serialize)]
struct Told<'a> {
    room: RoomId,
    event: &'a RoomEvent,
}

/// Reads logs as they grow, for as long as the program runs.
pub async fn follow(webhooks: Webhooks) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let rooms = tokio::select! {
            _ = look.tick() => webhooks.site().store().read(behind).await,
            moved = webhooks.0.rooms.moved() => {
                let heard = heard(&webhooks, moved).await;
                tokio::time::sleep(BEAT).await;
                heard
            }
        };
        let read = match rooms {
            Ok(rooms) => all(&webhooks, rooms).await,
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            tracing::warn!("logs could not be read for webhooks: {error}");
        }
    }
}

async fn all(webhooks: &Webhooks, rooms: Vec<RoomId>) -> Result<(), StoreError> {
    for room in rooms {
        while step(webhooks, room).await? {}
    }
    Ok(())
}

/// Of these rooms, those of channels with an endpoint.
async fn heard(webhooks: &Webhooks, rooms: Vec<RoomId>) -> Result<Vec<RoomId>, StoreError> {
    let read = webhooks.site().store().read(move |db: &mut Reader| {
        let any = db.row("SELECT 1 FROM webhook WHERE state = 'on' LIMIT 1", &[])?;
        let mut heard = Vec::new();
        for room in rooms.into_iter().filter(|_| any.is_some()) {
            let hears = db.row(
                "SELECT 1 FROM room r JOIN webhook w ON w.channel = r.channel AND w.state = 'on' \
                 WHERE r.id = $1 LIMIT 1",
                params![room],
            )?;
            heard.extend(hears.map(|_| room));
        }
        Ok(heard)
    });
    read.await
}

/// Rooms whose logs have more than was read. Those that had ended before there was an endpoint have no mark.
fn behind(db: &mut Reader) -> Result<Vec<RoomId>, StoreError> {
    let rows = db.rows(
        "SELECT DISTINCT r.id FROM webhook w JOIN room r ON r.channel = w.channel JOIN room_seq s ON s.room = r.id \
         LEFT JOIN webhook_reading g ON g.room = r.id \
         WHERE w.state = 'on' AND s.last > 0 \
         AND (g.through < s.last OR (g.room IS NULL AND r.created_at >= w.created_at)) LIMIT $1",
        params![ROOMS_MAX],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Marks a channel's rooms that have not ended as read: what was before an endpoint is not told to it.
pub(crate) fn begin(tx: &mut Tx, channel: ChannelId) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO webhook_reading (room, through, began) \
         SELECT r.id, s.last, r.state IN ('live', 'interrupted') FROM room r JOIN room_seq s ON s.room = r.id \
         WHERE r.channel = $1 AND r.state <> 'ended' ON CONFLICT (room) DO NOTHING",
        params![channel],
    )?;
    Ok(())
}

/// Reads a piece of a room's log; whether there may be more.
async fn step(webhooks: &Webhooks, room: RoomId) -> Result<bool, StoreError> {
    let store = webhooks.site().store();
    let read = store.read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let row = db.row(
                "SELECT r.channel, r.private, s.last, g.through, g.began \
                 FROM room r JOIN room_seq s ON s.room = r.id LEFT JOIN webhook_reading g ON g.room = r.id \
                 WHERE r.id = $1",
                params![room],
            )?;
            let Some(row) = row else { return Ok(None) };
            let (channel, private, seq): (ChannelId, bool, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let mark = Mark {
                through: row.get::<Option<i64>>(3)?.unwrap_or(0),
                began: row.get::<Option<bool>>(4)?.unwrap_or(false),
                kept: row.get::<Option<i64>>(3)?.is_some(),
            };
            // A hangout is for those in it, as is what was said before it had an audience.
            let rows = match private {
                true => Vec::new(),
                false => log::after(db, room, LogReader::default(), mark.through, EVENTS_MAX)?,
            };
            Ok(Some((channel, seq, mark, rows)))
        })
    });
    let Some((channel, seq, mark, rows)) = read.await? else {
        return Ok(false);
    };
    let more = rows.len() >= EVENTS_MAX as usize;
    let through = match rows.last() {
        Some((n, _)) if more => *n,
        _ => seq,
    };
    if through == mark.through {
        return Ok(false);
    }
    let (events, began) = told(&rows, mark.began)?;
    let now = Mark {
        through,
        began,
        kept: true,
    };
    let write = store.write(move |tx: &mut Tx| write(tx, (room, channel), mark, now, &events));
    match write.await {
        Ok(any) => {
            if any {
                webhooks.0.due.notify_one();
            }
            Ok(more)
        }
        Err(Missed::ByOthers) => Ok(true),
        Err(Missed::Store(error)) => Err(error),
    }
}

/// Why a piece was not taken.
#[derive(Debug)]
enum Missed {
    /// Another node has read it meanwhile: theirs holds.
    ByOthers,
    Store(StoreError),
}

impl From<StoreError> for Missed {
    fn from(error: StoreError) -> Self {
        Missed::Store(error)
    }
}

/// Moves the mark and leaves the deliveries; whether there are any.
fn write(
    tx: &mut Tx,
    (room, channel): (RoomId, ChannelId),
    from: Mark,
    to: Mark,
    events: &[(Kind, RoomEvent)],
) -> Result<bool, Missed> {
    let moved = match from.kept {
        true => tx.execute(
            "UPDATE webhook_reading SET through = $3, began = $4 WHERE room = $1 AND through = $2",
            params![room, from.through, to.through, to.began],
        )?,
        false => tx.execute(
            "INSERT INTO webhook_reading (room, through, began) VALUES ($1, $2, $3) ON CONFLICT (room) DO NOTHING",
            params![room, to.through, to.began],
        )?,
    };
    if moved == 0 {
        return Err(Missed::ByOthers);
    }
    if events.is_empty() {
        return Ok(false);
    }
    let mut endpoints = Vec::new();
    for endpoint in endpoint::of_channel(tx, channel)? {
        if delivery::overruns(tx, endpoint.id)? {
            endpoint::stop(tx, endpoint.id, "Too many deliveries were waiting for it.")?;
        } else {
            endpoints.push(endpoint);
        }
    }
    let named = named(tx, channel)?;
    for (kind, event) in events {
        let hearing = endpoints
            .iter()
            .filter(|endpoint| endpoint.hears(*kind, event.at));
        let hearing: Vec<_> = hearing.cloned().collect();
        let telling = Telling {
            kind: *kind,
            subject: (room.0, event.n),
            at: event.at,
            data: &Told { room, event },
        };
        tell_those(tx, &named, &hearing, &telling)?;
    }
    Ok(true)
}

/// What of a log is told, and whether the live has begun after it. A camera that is lost and comes back is no end and
/// no beginning.
fn told(rows: &[(i64, String)], mut began: bool) -> Result<(Vec<(Kind, RoomEvent)>, bool), StoreError> {
    /// Of most events, only what it is.
    #[derive(Deserialize)]
    struct Of<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    let broken =
        |error: serde_json::Error| StoreError::Broken(format!("an event that cannot be read: {error}"));
    let mut events = Vec::new();
    for (_, body) in rows {
        let of: Of<'_> = serde_json::from_str(body).map_err(broken)?;
        if !matches!(&*of.kind, "gift" | "badge" | "room_state") {
            continue;
        }
        let event: RoomEvent = serde_json::from_str(body).map_err(broken)?;
        let kind = match &event.what {
            What::Gift { .. } => Kind::Gift,
            What::Badge { .. } => Kind::Badge,
            What::RoomState {
                state: State::Live, ..
            } if !began => {
                began = true;
                Kind::LiveBegan
            }
            What::RoomState {
                state: State::Ended, ..
            } if began => {
                began = false;
                Kind::LiveEnded
            }
            _ => continue,
        };
        events.push((kind, event));
    }
    Ok((events, began))
}
