//! That nothing is forgotten: neither a table with somebody in it, nor a row when there are many; on both databases.

use std::collections::BTreeSet;

use busk_testkit::each_db;
use serde_json::{Value, json};

use super::*;
use crate::scene::*;

/// What a column is called that may say whose a row is.
const PERSON_LIKE: &[&str] = &[
    "account",
    "appellant",
    "asked_by",
    "author",
    "blocked",
    "blocker",
    "by_person",
    "caller",
    "giver",
    "host",
    "made_by",
    "operator",
    "owner",
    "payer",
    "person",
    "removed_by",
    "reporter",
    "sender",
    "who",
];

/// Columns that say whose a row is, and are in no part; with the reason.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "person_block.blocked",
        "who has blocked somebody is not theirs to know",
    ),
    (
        "report.person",
        "who reported somebody is not theirs to know; the decision is theirs",
    ),
    (
        "room_message.removed_by",
        "stands with the message: that it was removed, not by whom",
    ),
    ("appeal.operator", "who judged an appeal acts for the site"),
    ("refund_act.who", "who acted on a refund acts for the site"),
    ("notice_act.who", "an operator's work on a provider's notice"),
    (
        "debt_write_off.who",
        "an operator who wrote a debt off acts for the site",
    ),
    (
        "payout_act.person",
        "an operator's step of a payout, or the creator's own, which the payout says",
    ),
    ("payout_batch.made_by", "an operator's file for a bank"),
    ("ledger_policy_deed.person", "an operator's policy"),
    (
        "kept_answer.caller",
        "answers that are kept for a day, sealed for their key only",
    ),
    (
        "gift_run.sender",
        "a streak that is running: its gifts are with the gifts",
    ),
    (
        "gift_streak.sender",
        "the streaks that are running: their gifts are with the gifts",
    ),
    (
        "person_deletion.person",
        "when their account is deleted is told to them while it can be kept",
    ),
    (
        "subscription_gift.person",
        "who is given a month is told by what they received",
    ),
    ("ledger_balance.account", "the balance is shown with its account"),
    (
        "notice_seen.person",
        "up to when notices were read: a place in a list",
    ),
    (
        "notice_delivery.person",
        "what is on its way to them, for minutes",
    ),
    (
        "room_followed.person",
        "that a live said who follows: their follows are theirs",
    ),
    ("ledger_seal.account", "how many accounts a seal is of"),
    ("ledger_mark.account", "a place in the books, not a person"),
    (
        "money_release.account",
        "an account's name: how far a channel's money is released",
    ),
    (
        "payout.account",
        "shown with the payout, as far as the provider may be told",
    ),
    ("payout_account.account", "the provider's own name of the account"),
    ("sandbox_checkout.payer", "the sandbox provider's own"),
    ("sandbox_charge.payer", "the sandbox provider's own"),
    ("sandbox_account.account", "the sandbox provider's own"),
    ("sandbox_transfer.account", "the sandbox provider's own"),
];

each_db!(
    every_column_with_somebody_in_it_is_thought_of,
    async |db: busk_testkit::db::TestDb| {
        drop(db.open(&[
            busk_api::once::MIGRATIONS,
            busk_ledger::MIGRATIONS,
            busk_people::MIGRATIONS,
            busk_rooms::MIGRATIONS,
            busk_webhooks::MIGRATIONS,
            busk_notices::MIGRATIONS,
            busk_commerce::MIGRATIONS,
            busk_overlays::MIGRATIONS,
            crate::MIGRATIONS,
        ]));
        let columns = db.columns().await;
        let parts = ALL.iter().flat_map(|parts| parts.iter());
        let covered: BTreeSet<&str> = parts.flat_map(|part| part.of.iter().copied()).collect();
        let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(column, _)| *column).collect();
        let known: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
        for column in covered.iter().chain(&left_out) {
            assert!(known.contains(column), "there is no {column}");
        }
        let forgotten: Vec<&String> = columns
            .iter()
            .filter(|column| {
                let name = column.split('.').next_back().unwrap_or_default();
                PERSON_LIKE.contains(&name)
                    && !covered.contains(column.as_str())
                    && !left_out.contains(column.as_str())
            })
            .collect();
        assert_eq!(forgotten, [] as [&String; 0]);

        // And each of them goes when an account is deleted, or stays for a reason.
        let erased = ALL_ERASED.iter().flat_map(|erased| erased.iter());
        let erased: BTreeSet<&str> = erased.flat_map(|erase| erase.of.iter().copied()).collect();
        let kept = ALL_KEPT.iter().flat_map(|kept| kept.iter());
        let kept: BTreeSet<&str> = kept.map(|(column, _)| *column).collect();
        for column in erased.iter().chain(&kept) {
            assert!(known.contains(column), "there is no {column}");
        }
        let both: Vec<&&str> = erased.intersection(&kept).collect();
        assert_eq!(both, [] as [&&str; 0], "erased and kept");
        let undecided: Vec<&&str> = covered
            .union(&left_out)
            .filter(|column| !erased.contains(**column) && !kept.contains(**column))
            .collect();
        assert_eq!(undecided, [] as [&&str; 0], "neither erased nor kept");
    }
);

async fn document(scene: &Scene, who: u128) -> Value {
    let text = scene
        .reads(move |db| {
            let mut document = Document::new(PersonId(id(who)), at(9));
            let mut text = String::new();
            while let Some(piece) = document.next(db)? {
                text.push_str(&piece);
            }
            Ok(text)
        })
        .await;
    serde_json::from_str(&text).unwrap()
}

each_db!(a_document_is_whole_however_many_rows_there_are, async |db| {
    let scene = Scene::set(db).await;
    for number in 0..(own::PAGE as u128 + 5) {
        scene.says(ADA, 300 + number, "one more").await;
    }
    scene.reports(of_message(1), 2).await.unwrap();
    scene
        .decides(decision(50, 1, crate::decision::Measure::Ban), 3)
        .await
        .unwrap();
    let of_host = document(&scene, ADA).await;
    let messages = of_host["parts"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), own::PAGE as usize + 5);
    assert_eq!(messages[0]["event"]["text"], "one more");
    assert_eq!(of_host["parts"]["profile"][0]["handle"], "ada");
    assert_eq!(of_host["parts"]["rooms"][0]["title"], "Evening");
    assert_eq!(of_host["parts"]["statements"], json!([]));
    let concerned = document(&scene, BEA).await;
    assert_eq!(concerned["parts"]["statements"][0]["measure"], "ban");
    assert_eq!(concerned["parts"]["moderation"][0]["deed"], "ban");
    let reporter = id(CID).to_string();
    assert!(!concerned.to_string().contains(&reporter), "not who reported her");
    let reporter = document(&scene, CID).await;
    assert_eq!(reporter["parts"]["reports"].as_array().unwrap().len(), 1);
});
