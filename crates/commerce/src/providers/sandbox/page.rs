//! The sandbox's pages: plain HTML, no script, visibly not a bank. For phones first, light and dark.

use busk_base::Timestamp;

use super::card::Card;
use super::checkout::{Checkout, Outcome};
use super::creator::{Account, Answer};
use super::dispute::{Dispute, Ended};
use super::words::{self, Text};
use crate::html::{Language, escape};
use crate::providers::Identity;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d1a16;--paper:#f5f1ea;--card:#fff;--line:#0002;--act:#0b6b4f}
@media (prefers-color-scheme:dark){:root{--ink:#f3eee6;--paper:#151310;--card:#201d19;--line:#fff2;--act:#5fd3ab}}
*{box-sizing:border-box}body{margin:0;min-height:100dvh;display:grid;place-items:center;padding:24px;
background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:380px;background:var(--card);border:1px solid var(--line);border-radius:20px;padding:28px}
h1{font-size:14px;margin:0 0 20px;opacity:.7;font-weight:600}h2{font-size:14px;margin:24px 0 0;opacity:.7;font-weight:600}
.sum{font-size:40px;font-weight:700;letter-spacing:-.02em;line-height:1.1}p{margin:4px 0 20px;overflow-wrap:anywhere}
.note{font-size:14px;border:1px dashed var(--line);border-radius:12px;padding:10px 12px}
button,a.button{display:block;width:100%;min-height:48px;margin-top:12px;border-radius:24px;border:1px solid var(--line);
background:none;color:inherit;font:inherit;font-weight:600;cursor:pointer;text-align:center;padding:11px 16px;text-decoration:none}
button.main{background:var(--act);color:var(--card);border-color:transparent}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}";

/// Where a payer pays.
pub(super) fn checkout(checkout: &Checkout, is_open: bool, language: Language, now: Timestamp) -> String {
    let end = match (checkout.outcome, checkout.card) {
        (Some(Outcome::Paid), _) => Some(words::PAID),
        (Some(Outcome::Declined), Some(Card::Insufficient)) => Some(words::INSUFFICIENT),
        (Some(Outcome::Declined), Some(Card::Secure)) => Some(words::UNCONFIRMED),
        (Some(Outcome::Declined), _) => Some(words::DECLINED),
        (None, _) if checkout.is_expired(now) => Some(words::EXPIRED),
        (None, _) if !is_open => Some(words::CLOSED),
        (None, _) => None,
    };
    let body = match end {
        None => cards(language),
        Some(end) => {
            let disputed = checkout.card == Some(Card::Disputed) && checkout.outcome == Some(Outcome::Paid);
            let dispute = match disputed {
                true => {
                    let address = format!("/sandbox/checkout/{}/dispute", checkout.checkout);
                    link(&address, "sandbox-to-dispute", language.say(words::TO_DISPUTE))
                }
                false => String::new(),
            };
            status("sandbox-outcome", language.say(end)) + &dispute + &back(&checkout.return_to, language)
        }
    };
    let lines = [&sum(checkout), &note(words::NOTE, language), &body];
    frame(words::CHECKOUT, language, &lines.map(String::as_str).concat())
}

fn cards(language: Language) -> String {
    let buttons = Card::ALL.map(|card| {
        let button = button(
            "outcome",
            card.word(),
            card == Card::Good,
            language.say(words::card(card)),
        );
        match card {
            // After the two that everybody needs.
            Card::Insufficient => format!("<h2>{}</h2>{button}", language.say(words::OTHER_CARDS)),
            _ => button,
        }
    });
    form(&buttons.concat())
}

/// Where the payer's bank asks the payer (3-D Secure).
pub(super) fn bank(checkout: &Checkout, language: Language) -> String {
    let asks = format!("<p>{}</p>", language.say(words::BANK_ASKS));
    let buttons = button("outcome", "confirm", true, language.say(words::CONFIRM))
        + &button("outcome", "refuse", false, language.say(words::REFUSE));
    let lines = [
        &sum(checkout),
        &note(words::NOTE, language),
        &asks,
        &form(&buttons),
    ];
    frame(words::BANK, language, &lines.map(String::as_str).concat())
}

/// Where a dispute is decided.
pub(super) fn dispute(checkout: &Checkout, dispute: &Dispute, language: Language, now: Timestamp) -> String {
    let body = match dispute.outcome {
        Some(ended) => {
            let text = match ended {
                Ended::Won => words::WON,
                Ended::Lost => words::LOST,
            };
            status("sandbox-dispute-outcome", language.say(text)) + &back(&checkout.return_to, language)
        }
        None if now < dispute.opens_at => status("sandbox-dispute-soon", language.say(words::DISPUTE_SOON)),
        None => {
            let buttons = button("outcome", "won", true, language.say(words::WIN))
                + &button("outcome", "lost", false, language.say(words::LOSE));
            format!("<p>{}</p>", language.say(words::DISPUTE_OPEN)) + &form(&buttons)
        }
    };
    let lines = [&sum(checkout), &note(words::NOTE, language), &body];
    frame(words::DISPUTE, language, &lines.map(String::as_str).concat())
}

/// Where a creator says who they are.
pub(super) fn creator(account: &Account, language: Language) -> String {
    let known = match account.identity {
        Identity::Unverified => words::UNVERIFIED,
        Identity::Pending => words::PENDING,
        Identity::Verified => words::VERIFIED,
        Identity::Rejected => words::REJECTED,
    };
    let first = Answer::ALL[0];
    let buttons = Answer::ALL.map(|answer| {
        button(
            "answer",
            answer.word(),
            answer == first,
            language.say(words::answer(answer)),
        )
    });
    let lines = [
        status("sandbox-identity", language.say(known)),
        note(words::CREATOR_NOTE, language),
        form(&buttons.concat()),
        back(&account.return_to, language),
    ];
    frame(words::CREATOR, language, &lines.concat())
}

fn sum(checkout: &Checkout) -> String {
    format!(
        "<div class=\"sum\">{whole}.{cents:02} {currency}</div><p>{description}</p>",
        whole = checkout.amount / 100,
        cents = checkout.amount % 100,
        currency = escape(&checkout.currency),
        description = escape(&checkout.description),
    )
}

fn note(text: Text, language: Language) -> String {
    format!("<p class=\"note\">{}</p>", language.say(text))
}

fn status(id: &str, text: &str) -> String {
    format!("<p role=\"status\" data-testid=\"{id}\">{text}</p>")
}

/// A form that leads to the page that it is on.
fn form(buttons: &str) -> String {
    format!("<form method=\"post\">{buttons}</form>")
}

fn button(name: &str, value: &str, is_main: bool, text: &str) -> String {
    let class = if is_main { " class=\"main\"" } else { "" };
    format!(
        "<button{class} name=\"{name}\" value=\"{value}\" data-testid=\"sandbox-{value}\">{text}</button>"
    )
}

fn link(address: &str, id: &str, text: &str) -> String {
    let address = escape(address);
    format!("<a class=\"button\" href=\"{address}\" data-testid=\"{id}\">{text}</a>")
}

fn back(return_to: &str, language: Language) -> String {
    link(return_to, "sandbox-back", language.say(words::BACK))
}

fn frame(title: Text, language: Language, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>",
        lang = language.tag(),
        title = language.say(title),
    )
}
