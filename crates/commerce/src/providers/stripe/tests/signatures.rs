//! Signatures of events.

use busk_base::Timestamp;

use super::super::webhook::SignatureError::{self, Missing, Stale, Wrong};
use super::super::{sign, verify};

const AT_S: i64 = 1_795_252_800;
const BODY: &[u8] = b"{\"id\":\"evt_1\"}";
/// Of the body at that time by `whsec_one`, made with another program.
const BY_ONE: &str = "22bc05fa50baa01d075e470bdd5e46ba44a789cebcb3570ff5f6dce205b419a0";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_us(seconds * 1_000_000)
}

#[test]
fn an_event_is_believed_when_all_fits() {
    let secrets = ["whsec_one".to_owned(), "whsec_two".to_owned()];
    let one = sign("whsec_one", at(AT_S), BODY);
    assert_eq!(one, format!("t={AT_S},v1={BY_ONE}"));
    let two = sign("whsec_two", at(AT_S), BODY);
    let foreign = sign("whsec_three", at(AT_S), BODY);
    let of = |signature: &str| {
        signature
            .split_once("v1=")
            .map(|(_, tag)| tag.to_owned())
            .unwrap()
    };
    let (by_two, by_foreign) = (of(&two), of(&foreign));
    let many = format!(",v1={by_foreign}").repeat(8);
    type Row<'a> = (Option<String>, &'a [u8], i64, Result<(), SignatureError>);
    let some = |text: String| Some(text);
    let table: Vec<Row> = vec![
        (some(one.clone()), BODY, 0, Ok(())),
        (some(two.clone()), BODY, 0, Ok(())),
        (
            some(format!("t={AT_S},v1={by_foreign},v1={by_two}")),
            BODY,
            0,
            Ok(()),
        ),
        (some(format!("t={AT_S},v0=00,v1={BY_ONE}")), BODY, 0, Ok(())),
        (some(format!("v1={BY_ONE}, t={AT_S}")), BODY, 0, Ok(())),
        (some(one.clone()), BODY, 300, Ok(())),
        (some(one.clone()), BODY, -300, Ok(())),
        (some(one.clone()), BODY, 301, Err(Stale)),
        (some(one.clone()), BODY, -301, Err(Stale)),
        (some(format!("t=soon,v1={BY_ONE}")), BODY, 0, Err(Stale)),
        (some(format!("t=,v1={BY_ONE}")), BODY, 0, Err(Stale)),
        // The time is signed with the body.
        (some(format!("t={},v1={BY_ONE}", AT_S + 1)), BODY, 0, Err(Wrong)),
        (some(foreign), BODY, 0, Err(Wrong)),
        (some(one.clone()), b"{\"id\":\"evt_2\"}", 0, Err(Wrong)),
        (some(one.clone()), b"", 0, Err(Wrong)),
        (
            some(format!("t={AT_S},v1={}", BY_ONE.to_uppercase())),
            BODY,
            0,
            Err(Wrong),
        ),
        (some(format!("t={AT_S},v1={}", &BY_ONE[2..])), BODY, 0, Err(Wrong)),
        (some(format!("t={AT_S},v1={BY_ONE}00")), BODY, 0, Err(Wrong)),
        (some(format!("t={AT_S},v1=")), BODY, 0, Err(Wrong)),
        // Bounded work: a ninth signature is not looked at.
        (some(format!("t={AT_S}{many},v1={BY_ONE}")), BODY, 0, Err(Wrong)),
        (some(format!("t={AT_S},v0={BY_ONE}")), BODY, 0, Err(Missing)),
        (some(format!("v1={BY_ONE}")), BODY, 0, Err(Missing)),
        (some(String::new()), BODY, 0, Err(Missing)),
        (None, BODY, 0, Err(Missing)),
    ];
    for (row, (header, body, late_s, expected)) in table.iter().enumerate() {
        let found = verify(&secrets, header.as_deref(), body, at(AT_S + late_s));
        assert_eq!(found, *expected, "row {row}");
    }
    assert_eq!(
        verify(&[], Some(&one), BODY, at(AT_S)),
        Err(Wrong),
        "without a secret nothing is believed"
    );
}
