use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::appeal::Outcome;
use crate::scene::*;

/// What is left to be sent: to whom, and what it says.
#[derive(Debug)]
struct Left {
    person: Uuid,
    address: Option<String>,
    subject: String,
    text: String,
}

impl Scene {
    fn letters() -> Letters {
        Letters {
            site: "https://busk.example".into(),
            language: Language::English,
        }
    }

    async fn confirmed(&self, who: u128, language: &'static str) {
        let gives = self.store.write(move |tx| {
            tx.execute(
                "INSERT INTO notice_address (person, address, language, asked_at, asked_since, asked, confirmed_at) \
                 VALUES ($1, $2, $3, 0, 0, 1, 1)",
                params![id(who), format!("{who}@example.org"), language],
            )
        });
        gives.await.unwrap();
    }

    async fn received(&self, number: u128, reporter: Option<u128>, address: &str, when: Timestamp) {
        let new = crate::report::NewReport {
            reporter: reporter.map(id),
            contact_email: Some(address.to_owned()).filter(|address| !address.is_empty()),
            ..of_message(number)
        };
        let reports = self.store.write(move |tx| {
            let made = report::report(tx, &new, when).map_err(|e| StoreError::Broken(e.to_string()))?;
            Self::letters().received(tx, &made, when)
        });
        reports.await.unwrap();
    }

    async fn tells(&self, number: u128, report: u128, measure: Measure, when: Timestamp) {
        let new = decision(number, report, measure);
        let decides = self.store.write(move |tx| {
            let made = crate::decision::decide(tx, &new, when);
            let made = made.map_err(|e| StoreError::Broken(e.to_string()))?;
            Self::letters().decided(tx, &made.decision, when)
        });
        decides.await.unwrap();
    }

    /// Somebody appeals against a decision, and Oz judges.
    async fn answers(&self, appeal: u128, decision: u128, by: u128, outcome: Outcome) {
        self.appeals(appeal, decision, by, at(4)).await.unwrap();
        let judged = self.judges(appeal, OZ, outcome, 5).await.unwrap();
        let tells = self
            .store
            .write(move |tx| Self::letters().judged(tx, &judged, at(5)));
        tells.await.unwrap();
    }

    /// All that is left, which is then gone.
    async fn left(&self) -> Vec<Left> {
        let takes = self.store.write(|tx| {
            let rows = tx.rows(
                "SELECT d.person, l.address, l.subject, l.text FROM notice_letter l \
                 JOIN notice_delivery d ON d.id = l.id ORDER BY l.address, d.person",
                &[],
            )?;
            let left = rows.iter().map(|row| {
                Ok(Left {
                    person: row.get(0)?,
                    address: row.get(1)?,
                    subject: row.get(2)?,
                    text: row.get(3)?,
                })
            });
            let left = left.collect::<Result<Vec<_>, StoreError>>()?;
            tx.execute("DELETE FROM notice_letter", &[])?;
            tx.execute("DELETE FROM notice_delivery", &[])?;
            Ok::<_, StoreError>(left)
        });
        takes.await.unwrap()
    }
}

fn to(left: &[Left], whom: impl Fn(&Left) -> bool) -> &Left {
    let found: Vec<&Left> = left.iter().filter(|left| whom(left)).collect();
    assert_eq!(found.len(), 1, "{left:#?}");
    found[0]
}

each_db!(a_decision_is_told_to_each_whom_it_concerns_once, async |db| {
    let scene = Scene::set(db).await;
    scene.confirmed(BEA, "fr").await;
    scene.confirmed(CID, "en").await;
    scene.received(1, Some(CID), "", at(2)).await;
    scene.received(2, None, "ann@example.org", at(2)).await;
    scene.received(3, None, "Ann@Example.org", at(2)).await;
    let receipts = scene.left().await;
    assert_eq!(receipts.len(), 2, "to those who named an address: {receipts:#?}");
    for receipt in &receipts {
        assert_eq!(
            (receipt.person, receipt.subject.as_str()),
            (Uuid::nil(), "Your report has arrived")
        );
        assert!(receipt.text.contains("/me?report="), "{}", receipt.text);
    }

    scene.tells(50, 1, Measure::Ban, at(3)).await;
    let left = scene.left().await;
    assert_eq!(left.len(), 3, "{left:#?}");
    let statement = to(&left, |left| left.person == id(BEA));
    assert_eq!(statement.subject, "Une décision à votre sujet, et ses raisons");
    for part in [
        "votre message « go away »",
        "Bannissement du chat d’une chaîne",
        "Quelle règle : Rule 3",
        "It insults people for what they are.",
        "Vous pouvez faire appel jusqu’au",
        "https://busk.example/me",
    ] {
        assert!(statement.text.contains(part), "{part} in {}", statement.text);
    }
    let reporter = to(&left, |left| left.person == id(CID));
    let stranger = to(&left, |left| left.address.as_deref() == Some("ann@example.org"));
    for told in [reporter, stranger] {
        assert_eq!(told.subject, "Your report was decided");
        assert!(
            told.text.contains("Banned from a channel’s chat."),
            "{}",
            told.text
        );
        // What was found is told to her, and her name and words to nobody.
        for hidden in ["It insults", "bea", "go away"] {
            assert!(!told.text.contains(hidden), "{hidden} in {}", told.text);
        }
    }
    assert!(
        reporter.text.contains("look again until"),
        "who has an account may appeal"
    );
    assert!(!stranger.text.contains("look again"), "{}", stranger.text);
    for hidden in [" cid", "ann@", &id(CID).to_string()] {
        assert!(!statement.text.contains(hidden), "{hidden} in {}", statement.text);
    }
});

