//! The tables of notices.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "notices/0001",
        sql: NOTICES,
    },
    Migration {
        name: "notices/0002_letters",
        sql: LETTERS,
    },
];

/// What a letter of another part of the site says, and the address that was left for it, until it is delivered.
const LETTERS: &str = "
CREATE TABLE notice_letter (
    id BYTEA PRIMARY KEY,
    address TEXT,
    subject TEXT NOT NULL,
    text TEXT NOT NULL
);
";

/// Lives that are told of, with how far; what people want; where they can be reached; and what is still to be
/// delivered, which is gone once it is.
const NOTICES: &str = "
CREATE TABLE notice_live (
    room BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    at BIGINT NOT NULL,
    told BOOLEAN NOT NULL,
    through BYTEA NOT NULL,
    spread BOOLEAN NOT NULL
);
CREATE INDEX notice_live_of_channel ON notice_live (channel, at);
CREATE INDEX notice_live_spreading ON notice_live (at) WHERE NOT spread;
CREATE TABLE notice_choice (
    person BYTEA PRIMARY KEY,
    in_app BOOLEAN NOT NULL,
    email BOOLEAN NOT NULL,
    push BOOLEAN NOT NULL
);
CREATE TABLE notice_quiet (person BYTEA NOT NULL, channel BYTEA NOT NULL, PRIMARY KEY (person, channel));
CREATE TABLE notice_seen (person BYTEA PRIMARY KEY, through BIGINT NOT NULL);
CREATE TABLE notice_address (
    person BYTEA PRIMARY KEY,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    asked_since BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    confirmed_at BIGINT
);
CREATE TABLE notice_push (
    id BYTEA PRIMARY KEY,
    person BYTEA NOT NULL,
    endpoint TEXT NOT NULL,
    public BYTEA NOT NULL,
    auth BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX notice_push_of_person ON notice_push (person, created_at);
CREATE TABLE notice_delivery (
    id BYTEA PRIMARY KEY,
    way TEXT NOT NULL,
    person BYTEA NOT NULL,
    room BYTEA,
    push BYTEA,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX notice_delivery_due ON notice_delivery (way, next_at);
CREATE TABLE notice_key (id BIGINT PRIMARY KEY, sealed BYTEA NOT NULL);
";
