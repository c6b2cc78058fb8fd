//! The routes of this crate, and what their handlers hold.

use std::sync::Arc;

use axum::extract::FromRef;
use busk_api::{OpenApiRouter, Site};

use crate::attempts::{Gates, Limits};
use crate::follow::Told;
use crate::me::Coins;
use crate::password::Passwords;
use crate::{adult, follow, guest, me, page, setup, sign_in, sign_up, stream_key, token};

#[derive(Clone)]
pub(crate) struct People {
    pub site: Site,
    pub coins: Coins,
    pub told: Told,
    pub passwords: Passwords,
    pub gates: Arc<Gates>,
}

impl FromRef<People> for Site {
    fn from_ref(people: &People) -> Site {
        people.site.clone()
    }
}

pub fn routes(site: Site, coins: Coins, told: Told, limits: Limits) -> OpenApiRouter {
    let people = People {
        site,
        coins,
        told,
        passwords: Passwords::new(),
        gates: Arc::new(Gates::new(limits)),
    };
    OpenApiRouter::new()
        .merge(setup::routes())
        .merge(sign_up::routes())
        .merge(sign_in::routes())
        .merge(guest::routes())
        .merge(me::routes())
        .merge(page::routes())
        .merge(follow::routes())
        .merge(adult::routes())
        .merge(stream_key::routes())
        .merge(token::routes())
        .with_state(people)
}