each_db!(who_appealed_is_told_how_it_was_judged_and_why, async |db| {
    let scene = Scene::set(db).await;
    scene.confirmed(BEA, "en").await;
    scene.confirmed(CID, "fr").await;
    scene.received(1, Some(CID), "", at(2)).await;
    scene.tells(50, 1, Measure::Ban, at(3)).await;
    scene.left().await;
    scene.answers(70, 50, BEA, Outcome::Upheld).await;
    let left = scene.left().await;
    assert_eq!(left.len(), 1, "{left:#?}");
    let told = to(&left, |left| left.person == id(BEA));
    assert_eq!(told.subject, "Your appeal was decided");
    for part in ["The decision stands.\nWhy: ", "court"] {
        assert!(told.text.contains(part), "{part} in {}", told.text);
    }
    scene.answers(71, 50, CID, Outcome::Reversed).await;
    let left = scene.left().await;
    assert_eq!(left.len(), 1, "{left:#?}");
    let told = to(&left, |left| left.person == id(CID));
    assert!(
        told.text.contains("votre signalement sera décidé à nouveau."),
        "{}",
        told.text
    );
    for hidden in ["bea", "go away"] {
        assert!(!told.text.contains(hidden), "{hidden} in {}", told.text);
    }
});

each_db!(
    where_nothing_is_done_only_who_reported_is_told_and_why,
    async |db| {
        let scene = Scene::set(db).await;
        scene.confirmed(BEA, "en").await;
        scene.confirmed(CID, "fr").await;
        scene.received(1, Some(CID), "", at(2)).await;
        scene.tells(50, 1, Measure::None, at(3)).await;
        let left = scene.left().await;
        let told = to(&left, |left| left.person == id(CID));
        assert_eq!(left.len(), 1);
        assert!(
            told.text
                .contains("Rien n’a été fait.\nIt insults people for what they are.\n")
        );
    }
);

each_db!(without_an_address_nothing_is_left, async |db| {
    let scene = Scene::set(db).await;
    // Given, and never confirmed.
    scene.confirmed(BEA, "en").await;
    let unasked = scene
        .store
        .write(|tx| tx.execute("UPDATE notice_address SET confirmed_at = NULL", &[]));
    unasked.await.unwrap();
    scene.received(1, Some(CID), "", at(2)).await;
    // Which a letter cannot be sent to, though a form takes it.
    scene.received(2, None, "é@exämple.org", at(2)).await;
    scene.tells(50, 1, Measure::Suspend, at(3)).await;
    assert!(scene.left().await.is_empty());
});

each_db!(a_typed_address_gets_few_letters_a_day, async |db| {
    let scene = Scene::set(db).await;
    let more = DECISIONS_MAX as u128 + 5;
    for number in 1..=more {
        scene.received(number, None, "victim@example.org", at(2)).await;
        scene.tells(500 + number, number, Measure::None, at(3)).await;
    }
    let left = scene.left().await;
    let of = |subject: &str| left.iter().filter(|left| left.subject == subject).count() as i64;
    assert_eq!(of("Your report has arrived"), RECEIPTS_MAX);
    assert_eq!(of("Your report was decided"), DECISIONS_MAX);
    // A day later there are some again; and another address has its own.
    let later = at(3) + A_DAY + Duration::from_secs(1);
    scene.received(900, None, "victim@example.org", later).await;
    scene.received(901, None, "other@example.org", at(3)).await;
    assert_eq!(scene.left().await.len(), 2);
});
