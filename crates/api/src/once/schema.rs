//! The table of requests that were named by a key.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "api/0001_kept_answers",
    sql: KEPT_ANSWERS,
}];

/// `name` and `caller` are hashes, and `answer` is sealed: who reads the table learns neither who asked nor what for.
const KEPT_ANSWERS: &str = "
CREATE TABLE kept_answer (
    name BYTEA PRIMARY KEY,
    caller BYTEA NOT NULL,
    contents BYTEA NOT NULL,
    begun_at BIGINT NOT NULL,
    answer BYTEA
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX kept_answer_by_caller ON kept_answer (caller);
CREATE INDEX kept_answer_by_age ON kept_answer (begun_at);
";
