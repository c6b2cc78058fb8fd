//! Passes: who watches a room that is not for everybody, with which devices, and the tokens that open its LL-HLS.
//! All of it in memory: after a restart whoever is admitted gets a new one at the first door.
//!
//! A device is a signed-in browser. One ticket plays on a few at once (policy): who comes with one more takes the place
//! of the device that came first, as on music services. Refusing the newcomer would lock out people whose other
//! devices were left on somewhere; and two who share a ticket push each other out.
//!
//! A token is a device's own and no part of what caches go by. It dies a minute after its last use, and is weighed
//! against the admissions anew every twenty seconds of use; so who is not admitted any more is out within that time
//! wherever tokens are checked, and at once where it is told ([`Passes::forget_person`]).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busk_base::{MediaSessionId, RoomId, Timestamp};
use busk_fanout::ConnId;
use busk_people::session::TokenHash;
use uuid::Uuid;

/// A token that was not used so long is no token any more.
const UNUSED: Duration = Duration::from_secs(60);
/// How long a token is believed without asking.
const BELIEVED: Duration = Duration::from_secs(20);
/// Devices of one person in one room where no ticket counts them.
pub(crate) const DEVICES_MAX: usize = 16;

/// Somebody at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Comer {
    pub(crate) room: RoomId,
    pub(crate) person: Uuid,
    pub(crate) session: TokenHash,
}

/// What a device that lost its place had open.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Pushed {
    pub(crate) sockets: Vec<ConnId>,
    pub(crate) media: Vec<MediaSessionId>,
}

/// What a token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    Good,
    /// Of this person, who is to be asked after.
    Ask(Uuid),
    Nothing,
}

#[derive(Debug)]
struct Device {
    session: TokenHash,
    open: Pushed,
    token: Option<String>,
    checked_at: Timestamp,
    used_at: Timestamp,
}

impl Device {
    fn is_gone(&self, now: Timestamp) -> bool {
        self.open.sockets.is_empty() && self.open.media.is_empty() && now.since(self.used_at) > UNUSED
    }
}

#[derive(Default)]
struct Inner {
    /// Of rooms on the air, whether they are for some only: that does not change there.
    guarded: HashMap<RoomId, bool>,
    /// By room and person; who came last stands last.
    devices: HashMap<(RoomId, Uuid), Vec<Device>>,
    tokens: HashMap<String, Comer>,
}

#[derive(Default)]
pub(crate) struct Passes(Mutex<Inner>);

impl Passes {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn guarded(&self, room: RoomId) -> Option<bool> {
        self.inner().guarded.get(&room).copied()
    }

    pub(crate) fn know_guarded(&self, room: RoomId, guarded: bool) {
        self.inner().guarded.insert(room, guarded);
    }

    /// Gives a device a place among at most `max`; those that lose theirs are to be hung up.
    pub(crate) fn come(&self, comer: Comer, max: usize, now: Timestamp) -> Vec<Pushed> {
        let mut inner = self.inner();
        let devices = inner.devices.entry((comer.room, comer.person)).or_default();
        let known = devices.iter().position(|device| device.session == comer.session);
        let mut device = match known {
            Some(place) => devices.remove(place),
            None => Device {
                session: comer.session,
                open: Pushed::default(),
                token: None,
                checked_at: now,
                used_at: now,
            },
        };
        (device.checked_at, device.used_at) = (now, now);
        let mut gone: Vec<Device> = devices.extract_if(.., |device| device.is_gone(now)).collect();
        let over = (devices.len() + 1).saturating_sub(max.max(1));
        gone.extend(devices.drain(..over));
        devices.push(device);
        for token in gone.iter().filter_map(|device| device.token.as_ref()) {
            inner.tokens.remove(token);
        }
        let open = gone.into_iter().map(|device| device.open);
        open.filter(|open| *open != Pushed::default()).collect()
    }

    /// The token of a device that has a place; `fresh` is its first one.
    pub(crate) fn token(&self, comer: Comer, fresh: String) -> String {
        let mut inner = self.inner();
        let token = inner.with(comer, |device| device.token.get_or_insert(fresh).clone());
        let token = token.unwrap_or_default();
        inner.tokens.insert(token.clone(), comer);
        token
    }

    /// What a token is worth in a room.
    pub(crate) fn worth(&self, token: &str, room: RoomId, now: Timestamp) -> Worth {
        let mut inner = self.inner();
        let Some(comer) = inner
            .tokens
            .get(token)
            .copied()
            .filter(|comer| comer.room == room)
        else {
            return Worth::Nothing;
        };
        let worth = inner.with(comer, |device| {
            if now.since(device.used_at) > UNUSED {
                return Worth::Nothing;
            }
            device.used_at = now;
            if now.since(device.checked_at) > BELIEVED {
                Worth::Ask(comer.person)
            } else {
                Worth::Good
            }
        });
        worth.unwrap_or(Worth::Nothing)
    }

