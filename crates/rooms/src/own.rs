//! What rooms hold of one person: what they host, what they have said, what was done to them.

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
