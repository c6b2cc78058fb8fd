use busk_base::Timestamp;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_us(1_000_000);

fn who(number: u128) -> Speaker {
    Speaker {
        id: Uuid::from_u128(number),
        name: format!("n{number}"),
        kind: SpeakerKind::Person,
        role: None,
        badge: None,
        months: None,
        rank: None,
    }
}

fn other(number: u128) -> Actor {
    Actor::Other(who(number))
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A stage with these on it, in this order.
fn with(people: &[u128]) -> Stage {
    let mut stage = Stage::default();
    for person in people {
        stage.apply(&other(*person), &Act::Ask, NOW).unwrap();
        stage.apply(&Actor::Host, &Act::Admit(id(*person)), NOW).unwrap();
    }
    stage
}

fn refused(stage: &Stage, by: &Actor, act: &Act) -> String {
    let mut changed = stage.clone();
    let error = changed.apply(by, act, NOW).unwrap_err();
    assert_eq!(&changed, stage, "a refusal changes nothing");
    error.to_string()
}

fn seats(stage: &Stage) -> Vec<(u8, u128)> {
    stage
        .on()
        .map(|place| (place.seat, place.who.id.as_u128()))
        .collect()
}

#[test]
fn who_asks_is_admitted_and_who_is_invited_joins() {
    let mut stage = Stage::default();
    assert_eq!(stage.apply(&other(1), &Act::Ask, NOW).unwrap(), None);
    assert_eq!(stage.apply(&other(1), &Act::Ask, NOW).unwrap(), None);
    stage.apply(&Actor::Host, &Act::Invite(who(2)), NOW).unwrap();
    let waiting = stage.waiting();
    assert_eq!((waiting.asked.len(), waiting.invited.len()), (1, 1));
    assert_eq!(seats(&stage), []);

    assert_eq!(
        stage.apply(&other(2), &Act::Join, NOW).unwrap(),
        Some(Why::Admitted)
    );
    stage.apply(&Actor::Host, &Act::Admit(id(1)), NOW).unwrap();
    assert_eq!(seats(&stage), [(2, 1), (1, 2)]);
    // Wishes that meet are granted.
    stage.apply(&other(3), &Act::Ask, NOW).unwrap();
    stage.apply(&Actor::Host, &Act::Invite(who(3)), NOW).unwrap();
    assert_eq!(stage.seat_of_guest(3), Some(3));
}

#[test]
fn a_full_stage_takes_nobody_until_a_seat_is_free() {
    let mut stage = with(&[1, 2, 3]);
    stage.apply(&other(4), &Act::Ask, NOW).unwrap();
    assert_eq!(
        refused(&stage, &Actor::Host, &Act::Admit(id(4))),
        "the stage is full"
    );
    stage.apply(&other(2), &Act::Leave, NOW).unwrap();
    stage.apply(&Actor::Host, &Act::Admit(id(4)), NOW).unwrap();
    assert_eq!(seats(&stage), [(1, 1), (3, 3), (2, 4)]);
}

#[test]
fn only_the_host_arranges_admits_and_removes() {
    let stage = with(&[1, 2]);
    for act in [
        Act::Admit(id(2)),
        Act::Invite(who(5)),
        Act::Remove(id(2)),
        Act::Arrange {
            layout: Layout::Solo,
            focus: None,
        },
        Act::OnAir {
            seat: 1,
            on_air: true,
        },
    ] {
        assert_eq!(refused(&stage, &other(1), &act), "only the host may do this");
    }
    for act in [Act::Ask, Act::Join, Act::Leave] {
        let said = refused(&stage, &Actor::Host, &act);
        assert_eq!(said, "the host stays on stage until the live ends");
    }
    assert_eq!(refused(&stage, &other(9), &Act::Join), "there is no invitation");
    assert_eq!(
        refused(&stage, &other(9), &Act::Leave),
        "this person is not on stage"
    );
    assert_eq!(
        refused(&stage, &Actor::Host, &Act::Admit(id(9))),
        "this person has not asked"
    );
}

#[test]
fn a_host_switches_a_guest_off_and_only_the_guest_on_again() {
    let mut stage = with(&[1, 2]);
    let switch = |person, muted| Act::Switch {
        person,
        muted: Some(muted),
        hidden: None,
    };
    stage
        .apply(&Actor::Host, &switch(Some(id(1)), true), NOW)
        .unwrap();
    assert_eq!(stage.switches(1), (true, false));
    let said = refused(&stage, &Actor::Host, &switch(Some(id(1)), false));
    assert_eq!(said, "only its owner switches a microphone or a camera on");
    assert_eq!(
        refused(&stage, &other(2), &switch(Some(id(1)), true)),
        "only the host may do this"
    );
    stage.apply(&other(1), &switch(None, false), NOW).unwrap();
    assert_eq!(stage.switches(1), (false, false));
    assert_eq!(
        refused(&stage, &other(8), &switch(None, true)),
        "this person is not on stage"
    );
    stage.apply(&Actor::Host, &switch(None, true), NOW).unwrap();
    assert_eq!(stage.switches(0), (true, false));
}

#[test]
fn the_focus_is_somebodys_seat_and_goes_with_them() {
    let mut stage = with(&[1]);
    let spot = |focus| Act::Arrange {
        layout: Layout::Spotlight,
        focus,
    };
    assert_eq!(
        refused(&stage, &Actor::Host, &spot(Some(2))),
        "the seat 2 is nobody's"
    );
    stage.apply(&Actor::Host, &spot(Some(1)), NOW).unwrap();
    assert_eq!(
        stage.apply(&Actor::Host, &Act::Remove(id(1)), NOW).unwrap(),
        Some(Why::Removed)
    );
    assert_eq!((stage.layout, stage.focus), (Layout::Spotlight, None));
}

#[test]
fn a_seat_whose_camera_stays_away_is_given_up() {
    let mut stage = with(&[1]);
    let on_air = |on_air| Act::OnAir { seat: 1, on_air };
    let later = Timestamp::from_unix_us(2_000_000);
    stage.apply(&Actor::System, &on_air(true), NOW).unwrap();
    stage.apply(&Actor::System, &on_air(false), later).unwrap();
    let give_up = |since| Act::GiveUp { person: id(1), since };
    // A job of an earlier absence says nothing about this one.
    assert_eq!(stage.apply(&Actor::System, &give_up(NOW), later).unwrap(), None);
    assert_eq!(
        stage.apply(&Actor::System, &give_up(later), later).unwrap(),
        Some(Why::Lost)
    );
    assert_eq!(seats(&stage), []);
}

#[test]
fn a_queue_is_bounded() {
    let mut stage = Stage::default();
    for person in 1..=WAITING_MAX as u128 {
        stage.apply(&other(person), &Act::Ask, NOW).unwrap();
    }
    assert_eq!(
        refused(&stage, &other(999), &Act::Ask),
        "too many people are waiting"
    );
}

impl Stage {
    fn seat_of_guest(&self, number: u128) -> Option<u8> {
        self.mine(id(number))?.seat
    }
}
