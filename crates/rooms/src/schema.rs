//! The tables of rooms and their logs.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "rooms/0001",
        sql: ROOMS,
    },
    Migration {
        name: "rooms/0002_stage",
        sql: STAGE,
    },
    Migration {
        name: "rooms/0003_replay",
        sql: "CREATE TABLE room_replay (room BYTEA PRIMARY KEY, visibility TEXT NOT NULL)",
    },
    Migration {
        name: "rooms/0004_hangout",
        sql: HANGOUT,
    },
    Migration {
        name: "rooms/0005_restream",
        sql: RESTREAM,
    },
    Migration {
        name: "rooms/0006_board",
        sql: BOARD,
    },
    Migration {
        name: "rooms/0007_members",
        sql: crate::members::MEMBERS,
    },
    Migration {
        name: "rooms/0008_access",
        sql: ACCESS,
    },
    Migration {
        name: "rooms/0009_loyalty",
        sql: crate::members::LOYALTY,
    },
    Migration {
        name: "rooms/0010_emotes",
        sql: crate::emotes::EMOTES,
    },
    Migration {
        name: "rooms/0011_admissions",
        sql: ADMISSIONS,
    },
    Migration {
        name: "rooms/0012_talk",
        sql: crate::talk::TALK,
    },
    Migration {
        name: "rooms/0013_moderation",
        sql: MODERATION,
    },
    Migration {
        name: "rooms/0014_reactions",
        sql: crate::reactions::REACTIONS,
    },
    Migration {
        name: "rooms/0015_hidden",
        sql: crate::hidden::HIDDEN,
    },
    Migration {
        name: "rooms/0016_followed",
        sql: crate::followers::FOLLOWED,
    },
];

/// How chats are run, what a channel's chats do not want, and what was done to people there and why. A person's
/// messages in a room are looked for when they are taken away, and by slow mode; answers when what they answer is.
const MODERATION: &str = "
ALTER TABLE room_message ADD COLUMN said_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE room_message ADD COLUMN reply_to BYTEA;
ALTER TABLE room_message ADD COLUMN held BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX room_message_by_author ON room_message (room, author, n);
CREATE INDEX room_message_reply ON room_message (reply_to) WHERE reply_to IS NOT NULL;

CREATE TABLE room_chat (room BYTEA PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE room_held (id BYTEA PRIMARY KEY, room BYTEA NOT NULL, author BYTEA NOT NULL, body TEXT NOT NULL);
CREATE INDEX room_held_by_room ON room_held (room, id);
CREATE TABLE channel_filter (channel BYTEA PRIMARY KEY, body TEXT NOT NULL);

CREATE TABLE channel_sanction (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    person BYTEA NOT NULL,
    name TEXT NOT NULL,
    banned BOOLEAN NOT NULL,
    shadowed BOOLEAN NOT NULL,
    silent_until BIGINT,
    at BIGINT NOT NULL
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX channel_sanction_by_channel ON channel_sanction (channel, at);

CREATE TABLE moderation_record (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    room BYTEA,
    at BIGINT NOT NULL,
    by_person BYTEA NOT NULL,
    by_name TEXT NOT NULL,
    deed TEXT NOT NULL,
    person BYTEA,
    person_name TEXT,
    message BYTEA,
    seconds BIGINT,
    why TEXT NOT NULL
);
CREATE INDEX moderation_record_by_channel ON moderation_record (channel, at);
CREATE INDEX moderation_record_by_person ON moderation_record (channel, person, at) WHERE person IS NOT NULL;
";

/// Whom rooms are for; one without a row is for everybody. Whom a ticket admits; and who had a turn on stage, which
/// whoever sells them asks.
const ACCESS: &str = "
CREATE TABLE room_access (room BYTEA PRIMARY KEY, kind TEXT NOT NULL);
CREATE TABLE room_admission (
    room BYTEA NOT NULL,
    person BYTEA NOT NULL,
    replay BOOLEAN NOT NULL,
    admitted_at BIGINT NOT NULL,
    PRIMARY KEY (room, person)
)/*sqlite: WITHOUT ROWID*/;
CREATE TABLE room_turn (
    room BYTEA NOT NULL,
    person BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (room, person)
)/*sqlite: WITHOUT ROWID*/;
";

/// Whom a ticket admits, by room and person in one column, as batches find rows.
const ADMISSIONS: &str = "
CREATE TABLE room_admitted (
    id BYTEA PRIMARY KEY,
    replay BOOLEAN NOT NULL,
    admitted_at BIGINT NOT NULL
)/*sqlite: WITHOUT ROWID*/;
INSERT INTO room_admitted (id, replay, admitted_at)
    SELECT CAST(room || person AS BYTEA), replay, admitted_at FROM room_admission;
DROP TABLE room_admission;
";

/// Who is on stage and how it is laid out: read and written as a whole. A room without a row has its host there.
const STAGE: &str = "
CREATE TABLE room_stage (room BYTEA PRIMARY KEY, body TEXT NOT NULL);
";

/// A channel has at most one hangout beside its open room. Of a link's secret only the hash is kept.
const HANGOUT: &str = "
ALTER TABLE room ADD COLUMN private BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX room_hangout ON room (channel) WHERE state = 'hangout';
CREATE TABLE room_link (room BYTEA PRIMARY KEY, secret_hash BYTEA NOT NULL);
";

/// Where channels are shown, too. The address and the stream key are in `sealed`, unreadable here.
const RESTREAM: &str = "
CREATE TABLE restream_target (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    name TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX restream_target_by_channel ON restream_target (channel);
";

/// What stands beside a live's picture, read and written as a whole; and hearts beside names, by room and person.
const BOARD: &str = "
CREATE TABLE room_board (room BYTEA PRIMARY KEY, body TEXT NOT NULL, hearts BOOLEAN NOT NULL);
CREATE TABLE room_hearts (id BYTEA PRIMARY KEY, hearts BIGINT NOT NULL)/*sqlite: WITHOUT ROWID*/;
";

/// The last number of a room's log, which every event changes, is in a table of its own with short rows.
/// A channel has at most one room that is open (lobby, live or interrupted): the index says so.
const ROOMS: &str = "
CREATE TABLE room (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    host BYTEA NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    scheduled_at BIGINT,
    started_at BIGINT,
    resume_until BIGINT,
    ended_at BIGINT,
    live_on_camera BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX room_open ON room (channel) WHERE state IN ('lobby', 'live', 'interrupted');
CREATE INDEX room_by_channel ON room (channel, created_at);
CREATE INDEX room_listed ON room (state) WHERE state <> 'ended';

CREATE TABLE room_seq (room BYTEA PRIMARY KEY, last BIGINT NOT NULL)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE room_event (
    room BYTEA NOT NULL,
    n BIGINT NOT NULL,
    audience TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (room, n)
);

CREATE TABLE room_message (
    id BYTEA PRIMARY KEY,
    room BYTEA NOT NULL,
    n BIGINT NOT NULL,
    author BYTEA NOT NULL,
    removed_by BYTEA
);
CREATE INDEX room_message_removed ON room_message (room, n) WHERE removed_by IS NOT NULL;
";
