//! Tickets, stage passes and what becomes of them, on both databases: Ada's page sells them.

use std::time::Duration;

use busk_base::{ChannelId, RefundId};
use busk_ledger::AccountRef;
use busk_people::Role;
use busk_people::page::{self, NewPage};
use busk_people::sign_up::{SignUp, sign_up};
use busk_rooms::members::{Member, keep};
use busk_rooms::room::public;
use busk_rooms::stage::{self, Act, Actor, Away};
use busk_rooms::state::{self, By, NewRoom};
use busk_rooms::{Speaker, SpeakerKind};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use futures_util::future::join_all;

use super::*;
use crate::accounts::*;
use crate::events;
use crate::notices::Heard;
use crate::providers::{DisputeSaid, PaymentNotice, PaymentSaid};
use crate::refunds::{self, Ask, RefundState};
use crate::scene::*;

mod desk;
mod late;

const PAGE: ChannelId = ChannelId(Uuid::from_u128(2_001));
const SHOW: RoomId = RoomId(Uuid::from_u128(300));
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A show of Ada's page in ten days: two seats for 20.00, one of them with a turn on stage for 50.00.
fn two_seats() -> NewOffer {
    NewOffer {
        price: 2_000,
        capacity: 2,
        sales_from: None,
        sales_until: None,
        replay: true,
        countries: Vec::new(),
        stage: Some(NewStage {
            price: 5_000,
            count: 1,
        }),
    }
}

async fn show(db: TestDb, new: NewOffer) -> Scene {
    let scene = Scene::set(db).await;
    let made = scene.store.write(move |tx| {
        let broken = |e: String| StoreError::Broken(e);
        let wanted = NewPage {
            id: PAGE,
            owner: ADA,
            handle: "venue".into(),
            name: "The Venue".into(),
            about: String::new(),
        };
        let page = page::create(tx, &wanted, NOW).map_err(|e| broken(e.to_string()))?;
        let room = NewRoom {
            id: SHOW,
            title: "The show".into(),
            scheduled_at: Some(NOW + 10 * DAY),
            live_on_camera: false,
            access: Access::Ticket,
        };
        state::create(tx, &page, &room, NOW).map_err(|e| broken(e.to_string()))?;
        offer(tx, SHOW, ADA, &new, NOW).map_err(|e| broken(e.to_string()))?;
        Ok::<_, StoreError>(())
    });
    made.await.unwrap();
    scene
}

fn wanted(number: u128, person: PersonId, stage: bool) -> Buy {
    Buy {
        id: payment_id(number),
        room: SHOW,
        person,
        stage,
        country: None,
        provider: "sandbox",
    }
}

async fn begun(scene: &Scene, wanted: Buy, now: Timestamp) -> String {
    let number = wanted.id.0.as_u128();
    let begun = scene.store.write(move |tx| {
        let purchase = buy(tx, &wanted, &rules(), now)?;
        payments::opened(
            tx,
            wanted.id,
            &format!("checkout-{number}"),
            "https://pay.example",
        )?;
        Ok(purchase)
    });
    match begun.await {
        Ok(purchase) if purchase.new => format!("begun {}", purchase.payment.price),
        Ok(_) => "again".into(),
        Err(error) => match error {
            BuyError::IdReused(_) => "id_reused",
            BuyError::RoomUnknown => "room_unknown",
            BuyError::NotSold => "not_sold",
            BuyError::SelfTicket => "self_ticket",
            BuyError::NotOnSale => "not_on_sale",
            BuyError::CountryNeeded => "country_needed",
            BuyError::CountryNotServed => "country_not_served",
            BuyError::Held => "held",
            BuyError::BeingPaid => "being_paid",
            BuyError::SoldOut => "sold_out",
            BuyError::Begin(_) => "not_begun",
            BuyError::Store(error) => panic!("{error}"),
        }
        .into(),
    }
}

