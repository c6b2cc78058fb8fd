//! A batch as SEPA credit transfers: ISO 20022 `pain.001.001.09`, by the EPC's customer-to-bank implementation
//! guidelines (EPC132-08): service level SEPA, charges shared, and the letters that every bank must know.

use super::{Batch, Credit, decimal, short};
use crate::payouts::bank::BankDetails;

pub(super) fn file(batch: &Batch, debtor: &BankDetails, credits: &[Credit]) -> String {
    let created = batch.made_at.to_string();
    let (date, second) = (&created[..10], &created[..19]);
    let sums = format!(
        "<NbOfTxs>{}</NbOfTxs><CtrlSum>{}</CtrlSum>",
        credits.len(),
        decimal(credits.iter().map(|credit| credit.payout.amount).sum())
    );
    let (id, name) = (short(batch.id.0), latin(&debtor.name));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">\n<CstmrCdtTrfInitn>\n\
         <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{second}Z</CreDtTm>{sums}<InitgPty><Nm>{name}</Nm></InitgPty></GrpHdr>\n\
         <PmtInf><PmtInfId>{id}</PmtInfId><PmtMtd>TRF</PmtMtd>{sums}\
         <PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>\
         <ReqdExctnDt><Dt>{date}</Dt></ReqdExctnDt><Dbtr><Nm>{name}</Nm></Dbtr>\
         <DbtrAcct><Id><IBAN>{}</IBAN></Id></DbtrAcct>\
         <DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt>\
         <ChrgBr>SLEV</ChrgBr>\n",
        debtor.iban.as_str()
    );
    for Credit { payout, to } in credits {
        let id = short(payout.id.0);
        text.push_str(&format!(
            "<CdtTrfTxInf><PmtId><EndToEndId>{id}</EndToEndId></PmtId>\
             <Amt><InstdAmt Ccy=\"EUR\">{}</InstdAmt></Amt><Cdtr><Nm>{}</Nm></Cdtr>\
             <CdtrAcct><Id><IBAN>{}</IBAN></Id></CdtrAcct><RmtInf><Ustrd>Payout {id}</Ustrd></RmtInf></CdtTrfTxInf>\n",
            decimal(payout.amount),
            latin(&to.name),
            to.iban.as_str()
        ));
    }
    text.push_str("</PmtInf>\n</CstmrCdtTrfInitn>\n</Document>\n");
    text
}

/// In the letters that every bank of SEPA knows (EPC217-08): near letters for those of Latin alphabets, `+` for `&`,
/// and a point for anything else. What is left needs no escape in XML but the apostrophe, which needs none in text.
/// At most 70 characters.
fn latin(text: &str) -> String {
    let mut known = String::new();
    for letter in text.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' => known.push(letter),
            '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+' => known.push(letter),
            '&' => known.push('+'),
            other => known.push_str(near(other)),
        }
    }
    known.truncate(70);
    known
}

/// Of Latin-1 and Latin Extended-A what names have.
fn near(letter: char) -> &'static str {
    match letter {
        'Ä' | 'Æ' => "Ae",
        'Ö' | 'Ø' | 'Œ' => "Oe",
        'Ü' => "Ue",
        'ä' | 'æ' => "ae",
        'ö' | 'ø' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'Å' => "Aa",
        'å' => "aa",
        'À' | 'Á' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'à' | 'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' => "a",
        'Ç' | 'Ć' | 'Č' => "C",
        'ç' | 'ć' | 'č' => "c",
        'Ď' | 'Đ' | 'Ð' => "D",
        'ď' | 'đ' | 'ð' => "d",
        'È' | 'É' | 'Ê' | 'Ë' | 'Ē' | 'Ė' | 'Ę' | 'Ě' => "E",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'Ğ' | 'Ģ' => "G",
        'ğ' | 'ģ' => "g",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'Ī' | 'Į' | 'İ' => "I",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'Ķ' => "K",
        'ķ' => "k",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ł' => "L",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' => "N",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ō' | 'Ő' => "O",
        'ò' | 'ó' | 'ô' | 'õ' | 'ō' | 'ő' => "o",
        'Ŕ' | 'Ř' => "R",
        'ŕ' | 'ř' => "r",
        'Ś' | 'Ş' | 'Š' | 'Ș' => "S",
        'ś' | 'ş' | 'š' | 'ș' => "s",
        'Ť' | 'Ţ' | 'Ț' => "T",
        'ť' | 'ţ' | 'ț' => "t",
        'Ù' | 'Ú' | 'Û' | 'Ū' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'Ý' | 'Ÿ' => "Y",
        'ý' | 'ÿ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        'Þ' => "Th",
        'þ' => "th",
        _ => ".",
    }
}
