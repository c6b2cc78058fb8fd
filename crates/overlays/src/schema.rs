//! The table of overlays.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "overlays/0001",
    sql: OVERLAYS,
}];

/// One of each kind a channel; a row comes with the first change. `version` counts what an open overlay must be told.
const OVERLAYS: &str = "
CREATE TABLE overlay (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    kind TEXT NOT NULL,
    look TEXT NOT NULL,
    secret_hash BYTEA,
    secret_at BIGINT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX overlay_by_channel ON overlay (channel, kind);
CREATE UNIQUE INDEX overlay_by_secret ON overlay (secret_hash);
";
