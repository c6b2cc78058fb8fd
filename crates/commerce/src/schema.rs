//! The tables of coins, gifts and earnings.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "commerce/0001",
        sql: COMMERCE,
    },
    Migration {
        name: "commerce/0002",
        sql: SPENDING_CAPS,
    },
];

const SPENDING_CAPS: &str = "
CREATE TABLE spending_cap (
    person BYTEA PRIMARY KEY,
    day BIGINT,
    day_raise BIGINT,
    day_raise_at BIGINT,
    month BIGINT,
    month_raise BIGINT,
    month_raise_at BIGINT
)/*sqlite: WITHOUT ROWID*/;
ALTER TABLE sandbox_checkout ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
";

const COMMERCE: &str = "
CREATE TABLE gift (
    id BYTEA PRIMARY KEY,
    room BYTEA NOT NULL,
    sender BYTEA NOT NULL,
    channel BYTEA NOT NULL,
    kind TEXT NOT NULL,
    count BIGINT NOT NULL CHECK (count > 0),
    total BIGINT NOT NULL CHECK (total > 0),
    diamonds BIGINT NOT NULL CHECK (diamonds >= 0),
    streak BYTEA,
    streak_count BIGINT,
    at BIGINT NOT NULL
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE gift_streak (sender BYTEA PRIMARY KEY, runs TEXT NOT NULL)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE coin_purchase (
    id BYTEA PRIMARY KEY,
    person BYTEA NOT NULL,
    pack TEXT NOT NULL,
    coins BIGINT NOT NULL,
    price BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    checkout TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX coin_purchase_by_person ON coin_purchase (person, created_at);

CREATE TABLE provider_notice (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE sandbox_checkout (
    checkout TEXT PRIMARY KEY,
    purchase BYTEA NOT NULL,
    payer BYTEA NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    return_to TEXT NOT NULL,
    outcome TEXT
);
CREATE TABLE sandbox_secret (id BIGINT PRIMARY KEY, secret BYTEA NOT NULL);

CREATE TABLE earnings_release (channel BYTEA PRIMARY KEY, through BIGINT NOT NULL);
CREATE TABLE earnings_redemption (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    diamonds BIGINT NOT NULL,
    money BIGINT NOT NULL,
    at BIGINT NOT NULL
);
";
