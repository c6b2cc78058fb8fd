use super::*;
use crate::event::SpeakerKind;

const NOW: Timestamp = Timestamp::from_unix_us(1_000_000);
const HOST: u128 = 100;

fn who(number: u128) -> Speaker {
    Speaker {
        id: Uuid::from_u128(number),
        name: format!("n{number}"),
        kind: SpeakerKind::Guest,
        role: None,
        badge: None,
        months: None,
        rank: None,
    }
}

fn by(number: u128) -> Actor {
    match number {
        HOST => Actor::Host,
        other => Actor::Other(who(other)),
    }
}

fn enter(stage: &mut Stage, number: u128) -> Result<Option<Why>, StageError> {
    stage.apply(&by(number), &Act::Enter(who(number)), NOW)
}

/// A hangout with these in it, in this order, whose cameras are there.
fn with(people: &[u128]) -> Stage {
    let mut stage = Stage {
        hangout: Some(Hangout::new(PEOPLE_MAX, NOW)),
        ..Stage::default()
    };
    for person in people {
        enter(&mut stage, *person).unwrap();
        let seat = stage
            .mine(Uuid::from_u128(*person))
            .and_then(|mine| mine.seat)
            .unwrap();
        let on_air = Act::OnAir { seat, on_air: true };
        stage.apply(&Actor::System, &on_air, NOW).unwrap();
    }
    stage
}

fn refused(stage: &Stage, number: u128, act: &Act) -> String {
    let mut changed = stage.clone();
    changed.apply(&by(number), act, NOW).unwrap_err().to_string()
}

fn seats(stage: &Stage) -> Vec<(u8, u128)> {
    let seats = stage.on().map(|place| (place.seat, place.who.id.as_u128()));
    seats.collect()
}

fn outcome(stage: &Stage) -> Option<Outcome> {
    stage.hangout_view().unwrap().outcome
}

fn yes(stage: &mut Stage, number: u128) {
    stage.apply(&by(number), &Act::Answer(true), NOW).unwrap();
}

#[test]
fn whoever_comes_has_a_seat_and_the_hosts_is_kept() {
    let mut stage = with(&[1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(refused(&stage, 8, &Act::Enter(who(8))), "the stage is full");
    assert_eq!(enter(&mut stage, 3).unwrap(), None, "who is in is in");
    enter(&mut stage, HOST).unwrap();
    assert_eq!(seats(&stage).last(), Some(&(0, HOST)));
    stage.apply(&by(2), &Act::Leave, NOW).unwrap();
    enter(&mut stage, 8).unwrap();
    assert_eq!(seats(&stage).last(), Some(&(2, 8)));
}

#[test]
fn a_lock_and_a_removal_keep_out_all_but_the_host() {
    let mut stage = with(&[HOST, 1]);
    assert_eq!(refused(&stage, 1, &Act::Lock(true)), "only the host may do this");
    stage.apply(&Actor::Host, &Act::Lock(true), NOW).unwrap();
    assert_eq!(refused(&stage, 2, &Act::Enter(who(2))), "the hangout is locked");
    stage.apply(&Actor::Host, &Act::Leave, NOW).unwrap();
    enter(&mut stage, HOST).unwrap();
    stage.apply(&Actor::Host, &Act::Lock(false), NOW).unwrap();
    let host = Uuid::from_u128(HOST);
    assert!(refused(&stage, HOST, &Act::Remove(host)).contains("host stays"));
    stage
        .apply(&Actor::Host, &Act::Remove(Uuid::from_u128(1)), NOW)
        .unwrap();
    assert!(refused(&stage, 1, &Act::Enter(who(1))).contains("removed"));
    for other in 1_000..1_000 + REMOVED_MAX as u128 {
        stage
            .apply(&Actor::Host, &Act::Remove(Uuid::from_u128(other)), NOW)
            .unwrap();
    }
    assert_eq!(stage.hangout.as_ref().unwrap().removed.len(), REMOVED_MAX);
}

#[test]
fn all_have_to_agree_to_the_same_question() {
    let mut stage = with(&[HOST, 1, 2]);
    let people = stage.people();
    assert_eq!(refused(&stage, 1, &Act::AskLive), "only the host may do this");
    assert_eq!(refused(&stage, 1, &Act::Answer(true)), "nothing is asked");
    let ask = |stage: &mut Stage| stage.apply(&Actor::Host, &Act::AskLive, NOW).unwrap();
    for (ends, by_whom, how) in [
        (Act::Answer(false), 1, Outcome::Refused),
        (Act::Answer(false), HOST, Outcome::Withdrawn),
        (Act::Enter(who(9)), 9, Outcome::Changed),
        (Act::Leave, 9, Outcome::Changed),
    ] {
        ask(&mut stage);
        assert_eq!(outcome(&stage), None);
        yes(&mut stage, 1);
        stage.apply(&by(by_whom), &ends, NOW).unwrap();
        assert_eq!((outcome(&stage), stage.all_agree()), (Some(how), false));
    }
    assert_eq!(stage.people(), people);
    ask(&mut stage);
    yes(&mut stage, 1);
    yes(&mut stage, 1);
    assert!(!stage.all_agree());
    assert_eq!(
        refused(&stage, 5, &Act::Answer(true)),
        "this person is not on stage"
    );
    // A switched microphone and a camera that comes back are nobody's coming or going.
    let mute = Act::Switch {
        person: None,
        muted: Some(true),
        hidden: None,
    };
    stage.apply(&Actor::Host, &mute, NOW).unwrap();
    let away = Act::OnAir {
        seat: 2,
        on_air: false,
    };
    stage.apply(&Actor::System, &away, NOW).unwrap();
    yes(&mut stage, 2);
    assert!(stage.all_agree());
    assert!(with(&[]).hangout.is_some_and(|hangout| hangout.vote.is_none()));
}

#[test]
fn a_live_has_four_and_the_hosts_camera() {
    assert!(refused(&with(&[HOST, 1, 2, 3, 4]), HOST, &Act::AskLive).contains("four"));
    assert_eq!(
        refused(&with(&[1, 2]), HOST, &Act::AskLive),
        "this person is not on stage"
    );
    let mut stage = with(&[HOST]);
    let away = Act::OnAir {
        seat: 0,
        on_air: false,
    };
    stage.apply(&Actor::System, &away, NOW).unwrap();
    assert!(refused(&stage, HOST, &Act::AskLive).contains("not connected"));
}

#[test]
fn in_a_live_all_sit_where_they_are_seen() {
    let mut stage = with(&[1, 2, 3, 4, HOST]);
    stage.apply(&by(2), &Act::Leave, NOW).unwrap();
    let hide = Act::Switch {
        person: None,
        muted: None,
        hidden: Some(true),
    };
    stage.apply(&Actor::Host, &hide, NOW).unwrap();
    stage.become_live(NOW);
    assert_eq!(seats(&stage), [(1, 1), (3, 3), (2, 4)]);
    let on_air: Vec<bool> = stage.on().map(|place| place.on_air).collect();
    assert_eq!(on_air, [true, true, false], "whoever moved connects anew");
    assert_eq!((stage.host_muted, stage.host_hidden), (false, true));
    assert!(stage.hangout.is_none());
}

#[test]
fn an_empty_one_knows_since_when() {
    let mut stage = with(&[HOST]);
    assert_eq!(stage.empty_since(), None);
    let later = Timestamp::from_unix_us(2_000_000);
    let before = stage.clone();
    stage.apply(&Actor::Host, &Act::Leave, later).unwrap();
    assert_eq!(stage.empty_since(), Some(later));
    assert!(stage.is_emptied(&before));
}
