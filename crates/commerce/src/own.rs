//! What commerce holds of one person: what they paid, gave, own and owe. Of their channels' money the statement has all,
//! down to the transfers; here are the sums.
//!
//! Of all this the books keep what moved, by ids that name nobody once the account is deleted; what else was said with it
//! is erased.

use busk_people::erase::{Erase, Kept};
use busk_people::own::Part;
use busk_people::own::Shown::{Id, Number, Text, Time, Truth};

pub const PARTS: &[Part] = &[
    Part {
        name: "payments",
        of: &["payment.payer"],
        sql: "SELECT id, id, kind, price, currency, provider, state, method, country, refunded, created_at, settled_at \
              FROM payment WHERE payer = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("kind", Text),
            ("price", Number),
            ("currency", Text),
            ("provider", Text),
            ("state", Text),
            ("method", Text),
            ("country", Text),
            ("refunded", Number),
            ("created_at", Time),
            ("settled_at", Time),
        ],
    },
    Part {
        name: "refunds",
        of: &["refund.asked_by"],
        sql: "SELECT r.id, r.id, r.payment, r.reason, r.amount, r.coins, r.state, r.answer, r.asked_at \
              FROM refund r JOIN payment p ON p.id = r.payment WHERE p.payer = $1 AND r.id > $2 ORDER BY r.id LIMIT $3",
        columns: &[
            ("id", Id),
            ("payment", Id),
            ("reason", Text),
            ("amount", Number),
            ("coins", Number),
            ("state", Text),
            ("answer", Text),
            ("asked_at", Time),
        ],
    },
    Part {
        name: "disputes",
        of: &["dispute.payment"],
        sql: "SELECT d.id, d.payment, d.amount, d.reason, d.state, d.opened_at, d.changed_at \
              FROM dispute d JOIN payment p ON p.id = d.payment WHERE p.payer = $1 AND d.id > $2 ORDER BY d.id LIMIT $3",
        columns: &[
            ("payment", Id),
            ("amount", Number),
            ("reason", Text),
            ("state", Text),
            ("opened_at", Time),
            ("changed_at", Time),
        ],
    },
    Part {
        name: "gifts",
        of: &["gift.sender"],
        sql: "SELECT id, id, room, kind, count, total, promotional, at FROM gift \
              WHERE sender = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("room", Id),
            ("kind", Text),
            ("count", Number),
            ("coins", Number),
            ("promotional", Number),
            ("at", Time),
        ],
    },
    Part {
        name: "supported",
        of: &["supporter.person"],
        sql: "SELECT id, room, gifts, coins, badges, money, last_at FROM supporter \
              WHERE person = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[
            ("room", Id),
            ("gifts", Number),
            ("coins", Number),
            ("badges", Number),
            ("money", Number),
            ("last_at", Time),
        ],
    },
    Part {
        name: "badges",
        of: &["badge_order.person"],
        sql: "SELECT payment, payment, room, hearts, delivered_at FROM badge_order \
              WHERE person = $1 AND payment > $2 ORDER BY payment LIMIT $3",
        columns: &[
            ("payment", Id),
            ("room", Id),
            ("hearts", Number),
            ("delivered_at", Time),
        ],
    },
    Part {
        name: "tickets",
        of: &["ticket.person"],
        sql: "SELECT payment, payment, room, stage, state, replay, country, created_at FROM ticket \
              WHERE person = $1 AND payment > $2 ORDER BY payment LIMIT $3",
        columns: &[
            ("payment", Id),
            ("room", Id),
            ("stage", Truth),
            ("state", Text),
            ("replay", Truth),
            ("country", Text),
            ("created_at", Time),
        ],
    },
    Part {
        name: "subscriptions",
        of: &["subscription.person"],
        sql: "SELECT s.id, c.handle, s.tier, s.price, s.months, s.until, s.renews FROM subscription s \
              JOIN channel c ON c.id = s.channel WHERE s.person = $1 AND s.id > $2 ORDER BY s.id LIMIT $3",
        columns: &[
            ("channel", Text),
            ("tier", Number),
            ("price", Number),
            ("months", Number),
            ("until", Time),
            ("renews", Truth),
        ],
    },
    Part {
        name: "subscription_orders",
        of: &["subscription_order.person"],
        sql: "SELECT payment, payment, channel, tier, kind, monthly, until FROM subscription_order \
              WHERE person = $1 AND payment > $2 ORDER BY payment LIMIT $3",
        columns: &[
            ("payment", Id),
            ("channel", Id),
            ("tier", Number),
            ("kind", Text),
            ("monthly", Number),
            ("until", Time),
        ],
    },
    Part {
        name: "subscriptions_given",
        of: &["subscription_gift.giver"],
        sql: "SELECT payment, payment, channel, tier, monthly, count, handed_out FROM subscription_gift \
              WHERE giver = $1 AND payment > $2 ORDER BY payment LIMIT $3",
        columns: &[
            ("payment", Id),
            ("channel", Id),
            ("tier", Number),
            ("monthly", Number),
            ("count", Number),
            ("handed_out", Truth),
        ],
    },
    Part {
        name: "subscriptions_received",
        of: &["subscription_gift_receiver.person"],
        sql: "SELECT r.payment, g.channel, r.until FROM subscription_gift_receiver r \
              JOIN subscription_gift g ON g.payment = r.payment WHERE r.person = $1 AND r.payment > $2 \
              ORDER BY r.payment LIMIT $3",
        columns: &[("channel", Id), ("until", Time)],
    },
    Part {
        name: "spending_caps",
        of: &["spending_cap.person"],
        sql: "SELECT person, day, month FROM spending_cap WHERE person = $1 AND person > $2 ORDER BY person LIMIT $3",
        columns: &[("day", Number), ("month", Number)],
    },
    Part {
        name: "accounts",
        of: &["ledger_account.owner"],
        sql: "SELECT a.key, a.name, a.unit, b.balance FROM ledger_account a JOIN ledger_balance b ON b.account = a.id \
              WHERE (a.owner = $1 OR a.owner IN (SELECT id FROM channel WHERE owner = $1)) AND a.key > $2 \
              ORDER BY a.key LIMIT $3",
        columns: &[("account", Text), ("unit", Text), ("balance", Number)],
    },
    Part {
        name: "debts_written_off",
        of: &["debt_write_off.payer"],
        sql: "SELECT id, amount, note, at FROM debt_write_off WHERE payer = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[("amount", Number), ("note", Text), ("at", Time)],
    },
    Part {
        name: "payouts",
        of: &["payout.channel"],
        sql: "SELECT p.id, p.id, p.amount, p.currency, p.provider, p.shown, p.state, p.reason, p.requested_at, p.changed_at \
              FROM payout p JOIN channel c ON c.id = p.channel WHERE c.owner = $1 AND p.id > $2 ORDER BY p.id LIMIT $3",
        columns: &[
            ("id", Id),
            ("amount", Number),
            ("currency", Text),
            ("provider", Text),
            ("to", Text),
            ("state", Text),
            ("reason", Text),
            ("requested_at", Time),
            ("changed_at", Time),
        ],
    },
    Part {
        name: "payout_settings",
        of: &["payout_setting.channel", "payout_account.channel"],
        sql: "SELECT c.id, c.handle, s.method, s.bank_shown, a.provider, a.identity FROM channel c \
              LEFT JOIN payout_setting s ON s.channel = c.id LEFT JOIN payout_account a ON a.channel = c.id \
              WHERE c.owner = $1 AND c.id > $2 AND (s.channel IS NOT NULL OR a.channel IS NOT NULL) ORDER BY c.id LIMIT $3",
        columns: &[
            ("channel", Text),
            ("method", Text),
            ("bank", Text),
            ("provider", Text),
            ("identity", Text),
        ],
    },
];

