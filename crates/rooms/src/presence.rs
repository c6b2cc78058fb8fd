//! Who is in a room: the people behind its sockets, each once, however many windows they have open. In memory, on the
//! node that holds the sockets; guests are counted elsewhere and are nobody here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use busk_base::{PersonId, RoomId};

#[derive(Default)]
pub(crate) struct Presence(Mutex<HashMap<RoomId, HashMap<PersonId, u32>>>);

impl Presence {
    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, HashMap<PersonId, u32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn came(&self, room: RoomId, person: PersonId) {
        *self.rooms().entry(room).or_default().entry(person).or_default() += 1;
    }

    pub(crate) fn left(&self, room: RoomId, person: PersonId) {
        let mut rooms = self.rooms();
        let Some(people) = rooms.get_mut(&room) else {
            return;
        };
        if let Some(windows) = people.get_mut(&person) {
            *windows -= 1;
            if *windows == 0 {
                people.remove(&person);
            }
        }
        if people.is_empty() {
            rooms.remove(&room);
        }
    }

    pub(crate) fn people(&self, room: RoomId) -> Vec<PersonId> {
        let rooms = self.rooms();
        rooms
            .get(&room)
            .map_or_else(Vec::new, |people| people.keys().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn somebody_is_there_once_and_until_the_last_window_closes() {
        let presence = Presence::default();
        let (room, ana) = (RoomId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
        presence.left(room, ana);
        presence.came(room, ana);
        presence.came(room, ana);
        assert_eq!(presence.people(room), [ana]);
        presence.left(room, ana);
        assert_eq!(presence.people(room), [ana]);
        assert_eq!(presence.people(RoomId(Uuid::from_u128(3))), []);
        presence.left(room, ana);
        assert_eq!(presence.people(room), []);
        assert!(presence.rooms().is_empty(), "an empty room takes no memory");
    }
}
