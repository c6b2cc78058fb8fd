//! What the sandbox remembers, as a provider of its own: nothing of it is ours.

/// Cards, charges, refunds, disputes, creators, and what was moved.
pub(crate) const OUTSIDE_WORLD: &str = "
ALTER TABLE sandbox_checkout ADD COLUMN card TEXT;

CREATE TABLE sandbox_charge (
    charge TEXT PRIMARY KEY,
    payment BYTEA NOT NULL UNIQUE,
    payer BYTEA NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    card TEXT NOT NULL,
    paid BOOLEAN NOT NULL
);

CREATE TABLE sandbox_refund (
    refund BYTEA PRIMARY KEY,
    charge TEXT NOT NULL,
    amount BIGINT NOT NULL,
    succeeded BOOLEAN NOT NULL
);
CREATE INDEX sandbox_refund_by_charge ON sandbox_refund (charge);

CREATE TABLE sandbox_dispute (
    dispute TEXT PRIMARY KEY,
    charge TEXT NOT NULL UNIQUE,
    opens_at BIGINT NOT NULL,
    outcome TEXT
);

CREATE TABLE sandbox_account (
    account TEXT PRIMARY KEY,
    channel BYTEA NOT NULL UNIQUE,
    identity TEXT NOT NULL,
    bank TEXT NOT NULL,
    return_to TEXT NOT NULL
);

CREATE TABLE sandbox_transfer (
    payout BYTEA PRIMARY KEY,
    account TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL
);

CREATE TABLE sandbox_movement (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    gross BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    currency TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX sandbox_movement_by_time ON sandbox_movement (at);
";
