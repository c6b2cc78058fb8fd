//! What notices hold of one person: how they want to be told, and where.

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