fn settled(number: u128, payer: PersonId, amount: i64) -> PaymentNotice {
    PaymentNotice {
        amount,
        ..notice(number, payer, PaymentSaid::Settled)
    }
}

async fn bought(scene: &Scene, number: u128, payer: PersonId, stage: bool) {
    let price = if stage { 5_000 } else { 2_000 };
    let said = begun(scene, wanted(number, payer, stage), NOW).await;
    assert_eq!(said, format!("begun {price}"));
    assert_eq!(scene.hear(settled(number, payer, price)).await, Heard::Settled);
}

async fn state_of(scene: &Scene, number: u128) -> TicketState {
    let read = scene.store.read(move |db| sql::ticket(db, payment_id(number)));
    read.await.unwrap().unwrap().state
}

/// Whether a person may be in the room.
async fn is_in(scene: &Scene, person: PersonId) -> bool {
    let read = scene.store.read(move |db| {
        let room = public(db, SHOW)?.unwrap();
        let kind = access::of(db, SHOW)?;
        access::admits(db, &room, kind, Some(person), NOW)
    });
    let read: Result<bool, StoreError> = read.await;
    read.unwrap()
}

async fn goes_live(scene: &Scene, now: Timestamp) {
    let live = scene.store.write(move |tx| {
        state::enter_lobby(tx, SHOW, By::Person(ADA), now)?;
        state::go_live(tx, SHOW, By::Person(ADA), true, now)
    });
    live.await.unwrap();
}

async fn ends(scene: &Scene, now: Timestamp) {
    let ended = scene
        .store
        .write(move |tx| state::end(tx, SHOW, By::Person(ADA), now));
    ended.await.unwrap();
}

/// What the site does every second.
async fn beat(scene: &Scene, now: Timestamp) {
    let site = site(scene.store.clone(), std::sync::Arc::new(move || now));
    events::beat(&site, &rules()).await.unwrap();
}

const ACCOUNTS: [fn() -> AccountRef; 5] = [
    || PSP_CLEARING,
    || DEFERRED,
    || earnings_pending(PAGE),
    || PLATFORM_REVENUE,
    || TAX_PAYABLE,
];

async fn has(scene: &Scene) -> [i64; 5] {
    let mut all = [0; 5];
    for (place, account) in all.iter_mut().zip(ACCOUNTS) {
        *place = scene.balance(account()).await;
    }
    all
}

async fn moved(scene: &Scene, before: [i64; 5]) -> [i64; 5] {
    let mut now = has(scene).await;
    for (now, before) in now.iter_mut().zip(before) {
        *now -= before;
    }
    now
}

each_db!(offering, async |db: TestDb| {
    let scene = show(db, two_seats()).await;
    bought(&scene, 1, BEA, true).await;
    let changed = |change: fn(&mut NewOffer)| {
        let mut new = two_seats();
        change(&mut new);
        new
    };
    let rows: [(RoomId, PersonId, NewOffer, &str); 10] = [
        (RoomId(Uuid::from_u128(7)), ADA, two_seats(), "room_unknown"),
        (SHOW, BEA, two_seats(), "not_yours"),
        (LATER, ADA, two_seats(), "page_needed"),
        (SHOW, ADA, changed(|new| new.price = 0), "price"),
        (SHOW, ADA, changed(|new| new.capacity = 0), "capacity"),
        (
            SHOW,
            ADA,
            changed(|new| new.stage = Some(NewStage { price: 1, count: 3 })),
            "capacity",
        ),
        (SHOW, ADA, changed(|new| new.stage = None), "below_taken"),
        (
            SHOW,
            ADA,
            changed(|new| (new.sales_from, new.sales_until) = (Some(NOW), Some(NOW))),
            "window",
        ),
        (
            SHOW,
            ADA,
            changed(|new| new.countries = vec!["de".into()]),
            "countries",
        ),
        (SHOW, ADA, changed(|new| new.capacity = 9), "offered"),
    ];
    for (room, by, new, expected) in rows {
        let offered = scene.store.write(move |tx| offer(tx, room, by, &new, NOW));
        let said = match offered.await {
            Ok(_) => "offered",
            Err(OfferError::RoomUnknown) => "room_unknown",
            Err(OfferError::NotYours) => "not_yours",
            Err(OfferError::PageNeeded) => "page_needed",
            Err(OfferError::TooLate) => "too_late",
            Err(OfferError::Price) => "price",
            Err(OfferError::Capacity) => "capacity",
            Err(OfferError::BelowTaken) => "below_taken",
            Err(OfferError::Window) => "window",
            Err(OfferError::Countries) => "countries",
            Err(OfferError::Store(error)) => panic!("{error}"),
        };
        assert_eq!(said, expected);
    }
    goes_live(&scene, NOW).await;
    let late = scene.store.write(|tx| offer(tx, SHOW, ADA, &two_seats(), NOW));
    assert!(matches!(late.await, Err(OfferError::TooLate)));
});

