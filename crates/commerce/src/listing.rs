//! Which page of an operator's list: newest first, each page from where the last ended.

use busk_api::{Cursor, Limit, Problem};
use busk_base::Timestamp;
use serde::Deserialize;

/// The query of operators' lists.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only what wants an operator.
    #[serde(default)]
    pub open: bool,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Items at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 30)]
    pub limit: Limit,
}

impl ListQuery {
    /// What is listed is older than this.
    pub(crate) fn before(&self) -> Result<Timestamp, Problem> {
        let Some(cursor) = &self.cursor else {
            return Ok(Timestamp::from_unix_us(i64::MAX));
        };
        let at = cursor.as_i64().map(Timestamp::from_unix_us);
        at.ok_or_else(|| Problem::invalid("cursor", "is not one of this list"))
    }
}

/// Where a page ended.
pub(crate) fn cursor(at: Timestamp) -> Cursor {
    Cursor::from_i64(at.unix_us())
}
