//! Time as a number: microseconds since 1970 in UTC, written as RFC 3339 outside.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(i64);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an RFC 3339 time")]
pub struct TimestampError;

impl Timestamp {
    pub const fn from_unix_us(us: i64) -> Self {
        Self(us)
    }

    pub const fn unix_us(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970; times before it count as zero.
    pub const fn unix_ms(self) -> u64 {
        if self.0 < 0 { 0 } else { (self.0 / 1_000) as u64 }
    }

    pub const fn unix_s(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The beginning of the calendar month after this time's, in UTC; `None` after the year 9999.
    pub fn next_month(self) -> Option<Self> {
        let time = jiff::Timestamp::from_microsecond(self.0).ok()?;
        let day = time.to_zoned(jiff::tz::TimeZone::UTC).date().last_of_month();
        let first = day.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(first.timestamp().as_microsecond()))
    }

    /// The same day and time of a later month, in UTC; where that month is too short for it, its last day. Counted
    /// from one day, months do not creep: 31 January, 28 February, 31 March. `None` after the year 9999.
    pub fn months_later(self, months: u32) -> Option<Self> {
        let time = jiff::Timestamp::from_microsecond(self.0).ok()?;
        let span = jiff::Span::new().try_months(months).ok()?;
        let later = time.to_zoned(jiff::tz::TimeZone::UTC).checked_add(span).ok()?;
        Some(Self(later.timestamp().as_microsecond()))
    }

    /// The day in UTC, as `2026-11-21`.
    pub fn day(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
            Err(_) => self.to_string(),
        }
    }

    /// As e-mail and RSS write it (RFC 5322 §3.3): `Sat, 21 Nov 2026 09:00:00 +0000`.
    pub fn rfc5322(self) -> String {
        self.in_utc("%a, %d %b %Y %H:%M:%S +0000")
    }

    /// As calendars write it (RFC 5545 §3.3.5): `20261121T090000Z`.
    pub fn rfc5545(self) -> String {
        self.in_utc("%Y%m%dT%H%M%SZ")
    }

    fn in_utc(self, form: &str) -> String {
        let beyond = jiff::Timestamp::MAX;
        let time = jiff::Timestamp::from_microsecond(self.0).unwrap_or(beyond);
        time.strftime(form).to_string()
    }

    /// Time since `earlier`, zero when the clock went backwards.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        Ok(Self(time.as_microsecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let time = Timestamp::from_unix_us(1_795_252_800_123_000);
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(
            "2026-11-21T09:00:00Z".parse::<Timestamp>().map(Timestamp::unix_s),
            Ok(1_795_251_600)
        );
        assert_eq!("yesterday".parse::<Timestamp>(), Err(TimestampError));
    }

    #[test]
    fn each_format_writes_it_its_way() {
        let time: Timestamp = "2026-11-01T09:05:00.5Z".parse().unwrap();
        assert_eq!(time.rfc5322(), "Sun, 01 Nov 2026 09:05:00 +0000");
        assert_eq!(time.rfc5545(), "20261101T090500Z");
        assert!(Timestamp::from_unix_us(i64::MAX).rfc5545().starts_with("9999"));
    }

    #[test]
    fn months_end_where_the_next_begin() {
        let next = |text: &str| {
            let time: Timestamp = text.parse().unwrap();
            time.next_month().unwrap().to_string()
        };
        assert_eq!(next("2026-11-21T09:00:00Z"), "2026-12-01T00:00:00.000Z");
        assert_eq!(next("2026-12-31T23:59:59.999999Z"), "2027-01-01T00:00:00.000Z");
        assert_eq!(next("2028-02-01T00:00:00Z"), "2028-03-01T00:00:00.000Z");
        assert_eq!(next("1969-12-31T23:00:00-02:00"), "1970-02-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_unix_us(i64::MAX).next_month(), None);
        assert_eq!(Timestamp::from_unix_us(1_795_252_800_000_000).day(), "2026-11-21");
    }

    #[test]
    fn months_are_counted_from_one_day() {
        let later = |text: &str, months| {
            let time: Timestamp = text.parse().unwrap();
            time.months_later(months).unwrap().to_string()
        };
        let months = [1, 2, 3, 13].map(|months| later("2027-01-31T09:00:00Z", months));
        let expected = ["2027-02-28", "2027-03-31", "2027-04-30", "2028-02-29"];
        assert_eq!(months, expected.map(|day| format!("{day}T09:00:00.000Z")));
        assert_eq!(later("2027-01-31T09:00:00Z", 0), "2027-01-31T09:00:00.000Z");
        assert_eq!(Timestamp::from_unix_us(i64::MAX).months_later(1), None);
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_time() {
        let (a, b) = (Timestamp::from_unix_us(5), Timestamp::from_unix_us(9));
        assert_eq!(a.since(b), Duration::ZERO);
        assert_eq!(b.since(a), Duration::from_micros(4));
    }
}
