//! Creators' identity and their banks, on both databases.

use std::time::Duration;

use busk_base::PayoutId;
use busk_testkit::each_db;
use uuid::Uuid;

use super::super::creator::{Account, Answer, Bank};
use super::super::page;
use super::world::{World, words};
use crate::html::Language;
use crate::providers::{About, Identity, Onboard, Provider, ProviderError, Transfer};
use crate::scene::*;

fn transfer(number: u128, account: &str, amount: i64) -> Transfer {
    Transfer {
        payout: PayoutId(Uuid::from_u128(number)),
        account: account.to_owned(),
        amount,
        currency: "USD".into(),
    }
}

each_db!(an_identity_is_said_late_and_with_its_past, async |db| {
    let world = World::set(db).await;
    let rows = [
        (Answer::Wait, "Pending"),
        (Answer::Reject, "Rejected"),
        (Answer::Verify(Bank::Takes), "Verified"),
        (Answer::Verify(Bank::Fails), "Verified"),
    ];
    let mut accounts = Vec::new();
    for (answer, word) in rows {
        accounts.push(world.creator(answer).await);
        let told = world.said().await;
        let expected = [
            format!("400 {word}"),
            "1300 Pending".into(),
            format!("2300 {word}"),
        ];
        assert_eq!(words(&told), expected);
        let at = |place: usize| match &told[place].1.about {
            About::Account(notice) => notice.at,
            other => panic!("{other:?}"),
        };
        assert!(at(0) > at(1), "the older word comes later");
        world.wait(Duration::from_secs(10));
    }
    accounts.dedup();
    assert_eq!(accounts.len(), 1, "a channel has one account");
    let other = Onboard {
        channel: CHANNEL,
        account: Some("acct_other".into()),
        return_to: "/".into(),
    };
    assert!(matches!(
        world.sandbox.onboard(&other).await,
        Err(ProviderError::Refused(_))
    ));
});

each_db!(banks_do_as_was_answered, async |db| {
    let world = World::set(db).await;
    let rows: [(Answer, &[&str], i64); 3] = [
        (Answer::Verify(Bank::Takes), &["2000 Paid", "3600 Paid"], -900),
        (Answer::Verify(Bank::Fails), &["2000 Failed", "3100 Failed"], 0),
        (
            Answer::Verify(Bank::Returns),
            &["2000 Paid", "4000 Returned", "4800 Paid", "5500 Returned"],
            0,
        ),
    ];
    for (number, (answer, said, net)) in rows.into_iter().enumerate() {
        let (number, from) = (number as u128 + 1, world.now());
        let account = world.creator(answer).await;
        world.said().await;
        let wanted = transfer(number, &account, 900);
        assert_eq!(world.sandbox.transfer(&wanted).await, Ok(()));
        assert_eq!(world.sandbox.transfer(&wanted).await, Ok(()), "sent once");
        assert_eq!(words(&world.said().await), said);
        let more = transfer(number, &account, 901);
        assert!(matches!(
            world.sandbox.transfer(&more).await,
            Err(ProviderError::Refused(_))
        ));
        world.wait(Duration::from_secs(10));
        let report = world.sandbox.settlements(from, world.now()).await.unwrap();
        assert_eq!(report.iter().map(|line| line.gross).sum::<i64>(), net);
        assert!(
            report.iter().all(|line| line.of == wanted.payout.to_string()),
            "{report:?}"
        );
    }
});

each_db!(nothing_is_sent_to_who_is_not_verified, async |db| {
    let world = World::set(db).await;
    let account = world.creator(Answer::Wait).await;
    world.said().await;
    for wanted in [
        transfer(1, &account, 900),
        transfer(2, "acct_unknown", 900),
        transfer(3, &account, 0),
    ] {
        assert!(matches!(
            world.sandbox.transfer(&wanted).await,
            Err(ProviderError::Refused(_))
        ));
    }
    assert_eq!(world.said().await, []);
});

#[test]
fn the_page_has_every_answer_in_both_languages() {
    let account = Account {
        account: "acct".into(),
        channel: CHANNEL,
        identity: Identity::Pending,
        bank: Bank::Takes,
        return_to: "/earnings".into(),
    };
    for language in [Language::English, Language::French] {
        let page = page::creator(&account, language);
        for answer in Answer::ALL {
            assert!(
                page.contains(&format!("data-testid=\"sandbox-{}\"", answer.word())),
                "{page}"
            );
            assert_eq!(Answer::parse(answer.word()), Some(answer));
        }
        assert!(page.contains("href=\"/earnings\"") && !page.contains("<script"));
    }
}
