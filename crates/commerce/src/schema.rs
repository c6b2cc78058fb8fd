//! The tables of coins, gifts and earnings.

use busk_store::Migration;

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "commerce/0001",
        sql: COMMERCE,
    },
    Migration {
        name: "commerce/0002",
        sql: SPENDING_CAPS,
    },
    Migration {
        name: "commerce/0003",
        sql: PAYMENTS,
    },
    Migration {
        name: "commerce/0004_badges",
        sql: BADGES,
    },
    Migration {
        name: "commerce/0004_payouts",
        sql: crate::payouts::schema::PAYOUTS,
    },
    crate::refunds::MIGRATION,
    Migration {
        name: "commerce/0006_sandbox",
        sql: crate::providers::sandbox::OUTSIDE_WORLD,
    },
    Migration {
        name: "commerce/0007_subscriptions",
        sql: crate::subscriptions::SUBSCRIPTIONS,
    },
    Migration {
        name: "commerce/0008_tickets",
        sql: TICKETS,
    },
    Migration {
        name: "commerce/0009_tiers",
        sql: crate::subscriptions::TIERS,
    },
    Migration {
        name: "commerce/0009_gifted_subscriptions",
        sql: crate::subscriptions::gifted::GIFTED,
    },
    Migration {
        name: "commerce/0010_events",
        sql: EVENTS,
    },
    Migration {
        name: "commerce/0011_refund_notes",
        sql: crate::refunds::NOTES,
    },
];

/// What became of an event, for what comes of its tickets after they were settled. Nobody knows it of older ones.
const EVENTS: &str = "ALTER TABLE ticket_offer ADD COLUMN held BOOLEAN;";

/// Tickets. Seats that are sold, or kept for whoever is paying, are counted in the offer: never more than there are.
const TICKETS: &str = "
CREATE TABLE ticket_offer (
    room BYTEA PRIMARY KEY,
    price BIGINT NOT NULL CHECK (price > 0),
    capacity BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    stage_price BIGINT CHECK (stage_price > 0),
    stage_capacity BIGINT NOT NULL,
    stage_taken BIGINT NOT NULL,
    sales_from BIGINT,
    sales_until BIGINT,
    replay BOOLEAN NOT NULL,
    countries TEXT NOT NULL,
    closed BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    CHECK (taken >= 0 AND taken <= capacity),
    CHECK (stage_taken >= 0 AND stage_taken <= stage_capacity)
);
CREATE INDEX ticket_offer_open ON ticket_offer (room) WHERE NOT closed;

