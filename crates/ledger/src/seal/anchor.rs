//! The anchor: a line a seal, in a file outside the database. Whoever can rewrite every row and every seal must
//! also rewrite that file, and the copies that were made of it. No I/O here: text in, text out.

use super::Seal;

/// The line of a seal, without its line feed.
pub fn line(seal: &Seal) -> String {
    format!(
        "{} until {} policies {} accounts {} postings {} transfers {} resolutions {} sha256 {}",
        seal.number,
        seal.until,
        seal.through.policy,
        seal.through.account,
        seal.through.posting,
        seal.through.transfer,
        seal.resolutions,
        seal.hash
    )
}

/// What the anchor and the seals disagree on.
pub fn compare(seals: &[Seal], text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push("the anchor's last line is not whole".into());
    }
    let mut lines = text.split_terminator('\n');
    for seal in seals {
        match lines.next() {
            None => findings.push(format!("seal {} is not in the anchor", seal.number)),
            Some(said) if said != line(seal) => findings.push(format!(
                "seal {} is not what the anchor says: {said}",
                seal.number
            )),
            Some(_) => {}
        }
    }
    findings.extend(lines.map(|said| format!("the anchor has a seal that the table has not: {said}")));
    findings
}

/// Why an anchor is not mended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the anchor and the seals disagree: {0}")]
pub struct Torn(pub String);

/// How to mend an anchor whose writer died between a commit and its line: the length to which it is whole, and
/// the line to add. `None` when nothing is missing. Only the last line can be missing in this way, since each is
/// written before the next seal is made; anything else is for people to look at.
pub fn mend(seals: &[Seal], text: &str) -> Result<Option<(usize, String)>, Torn> {
    let Some((last, before)) = seals.split_last() else {
        return match compare(seals, text).into_iter().next() {
            None => Ok(None),
            Some(finding) => Err(Torn(finding)),
        };
    };
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let (kept, torn) = text.split_at(whole);
    let wanted = format!("{}\n", line(last));
    if torn.is_empty() && compare(seals, kept).is_empty() {
        return Ok(None);
    }
    match compare(before, kept).into_iter().next() {
        None if wanted.starts_with(torn) => Ok(Some((whole, wanted))),
        None => Err(Torn("its last line is another".into())),
        Some(finding) => Err(Torn(finding)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Hash, Through};
    use busk_base::Timestamp;

    fn seal(number: i64) -> Seal {
        Seal {
            number,
            until: Timestamp::from_unix_us(number * 1_000_000),
            through: Through::default(),
            resolutions: 0,
            sums: Default::default(),
            hash: Hash([number as u8; 32]),
        }
    }

    #[test]
    fn only_the_last_line_is_mended() {
        let seals = [seal(1), seal(2), seal(3)];
        let [one, two, three] = [1, 2, 3].map(|n| format!("{}\n", line(&seal(n))));
        let all = format!("{one}{two}{three}");
        let two_lines = format!("{one}{two}");
        assert_eq!(mend(&seals, &all), Ok(None));
        let mended = Some((two_lines.len(), three.clone()));
        assert_eq!(mend(&seals, &two_lines), Ok(mended.clone()));
        let torn = format!("{two_lines}{}", &three[..9]);
        assert_eq!(mend(&seals, &torn), Ok(mended), "a line that was begun");
        for (what, text) in [
            ("two are missing", one.clone()),
            ("none is there", String::new()),
            ("another last line", format!("{two_lines}3 since")),
            ("an edited line", all.replace("0202", "0203")),
            ("one too many", format!("{all}{three}")),
            ("a line without an end", all.trim_end().replace("until", "UNTIL")),
        ] {
            assert!(mend(&seals, &text).is_err(), "{what}");
        }
        assert_eq!(mend(&seals[..1], ""), Ok(Some((0, one.clone()))));
        assert_eq!(mend(&[], ""), Ok(None));
        assert!(mend(&[], &one).is_err());
    }

    #[test]
    fn every_difference_is_told() {
        let seals = [seal(1), seal(2)];
        let lines = seals.each_ref().map(|seal| format!("{}\n", line(seal)));
        let whole = lines.concat();
        assert_eq!(compare(&seals, &whole), Vec::<String>::new());
        for (place, byte) in whole.bytes().enumerate() {
            let mut edited = whole.clone().into_bytes();
            edited[place] = if byte == b'0' { b'1' } else { b'0' };
            let edited = String::from_utf8(edited).unwrap();
            assert!(!compare(&seals, &edited).is_empty(), "byte {place}");
        }
        for cut in 0..whole.len() {
            assert!(!compare(&seals, &whole[..cut]).is_empty(), "cut to {cut}");
        }
    }
}
