//! Rows of offers and tickets. Seats are counted in the offer's row, so that taking one is one statement.

use busk_base::{PaymentId, PersonId, RefundId, RoomId, Timestamp};
use busk_store::{Read, Row, StoreError, Tx, params};

use super::{NewOffer, TicketState};

/// What tickets of a room are sold for, and how many are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub room: RoomId,
    pub price: i64,
    pub capacity: i64,
    /// Sold, or kept for whoever is paying.
    pub taken: i64,
    pub stage_price: Option<i64>,
    pub stage_capacity: i64,
    pub stage_taken: i64,
    pub sales_from: Option<Timestamp>,
    pub sales_until: Option<Timestamp>,
    pub replay: bool,
    pub countries: Vec<String>,
    /// The event is over or was not held, and every ticket's money is where it belongs.
    pub closed: bool,
    /// Which of the two, once it is closed.
    pub held: bool,
    pub created_at: Timestamp,
}

/// A ticket that was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub payment: PaymentId,
    pub room: RoomId,
    pub person: PersonId,
    /// With a turn on stage.
    pub stage: bool,
    pub state: TicketState,
    pub replay: bool,
    /// When the event was to be when it was bought.
    pub scheduled_at: Option<Timestamp>,
    /// Where the buyer said that they are.
    pub country: Option<String>,
    pub reserved_until: Timestamp,
    pub created_at: Timestamp,
}

impl TicketState {
    const ALL: [Self; 5] = [
        Self::Reserved,
        Self::Lapsed,
        Self::Held,
        Self::Delivered,
        Self::Returned,
    ];

    fn word(self) -> &'static str {
        match self {
            TicketState::Reserved => "reserved",
            TicketState::Lapsed => "lapsed",
            TicketState::Held => "held",
            TicketState::Delivered => "delivered",
            TicketState::Returned => "returned",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a ticket in the state {word}")))
    }
}

pub fn offer_of(db: &mut impl Read, room: RoomId) -> Result<Option<Offer>, StoreError> {
    let row = db.row(
        "SELECT room, price, capacity, taken, stage_price, stage_capacity, stage_taken, sales_from, sales_until, \
         replay, countries, closed, COALESCE(held, FALSE), created_at FROM ticket_offer WHERE room = $1",
        params![room],
    )?;
    let read = |row: Row| {
        let countries: String = row.get(10)?;
        Ok(Offer {
            room: row.get(0)?,
            price: row.get(1)?,
            capacity: row.get(2)?,
            taken: row.get(3)?,
            stage_price: row.get(4)?,
            stage_capacity: row.get(5)?,
            stage_taken: row.get(6)?,
            sales_from: row.get(7)?,
            sales_until: row.get(8)?,
            replay: row.get(9)?,
            countries: countries.split_terminator(',').map(str::to_owned).collect(),
            closed: row.get(11)?,
            held: row.get(12)?,
            created_at: row.get(13)?,
        })
    };
    row.map(read).transpose()
}

pub(super) fn save_offer(
    tx: &mut Tx,
    room: RoomId,
    new: &NewOffer,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO ticket_offer (room, price, capacity, taken, stage_price, stage_capacity, stage_taken, sales_from, \
         sales_until, replay, countries, closed, created_at) \
         VALUES ($1, $2, $3, 0, $4, $5, 0, $6, $7, $8, $9, FALSE, $10) \
         ON CONFLICT (room) DO UPDATE SET price = excluded.price, capacity = excluded.capacity, \
         stage_price = excluded.stage_price, stage_capacity = excluded.stage_capacity, \
         sales_from = excluded.sales_from, sales_until = excluded.sales_until, replay = excluded.replay, \
         countries = excluded.countries",
        params![
            room,
            new.price,
            new.capacity,
            new.stage.map(|stage| stage.price),
            new.stage.map_or(0, |stage| stage.count),
            new.sales_from,
            new.sales_until,
            new.replay,
            new.countries.join(","),
            now
        ],
    )?;
    Ok(())
}