each_db!(buying, async |db: TestDb| {
    let mut new = two_seats();
    new.sales_from = Some(NOW + HOUR);
    new.countries = vec!["DE".into()];
    let scene = show(db, new).await;
    let later = NOW + HOUR;
    let from = |buy: Buy, country: &str| Buy {
        country: Some(country.into()),
        ..buy
    };
    let elsewhere = Buy {
        room: LIVE,
        ..wanted(1, BEA, false)
    };
    let rows = [
        (elsewhere, NOW, "not_sold"),
        (from(wanted(1, ADA, false), "DE"), later, "self_ticket"),
        (from(wanted(1, BEA, false), "DE"), NOW, "not_on_sale"),
        (wanted(1, BEA, false), later, "country_needed"),
        (from(wanted(1, BEA, false), "US"), later, "country_not_served"),
        (from(wanted(1, BEA, true), "DE"), later, "begun 5000"),
        (from(wanted(1, BEA, true), "DE"), later, "again"),
        (from(wanted(1, CID, true), "DE"), later, "id_reused"),
        (from(wanted(2, BEA, false), "DE"), later, "being_paid"),
        (from(wanted(3, CID, true), "DE"), later, "sold_out"),
        (from(wanted(3, CID, false), "DE"), later, "begun 2000"),
    ];
    for (wanted, now, expected) in rows {
        assert_eq!(begun(&scene, wanted.clone(), now).await, expected, "{wanted:?}");
    }
    assert!(!is_in(&scene, BEA).await);
    let card = |country: &str, said: PaymentNotice| PaymentNotice {
        country: Some(country.into()),
        ..said
    };
    assert_eq!(
        scene.hear(card("DE", settled(1, BEA, 5_000))).await,
        Heard::Settled
    );
    assert!(is_in(&scene, BEA).await);
    assert_eq!(
        begun(&scene, from(wanted(4, BEA, false), "DE"), later).await,
        "held"
    );
    // What was said of the country was not so: the money goes back, and the seat is free.
    assert_eq!(
        scene.hear(card("US", settled(3, CID, 2_000))).await,
        Heard::GivenBack
    );
    assert_eq!(state_of(&scene, 3).await, TicketState::Returned);
    assert!(!is_in(&scene, CID).await);
    assert_eq!(
        begun(&scene, from(wanted(5, CID, false), "DE"), later).await,
        "begun 2000"
    );
    scene.audit().await;
});

