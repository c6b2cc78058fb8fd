//! Values that both databases can hold, and rows of them.

use std::borrow::Cow;

use busk_base::*;

use crate::StoreError;

/// One value in a row: 64-bit integers, text, bytes, truth values; nothing else is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Null,
    Int(i64),
    Bool(bool),
    Text(Cow<'static, str>),
    Blob(Vec<u8>),
    /// Stored as its 16 bytes, and read back as [`Value::Blob`]; most values are ids, and these need no heap.
    Uuid(uuid::Uuid),
}

/// One row of an answer, columns from 0.
#[derive(Clone, Debug)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// The value of a column, as `T`.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T, StoreError> {
        let value = self
            .0
            .get(column)
            .ok_or_else(|| StoreError::Broken(format!("no column {column} in a row of {}", self.0.len())))?;
        T::from_value(value)
            .ok_or_else(|| StoreError::Broken(format!("column {column} holds another type: {value:?}")))
    }
}

/// A type that a stored value can be read as.
pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(*truth),
            Value::Int(number) => Some(*number != 0),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone().into_owned()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Timestamp::from_unix_us)
    }
}

impl FromValue for PolicyVersion {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(PolicyVersion)
    }
}

impl FromValue for Unit {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(code) => Unit::parse(code),
            _ => None,
        }
    }
}

impl FromValue for uuid::Uuid {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(bytes) => uuid::Uuid::from_slice(bytes).ok(),
            Value::Uuid(id) => Some(*id),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(Cow::Owned(text.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::from(text.as_str())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(Cow::Owned(text))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Value::Blob(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Value::Blob(bytes)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Value::Int(time.unix_us())
    }
}

impl From<PolicyVersion> for Value {
    fn from(version: PolicyVersion) -> Self {
        Value::Int(version.0)
    }
}

impl From<Unit> for Value {
    fn from(unit: Unit) -> Self {
        Value::from(unit.code())
    }
}

impl From<uuid::Uuid> for Value {
    fn from(id: uuid::Uuid) -> Self {
        Value::Uuid(id)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

macro_rules! ids {
    ($($name:ident),*) => {$(
        impl FromValue for $name {
            fn from_value(value: &Value) -> Option<Self> {
                uuid::Uuid::from_value(value).map($name)
            }
        }
        impl From<$name> for Value {
            fn from(id: $name) -> Self {
                Value::from(id.0)
            }
        }
    )*};
}

ids!(
    PersonId,
    GuestId,
    ChannelId,
    SessionId,
    RoomId,
    MessageId,
    EmoteId,
    RecordId,
    GiftId,
    StreakId,
    GoalId,
    PollId,
    PaymentId,
    RefundId,
    PayoutId,
    PayoutBatchId,
    DisputeId,
    RedemptionId,
    PostingId,
    JobId,
    MediaSessionId,
    RestreamTargetId,
    OverlayId,
    TokenId,
    WebhookId,
    DeliveryId
);
