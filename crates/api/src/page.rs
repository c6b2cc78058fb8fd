//! Lists a page at a time. A cursor is opaque to clients: where the last page ended.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longer ones are not ours.
const CURSOR_BYTES_MAX: usize = 64;

/// One page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Asks for the next page; null on the last.
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A list that has one page only.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// Makes a page of rows read with one more than `limit`, to see whether there is a next page.
    pub fn of(mut rows: Vec<T>, limit: Limit, cursor: impl FnOnce(&T) -> Cursor) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = if more { rows.last().map(cursor) } else { None };
        Self { items: rows, next }
    }
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub fn from_i64(number: i64) -> Self {
        Self(number.to_be_bytes().to_vec())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number it was made of, if it was.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.as_slice().try_into().ok().map(i64::from_be_bytes)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD
            .decode(text.as_bytes())
            .map_err(|_| de::Error::custom("not a cursor of this list"))?;
        if bytes.len() > CURSOR_BYTES_MAX {
            return Err(de::Error::custom("not a cursor of this list"));
        }
        Ok(Self(bytes))
    }
}

/// How many items a page has at most: 1–100, 30 when nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u8);

impl Limit {
    pub const MAX: usize = 100;

    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// One more, for [`Page::of`], as a statement's parameter.
    pub fn and_one(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(30)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        match u8::try_from(number) {
            Ok(fits) if (1..=Self::MAX).contains(&usize::from(fits)) => Ok(Self(fits)),
            _ => Err(de::Error::custom("must be from 1 to 100")),
        }
    }
}

/// Which page: the query of every list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
    /// Items at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 30)]
    pub limit: Limit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let text = serde_json::to_string(&Cursor::from_i64(-7)).unwrap();
        let back: Cursor = serde_json::from_str(&text).unwrap();
        assert_eq!(back.as_i64(), Some(-7));
        assert!(serde_json::from_str::<Cursor>(r#""not base64!""#).is_err());
        assert_eq!(Cursor::from_bytes(b"abc").as_i64(), None);
    }

    #[test]
    fn one_row_too_many_means_a_next_page() {
        let limit = Limit(2);
        let page = Page::of(vec![1, 2, 3], limit, |n| Cursor::from_i64(*n));
        assert_eq!((page.items, page.next), (vec![1, 2], Some(Cursor::from_i64(2))));
        assert_eq!(Page::of(vec![1, 2], limit, |n| Cursor::from_i64(*n)).next, None);
    }

    #[test]
    fn a_limit_is_bounded() {
        for (text, ok) in [
            ("1", true),
            ("100", true),
            ("0", false),
            ("101", false),
            ("-1", false),
        ] {
            assert_eq!(serde_json::from_str::<Limit>(text).is_ok(), ok, "{text}");
        }
    }
}