CREATE TABLE ticket (
    payment BYTEA PRIMARY KEY,
    room BYTEA NOT NULL,
    person BYTEA NOT NULL,
    stage BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    replay BOOLEAN NOT NULL,
    scheduled_at BIGINT,
    country TEXT,
    reserved_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX ticket_by_room ON ticket (room, state, created_at);
CREATE INDEX ticket_by_person ON ticket (person, created_at);
CREATE INDEX ticket_on_stage ON ticket (room) WHERE stage AND state = 'held';
CREATE UNIQUE INDEX ticket_once ON ticket (room, person) WHERE state IN ('held', 'delivered');
";

/// Badges; what each person has given in each live, by room and person; and how far each room's log is counted.
const BADGES: &str = "
CREATE TABLE badge_order (
    payment BYTEA PRIMARY KEY,
    room BYTEA NOT NULL,
    person BYTEA NOT NULL,
    hearts BIGINT NOT NULL CHECK (hearts > 0),
    delivered_at BIGINT
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX badge_order_by_person ON badge_order (room, person);
CREATE UNIQUE INDEX badge_once ON badge_order (room, person, hearts) WHERE delivered_at IS NOT NULL;

CREATE TABLE supporter (
    id BYTEA PRIMARY KEY,
    room BYTEA NOT NULL,
    channel BYTEA NOT NULL,
    person BYTEA NOT NULL,
    gifts BIGINT NOT NULL,
    coins BIGINT NOT NULL,
    badges BIGINT NOT NULL,
    money BIGINT NOT NULL,
    value BIGINT NOT NULL,
    last_at BIGINT NOT NULL
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX supporter_by_room ON supporter (room, value);
CREATE INDEX supporter_by_channel ON supporter (channel, last_at);

CREATE TABLE tally (room BYTEA PRIMARY KEY, through BIGINT NOT NULL, open BOOLEAN NOT NULL)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX tally_open ON tally (open) WHERE open;

CREATE TABLE gift_run (
    id BYTEA PRIMARY KEY,
    room BYTEA NOT NULL,
    sender BYTEA NOT NULL,
    speaker TEXT NOT NULL,
    kind TEXT NOT NULL,
    count BIGINT NOT NULL,
    total BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    sealed BIGINT,
    ended BOOLEAN NOT NULL
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX gift_run_by_room ON gift_run (room, last_at);
";

/// One table of payments for whatever is sold, instead of one of purchases of coins. What the sandbox remembers is
/// a provider's, not ours: it begins anew.
const PAYMENTS: &str = "
CREATE TABLE payment (
    id BYTEA PRIMARY KEY,
    payer BYTEA NOT NULL,
    kind TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price > 0),
    currency TEXT NOT NULL,
    provider TEXT NOT NULL,
    checkout TEXT UNIQUE,
    checkout_url TEXT,
    state TEXT NOT NULL,
    charge TEXT,
    method TEXT,
    country TEXT,
    refunded BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    settled_at BIGINT,
    CHECK (refunded >= 0 AND refunded <= price)
);
CREATE INDEX payment_by_payer ON payment (payer, created_at);
CREATE INDEX payment_by_charge ON payment (charge) WHERE charge IS NOT NULL;
INSERT INTO payment (id, payer, kind, price, currency, provider, checkout, state, refunded, created_at, expires_at, settled_at)
    SELECT id, person, 'coins', price, currency, 'sandbox', checkout, state, 0, created_at, created_at + 3600000000, settled_at
    FROM coin_purchase;

CREATE TABLE coin_order (
    payment BYTEA PRIMARY KEY,
    pack TEXT NOT NULL,
    coins BIGINT NOT NULL CHECK (coins > 0),
    promotional BIGINT NOT NULL CHECK (promotional >= 0)
)/*sqlite: WITHOUT ROWID*/;
INSERT INTO coin_order (payment, pack, coins, promotional) SELECT id, pack, coins, 0 FROM coin_purchase;
DROP TABLE coin_purchase;

CREATE TABLE sale (
    payment BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    tax BIGINT NOT NULL CHECK (tax >= 0),
    creator BIGINT NOT NULL CHECK (creator >= 0),
    platform BIGINT NOT NULL CHECK (platform >= 0),
    delivered_at BIGINT NOT NULL
)/*sqlite: WITHOUT ROWID*/;

ALTER TABLE gift ADD COLUMN promotional BIGINT NOT NULL DEFAULT 0;

ALTER TABLE provider_notice ADD COLUMN set_aside TEXT;
UPDATE provider_notice SET set_aside = outcome, outcome = 'set_aside'
    WHERE outcome NOT IN ('settled', 'declined', 'nothing');

DROP TABLE sandbox_checkout;
CREATE TABLE sandbox_checkout (
    checkout TEXT PRIMARY KEY,
    payment BYTEA NOT NULL UNIQUE,
    payer BYTEA NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    return_to TEXT NOT NULL,
    keep_method BOOLEAN NOT NULL,
    expires_at BIGINT NOT NULL,
    outcome TEXT
);
";

const SPENDING_CAPS: &str = "
CREATE TABLE spending_cap (
    person BYTEA PRIMARY KEY,
    day BIGINT,
    day_raise BIGINT,
    day_raise_at BIGINT,
    month BIGINT,
    month_raise BIGINT,
    month_raise_at BIGINT
)/*sqlite: WITHOUT ROWID*/;
ALTER TABLE sandbox_checkout ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
";

const COMMERCE: &str = "
CREATE TABLE gift (
    id BYTEA PRIMARY KEY,
    room BYTEA NOT NULL,
    sender BYTEA NOT NULL,
    channel BYTEA NOT NULL,
    kind TEXT NOT NULL,
    count BIGINT NOT NULL CHECK (count > 0),
    total BIGINT NOT NULL CHECK (total > 0),
    diamonds BIGINT NOT NULL CHECK (diamonds >= 0),
    streak BYTEA,
    streak_count BIGINT,
    at BIGINT NOT NULL
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE gift_streak (sender BYTEA PRIMARY KEY, runs TEXT NOT NULL)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE coin_purchase (
    id BYTEA PRIMARY KEY,
    person BYTEA NOT NULL,
    pack TEXT NOT NULL,
    coins BIGINT NOT NULL,
    price BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    checkout TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX coin_purchase_by_person ON coin_purchase (person, created_at);

CREATE TABLE provider_notice (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE sandbox_checkout (
    checkout TEXT PRIMARY KEY,
    purchase BYTEA NOT NULL,
    payer BYTEA NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    return_to TEXT NOT NULL,
    outcome TEXT
);
CREATE TABLE sandbox_secret (id BIGINT PRIMARY KEY, secret BYTEA NOT NULL);

CREATE TABLE earnings_release (channel BYTEA PRIMARY KEY, through BIGINT NOT NULL);
CREATE TABLE earnings_redemption (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    diamonds BIGINT NOT NULL,
    money BIGINT NOT NULL,
    at BIGINT NOT NULL
);
";
