//! A receipt: a page to be printed or kept, plain HTML without a script.

use busk_people::Person;

use super::{Entry, Order};
use crate::html::{Language, escape};

/// What a receipt says.
pub(super) struct Receipt<'a> {
    /// Where people find the site.
    pub(super) site: &'a str,
    pub(super) payer: &'a Person,
    pub(super) entry: &'a Entry,
    /// In what was paid and not given back.
    pub(super) tax: i64,
}

struct Words {
    title: &'static str,
    number: &'static str,
    date: &'static str,
    from: &'static str,
    payer: &'static str,
    paid_by: &'static str,
    item: &'static str,
    price: &'static str,
    refunded: &'static str,
    total: &'static str,
    tax: &'static str,
}

const ENGLISH: Words = Words {
    title: "Receipt",
    number: "Number",
    date: "Paid on",
    from: "From",
    payer: "To",
    paid_by: "Paid through",
    item: "For",
    price: "Price",
    refunded: "Given back",
    total: "Total",
    tax: "Tax included in it",
};

const FRENCH: Words = Words {
    title: "Reçu",
    number: "Numéro",
    date: "Payé le",
    from: "De",
    payer: "À",
    paid_by: "Payé par",
    item: "Pour",
    price: "Prix",
    refunded: "Remboursé",
    total: "Total",
    tax: "Taxe comprise",
};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d1a16;--paper:#f5f1ea;--card:#fff;--line:#0002}
@media (prefers-color-scheme:dark){:root{--ink:#f3eee6;--paper:#151310;--card:#201d19;--line:#fff2}}
*{box-sizing:border-box}body{margin:0;padding:24px;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:560px;margin:0 auto;background:var(--card);border:1px solid var(--line);border-radius:20px;padding:28px}
h1{margin:0 0 20px;font-size:28px;letter-spacing:-.02em;line-height:1.1}
dl{margin:0;display:grid;grid-template-columns:minmax(7em,auto) 1fr;gap:6px 20px}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
dl.sum{margin-top:20px;padding-top:20px;border-top:1px solid var(--line);grid-template-columns:1fr auto}
dl.sum dd{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
dl.sum .total{font-weight:700;opacity:1}
@media print{:root{color-scheme:light;--ink:#000;--paper:#fff;--card:#fff;--line:#0004}
body{padding:0}main{border:0;padding:0;max-width:none}}";

pub(super) fn page(receipt: &Receipt, language: Language) -> String {
    let words = match language {
        Language::English => ENGLISH,
        Language::French => FRENCH,
    };
    let payment = &receipt.entry.payment;
    let host = receipt
        .site
        .split_once("://")
        .map_or(receipt.site, |(_, host)| host);
    let payer = format!("{} (@{})", receipt.payer.display_name, receipt.payer.handle);
    let paid_at = payment.settled_at.unwrap_or(payment.created_at).to_string();
    let (day, time) = (paid_at.get(..10), paid_at.get(11..16));
    let facts = [
        (words.from, host.to_owned()),
        ("", receipt.site.to_owned()),
        (words.payer, payer),
        (words.number, payment.id.to_string()),
        (
            words.date,
            format!("{} {} UTC", day.unwrap_or(&paid_at), time.unwrap_or_default()),
        ),
        (words.paid_by, payment.provider.clone()),
        (words.item, what(receipt.entry, language)),
    ];
    let money = |amount| money(amount, &payment.currency, language);
    let mut sums = vec![(words.price, money(payment.price), "")];
    if payment.refunded > 0 {
        sums.push((words.refunded, money(-payment.refunded), ""));
    }
    sums.push((words.total, money(payment.price - payment.refunded), "total"));
    sums.push((words.tax, money(receipt.tax), ""));

    let facts = facts.map(|(term, text)| format!("<dt>{term}</dt><dd>{}</dd>", escape(&text)));
    let sums = sums.into_iter().map(|(term, sum, class)| {
        format!(
            "<dt class=\"{class}\">{term}</dt><dd class=\"{class}\">{}</dd>",
            escape(&sum)
        )
    });
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\"><title>{title} · {host}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><dl>{facts}</dl><dl class=\"sum\">{sums}</dl></main></body></html>",
        lang = language.tag(),
        title = words.title,
        host = escape(host),
        facts = facts.concat(),
        sums = sums.collect::<String>(),
    )
}

/// What was paid for, in a few words.
fn what(entry: &Entry, language: Language) -> String {
    let (mut text, of) = match (entry.payment.order, language) {
        (Order::Coins, _) => return coins(entry, language),
        (Order::Badge, Language::English) => ("Badge".to_owned(), "of"),
        (Order::Badge, Language::French) => ("Badge".to_owned(), "de"),
        (Order::Ticket, Language::English) => ("Ticket".to_owned(), "of"),
        (Order::Ticket, Language::French) => ("Billet".to_owned(), "de"),
        (Order::Subscription, Language::English) => ("Subscription".to_owned(), "to"),
        (Order::Subscription, Language::French) => ("Abonnement".to_owned(), "à"),
        (Order::GiftedSubscription, Language::English) => ("Gifted subscription".to_owned(), "to"),
        (Order::GiftedSubscription, Language::French) => ("Abonnement offert".to_owned(), "à"),
    };
    if let Some(channel) = &entry.channel {
        text.push_str(&format!(" {of} {} (@{})", channel.name, channel.handle));
    }
    text
}

fn coins(entry: &Entry, language: Language) -> String {
    let (coins, promotional) = entry
        .coins
        .as_ref()
        .map_or((0, 0), |order| (order.coins, order.promotional));
    match (language, promotional) {
        (Language::English, 0) => format!("{coins} coins"),
        (Language::English, _) => format!("{coins} coins, and {promotional} free"),
        (Language::French, 0) => format!("{coins} pièces"),
        (Language::French, _) => format!("{coins} pièces, et {promotional} offertes"),
    }
}

fn money(amount: i64, currency: &str, language: Language) -> String {
    let sign = if amount < 0 { "−" } else { "" };
    let point = match language {
        Language::English => '.',
        Language::French => ',',
    };
    let amount = amount.unsigned_abs();
    format!("{sign}{}{point}{:02} {currency}", amount / 100, amount % 100)
}
