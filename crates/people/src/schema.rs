//! The tables. References are checked at the commit: the rows of a batch are written set by set, so a
//! session may be written before the guest that the same batch welcomes.

use busk_store::Migration;

use crate::deletion;

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "people/0001_people",
        sql: "
    CREATE TABLE person (
        id BYTEA PRIMARY KEY,
        handle TEXT NOT NULL UNIQUE,
        display_name TEXT NOT NULL,
        about TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('viewer', 'operator')),
        password_hash TEXT NOT NULL,
        created_at BIGINT NOT NULL
    );
    CREATE TABLE channel (
        id BYTEA PRIMARY KEY,
        owner BYTEA NOT NULL REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        handle TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        about TEXT NOT NULL,
        created_at BIGINT NOT NULL
    );
    CREATE INDEX channel_owner ON channel (owner);
    CREATE TABLE guest (
        id BYTEA PRIMARY KEY,
        name TEXT NOT NULL,
        created_at BIGINT NOT NULL
    );
    CREATE TABLE session (
        token_hash BYTEA PRIMARY KEY,
        id BYTEA NOT NULL UNIQUE,
        person BYTEA REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        guest BYTEA REFERENCES guest (id) DEFERRABLE INITIALLY DEFERRED,
        opened_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        CHECK ((person IS NULL) <> (guest IS NULL))
    );
    CREATE INDEX session_expires ON session (expires_at);
    CREATE TABLE stream_key (
        channel BYTEA PRIMARY KEY REFERENCES channel (id) DEFERRABLE INITIALLY DEFERRED,
        key_hash BYTEA NOT NULL UNIQUE,
        created_at BIGINT NOT NULL
    );
    CREATE TABLE setup_token (
        token_hash BYTEA PRIMARY KEY,
        made_at BIGINT NOT NULL
    );",
    },
    Migration {
        name: "people/0002_blocks",
        sql: "
    CREATE TABLE person_block (
        blocker BYTEA NOT NULL REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        blocked BYTEA NOT NULL REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (blocker, blocked)
    );",
    },
    Migration {
        name: "people/0003_adults",
        sql: "
    CREATE TABLE person_adult (
        person BYTEA PRIMARY KEY REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        declared_at BIGINT NOT NULL
    );",
    },
    Migration {
        name: "people/0004_pages",
        sql: "
    ALTER TABLE channel ADD COLUMN kind TEXT NOT NULL DEFAULT 'personal' CHECK (kind IN ('personal', 'page'));
    CREATE UNIQUE INDEX channel_personal ON channel (owner) WHERE kind = 'personal';",
    },
    Migration {
        name: "people/0005_teams",
        sql: "
    CREATE TABLE channel_team (
        channel BYTEA NOT NULL REFERENCES channel (id) DEFERRABLE INITIALLY DEFERRED,
        person BYTEA NOT NULL REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        role TEXT NOT NULL CHECK (role IN ('manager', 'moderator')),
        since BIGINT NOT NULL,
        PRIMARY KEY (channel, person)
    );
    CREATE TABLE channel_follow (
        channel BYTEA NOT NULL REFERENCES channel (id) DEFERRABLE INITIALLY DEFERRED,
        person BYTEA NOT NULL REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        since BIGINT NOT NULL,
        PRIMARY KEY (channel, person)
    );
    CREATE INDEX channel_follow_by_person ON channel_follow (person, since);
    CREATE TABLE channel_followers (
        channel BYTEA PRIMARY KEY,
        followers BIGINT NOT NULL CHECK (followers >= 0)
    );",
    },
    Migration {
        name: "people/0006_tokens",
        sql: "
    CREATE TABLE access_token (
        id BYTEA PRIMARY KEY,
        token_hash BYTEA NOT NULL UNIQUE,
        person BYTEA NOT NULL REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        name TEXT NOT NULL,
        scopes TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT
    );
    CREATE INDEX access_token_person ON access_token (person);",
    },
    Migration {
        name: "people/0007_suspensions",
        sql: "
    CREATE TABLE person_suspension (
        person BYTEA PRIMARY KEY REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
        since BIGINT NOT NULL,
        until BIGINT
    );",
    },
    Migration {
        name: "people/0008_deletions",
        sql: deletion::DELETIONS,
    },
];