    /// Notes that a token's person is still admitted.
    pub(crate) fn believe(&self, token: &str, now: Timestamp) {
        let mut inner = self.inner();
        if let Some(comer) = inner.tokens.get(token).copied() {
            inner.with(comer, |device| device.checked_at = now);
        }
    }

    pub(crate) fn socket_came(&self, comer: Comer, conn: ConnId) {
        self.inner().with(comer, |device| device.open.sockets.push(conn));
    }

    pub(crate) fn socket_left(&self, comer: Comer, conn: ConnId) {
        self.inner()
            .with(comer, |device| device.open.sockets.retain(|open| *open != conn));
    }

    pub(crate) fn watches(&self, comer: Comer, session: MediaSessionId) {
        self.inner().with(comer, |device| device.open.media.push(session));
    }

    pub(crate) fn hung_up(&self, room: RoomId, session: MediaSessionId) {
        let mut inner = self.inner();
        let of_room = inner.devices.iter_mut().filter(|((of, _), _)| *of == room);
        for device in of_room.flat_map(|(_, devices)| devices) {
            device.open.media.retain(|open| *open != session);
        }
    }

    /// Takes all that somebody has in a room.
    pub(crate) fn forget_person(&self, room: RoomId, person: Uuid) {
        let mut inner = self.inner();
        inner.devices.remove(&(room, person));
        inner
            .tokens
            .retain(|_, of| (of.room, of.person) != (room, person));
    }

    pub(crate) fn forget_room(&self, room: RoomId) {
        let mut inner = self.inner();
        inner.guarded.remove(&room);
        inner.devices.retain(|(of, _), _| *of != room);
        inner.tokens.retain(|_, of| of.room != room);
    }
}

impl Inner {
    fn with<T>(&mut self, comer: Comer, change: impl FnOnce(&mut Device) -> T) -> Option<T> {
        let devices = self.devices.get_mut(&(comer.room, comer.person))?;
        devices
            .iter_mut()
            .find(|device| device.session == comer.session)
            .map(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use busk_people::session::Token;

    const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
    const ROOM: RoomId = RoomId(Uuid::from_u128(1));

    fn comer(device: u8) -> Comer {
        Comer {
            room: ROOM,
            person: Uuid::from_u128(2),
            session: Token::new([device; 32]).hash(),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    fn session(number: u128) -> MediaSessionId {
        MediaSessionId(Uuid::from_u128(number))
    }

    #[test]
    fn who_comes_with_a_third_device_pushes_out_the_first() {
        let passes = Passes::default();
        for device in [1, 2] {
            assert_eq!(passes.come(comer(device), 2, at(0)), []);
            passes.watches(comer(device), session(u128::from(device)));
            passes.token(comer(device), format!("token {device}"));
        }
        // Once more by the same device is nothing new, but it has come last now.
        assert_eq!(passes.come(comer(1), 2, at(1)), []);
        let pushed = passes.come(comer(3), 2, at(2));
        assert_eq!(pushed.len(), 1);
        assert_eq!(pushed[0].media, [session(2)]);
        let worth = |token: &str| passes.worth(token, ROOM, at(3));
        assert_eq!(
            (worth("token 1"), worth("token 2")),
            (Worth::Good, Worth::Nothing)
        );
    }

    #[test]
    fn a_device_that_has_gone_has_no_place() {
        let passes = Passes::default();
        passes.come(comer(1), 2, at(0));
        passes.watches(comer(1), session(1));
        passes.come(comer(2), 2, at(1));
        // The second has nothing open, and was not heard of for a minute.
        assert_eq!(passes.come(comer(3), 2, at(62)), []);
        passes.hung_up(ROOM, session(1));
        assert_eq!(passes.come(comer(4), 2, at(63)), []);
    }

    #[test]
    fn a_token_is_asked_after_and_dies_unused() {
        let passes = Passes::default();
        passes.come(comer(1), 2, at(0));
        passes.token(comer(1), "t".into());
        let elsewhere = RoomId(Uuid::from_u128(9));
        assert_eq!(passes.worth("t", elsewhere, at(1)), Worth::Nothing);
        assert_eq!(passes.worth("t", ROOM, at(20)), Worth::Good);
        assert_eq!(passes.worth("t", ROOM, at(21)), Worth::Ask(comer(1).person));
        passes.believe("t", at(21));
        assert_eq!(passes.worth("t", ROOM, at(41)), Worth::Good);
        assert_eq!(passes.worth("t", ROOM, at(102)), Worth::Nothing);
        passes.come(comer(1), 2, at(110));
        assert_eq!(passes.worth("t", ROOM, at(111)), Worth::Good);
        passes.forget_person(ROOM, comer(1).person);
        assert_eq!(passes.worth("t", ROOM, at(112)), Worth::Nothing);
    }
}
