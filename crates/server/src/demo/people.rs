//! The demonstration's people, made by the same functions as everyone.

use busk_api::Site;
use busk_base::{ChannelId, PaymentId, PersonId, RoomId, SessionId, Timestamp};
use busk_commerce::coins::{self, Buy};
use busk_commerce::providers::{About, Notice, PaymentNotice, PaymentSaid};
use busk_commerce::rules::Rules;
use busk_commerce::{notices, payments};
use busk_people::adult;
use busk_people::session::{self, Holder, Token};
use busk_people::sign_up::{SignUp, sign_up};
use busk_people::{Person, Role as PersonRole, channel_of, stream_key};
use busk_rooms::state::{self, NewRoom};
use busk_store::{StoreError, Tx};

use super::{DemoError, Role};

/// No password fits: they are entered with a click.
const NO_PASSWORD: &str = "none";

/// A creator with a room that goes live when the camera connects.
pub(super) struct Creator {
    pub(super) room: RoomId,
    pub(super) stream_key: String,
}

impl Creator {
    pub(super) async fn sign_up(site: &Site, role: &'static Role) -> Result<Self, DemoError> {
        let now = site.now();
        let person = new_person(site, role.handle.to_owned(), role.name.to_owned());
        let room = RoomId::new(now, site.entropy());
        let stream_key = stream_key::key(site.secret());
        let key = stream_key.clone();
        let made = site.store().write(move |tx| {
            let person = sign_up(tx, &person, now).map_err(cast)?;
            adult::declare(tx, person.id, now)?;
            let channel = channel_of(tx, person.id)?.ok_or_else(|| cast("a person without a channel"))?;
            stream_key::rotate(tx, channel.id, &key, now)?;
            let title = role.title.to_owned();
            let new = NewRoom {
                id: room,
                title,
                scheduled_at: None,
                live_on_camera: true,
                access: busk_rooms::Access::Free,
            };
            state::create(tx, &channel, &new, now).map_err(cast)?;
            Ok::<_, DemoError>(())
        });
        made.await?;
        Ok(Self { room, stream_key })
    }
}

fn cast(error: impl ToString) -> DemoError {
    DemoError::Cast(error.to_string())
}

fn new_person(site: &Site, handle: String, display_name: String) -> SignUp {
    let now = site.now();
    SignUp {
        person: PersonId::new(now, site.entropy()),
        channel: ChannelId::new(now, site.entropy()),
        handle,
        display_name,
        password_hash: NO_PASSWORD.into(),
        role: PersonRole::Viewer,
    }
}

/// A new viewer with a session, who may pay.
pub(super) async fn viewer(site: &Site, handle: String, name: String) -> Result<(Person, Token), DemoError> {
    let now = site.now();
    let new = new_person(site, handle, name);
    let person = site
        .store()
        .write(move |tx| {
            let person = sign_up(tx, &new, now).map_err(cast)?;
            adult::declare(tx, person.id, now)?;
            Ok::<_, DemoError>(person)
        })
        .await?;
    let token = enter(site, person.id).await?;
    Ok((person, token))
}

/// A session for a person there is.
pub(super) async fn enter(site: &Site, person: PersonId) -> Result<Token, StoreError> {
    let now = site.now();
    let (token, id) = (Token::new(site.secret()), SessionId::new(now, site.entropy()));
    let hash = token.hash();
    let open = move |tx: &mut Tx| {
        session::open(tx, id, Holder::Person(person), hash, now);
        Ok::<_, StoreError>(())
    };
    site.store().write(open).await?;
    Ok(token)
}

/// Coins to begin with: bought and settled, so that the books know where they came from.
pub(super) async fn give_coins(site: &Site, person: PersonId, pack: &'static str) -> Result<(), DemoError> {
    let now: Timestamp = site.now();
    let checkout = format!("welcome-{person}");
    let buy = Buy {
        id: PaymentId::new(now, site.entropy()),
        person,
        pack: pack.to_owned(),
        provider: "demo",
    };
    let rules = Rules::of(site);
    let bought = site.store().write(move |tx| {
        let payment = coins::buy(tx, &buy, &rules, now).map_err(cast)?.payment;
        payments::opened(tx, payment.id, &checkout, "/")?;
        let notice = Notice {
            id: format!("evt_{checkout}"),
            about: About::Payment(PaymentNotice {
                said: PaymentSaid::Settled,
                payment: payment.id,
                payer: person,
                checkout: Some(checkout.clone()),
                charge: None,
                method: None,
                country: None,
                amount: payment.price,
                currency: payment.currency,
            }),
        };
        notices::hear(tx, "demo", &notice, &rules, now).map_err(cast)
    });
    bought.await.map(|_| ())
}