each_db!(sixty_four_for_the_last_seat, async |db: TestDb| {
    let mut new = two_seats();
    (new.capacity, new.stage) = (1, None);
    let scene = show(db, new).await;
    let person = |number: u128| PersonId(Uuid::from_u128(10_000 + number));
    let joined = scene.store.write(move |tx| {
        for number in 0..64 {
            let new = SignUp {
                person: person(number),
                channel: ChannelId(Uuid::from_u128(20_000 + number)),
                handle: format!("fan_{number}"),
                display_name: "fan".into(),
                password_hash: "hash".into(),
                role: Role::Viewer,
            };
            sign_up(tx, &new, NOW).map_err(|e| StoreError::Broken(e.to_string()))?;
            busk_people::adult::declare(tx, person(number), NOW)?;
        }
        Ok::<_, StoreError>(())
    });
    joined.await.unwrap();
    let all = (0..64).map(|number| begun(&scene, wanted(1_000 + number, person(number), false), NOW));
    let mut said = join_all(all).await;
    said.sort();
    let winners = said.iter().filter(|said| *said == "begun 2000").count();
    let losers = said.iter().filter(|said| *said == "sold_out").count();
    assert_eq!((winners, losers), (1, 63));
    let offer = scene.store.read(|db| offer_of(db, SHOW)).await.unwrap();
    assert_eq!(offer.unwrap().taken, 1);
});

each_db!(
    who_pays_too_late_gets_what_is_free_or_the_money_back,
    async |db: TestDb| {
        let mut new = two_seats();
        (new.capacity, new.stage) = (1, None);
        let scene = show(db, new).await;
        let late = NOW + Duration::from_secs(rules().policy.ticket_reserve_s);
        assert_eq!(begun(&scene, wanted(1, BEA, false), NOW).await, "begun 2000");
        assert_eq!(begun(&scene, wanted(2, CID, false), NOW).await, "sold_out");
        assert_eq!(begun(&scene, wanted(2, CID, false), late).await, "begun 2000");
        assert_eq!(scene.hear(settled(1, BEA, 2_000)).await, Heard::GivenBack);
        assert_eq!(state_of(&scene, 1).await, TicketState::Returned);
        assert_eq!(scene.balance(DEFERRED).await, 0);
        // Who declines gives the seat back at once.
        let declined = PaymentNotice {
            amount: 2_000,
            ..notice(2, CID, PaymentSaid::Declined)
        };
        assert_eq!(scene.hear(declined).await, Heard::Declined);
        assert_eq!(begun(&scene, wanted(3, BEA, false), late).await, "begun 2000");
        // Nobody took the seat that had lapsed.
        let later = late + HOUR;
        assert_eq!(scene.hear(settled(3, BEA, 2_000)).await, Heard::Settled);
        assert_eq!(begun(&scene, wanted(4, CID, false), later).await, "sold_out");
        scene.audit().await;
    }
);

// The row of the money table: deferred until the event was held, then each their part, held 7 days from its end.
each_db!(ticket, async |db: TestDb| {
    let scene = show(db, two_seats()).await;
    let before = has(&scene).await;
    bought(&scene, 1, BEA, false).await;
    assert_eq!(moved(&scene, before).await, [-2_000, 2_000, 0, 0, 0]);
    beat(&scene, NOW + DAY).await;
    let day = NOW + 10 * DAY;
    goes_live(&scene, day).await;
    beat(&scene, day + HOUR).await;
    assert_eq!(
        moved(&scene, before).await,
        [-2_000, 2_000, 0, 0, 0],
        "it goes on"
    );
    ends(&scene, day + HOUR).await;
    beat(&scene, day + HOUR).await;
    assert_eq!(moved(&scene, before).await, [-2_000, 0, 1_800, 200, 0]);
    assert_eq!(state_of(&scene, 1).await, TicketState::Delivered);
    beat(&scene, day + 2 * HOUR).await;
    assert_eq!(
        moved(&scene, before).await,
        [-2_000, 0, 1_800, 200, 0],
        "once is enough"
    );

    let free_at = day + HOUR + 7 * DAY;
    for (now, due) in [(free_at - Duration::from_secs(1), 0), (free_at, 1_800)] {
        let read = scene
            .store
            .read(move |db| crate::earnings::money_due(db, PAGE, now));
        assert_eq!(read.await.unwrap(), due);
    }
    // Whose ticket it was still sees the replay.
    let replay = scene.store.read(|db| access::admission(db, SHOW, BEA));
    assert_eq!(replay.await.unwrap(), Some(true));
    // A lost dispute takes it from those who got it, and the ticket.
    let lost = dispute(1, DisputeSaid::Lost, 2_000);
    assert_eq!(scene.hear_about("evt-lost", lost).await, Heard::DisputeLost);
    assert!(!is_in(&scene, BEA).await);
    assert_eq!(scene.balance(earnings_pending(PAGE)).await, 0);
    scene.audit().await;
});

