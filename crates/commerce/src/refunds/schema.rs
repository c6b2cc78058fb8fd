//! The tables of refunds, disputes, debts and of what operators did about notices.

use busk_store::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "commerce/0005_refunds",
    sql: REFUNDS,
};

const REFUNDS: &str = "
ALTER TABLE payment ADD COLUMN disputed BIGINT NOT NULL DEFAULT 0
    CHECK (disputed >= 0 AND refunded + disputed <= price);
ALTER TABLE coin_order ADD COLUMN coins_back BIGINT NOT NULL DEFAULT 0
    CHECK (coins_back >= 0 AND coins_back <= coins);
ALTER TABLE coin_order ADD COLUMN promotional_back BIGINT NOT NULL DEFAULT 0
    CHECK (promotional_back >= 0 AND promotional_back <= promotional);

CREATE TABLE refund (
    id BYTEA PRIMARY KEY,
    payment BYTEA NOT NULL,
    asked_by BYTEA NOT NULL,
    reason TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    coins BIGINT NOT NULL CHECK (coins >= 0),
    promotional BIGINT NOT NULL CHECK (promotional >= 0),
    state TEXT NOT NULL,
    answer TEXT,
    asked_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX refund_by_payment ON refund (payment, asked_at);

CREATE TABLE refund_act (
    refund BYTEA NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    who BYTEA,
    state TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (refund, number)
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE dispute (
    id BYTEA PRIMARY KEY,
    name TEXT NOT NULL,
    payment BYTEA NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    fee BIGINT NOT NULL CHECK (fee >= 0),
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    frozen BIGINT NOT NULL CHECK (frozen >= 0),
    frozen_promotional BIGINT NOT NULL CHECK (frozen_promotional >= 0),
    owed BIGINT NOT NULL CHECK (owed >= 0),
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX dispute_by_payment ON dispute (payment);

CREATE TABLE dispute_gift (
    dispute BYTEA NOT NULL,
    gift BYTEA NOT NULL,
    channel BYTEA NOT NULL,
    transfer BIGINT NOT NULL,
    coins BIGINT NOT NULL CHECK (coins > 0),
    diamonds BIGINT NOT NULL CHECK (diamonds >= 0),
    pending BIGINT NOT NULL CHECK (pending >= 0),
    PRIMARY KEY (dispute, gift)
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX dispute_gift_by_gift ON dispute_gift (gift);
CREATE INDEX dispute_gift_by_channel ON dispute_gift (channel, transfer);

CREATE TABLE debt_write_off (
    id BYTEA PRIMARY KEY,
    payer BYTEA NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    who BYTEA NOT NULL,
    note TEXT NOT NULL,
    at BIGINT NOT NULL
);

ALTER TABLE provider_notice ADD COLUMN waits_for TEXT;
ALTER TABLE provider_notice ADD COLUMN looked_at BIGINT;
CREATE INDEX provider_notice_waiting ON provider_notice (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX provider_notice_open ON provider_notice (received_at)
    WHERE outcome IN ('set_aside', 'waiting') AND looked_at IS NULL;

CREATE TABLE notice_act (
    notice TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    who BYTEA NOT NULL,
    act TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (notice, number)
)/*sqlite: WITHOUT ROWID*/;

/*sqlite:
CREATE TRIGGER refund_act_update BEFORE UPDATE ON refund_act BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER refund_act_delete BEFORE DELETE ON refund_act BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER dispute_gift_update BEFORE UPDATE ON dispute_gift BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER dispute_gift_delete BEFORE DELETE ON dispute_gift BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER debt_write_off_update BEFORE UPDATE ON debt_write_off BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER debt_write_off_delete BEFORE DELETE ON debt_write_off BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER notice_act_update BEFORE UPDATE ON notice_act BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER notice_act_delete BEFORE DELETE ON notice_act BEGIN SELECT RAISE(ABORT, 'append-only'); END;
*/
/*postgres:
CREATE FUNCTION refund_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'append-only'; END $$;
CREATE TRIGGER refund_act_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_act
    FOR EACH STATEMENT EXECUTE FUNCTION refund_append_only();
CREATE TRIGGER dispute_gift_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_gift
    FOR EACH STATEMENT EXECUTE FUNCTION refund_append_only();
CREATE TRIGGER debt_write_off_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON debt_write_off
    FOR EACH STATEMENT EXECUTE FUNCTION refund_append_only();
CREATE TRIGGER notice_act_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON notice_act
    FOR EACH STATEMENT EXECUTE FUNCTION refund_append_only();
*/
";

/// Acts are only ever added to, as before; but a note, which may be somebody's own words, can be erased.
pub(crate) const NOTES: &str = "
/*sqlite:
DROP TRIGGER refund_act_update;
CREATE TRIGGER refund_act_update BEFORE UPDATE OF refund, number, at, who, state ON refund_act
    BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER refund_act_note BEFORE UPDATE OF note ON refund_act WHEN NEW.note IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'append-only'); END;
*/
/*postgres:
DROP TRIGGER refund_act_fixed ON refund_act;
CREATE TRIGGER refund_act_fixed BEFORE UPDATE OF refund, number, at, who, state OR DELETE OR TRUNCATE ON refund_act
    FOR EACH STATEMENT EXECUTE FUNCTION refund_append_only();
CREATE TRIGGER refund_act_note BEFORE UPDATE OF note ON refund_act
    FOR EACH ROW WHEN (NEW.note IS NOT NULL) EXECUTE FUNCTION refund_append_only();
*/
";
