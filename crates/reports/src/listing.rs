//! Which page of an operator's list, and of one's own.

use busk_api::{Cursor, Limit, Problem};
use busk_base::Timestamp;
use serde::Deserialize;

/// The query of operators' lists.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeskQuery {
    /// Only what wants an operator.
    #[serde(default)]
    pub open: bool,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
    /// Items at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 30)]
    pub limit: Limit,
}

fn unknown() -> Problem {
    Problem::invalid("cursor", "is not one of this list")
}

/// Where a list that goes by time goes on.
pub(crate) fn before(cursor: Option<&Cursor>) -> Result<Timestamp, Problem> {
    let Some(cursor) = cursor else {
        return Ok(Timestamp::from_unix_us(i64::MAX));
    };
    cursor.as_i64().map(Timestamp::from_unix_us).ok_or_else(unknown)
}

/// Where a list that goes by priority, then by time, goes on.
pub(crate) fn after(cursor: Option<&Cursor>) -> Result<(i64, Timestamp), Problem> {
    let Some(cursor) = cursor else {
        return Ok((-1, Timestamp::from_unix_us(0)));
    };
    let halves = cursor.as_bytes().split_at_checked(8);
    let number = |bytes: &[u8]| bytes.try_into().ok().map(i64::from_be_bytes);
    let both = halves.and_then(|(a, b)| Some((number(a)?, Timestamp::from_unix_us(number(b)?))));
    both.ok_or_else(unknown)
}

pub(crate) fn at(time: Timestamp) -> Cursor {
    Cursor::from_i64(time.unix_us())
}

pub(crate) fn at_priority(priority: i64, time: Timestamp) -> Cursor {
    Cursor::from_bytes(&[priority.to_be_bytes(), time.unix_us().to_be_bytes()].concat())
}