async fn admit_on_stage(scene: &Scene, person: PersonId, now: Timestamp) {
    let who = Speaker {
        id: person.0,
        name: "someone".into(),
        kind: SpeakerKind::Person,
        role: None,
        badge: None,
        months: None,
        rank: None,
    };
    let admitted = scene.store.write(move |tx| {
        let away = |number| Away {
            job: JobId(Uuid::from_u128(number)),
            until: now + HOUR,
        };
        stage::act(tx, SHOW, &Actor::Other(who.clone()), &Act::Ask, away(1), now)?;
        stage::act(tx, SHOW, &Actor::Host, &Act::Admit(who.id), away(2), now)
    });
    admitted.await.unwrap();
}

// The row of the money table: held when bought, posted on admission to the stage.
each_db!(on_camera_slot, async |db: TestDb| {
    let scene = show(db, two_seats()).await;
    let before = has(&scene).await;
    bought(&scene, 1, BEA, true).await;
    assert_eq!(moved(&scene, before).await, [-5_000, 5_000, 0, 0, 0]);
    goes_live(&scene, NOW).await;
    beat(&scene, NOW).await;
    assert_eq!(
        moved(&scene, before).await,
        [-5_000, 5_000, 0, 0, 0],
        "no turn yet"
    );
    admit_on_stage(&scene, BEA, NOW).await;
    beat(&scene, NOW).await;
    assert_eq!(moved(&scene, before).await, [-5_000, 0, 4_500, 500, 0]);
    ends(&scene, NOW).await;
    beat(&scene, NOW).await;
    assert_eq!(moved(&scene, before).await, [-5_000, 0, 4_500, 500, 0]);
    scene.audit().await;
});

// … and refunded if the live ends first.
each_db!(
    a_live_that_ends_before_the_turn_gives_the_slot_back,
    async |db: TestDb| {
        let scene = show(db, two_seats()).await;
        let before = has(&scene).await;
        bought(&scene, 1, BEA, true).await;
        goes_live(&scene, NOW).await;
        ends(&scene, NOW).await;
        beat(&scene, NOW).await;
        assert_eq!(moved(&scene, before).await, [0, 0, 0, 0, 0]);
        assert_eq!(state_of(&scene, 1).await, TicketState::Returned);
        let given = scene.store.read(|db| refunds::of_payment(db, payment_id(1)));
        let given = given.await.unwrap();
        assert_eq!((given.len(), given[0].state), (1, RefundState::Granted));
        scene.audit().await;
    }
);

each_db!(an_event_that_is_not_held_gives_all_back, async |db: TestDb| {
    let no_show = Duration::from_secs(rules().policy.ticket_no_show_s);
    let scene = show(db, two_seats()).await;
    let before = has(&scene).await;
    bought(&scene, 1, BEA, false).await;
    bought(&scene, 2, CID, true).await;
    let late = NOW + 10 * DAY + no_show;
    beat(&scene, late - Duration::from_secs(1)).await;
    assert_eq!(moved(&scene, before).await, [-7_000, 7_000, 0, 0, 0]);
    beat(&scene, late).await;
    assert_eq!(moved(&scene, before).await, [0, 0, 0, 0, 0]);
    assert!(!is_in(&scene, BEA).await && !is_in(&scene, CID).await);
    assert_eq!(begun(&scene, wanted(3, BEA, false), late).await, "not_on_sale");
    scene.audit().await;
});

