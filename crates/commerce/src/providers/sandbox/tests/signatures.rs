//! Signatures of notices.

use busk_base::Timestamp;

use super::super::{SignatureError, sign, verify};

const SECRET: [u8; 32] = [7; 32];
const AT_S: i64 = 1_795_252_800;
const BODY: &[u8] = b"{\"kind\":\"settled\"}";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_us(seconds * 1_000_000)
}

#[test]
fn a_notice_is_believed_when_all_fits() {
    let good = sign(&SECRET, "evt_1", at(AT_S), BODY);
    let foreign = sign(&[8; 32], "evt_1", at(AT_S), BODY);
    let (both, neither) = (format!("{foreign} {good}"), format!("{foreign} v1,?? v2,x"));
    let seconds = AT_S.to_string();
    let (good, foreign) = (good.as_str(), foreign.as_str());
    let (wrong, stale, missing) = (
        Err(SignatureError::Wrong),
        Err(SignatureError::Stale),
        Err(SignatureError::Missing),
    );
    type Row<'a> = (
        Option<&'a str>,
        Option<&'a str>,
        Option<&'a str>,
        &'a [u8],
        i64,
        Result<(), SignatureError>,
    );
    let (id, time) = (Some("evt_1"), Some(seconds.as_str()));
    let table: &[Row] = &[
        (id, time, Some(good), BODY, 0, Ok(())),
        (id, time, Some(&both), BODY, 0, Ok(())),
        (id, time, Some(good), BODY, 300, Ok(())),
        (id, time, Some(good), BODY, -300, Ok(())),
        (id, time, Some(good), BODY, 301, stale),
        (id, time, Some(good), BODY, -301, stale),
        (id, Some("soon"), Some(good), BODY, 0, stale),
        (id, Some(""), Some(good), BODY, 0, stale),
        (id, time, Some(foreign), BODY, 0, wrong),
        (id, time, Some(&neither), BODY, 0, wrong),
        (id, time, Some(""), BODY, 0, wrong),
        (id, time, Some(&good[3..]), BODY, 0, wrong),
        (Some("evt_2"), time, Some(good), BODY, 0, wrong),
        (id, Some("1795252801"), Some(good), BODY, 0, wrong),
        (id, time, Some(good), b"{}", 0, wrong),
        (None, time, Some(good), BODY, 0, missing),
        (id, None, Some(good), BODY, 0, missing),
        (id, time, None, BODY, 0, missing),
    ];
    for (row, (id, time, signature, body, late_s, expected)) in table.iter().enumerate() {
        let now = at(AT_S + late_s);
        let found = verify(&SECRET, *id, *time, *signature, body, now);
        assert_eq!(found, *expected, "row {row}");
    }
}
