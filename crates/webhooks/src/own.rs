//! What webhooks hold of one person: the addresses that are told of their channels; and how it is erased, with what other
//! channels' addresses were told of them.

use busk_people::erase::{Bodies, Erase};
use busk_people::own::Part;
use busk_people::own::Shown::{Text, Time};

pub const PARTS: &[Part] = &[Part {
    name: "webhooks",
    of: &["webhook.channel"],
    sql: "SELECT w.id, c.handle, w.url, w.kinds, w.state, w.created_at FROM webhook w \
          JOIN channel c ON c.id = w.channel WHERE c.owner = $1 AND w.id > $2 ORDER BY w.id LIMIT $3",
    columns: &[
        ("channel", Text),
        ("url", Text),
        ("kinds", Text),
        ("state", Text),
        ("created_at", Time),
    ],
}];

pub const ERASED: &[Erase] = &[
    Erase {
        of: &["webhook_delivery.webhook"],
        sql: &[
            "DELETE FROM webhook_delivery WHERE id IN (SELECT d.id FROM webhook_delivery d \
              JOIN webhook w ON w.id = d.webhook WHERE w.channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
    Erase {
        of: &["webhook.channel"],
        sql: &["DELETE FROM webhook WHERE id IN (SELECT id FROM webhook \
              WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)"],
    },
];

pub const BODIES: &[Bodies] = &[Bodies {
    find: "SELECT id FROM webhook_delivery WHERE body LIKE $1 AND id > $2 ORDER BY id LIMIT $3",
    read: "SELECT body FROM webhook_delivery WHERE id = $1",
    write: "UPDATE webhook_delivery SET body = $2 WHERE id = $1",
}];
