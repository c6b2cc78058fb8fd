//! What webhooks hold of one person: the addresses that are told of their channels.

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
