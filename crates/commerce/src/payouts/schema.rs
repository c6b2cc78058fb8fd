//! The tables of money on its way to creators.

/// Acts are only ever added. What a payout was asked with (provider's account, sealed bank details) is kept with it,
/// so that other details never lead money elsewhere that was approved before.
pub(crate) const PAYOUTS: &str = "
CREATE TABLE money_release (
    channel BYTEA NOT NULL,
    account TEXT NOT NULL,
    through BIGINT NOT NULL,
    PRIMARY KEY (channel, account)
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE payout_account (
    channel BYTEA PRIMARY KEY,
    provider TEXT NOT NULL,
    account TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL,
    said_at BIGINT
);

CREATE TABLE payout_setting (
    channel BYTEA PRIMARY KEY,
    method TEXT,
    month_done TEXT,
    bank BYTEA,
    bank_shown TEXT
);

CREATE TABLE payout (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    provider TEXT,
    account TEXT,
    bank BYTEA,
    shown TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    batch BYTEA,
    acts BIGINT NOT NULL,
    requested_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    CHECK ((provider IS NULL) = (account IS NULL)),
    CHECK ((provider IS NULL) <> (bank IS NULL))
);
CREATE INDEX payout_by_channel ON payout (channel, requested_at);
CREATE INDEX payout_by_state ON payout (state, requested_at);
CREATE INDEX payout_by_batch ON payout (batch) WHERE batch IS NOT NULL;

CREATE TABLE payout_act (
    payout BYTEA NOT NULL,
    number BIGINT NOT NULL,
    act TEXT NOT NULL,
    person BYTEA,
    reason TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (payout, number)
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE payout_batch (
    id BYTEA PRIMARY KEY,
    currency TEXT NOT NULL,
    debtor_name TEXT,
    debtor_iban TEXT,
    payouts BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    made_by BYTEA NOT NULL,
    made_at BIGINT NOT NULL
);
";
