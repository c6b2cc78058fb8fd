//! A batch as a table (RFC 4180), for banks that take no SEPA file.

use super::{Credit, decimal};

pub(super) fn file(credits: &[Credit]) -> String {
    let mut text = String::from("payout,name,iban,amount,currency\r\n");
    for Credit { payout, to } in credits {
        let line = [
            payout.id.to_string(),
            field(&to.name),
            to.iban.as_str().to_owned(),
            decimal(payout.amount),
            payout.currency.clone(),
        ];
        text.push_str(&line.join(","));
        text.push_str("\r\n");
    }
    text
}

/// In quotes; a spreadsheet must not take a name for a formula.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}
