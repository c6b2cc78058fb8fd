//! The sandbox's checkout page: plain HTML, no script, visibly not a bank.

use busk_base::Timestamp;
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::{Checkout, Outcome};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    French,
}

impl Language {
    /// The first language that the browser names.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let first = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if first.starts_with("fr") {
            Language::French
        } else {
            Language::English
        }
    }
}

struct Words {
    lang: &'static str,
    title: &'static str,
    note: &'static str,
    pay: &'static str,
    decline: &'static str,
    paid: &'static str,
    declined: &'static str,
    expired: &'static str,
    back: &'static str,
}

const ENGLISH: Words = Words {
    lang: "en",
    title: "Sandbox checkout",
    note: "This is a test provider: no card, no money.",
    pay: "Pay",
    decline: "Decline the card",
    paid: "Paid. Your coins arrive in a moment; you can close this page.",
    declined: "The card was declined. Nothing was charged.",
    expired: "This page was open for too long. Nothing was charged.",
    back: "Back to the room",
};

const FRENCH: Words = Words {
    lang: "fr",
    title: "Paiement d’essai",
    note: "Ceci est un prestataire d’essai : ni carte, ni argent.",
    pay: "Payer",
    decline: "Refuser la carte",
    paid: "Payé. Vos pièces arrivent dans un instant ; vous pouvez fermer cette page.",
    declined: "La carte a été refusée. Rien n’a été débité.",
    expired: "Cette page est restée ouverte trop longtemps. Rien n’a été débité.",
    back: "Retour au direct",
};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d1a16;--paper:#f5f1ea;--card:#fff;--line:#0002;--act:#0b6b4f}
@media (prefers-color-scheme:dark){:root{--ink:#f3eee6;--paper:#151310;--card:#201d19;--line:#fff2;--act:#5fd3ab}}
*{box-sizing:border-box}body{margin:0;min-height:100dvh;display:grid;place-items:center;padding:24px;
background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:380px;background:var(--card);border:1px solid var(--line);border-radius:20px;padding:28px}
h1{font-size:14px;margin:0 0 20px;opacity:.7;font-weight:600}
.sum{font-size:40px;font-weight:700;letter-spacing:-.02em;line-height:1.1}p{margin:4px 0 20px}
.note{font-size:14px;border:1px dashed var(--line);border-radius:12px;padding:10px 12px}
button,a.button{display:block;width:100%;min-height:48px;margin-top:12px;border-radius:999px;border:1px solid var(--line);
background:none;color:inherit;font:inherit;font-weight:600;cursor:pointer;text-align:center;line-height:46px;text-decoration:none}
button.pay{background:var(--act);color:var(--card);border-color:transparent}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}";

pub(super) fn checkout(checkout: &Checkout, language: Language, now: Timestamp) -> String {
    let words = match language {
        Language::English => ENGLISH,
        Language::French => FRENCH,
    };
    let end = match checkout.outcome {
        Some(Outcome::Paid) => Some(words.paid),
        Some(Outcome::Declined) => Some(words.declined),
        None if checkout.is_expired(now) => Some(words.expired),
        None => None,
    };
    let body = match end {
        None => format!(
            "<form method=\"post\">\
             <button class=\"pay\" name=\"outcome\" value=\"pay\" data-testid=\"sandbox-pay\">{pay}</button>\
             <button name=\"outcome\" value=\"decline\" data-testid=\"sandbox-decline\">{decline}</button></form>",
            pay = words.pay,
            decline = words.decline,
        ),
        Some(end) => format!(
            "<p role=\"status\" data-testid=\"sandbox-outcome\">{end}</p><a class=\"button\" href=\"{}\">{}</a>",
            escape(&checkout.return_to),
            words.back,
        ),
    };
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>\
         <div class=\"sum\">{whole}.{cents:02} {currency}</div><p>{description}</p>\
         <p class=\"note\">{note}</p>{body}</main></body></html>",
        lang = words.lang,
        title = words.title,
        note = words.note,
        whole = checkout.amount / 100,
        cents = checkout.amount % 100,
        currency = escape(&checkout.currency),
        description = escape(&checkout.description),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
