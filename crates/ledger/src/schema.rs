//! The ledger's tables. Postings and transfers are append-only by trigger; balances are guarded by
//! `CHECK`, behind the check in Rust. Accounts without an owner have ids below
//! [`OWNED_FROM`](crate::account::OWNED_FROM): nobody lists their transfers one by one, so the indexes
//! leave them out, which halves the cost of a transfer.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "ledger/0001",
    sql: LEDGER,
}];

const LEDGER: &str = "
CREATE TABLE ledger_head (
    id BIGINT PRIMARY KEY,
    last_transfer BIGINT NOT NULL,
    last_posting BIGINT NOT NULL,
    last_account BIGINT NOT NULL,
    last_owned_account BIGINT NOT NULL
);
INSERT INTO ledger_head VALUES (1, 0, 0, 0, 1000);

CREATE TABLE ledger_account (
    id BIGINT PRIMARY KEY,
    key BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    owner BYTEA,
    floating BOOLEAN NOT NULL,
    balance BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    CHECK (reserved >= 0),
    CHECK (floating OR balance >= reserved)
);

CREATE TABLE ledger_posting (
    number BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    policy BIGINT NOT NULL,
    cause TEXT NOT NULL,
    cause_id BYTEA NOT NULL,
    corrects BYTEA,
    digest BYTEA NOT NULL
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
    reserved BIGINT,
    expires_at BIGINT,
    CHECK (debit <> credit)
);
CREATE INDEX ledger_transfer_debit ON ledger_transfer (debit, id) WHERE debit > 1000;
CREATE INDEX ledger_transfer_credit ON ledger_transfer (credit, id) WHERE credit > 1000;
CREATE INDEX ledger_transfer_expiry ON ledger_transfer (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX ledger_transfer_posting ON ledger_transfer (posting);

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
