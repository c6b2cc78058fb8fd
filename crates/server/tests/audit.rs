//! `busk audit` sees what was changed behind the ledger's back, and names it.

use busk_testkit::app::TestApp;
use busk_testkit::each_db;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

/// A change, its undoing, and a part of what the audit says of it.
const TAMPERING: [(&str, &str, &str); 5] = [
    (
        "UPDATE ledger_transfer SET amount = amount + 1 WHERE id = 2",
        "UPDATE ledger_transfer SET amount = amount - 1 WHERE id = 2",
        "transfer 2",
    ),
    (
        "UPDATE ledger_transfer SET credit_balance = credit_balance + 1 WHERE id = 1",
        "UPDATE ledger_transfer SET credit_balance = credit_balance - 1 WHERE id = 1",
        "transfer 1",
    ),
    (
        "UPDATE ledger_balance SET balance = balance + 5 WHERE account = (SELECT MIN(id) FROM ledger_account WHERE name = 'wallet')",
        "UPDATE ledger_balance SET balance = balance - 5 WHERE account = (SELECT MIN(id) FROM ledger_account WHERE name = 'wallet')",
        "(wallet) gives as its balance 75, its transfers give 70",
    ),
    (
        "UPDATE ledger_posting SET cause = 'gift'",
        "UPDATE ledger_posting SET cause = 'coin_purchase'",
        "posting 1 is not what was posted",
    ),
    (
        "UPDATE ledger_transfer SET id = 9 WHERE id = 2",
        "UPDATE ledger_transfer SET id = 2 WHERE id = 9",
        "transfers 2 to 8 are missing",
    ),
];

each_db!(tampering_is_named, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let bea = app.sign_up("bea").await;
    let purchase = uuid::Uuid::from_u128(1).to_string();
    app.buy_coins(&bea, &purchase, "coins-70").await;
    assert_eq!(app.audit(), Ok(()));
    // Whoever tampers has first to get past the triggers.
    let unguarded = if app.db.is_sqlite() {
        "DROP TRIGGER ledger_transfer_update; DROP TRIGGER ledger_posting_update"
    } else {
        "ALTER TABLE ledger_transfer DISABLE TRIGGER USER; ALTER TABLE ledger_posting DISABLE TRIGGER USER"
    };
    app.db.tamper(unguarded).await;
    for (change, undo, said) in TAMPERING {
        app.db.tamper(change).await;
        let found = app.audit();
        app.db.tamper(undo).await;
        let found = found.expect_err(change);
        assert!(found.contains(said), "{change}: {found}");
        assert_eq!(app.audit(), Ok(()), "{undo}");
    }
});
