//! The tables of reports, decisions and appeals. Which reports a decision answered stays, also when an appeal opens them
//! again.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "reports/0001_reports",
        sql: REPORTS,
    },
    Migration {
        name: "reports/0002_letters",
        sql: crate::letters::LETTERS,
    },
];

const REPORTS: &str = "
CREATE TABLE report (
    id BYTEA PRIMARY KEY,
    kind TEXT NOT NULL,
    object BYTEA NOT NULL,
    room BYTEA,
    channel BYTEA,
    person BYTEA NOT NULL,
    person_kind TEXT NOT NULL,
    person_name TEXT NOT NULL,
    said TEXT,
    said_at BIGINT,
    ground TEXT NOT NULL,
    category TEXT NOT NULL,
    words TEXT NOT NULL,
    reporter BYTEA,
    contact_name TEXT,
    contact_email TEXT,
    priority BIGINT NOT NULL,
    at BIGINT NOT NULL,
    decision BYTEA
);
CREATE INDEX report_open ON report (priority, at) WHERE decision IS NULL;
CREATE INDEX report_by_time ON report (at);
CREATE INDEX report_by_object ON report (object);
CREATE INDEX report_by_reporter ON report (reporter, at) WHERE reporter IS NOT NULL;
CREATE UNIQUE INDEX report_once ON report (reporter, object) WHERE reporter IS NOT NULL AND decision IS NULL;

CREATE TABLE decision (
    id BYTEA PRIMARY KEY,
    report BYTEA NOT NULL,
    kind TEXT NOT NULL,
    object BYTEA NOT NULL,
    room BYTEA,
    channel BYTEA,
    person BYTEA NOT NULL,
    said TEXT,
    measure TEXT NOT NULL,
    until BIGINT,
    ground TEXT NOT NULL,
    category TEXT NOT NULL,
    basis TEXT NOT NULL,
    facts TEXT NOT NULL,
    operator BYTEA NOT NULL,
    at BIGINT NOT NULL,
    reversed_at BIGINT
);
CREATE INDEX decision_by_person ON decision (person, at);
CREATE INDEX decision_by_time ON decision (at);

CREATE TABLE decision_report (
    decision BYTEA NOT NULL,
    report BYTEA NOT NULL,
    PRIMARY KEY (decision, report)
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE appeal (
    id BYTEA PRIMARY KEY,
    decision BYTEA NOT NULL,
    appellant BYTEA NOT NULL,
    words TEXT NOT NULL,
    at BIGINT NOT NULL,
    outcome TEXT,
    answer TEXT,
    operator BYTEA,
    judged_at BIGINT,
    UNIQUE (decision, appellant)
);
CREATE INDEX appeal_open ON appeal (at) WHERE outcome IS NULL;
CREATE INDEX appeal_by_time ON appeal (at);
";