pub const ERASED: &[Erase] = &[
    Erase {
        of: &["payment.payer"],
        sql: &[
            "UPDATE payment SET method = NULL, checkout_url = NULL WHERE id IN \
              (SELECT id FROM payment WHERE payer = $1 AND (method IS NOT NULL OR checkout_url IS NOT NULL) LIMIT $2)",
        ],
    },
    Erase {
        of: &["refund.asked_by"],
        sql: &[
            "UPDATE refund SET reason = '' WHERE id IN (SELECT r.id FROM refund r JOIN payment p ON p.id = r.payment \
              WHERE r.asked_by = $1 AND p.payer = $1 AND r.reason <> '' LIMIT $2)",
        ],
    },
    Erase {
        of: &["refund_act.note"],
        sql: &[
            "UPDATE refund_act SET note = NULL WHERE (refund, number) IN (SELECT a.refund, a.number FROM refund_act a \
              JOIN refund r ON r.id = a.refund JOIN payment p ON p.id = r.payment \
              WHERE p.payer = $1 AND a.who = $1 AND a.note IS NOT NULL LIMIT $2)",
        ],
    },
    Erase {
        of: &["ticket.person"],
        sql: &["UPDATE ticket SET country = NULL WHERE payment IN \
              (SELECT payment FROM ticket WHERE person = $1 AND country IS NOT NULL LIMIT $2)"],
    },
    Erase {
        of: &["subscription.person"],
        sql: &[
            "UPDATE subscription SET method = NULL, renews = FALSE WHERE id IN \
              (SELECT id FROM subscription WHERE person = $1 AND (method IS NOT NULL OR renews) LIMIT $2)",
        ],
    },
    Erase {
        of: &["channel_tier.channel"],
        sql: &[
            "UPDATE channel_tier SET name = 'Deleted account', about = '', offered = FALSE WHERE (channel, id) IN \
              (SELECT channel, id FROM channel_tier WHERE channel IN (SELECT id FROM channel WHERE owner = $1) \
              AND (name <> 'Deleted account' OR about <> '' OR offered) LIMIT $2)",
        ],
    },
    Erase {
        of: &["spending_cap.person"],
        sql: &[
            "DELETE FROM spending_cap WHERE (person) IN (SELECT person FROM spending_cap WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["gift_streak.sender"],
        sql: &[
            "DELETE FROM gift_streak WHERE (sender) IN (SELECT sender FROM gift_streak WHERE sender = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["gift_run.sender"],
        sql: &["DELETE FROM gift_run WHERE (id) IN (SELECT id FROM gift_run WHERE sender = $1 LIMIT $2)"],
    },
    Erase {
        of: &["payout_setting.channel"],
        sql: &[
            "DELETE FROM payout_setting WHERE (channel) IN (SELECT channel FROM payout_setting WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
    Erase {
        of: &["payout_account.channel"],
        sql: &[
            "DELETE FROM payout_account WHERE (channel) IN (SELECT channel FROM payout_account WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
    Erase {
        of: &["sandbox_account.channel"],
        sql: &[
            "DELETE FROM sandbox_account WHERE (account) IN (SELECT account FROM sandbox_account WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
    Erase {
        of: &["sandbox_checkout.payer"],
        sql: &[
            "UPDATE sandbox_checkout SET description = '', return_to = '' WHERE checkout IN \
              (SELECT checkout FROM sandbox_checkout WHERE payer = $1 AND (description <> '' OR return_to <> '') LIMIT $2)",
        ],
    },
];

pub const KEPT: Kept = &[
    ("dispute.payment", "the books: what the bank took back"),
    ("gift.sender", "the books: which transfers a gift was"),
    (
        "supporter.person",
        "sums of gifts and badges, which their channels keep",
    ),
    ("badge_order.person", "the books: what a payment brought"),
    ("subscription_order.person", "the books: what a payment brought"),
    ("subscription_gift.giver", "the books: what a payment brought"),
    ("subscription_gift.person", "the books: what a payment brought"),
    (
        "subscription_gift_receiver.person",
        "the books: what a payment brought",
    ),
    ("ledger_account.owner", "the books: whose an account is"),
    ("ledger_balance.account", "the books: what it has"),
    ("ledger_seal.account", "the books: how many accounts a seal is of"),
    ("ledger_mark.account", "the books: a place in them"),
    (
        "ledger_policy_deed.person",
        "who decided on a policy for the site",
    ),
    (
        "debt_write_off.payer",
        "the books: that a debt was let go, in rows that cannot be changed",
    ),
    ("debt_write_off.who", "who decided it for the site"),
    (
        "refund_act.who",
        "who asked for it, and who decided it for the site",
    ),
    (
        "notice_act.who",
        "who looked into it for the site, in rows that cannot be changed",
    ),
    (
        "payout.channel",
        "the books: where money was sent, masked, and sealed as the bank was told it",
    ),
    ("payout.account", "the books: where money was sent"),
    ("payout_account.account", "gone with its channel's row"),
    (
        "payout_act.person",
        "the books: who asked for a payout, and who approved it",
    ),
    ("payout_batch.made_by", "the books: who made the bank's file"),
    ("money_release.account", "the books: how far a hold is over"),
    ("sandbox_charge.payer", "the sandbox provider's books"),
    ("sandbox_account.account", "gone with its channel's row"),
    ("sandbox_transfer.account", "the sandbox provider's books"),
];
