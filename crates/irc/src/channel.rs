//! Following a channel, from live to live: bots join once and stay.

use std::time::Duration;

use busk_people::{ByToken, Caller};
use busk_rooms::follow::Gone;
use busk_rooms::{RoomEvent, Rooms};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How often it is looked whether a live has begun.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a live that one may not be in.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What came of following.
#[derive(Debug)]
pub(crate) enum Told {
    Events {
        channel: String,
        events: Vec<RoomEvent>,
    },
    /// They may not be in the live that is on.
    Refused {
        channel: String,
        why: String,
    },
    /// The token does not hold any more.
    TokenEnded,
}

/// Tells what happens in a channel's lives, until it is dropped or nobody listens.
pub(crate) async fn follow(
    rooms: Rooms,
    channel: String,
    caller: Caller,
    token: ByToken,
    tell: mpsc::Sender<Told>,
) {
    let mut refused = None;
    loop {
        let on_air = rooms.on_air(channel.clone()).await;
        let room = on_air.ok().flatten().and_then(|(_, room)| room);
        let Some(room) = room else {
            sleep(LOOK_EVERY).await;
            continue;
        };
        let gone = match rooms.follow(room, caller.clone(), token).await {
            Err(problem) => Gone::Refused(problem),
            Ok(mut follower) => {
                refused = None;
                loop {
                    match follower.next().await {
                        Ok(Some(events)) => {
                            let channel = channel.clone();
                            if tell.send(Told::Events { channel, events }).await.is_err() {
                                return;
                            }
                        }
                        Ok(None) => break sleep(LOOK_EVERY).await,
                        Err(gone) => break drop(tell.send(told(&channel, &gone)).await),
                    }
                }
                continue;
            }
        };
        // Once of each live; a bot cannot do anything about it.
        if refused != Some(room) {
            refused = Some(room);
            if tell.send(told(&channel, &gone)).await.is_err() {
                return;
            }
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn told(channel: &str, gone: &Gone) -> Told {
    match gone {
        Gone::TokenEnded => Told::TokenEnded,
        Gone::Refused(problem) => Told::Refused {
            channel: channel.to_owned(),
            why: problem.title().to_owned(),
        },
    }
}
