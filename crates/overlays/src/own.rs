//! What overlays hold of one person: how what their channels show looks; and how it is erased.

use busk_people::erase::Erase;
use busk_people::own::Part;
use busk_people::own::Shown::{Json, Text, Time};

pub const PARTS: &[Part] = &[Part {
    name: "overlays",
    of: &["overlay.channel"],
    sql: "SELECT o.id, c.handle, o.kind, o.look, o.secret_at FROM overlay o \
          JOIN channel c ON c.id = o.channel WHERE c.owner = $1 AND o.id > $2 ORDER BY o.id LIMIT $3",
    columns: &[
        ("channel", Text),
        ("kind", Text),
        ("look", Json),
        ("secret_made_at", Time),
    ],
}];

pub const ERASED: &[Erase] = &[Erase {
    of: &["overlay.channel"],
    sql: &["DELETE FROM overlay WHERE id IN (SELECT id FROM overlay \
          WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)"],
}];