each_db!(a_cancelled_event_gives_all_back, async |db: TestDb| {
    let scene = show(db, two_seats()).await;
    let before = has(&scene).await;
    bought(&scene, 1, BEA, false).await;
    assert_eq!(begun(&scene, wanted(2, CID, false), NOW).await, "begun 2000");
    ends(&scene, NOW).await;
    beat(&scene, NOW).await;
    assert_eq!(
        scene.hear(settled(2, CID, 2_000)).await,
        Heard::GivenBack,
        "paid too late"
    );
    assert_eq!(moved(&scene, before).await, [0, 0, 0, 0, 0]);
    scene.audit().await;
});

each_db!(subscribers_are_let_into_their_rooms, async |db: TestDb| {
    let scene = Scene::set(db).await;
    let opened = scene.store.write(|tx| {
        access::set(tx, LIVE, Access::Subscribers)?;
        let member = Member {
            channel: CHANNEL,
            person: BEA,
            tier: 1,
            until: NOW + DAY,
            since: NOW,
            months: 1,
        };
        keep(tx, member)
    });
    opened.await.unwrap();
    let rows = [
        (None, NOW, false),
        (Some(ADA), NOW, true),
        (Some(BEA), NOW, true),
        (Some(BEA), NOW + DAY, false),
        (Some(CID), NOW, false),
    ];
    for (person, now, expected) in rows {
        let read = scene.store.read(move |db| {
            let room = public(db, LIVE)?.unwrap();
            access::admits(db, &room, Access::Subscribers, person, now)
        });
        let admitted: Result<bool, StoreError> = read.await;
        assert_eq!(admitted.unwrap(), expected, "{person:?}");
    }
});

async fn asked(scene: &Scene, number: u128, of: u128, payer: PersonId, now: Timestamp) -> RefundState {
    let asked = scene.store.write(move |tx| {
        let ask = Ask {
            id: RefundId(Uuid::from_u128(number)),
            payment: payment_id(of),
            by: refunds::By::Payer(payer),
            amount: None,
            reason: "I cannot come".into(),
        };
        refunds::ask(tx, &ask, JobId(Uuid::from_u128(number)), &rules(), now)
    });
    asked.await.unwrap().state
}

each_db!(a_ticket_goes_back_on_request, async |db: TestDb| {
    let scene = show(db, two_seats()).await;
    bought(&scene, 1, BEA, false).await;
    bought(&scene, 2, CID, false).await;
    let too_late = NOW + 8 * DAY + Duration::from_secs(1);
    assert_eq!(
        asked(&scene, 71, 1, BEA, NOW + 8 * DAY).await,
        RefundState::Granted
    );
    assert!(!is_in(&scene, BEA).await);
    assert_eq!(asked(&scene, 72, 2, CID, too_late).await, RefundState::Requested);
    assert!(is_in(&scene, CID).await);
    // The seat of who went back is for sale again, and a change of the time lets everybody go.
    assert_eq!(begun(&scene, wanted(3, BEA, false), too_late).await, "begun 2000");
    assert_eq!(scene.hear(settled(3, BEA, 2_000)).await, Heard::Settled);
    let moved = scene.store.write(move |tx| {
        let at = Some(NOW + 9 * DAY);
        state::edit(tx, SHOW, By::Person(ADA), None, at, too_late)
    });
    moved.await.unwrap();
    assert_eq!(asked(&scene, 73, 3, BEA, too_late).await, RefundState::Granted);
    // The provider could not: the ticket holds again.
    let failed = scene.store.write(|tx| {
        let no = Err(crate::providers::ProviderError::Refused("no".into()));
        refunds::asked(tx, RefundId(Uuid::from_u128(73)), &no, &rules(), NOW)
    });
    failed.await.unwrap();
    assert!(is_in(&scene, BEA).await);
    scene.audit().await;
});
