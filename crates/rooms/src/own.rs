//! What rooms hold of one person: what they host, what they have said, what was done to them. And how it is erased, but
//! for the logs and votes, which have somebody in them by more than a column: [`erase`](crate::erase).

use busk_people::erase::{Bodies, Erase, Kept};
use busk_people::own::Part;
use busk_people::own::Shown::{Id, Json, Number, Text, Time, Truth};

pub const PARTS: &[Part] = &[
    Part {
        name: "rooms",
        of: &["room.host"],
        sql: "SELECT id, id, title, state, created_at, scheduled_at, started_at, ended_at FROM room \
              WHERE host = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("title", Text),
            ("state", Text),
            ("created_at", Time),
            ("scheduled_at", Time),
            ("started_at", Time),
            ("ended_at", Time),
        ],
    },
    Part {
        name: "messages",
        of: &["room_message.author"],
        sql: "SELECT m.id, m.room, e.body, m.removed_by IS NOT NULL FROM room_message m \
              JOIN room_event e ON e.room = m.room AND e.n = m.n WHERE m.author = $1 AND m.id > $2 \
              ORDER BY m.id LIMIT $3",
        columns: &[("room", Id), ("event", Json), ("removed", Truth)],
    },
    Part {
        name: "messages_waiting",
        of: &["room_held.author"],
        sql: "SELECT id, room, body FROM room_held WHERE author = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[("room", Id), ("message", Json)],
    },
    Part {
        name: "memberships",
        of: &["channel_member.person"],
        sql: "SELECT m.id, c.handle, m.tier, m.until, m.since, m.months FROM channel_member m \
              JOIN channel c ON c.id = m.channel WHERE m.person = $1 AND m.id > $2 ORDER BY m.id LIMIT $3",
        columns: &[
            ("channel", Text),
            ("tier", Number),
            ("until", Time),
            ("since", Time),
            ("months", Number),
        ],
    },
    Part {
        name: "turns_on_stage",
        of: &["room_turn.person"],
        sql: "SELECT room, room, at FROM room_turn WHERE person = $1 AND room > $2 ORDER BY room LIMIT $3",
        columns: &[("room", Id), ("at", Time)],
    },
    Part {
        name: "sanctions",
        of: &["channel_sanction.person"],
        sql: "SELECT s.id, c.handle, s.banned, s.silent_until, s.at FROM channel_sanction s \
              JOIN channel c ON c.id = s.channel WHERE s.person = $1 AND s.id > $2 ORDER BY s.id LIMIT $3",
        columns: &[
            ("channel", Text),
            ("banned", Truth),
            ("silent_until", Time),
            ("at", Time),
        ],
    },
    Part {
        name: "moderation",
        of: &["moderation_record.person"],
        sql: "SELECT r.id, r.deed, r.room, r.seconds, r.why, r.at FROM moderation_record r \
              WHERE r.person = $1 AND r.id > $2 ORDER BY r.id LIMIT $3",
        columns: &[
            ("deed", Text),
            ("room", Id),
            ("seconds", Number),
            ("why", Text),
            ("at", Time),
        ],
    },
    Part {
        name: "moderation_done",
        of: &["moderation_record.by_person"],
        sql: "SELECT r.id, r.deed, r.room, r.seconds, r.why, r.at FROM moderation_record r \
              WHERE r.by_person = $1 AND r.id > $2 ORDER BY r.id LIMIT $3",
        columns: &[
            ("deed", Text),
            ("room", Id),
            ("seconds", Number),
            ("why", Text),
            ("at", Time),
        ],
    },
    Part {
        name: "restreams",
        of: &["restream_target.channel"],
        sql: "SELECT t.id, c.handle, t.name, t.enabled, t.created_at FROM restream_target t \
              JOIN channel c ON c.id = t.channel WHERE c.owner = $1 AND t.id > $2 ORDER BY t.id LIMIT $3",
        columns: &[
            ("channel", Text),
            ("name", Text),
            ("enabled", Truth),
            ("created_at", Time),
        ],
    },
];

/// Deletes a table's rows of the rooms of a person's channels, by the columns that name a row.
macro_rules! of_own_rooms {
    ($table:literal, $key:literal) => {
        Erase {
            of: &[concat!($table, ".room")],
            sql: &[concat!(
                "DELETE FROM ",
                $table,
                " WHERE (",
                $key,
                ") IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE room IN (SELECT id FROM room WHERE channel IN (SELECT id FROM channel WHERE owner = $1)) LIMIT $2)"
            )],
        }
    };
}

/// Deletes a table's rows of a person's channels, by the column that names a row.
macro_rules! of_own_channels {
    ($table:literal, $key:literal) => {
        Erase {
            of: &[concat!($table, ".channel")],
            sql: &[concat!(
                "DELETE FROM ",
                $table,
                " WHERE ",
                $key,
                " IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)"
            )],
        }
    };
}

