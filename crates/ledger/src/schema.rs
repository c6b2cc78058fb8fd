//! The ledger's tables. Postings, transfers and seals are append-only by trigger; balances are guarded by
//! `CHECK`, behind the check in Rust.
//!
//! No index lists an account's transfers: it would be changed at a place of its own by every transfer,
//! which is what limits the gifts a second. Each transfer names the one that moved its debit account
//! before, and the one that moved its credit account (`debit_before`, `credit_before`; 0: none), and
//! [`MARK_EVERY`](crate::account::MARK_EVERY) transfers leave one mark, from which any place of that chain is a few steps away.
//! For the same reason what changes with every transfer is in `ledger_balance`, whose rows are short.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "ledger/0001",
        sql: LEDGER,
    },
    Migration {
        name: "ledger/0002",
        sql: SEALS,
    },
    Migration {
        name: "ledger/0003",
        sql: POLICY_DEEDS,
    },
];

/// Who wrote a policy and who withdrew one: beside it, since a policy's row is under the seals.
const POLICY_DEEDS: &str = "
CREATE TABLE ledger_policy_deed (
    version BIGINT NOT NULL,
    deed TEXT NOT NULL CHECK (deed IN ('written', 'withdrawn')),
    person BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (version, deed)
);
";

/// A seal says through which row of each table it goes; it begins after the seal before it. Postings are found by
/// their time only to be listed and exported: the index grows at one end, which costs a gift next to nothing.
const SEALS: &str = "
ALTER TABLE ledger_head ADD COLUMN sealed_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX ledger_posting_at ON ledger_posting (at, number);

CREATE TABLE ledger_seal (
    number BIGINT PRIMARY KEY,
    until BIGINT NOT NULL,
    policy BIGINT NOT NULL,
    account BIGINT NOT NULL,
    posting BIGINT NOT NULL,
    transfer BIGINT NOT NULL,
    resolutions BIGINT NOT NULL,
    sums BYTEA NOT NULL,
    hash BYTEA NOT NULL
);
/*sqlite:
CREATE TRIGGER ledger_seal_update BEFORE UPDATE ON ledger_seal BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_seal_delete BEFORE DELETE ON ledger_seal BEGIN SELECT RAISE(ABORT, 'append-only'); END;
*/
/*postgres:
CREATE TRIGGER ledger_seal_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_seal
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
*/
";

const LEDGER: &str = "
CREATE TABLE ledger_head (
    id BIGINT PRIMARY KEY,
    last_transfer BIGINT NOT NULL,
    last_posting BIGINT NOT NULL,
    last_account BIGINT NOT NULL
);
INSERT INTO ledger_head VALUES (1, 0, 0, 0);

CREATE TABLE ledger_account (
    id BIGINT PRIMARY KEY,
    key BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    owner BYTEA
);

CREATE TABLE ledger_balance (
    account BIGINT PRIMARY KEY,
    floating BOOLEAN NOT NULL,
    balance BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    moves BIGINT NOT NULL,
    last_move BIGINT NOT NULL,
    CHECK (reserved >= 0),
    CHECK (floating OR balance >= reserved)
);

CREATE TABLE ledger_mark (
    account BIGINT NOT NULL,
    transfer BIGINT NOT NULL,
    PRIMARY KEY (account, transfer)
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE ledger_posting (
    number BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    policy BIGINT NOT NULL,
    cause TEXT NOT NULL,
    cause_id BYTEA NOT NULL,
    corrects BYTEA,
    digest BYTEA NOT NULL,
    first_transfer BIGINT NOT NULL,
    last_transfer BIGINT NOT NULL
);

CREATE TABLE ledger_transfer (
    id BIGINT PRIMARY KEY,
    posting BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    debit BIGINT NOT NULL,
    credit BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    debit_balance BIGINT NOT NULL,
    credit_balance BIGINT NOT NULL,
    debit_before BIGINT NOT NULL,
    credit_before BIGINT NOT NULL,
    reserved BIGINT,
    expires_at BIGINT,
    CHECK (debit <> credit)
);
CREATE INDEX ledger_transfer_expiry ON ledger_transfer (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE ledger_resolution (
    pending BIGINT PRIMARY KEY,
    transfer BIGINT NOT NULL
);

CREATE TABLE ledger_policy (
    version BIGINT PRIMARY KEY,
    starts_at BIGINT NOT NULL,
    body TEXT NOT NULL
);

/*sqlite:
CREATE TRIGGER ledger_posting_update BEFORE UPDATE ON ledger_posting BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_posting_delete BEFORE DELETE ON ledger_posting BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_transfer_update BEFORE UPDATE ON ledger_transfer BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_transfer_delete BEFORE DELETE ON ledger_transfer BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_resolution_update BEFORE UPDATE ON ledger_resolution BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_resolution_delete BEFORE DELETE ON ledger_resolution BEGIN SELECT RAISE(ABORT, 'append-only'); END;
*/
/*postgres:
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'append-only'; END $$;
CREATE TRIGGER ledger_posting_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_transfer_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_resolution_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_resolution
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
*/
";
