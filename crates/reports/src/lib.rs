//! What people may ask of the site itself: that something is looked at, and why it was decided so.
//!
//! ```text
//!   report ─► decision ─► statement of reasons ─► appeal ─► upheld | reversed
//! ```
//!
//! Somebody points at a message, a person or a room ([`report`]); operators see what is open, the gravest first, and
//! decide ([`decision`]); whoever it is about reads why ([`statement`]) and may appeal, as may whoever reported it
//! ([`appeal`]). What came of all that in a time is counted ([`transparency`]). The terms are those of Regulation (EU)
//! 2022/2065, the Digital Services Act: a notice (Article 16), a statement of reasons (17), an internal complaint (20), a
//! transparency report (15 and 24).
//!
//! All of it stands on the site's pages, and goes out by letter where somebody has an address (`letters`).
//!
//! And what the site holds of them, to take away ([`own`]), or to have erased ([`deletion`]).
//!
//! Invariant: nothing of reports is ever deleted or written over, but for the words of those who delete their account; a
//! decision that is reversed stays, with what reversed it.

pub mod appeal;
pub mod category;
pub mod decision;
pub mod deletion;
mod letters;
mod listing;
pub mod own;
pub mod report;
mod schema;
pub mod statement;
pub mod transparency;

use axum::extract::FromRef;
use busk_api::{OpenApiRouter, Site};
use busk_notices::Notices;
use busk_notices::post::Language;
use busk_people::{AddressGate, Confirmation};
use busk_rooms::Rooms;

use crate::letters::Letters;

pub use schema::MIGRATIONS;

/// What the handlers hold.
#[derive(Clone)]
pub(crate) struct Desk {
    pub site: Site,
    pub rooms: Rooms,
    pub notices: Notices,
    pub gate: AddressGate,
    pub confirmation: Confirmation,
}

impl FromRef<Desk> for Site {
    fn from_ref(desk: &Desk) -> Self {
        desk.site.clone()
    }
}

impl Desk {
    /// Where the site sends letters; `language` is for those whose account says none.
    pub(crate) fn letters(&self, language: Language) -> Option<Letters> {
        let site = self.site.public_url().to_owned();
        self.notices.sends_letters().then_some(Letters { site, language })
    }
}

/// `gate` limits how often an address reports.
pub fn routes(rooms: Rooms, notices: Notices, gate: AddressGate) -> OpenApiRouter {
    let desk = Desk {
        site: rooms.site().clone(),
        rooms,
        notices,
        gate,
        confirmation: Confirmation::default(),
    };
    OpenApiRouter::new()
        .merge(report::routes())
        .merge(decision::routes())
        .merge(statement::routes())
        .merge(appeal::routes())
        .merge(transparency::routes())
        .merge(own::routes())
        .merge(deletion::routes())
        .with_state(desk)
}

#[cfg(test)]
mod scene;
