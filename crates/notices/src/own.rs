//! What notices hold of one person: how they want to be told, and where; all of it is erased.

use busk_people::erase::Erase;
use busk_people::own::Part;
use busk_people::own::Shown::{Text, Time, Truth};

pub const PARTS: &[Part] = &[
    Part {
        name: "notice_settings",
        of: &["notice_choice.person"],
        sql: "SELECT person, in_app, email, push FROM notice_choice \
              WHERE person = $1 AND person > $2 ORDER BY person LIMIT $3",
        columns: &[("in_app", Truth), ("email", Truth), ("push", Truth)],
    },
    Part {
        name: "notice_address",
        of: &["notice_address.person"],
        sql: "SELECT person, address, language, confirmed_at FROM notice_address \
              WHERE person = $1 AND person > $2 ORDER BY person LIMIT $3",
        columns: &[("address", Text), ("language", Text), ("confirmed_at", Time)],
    },
    Part {
        name: "push_subscriptions",
        of: &["notice_push.person"],
        sql: "SELECT id, endpoint, created_at FROM notice_push \
              WHERE person = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[("endpoint", Text), ("created_at", Time)],
    },
    Part {
        name: "channels_without_a_bell",
        of: &["notice_quiet.person"],
        sql: "SELECT q.channel, c.handle FROM notice_quiet q JOIN channel c ON c.id = q.channel \
              WHERE q.person = $1 AND q.channel > $2 ORDER BY q.channel LIMIT $3",
        columns: &[("channel", Text)],
    },
];

pub const ERASED: &[Erase] = &[
    Erase {
        of: &["notice_choice.person"],
        sql: &[
            "DELETE FROM notice_choice WHERE (person) IN (SELECT person FROM notice_choice WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["notice_address.person"],
        sql: &[
            "DELETE FROM notice_address WHERE (person) IN (SELECT person FROM notice_address WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["notice_push.person"],
        sql: &[
            "DELETE FROM notice_push WHERE (id) IN (SELECT id FROM notice_push WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["notice_seen.person"],
        sql: &[
            "DELETE FROM notice_seen WHERE (person) IN (SELECT person FROM notice_seen WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["notice_delivery.person"],
        sql: &[
            "DELETE FROM notice_delivery WHERE (id) IN (SELECT id FROM notice_delivery WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["notice_quiet.person"],
        sql: &[
            "DELETE FROM notice_quiet WHERE (person, channel) IN (SELECT person, channel FROM notice_quiet WHERE person = $1 OR channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
    Erase {
        of: &["notice_live.channel"],
        sql: &[
            "DELETE FROM notice_live WHERE (room) IN (SELECT room FROM notice_live WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
];
