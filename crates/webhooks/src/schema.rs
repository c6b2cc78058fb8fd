//! The tables of webhooks.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "webhooks/0001",
    sql: WEBHOOKS,
}];

/// Endpoints, with the secret in `sealed`, unreadable here; how far the logs of rooms are read; and deliveries, which
/// stay for a while after they are done.
const WEBHOOKS: &str = "
CREATE TABLE webhook (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    failing_since BIGINT,
    why TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_by_channel ON webhook (channel);
CREATE TABLE webhook_reading (room BYTEA PRIMARY KEY, through BIGINT NOT NULL, began BOOLEAN NOT NULL);
CREATE TABLE webhook_delivery (
    id BYTEA PRIMARY KEY,
    webhook BYTEA NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    next_at BIGINT,
    last_at BIGINT,
    status BIGINT,
    took_ms BIGINT,
    why TEXT
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_log ON webhook_delivery (webhook, id);
";
