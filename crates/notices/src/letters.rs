//! What letters say, in the language that the person's browser asked for when they gave their address.

use busk_base::{PersonId, Timestamp};
use busk_mail::{Address, Letter};
use busk_store::{Read, StoreError, params};
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use crate::delivery::{Delivery, Way};
use crate::keys::{Keys, Link};
use crate::{address, choice, post};

/// The languages that letters are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    French,
}

/// What the pages behind a letter's links say.
pub(crate) struct PageWords {
    pub(crate) tag: &'static str,
    pub(crate) unsubscribe: &'static str,
    pub(crate) unsubscribe_do: &'static str,
    pub(crate) unsubscribed: &'static str,
    pub(crate) confirm: &'static str,
    pub(crate) confirm_do: &'static str,
    pub(crate) confirmed: &'static str,
}

impl Language {
    /// The first language that the browser names.
    pub fn of(headers: &HeaderMap) -> Self {
        let named = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self::of_tag(named.unwrap_or_default())
    }

    pub fn of_tag(tag: &str) -> Self {
        match tag.get(..2) {
            Some("fr") => Language::French,
            _ => Language::English,
        }
    }

    pub fn tag(self) -> &'static str {
        self.page().tag
    }

    pub(crate) fn page(self) -> &'static PageWords {
        match self {
            Language::English => &PageWords {
                tag: "en",
                unsubscribe: "Do you want no more e-mail when channels that you follow go live?",
                unsubscribe_do: "No more e-mail",
                unsubscribed: "You will get no more e-mail of this kind. You can switch it on again in your account.",
                confirm: "Is this your address, and do you want an e-mail when channels that you follow go live?",
                confirm_do: "Yes, it is mine",
                confirmed: "Thank you. You will get an e-mail when channels that you follow go live.",
            },
            Language::French => &PageWords {
                tag: "fr",
                unsubscribe: "Ne plus recevoir d’e-mail quand les chaînes que vous suivez passent en direct ?",
                unsubscribe_do: "Ne plus en recevoir",
                unsubscribed: "Vous ne recevrez plus d’e-mail de ce genre. Vous pouvez les réactiver dans votre compte.",
                confirm: "Est-ce votre adresse, et voulez-vous un e-mail quand les chaînes que vous suivez passent en direct ?",
                confirm_do: "Oui, c’est la mienne",
                confirmed: "Merci. Vous recevrez un e-mail quand les chaînes que vous suivez passent en direct.",
            },
        }
    }
}

/// A live as it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) channel: String,
    pub(crate) handle: String,
    pub(crate) title: String,
    pub(crate) on_air: bool,
}

/// The live of a delivery.
pub(crate) fn told(db: &mut impl Read, delivery: &Delivery) -> Result<Option<Told>, StoreError> {
    let row = db.row(
        "SELECT c.name, c.handle, r.title, r.state IN ('live', 'interrupted') \
         FROM room r JOIN channel c ON c.id = r.channel WHERE r.id = $1",
        params![delivery.room],
    )?;
    let told = row.map(|row| {
        Ok(Told {
            channel: row.get(0)?,
            handle: row.get(1)?,
            title: row.get(2)?,
            on_air: row.get(3)?,
        })
    });
    told.transpose()
}

/// The letter of a delivery; `None` when it is not to be sent any more: the live is over, the person wants none or
/// has no address.
pub(crate) fn letter(
    db: &mut impl Read,
    (site, keys): (&str, &Keys),
    delivery: &Delivery,
    now: Timestamp,
) -> Result<Option<Letter>, StoreError> {
    let person = delivery.person;
    let letter = |to: Address, (subject, text): (String, String), unsubscribe: Option<String>| Letter {
        id: delivery.id.to_string(),
        from_name: "Busk".into(),
        to,
        subject,
        text,
        at: now,
        unsubscribe,
    };
    let kept = address::of(db, person)?;
    if delivery.way == Way::Post {
        let Some((address, words)) = post::left(db, delivery.id)? else {
            return Ok(None);
        };
        let own = kept.filter(|kept| kept.confirmed_at.is_some());
        let to = address.or_else(|| own.map(|own| own.address));
        let to = to.and_then(|to| Address::parse(&to).ok());
        return Ok(to.map(|to| letter(to, (words.subject, words.text), None)));
    }
    let Some(kept) = kept else {
        return Ok(None);
    };
    let Ok(to) = Address::parse(&kept.address) else {
        return Ok(None);
    };
    match delivery.way {
        Way::Confirm if kept.confirmed_at.is_none() => {
            let link = link(site, keys, Link::Confirm(kept.asked_at), person);
            Ok(Some(letter(to, question(kept.language, site, &link), None)))
        }
        Way::Mail if kept.confirmed_at.is_some() && choice::of(db, person)?.email => {
            let Some(told) = told(db, delivery)?.filter(|told| told.on_air) else {
                return Ok(None);
            };
            let link = link(site, keys, Link::Unsubscribe, person);
            Ok(Some(letter(
                to,
                news(kept.language, site, &told, &link),
                Some(link),
            )))
        }
        Way::Confirm | Way::Mail | Way::Post | Way::Push(_) => Ok(None),
    }
}

fn link(site: &str, keys: &Keys, link: Link, person: PersonId) -> String {
    let path = match link {
        Link::Unsubscribe => "unsubscribe",
        Link::Confirm(_) => "confirm-address",
    };
    format!("{site}/{path}/{}", keys.token(link, person))
}

fn question(language: Language, site: &str, link: &str) -> (String, String) {
    match language {
        Language::English => (
            "Is this your address?".into(),
            format!(
                "Somebody on {site} wants an e-mail at this address when channels that they follow go live.\n\n\
                 If it was you, say so here:\n{link}\n\nIf it was not, there is nothing to do: nothing more will come.\n"
            ),
        ),
        Language::French => (
            "Est-ce votre adresse ?".into(),
            format!(
                "Quelqu’un sur {site} veut recevoir à cette adresse un e-mail quand les chaînes suivies passent en direct.\n\n\
                 Si c’est vous, confirmez ici :\n{link}\n\nSinon, il n’y a rien à faire : rien d’autre ne viendra.\n"
            ),
        ),
    }
}

fn news(language: Language, site: &str, told: &Told, unsubscribe: &str) -> (String, String) {
    let Told {
        channel,
        handle,
        title,
        ..
    } = told;
    let watch = format!("{site}/@{handle}");
    match language {
        Language::English => (
            format!("{channel} is live: {title}"),
            format!(
                "{channel} is live now.\n{title}\n\nWatch: {watch}\n\n--\nYou get this because you follow {channel} on \
                 {site}.\nOne click, and no more of these: {unsubscribe}\nYour settings: {site}/me\n"
            ),
        ),
        Language::French => (
            format!("{channel} est en direct : {title}"),
            format!(
                "{channel} est en direct.\n{title}\n\nRegarder : {watch}\n\n--\nVous recevez ceci parce que vous suivez \
                 {channel} sur {site}.\nUn clic, et il n’en viendra plus : {unsubscribe}\nVos réglages : {site}/me\n"
            ),
        ),
    }
}