/// Of lives that the person hosted nothing is left but that there was one, for the gifts and sales that name it.
pub const ERASED: &[Erase] = &[
    Erase {
        of: &["room.host"],
        sql: &[
            "UPDATE room SET title = 'Deleted account', state = 'ended' WHERE id IN (SELECT id FROM room \
              WHERE channel IN (SELECT id FROM channel WHERE owner = $1) \
              AND (title <> 'Deleted account' OR state <> 'ended') LIMIT $2)",
        ],
    },
    of_own_rooms!("room_event", "room, n"),
    of_own_rooms!("room_message", "id"),
    of_own_rooms!("room_held", "id"),
    of_own_rooms!("room_quote", "room, n"),
    of_own_rooms!("room_talk", "room"),
    of_own_rooms!("room_poll", "id"),
    of_own_rooms!("room_question", "id"),
    of_own_rooms!("room_chat", "room"),
    of_own_rooms!("room_stage", "room"),
    of_own_rooms!("room_board", "room"),
    of_own_rooms!("room_link", "room"),
    of_own_rooms!("room_replay", "room"),
    of_own_rooms!("room_followed", "room, person"),
    of_own_rooms!("room_turn", "room, person"),
    of_own_channels!("restream_target", "id"),
    of_own_channels!("channel_filter", "channel"),
    of_own_channels!("channel_sanction", "id"),
    of_own_channels!("channel_member", "id"),
    of_own_channels!("channel_loyalty", "channel"),
    Erase {
        of: &["room_held.author"],
        sql: &["DELETE FROM room_held WHERE id IN (SELECT id FROM room_held WHERE author = $1 LIMIT $2)"],
    },
    Erase {
        of: &["channel_member.person"],
        sql: &[
            "DELETE FROM channel_member WHERE id IN (SELECT id FROM channel_member WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["room_turn.person"],
        sql: &["DELETE FROM room_turn WHERE (room, person) IN \
              (SELECT room, person FROM room_turn WHERE person = $1 LIMIT $2)"],
    },
    Erase {
        of: &["room_followed.person"],
        sql: &["DELETE FROM room_followed WHERE (room, person) IN \
              (SELECT room, person FROM room_followed WHERE person = $1 LIMIT $2)"],
    },
    Erase {
        of: &["channel_sanction.person"],
        sql: &[
            "DELETE FROM channel_sanction WHERE id IN (SELECT id FROM channel_sanction WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["moderation_record.person"],
        sql: &[
            "UPDATE moderation_record SET person_name = 'Deleted account', why = '' WHERE id IN \
              (SELECT id FROM moderation_record WHERE person = $1 \
              AND (person_name <> 'Deleted account' OR why <> '') LIMIT $2)",
        ],
    },
    Erase {
        of: &["moderation_record.by_person"],
        sql: &[
            "UPDATE moderation_record SET by_name = 'Deleted account', why = '' WHERE id IN \
              (SELECT id FROM moderation_record WHERE by_person = $1 \
              AND (by_name <> 'Deleted account' OR why <> '') LIMIT $2)",
        ],
    },
];

/// What shows names and words beside the log.
pub const BODIES: &[Bodies] = &[
    Bodies {
        find: "SELECT id FROM room_held WHERE body LIKE $1 AND id > $2 ORDER BY id LIMIT $3",
        read: "SELECT body FROM room_held WHERE id = $1",
        write: "UPDATE room_held SET body = $2 WHERE id = $1",
    },
    Bodies {
        find: "SELECT room FROM room_stage WHERE body LIKE $1 AND room > $2 ORDER BY room LIMIT $3",
        read: "SELECT body FROM room_stage WHERE room = $1",
        write: "UPDATE room_stage SET body = $2 WHERE room = $1",
    },
    Bodies {
        find: "SELECT room FROM room_board WHERE body LIKE $1 AND room > $2 ORDER BY room LIMIT $3",
        read: "SELECT body FROM room_board WHERE room = $1",
        write: "UPDATE room_board SET body = $2 WHERE room = $1",
    },
    Bodies {
        find: "SELECT room FROM room_talk WHERE body LIKE $1 AND room > $2 ORDER BY room LIMIT $3",
        read: "SELECT body FROM room_talk WHERE room = $1",
        write: "UPDATE room_talk SET body = $2 WHERE room = $1",
    },
    Bodies {
        find: "SELECT id FROM room_question WHERE body LIKE $1 AND id > $2 ORDER BY id LIMIT $3",
        read: "SELECT body FROM room_question WHERE id = $1",
        write: "UPDATE room_question SET body = $2 WHERE id = $1",
    },
];

pub const KEPT: Kept = &[
    (
        "room_message.author",
        "that there was a message, blank in the log: its words go with the log's",
    ),
    (
        "room_message.removed_by",
        "who took a message away, by an id that names nobody",
    ),
];
