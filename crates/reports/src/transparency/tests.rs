//! What is counted, on both databases.

use busk_testkit::each_db;

use super::*;
use crate::appeal::Outcome;
use crate::report::NewReport;
use crate::scene::*;

each_db!(everything_is_counted_when_it_happened, async |db| {
    let scene = Scene::set(db).await;
    scene.reports(of_message(1), 10).await.unwrap();
    let anonymous = NewReport {
        reporter: None,
        ground: Ground::Law,
        category: Category::Minors,
        words: "look".into(),
        good_faith: true,
        ..of_message(2)
    };
    scene.reports(anonymous, 20).await.unwrap();
    scene
        .decides(decision(50, 1, Measure::RemoveMessage), 50)
        .await
        .unwrap();
    scene.appeals(70, 50, BEA, at(60)).await.unwrap();
    scene.appeals(71, 50, CID, at(61)).await.unwrap();
    scene.judges(70, OZ, Outcome::Upheld, 90).await.unwrap();

    let counted = async |from, to| scene.reads(move |db| count(db, at(from), at(to))).await;
    let all = counted(0, 100).await;
    let kinds: Vec<_> = all
        .notices_by_kind
        .iter()
        .map(|count| (count.ground, count.category, count.notices))
        .collect();
    assert_eq!(
        kinds,
        [
            (Ground::Law, Category::Minors, 1),
            (Ground::Rules, Category::Hate, 1)
        ]
    );
    assert_eq!((all.notices, all.notices_anonymous, all.decisions), (2, 1, 1));
    assert_eq!(all.decisions_by_measure[0].measure, Measure::RemoveMessage);
    assert_eq!(all.median_s, Some(30), "of 30 and 40 seconds the shorter");
    let appeals = AppealCount {
        received: 2,
        upheld: 1,
        reversed: 0,
        median_s: Some(30),
    };
    assert_eq!(all.appeals, appeals);
    assert!(
        all.moderation.is_empty(),
        "what was decided here is not a channel's own"
    );

    let early = counted(0, 50).await;
    assert_eq!((early.notices, early.decisions, early.median_s), (2, 0, None));
    let late = counted(50, 100).await;
    assert_eq!((late.notices, late.decisions, late.appeals.received), (0, 1, 2));

    let text = csv::csv(&all);
    for line in [
        "notices_by_kind,,law,minors,1",
        "decisions_by_measure,remove_message,rules,hate,1",
        "decision_median_s,,,,30",
        "appeals_upheld,,,,1",
        "automated_decisions,,,,0",
    ] {
        assert!(text.lines().any(|is| is == line), "{line} in\n{text}");
    }
});