/// Every ticket of the event is settled.
pub(crate) fn close(tx: &mut Tx, room: RoomId, held: bool) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE ticket_offer SET closed = TRUE, held = $2 WHERE room = $1",
        params![room, held],
    )?;
    Ok(())
}

/// Seats that were kept for those who did not pay in time: all, and those with a turn on stage.
pub(super) fn lapsed(db: &mut impl Read, room: RoomId, now: Timestamp) -> Result<(i64, i64), StoreError> {
    let row = db.row(
        "SELECT COUNT(*), COUNT(CASE WHEN stage THEN 1 END) FROM ticket \
         WHERE room = $1 AND state = 'reserved' AND reserved_until <= $2",
        params![room, now],
    )?;
    row.map_or(Ok((0, 0)), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Whether there is a seat, those that have lapsed counted as free.
pub(super) fn has_seat(
    db: &mut impl Read,
    offer: &Offer,
    stage: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (lapsed, lapsed_stage) = lapsed(db, offer.room, now)?;
    let free = offer.taken - lapsed < offer.capacity;
    Ok(free && (!stage || offer.stage_taken - lapsed_stage < offer.stage_capacity))
}

/// Frees the seats of those who did not pay in time.
pub(super) fn let_lapse(tx: &mut Tx, room: RoomId, now: Timestamp) -> Result<(), StoreError> {
    for stage in [false, true] {
        let lapsed = tx.execute(
            "UPDATE ticket SET state = 'lapsed' \
             WHERE room = $1 AND state = 'reserved' AND reserved_until <= $2 AND stage = $3",
            params![room, now, stage],
        )?;
        let lapsed = i64::try_from(lapsed).unwrap_or(0);
        if lapsed > 0 {
            move_seats(tx, room, -lapsed, if stage { -lapsed } else { 0 })?;
        }
    }
    Ok(())
}

/// Takes a seat, if there is one.
pub(super) fn take_seat(tx: &mut Tx, room: RoomId, stage: bool) -> Result<bool, StoreError> {
    move_seats(tx, room, 1, i64::from(stage))
}

pub(super) fn free_seat(tx: &mut Tx, ticket: &Ticket) -> Result<(), StoreError> {
    move_seats(tx, ticket.room, -1, -i64::from(ticket.stage)).map(|_| ())
}

fn move_seats(tx: &mut Tx, room: RoomId, seats: i64, stage: i64) -> Result<bool, StoreError> {
    let moved = tx.execute(
        "UPDATE ticket_offer SET taken = taken + $2, stage_taken = stage_taken + $3 \
         WHERE room = $1 AND taken + $2 <= capacity AND (stage_taken + $3 <= stage_capacity OR $3 <= 0)",
        params![room, seats, stage],
    )?;
    Ok(moved == 1)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT payment, room, person, stage, state, replay, scheduled_at, country, reserved_until, created_at \
             FROM ticket ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Ticket, StoreError> {
    Ok(Ticket {
        payment: row.get(0)?,
        room: row.get(1)?,
        person: row.get(2)?,
        stage: row.get(3)?,
        state: TicketState::parse(&row.get::<String>(4)?)?,
        replay: row.get(5)?,
        scheduled_at: row.get(6)?,
        country: row.get(7)?,
        reserved_until: row.get(8)?,
        created_at: row.get(9)?,
    })
}

impl Ticket {
    pub(super) fn add(&self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO ticket (payment, room, person, stage, state, replay, scheduled_at, country, reserved_until, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            params![
                self.payment,
                self.room,
                self.person,
                self.stage,
                self.state.word(),
                self.replay,
                self.scheduled_at,
                self.country.clone(),
                self.reserved_until,
                self.created_at
            ],
        )?;
        Ok(())
    }

    pub(super) fn turn(&self, tx: &mut Tx, state: TicketState) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE ticket SET state = $2 WHERE payment = $1",
            params![self.payment, state.word()],
        )?;
        Ok(())
    }
}

pub(super) fn ticket(db: &mut impl Read, payment: PaymentId) -> Result<Option<Ticket>, StoreError> {
    let row = db.row(select!("WHERE payment = $1"), params![payment])?;
    row.as_ref().map(read).transpose()
}

/// What a person has ordered of a room: a handful.
pub(super) fn of_person_in(
    db: &mut impl Read,
    room: RoomId,
    person: PersonId,
) -> Result<Vec<Ticket>, StoreError> {
    let rows = db.rows(
        select!("WHERE person = $2 AND room = $1 ORDER BY created_at DESC, payment DESC"),
        params![room, person],
    )?;
    rows.iter().map(read).collect()
}

/// A person's tickets that were paid, the latest first.
pub fn of_person(db: &mut impl Read, person: PersonId, max: i64) -> Result<Vec<Ticket>, StoreError> {
    let rows = db.rows(
        select!(
            "WHERE person = $1 AND state IN ('held', 'delivered', 'returned') \
             ORDER BY created_at DESC, payment DESC LIMIT $2"
        ),
        params![person, max],
    )?;
    rows.iter().map(read).collect()
}

/// A room's stage passes that hold, the first bought first.
pub fn tickets_of(db: &mut impl Read, room: RoomId, max: i64) -> Result<Vec<Ticket>, StoreError> {
    let rows = db.rows(
        select!(
            "WHERE room = $1 AND stage AND state IN ('held', 'delivered') ORDER BY created_at, payment LIMIT $2"
        ),
        params![room, max],
    )?;
    rows.iter().map(read).collect()
}

/// Tickets of a room that were paid, the latest first.
pub(super) fn holders(db: &mut impl Read, room: RoomId, max: i64) -> Result<Vec<Ticket>, StoreError> {
    let rows = db.rows(
        select!(
            "WHERE room = $1 AND state IN ('held', 'delivered', 'returned') \
             ORDER BY created_at DESC, payment DESC LIMIT $2"
        ),
        params![room, max],
    )?;
    rows.iter().map(read).collect()
}

/// Somebody's asking for the money of a ticket.
pub(super) struct Asked {
    pub(super) refund: RefundId,
    pub(super) payment: PaymentId,
    pub(super) amount: i64,
    pub(super) reason: String,
    pub(super) asked_at: Timestamp,
}

/// Who asks for the money of a room's tickets, and waits: one at a time for each ticket.
pub(super) fn returns_asked(db: &mut impl Read, room: RoomId) -> Result<Vec<Asked>, StoreError> {
    let rows = db.rows(
        "SELECT r.id, r.payment, r.amount, r.reason, r.asked_at FROM ticket t JOIN refund r ON r.payment = t.payment \
         WHERE t.room = $1 AND r.state = 'requested' ORDER BY r.asked_at LIMIT 1000",
        params![room],
    )?;
    let asked = rows.iter().map(|row| {
        Ok(Asked {
            refund: row.get(0)?,
            payment: row.get(1)?,
            amount: row.get(2)?,
            reason: row.get(3)?,
            asked_at: row.get(4)?,
        })
    });
    asked.collect()
}

/// Tickets of a room whose money waits, some of them.
pub(crate) fn held(db: &mut impl Read, room: RoomId, max: i64) -> Result<Vec<Ticket>, StoreError> {
    let rows = db.rows(
        select!("WHERE room = $1 AND state = 'held' ORDER BY created_at, payment LIMIT $2"),
        params![room, max],
    )?;
    rows.iter().map(read).collect()
}

/// Whether a ticket's holder was on stage in its room.
pub(super) fn had_turn(db: &mut impl Read, ticket: &Ticket) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT 1 FROM room_turn WHERE room = $1 AND person = $2",
        params![ticket.room, ticket.person],
    )?;
    Ok(row.is_some())
}

/// Stage passes whose holders were on stage, and whose money still waits.
pub(crate) fn turns(db: &mut impl Read, max: i64) -> Result<Vec<Ticket>, StoreError> {
    let rows = db.rows(
        select!(
            "WHERE stage AND state = 'held' AND EXISTS (SELECT 1 FROM room_turn t \
             WHERE t.room = ticket.room AND t.person = ticket.person) LIMIT $1"
        ),
        params![max],
    )?;
    rows.iter().map(read).collect()
}
