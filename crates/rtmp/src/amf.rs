//! AMF 0, the values in RTMP's commands (Action Message Format 0, §2): read within bounds, and written.
//!
//! Invariant: what is read is bounded in depth and in number, whatever lengths the bytes claim.

/// Encoders nest two deep.
const DEPTH_MAX: usize = 8;
const VALUES_MAX: usize = 1_024;

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const ECMA_ARRAY: u8 = 0x08;
const OBJECT_END: u8 = 0x09;
const STRICT_ARRAY: u8 = 0x0a;
const DATE: u8 = 0x0b;
const LONG_STRING: u8 = 0x0c;
const XML: u8 = 0x0f;
const TYPED_OBJECT: u8 = 0x10;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Boolean(bool),
    String(String),
    Null,
    /// Objects, typed ones and ECMA arrays: names and values in the order they came.
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
}

impl Value {
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn string(&self) -> Option<&str> {
        match self {
            Self::String(string) => Some(string),
            _ => None,
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// All values of a message; `None` when they are cut short, of no known kind, too deep or too many.
pub(crate) fn read(bytes: &[u8]) -> Option<Vec<Value>> {
    let mut reader = Reader { bytes, values: 0 };
    let mut values = Vec::new();
    while !reader.bytes.is_empty() {
        values.push(reader.value(0)?);
    }
    Some(values)
}

struct Reader<'a> {
    bytes: &'a [u8],
    values: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<usize> {
        Some(usize::from(u16::from_be_bytes(self.array()?)))
    }

    fn u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.array()?)).ok()
    }

    fn text(&mut self, length: usize) -> Option<String> {
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.values += 1;
        if depth > DEPTH_MAX || self.values > VALUES_MAX {
            return None;
        }
        let [kind] = self.array()?;
        Some(match kind {
            NUMBER => Value::Number(f64::from_be_bytes(self.array()?)),
            BOOLEAN => Value::Boolean(self.array::<1>()? != [0]),
            STRING => {
                let length = self.u16()?;
                Value::String(self.text(length)?)
            }
            LONG_STRING | XML => {
                let length = self.u32()?;
                Value::String(self.text(length)?)
            }
            NULL | UNDEFINED => Value::Null,
            DATE => {
                let number = f64::from_be_bytes(self.array()?);
                self.take(2)?;
                Value::Number(number)
            }
            OBJECT => self.object(depth)?,
            TYPED_OBJECT => {
                let length = self.u16()?;
                self.take(length)?;
                self.object(depth)?
            }
            ECMA_ARRAY => {
                // The count is a hint that some encoders leave at zero; the end is marked.
                self.take(4)?;
                self.object(depth)?
            }
            STRICT_ARRAY => {
                let count = self.u32()?;
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
            _ => return None,
        })
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut fields = Vec::new();
        loop {
            let length = self.u16()?;
            if length == 0 && self.bytes.first() == Some(&OBJECT_END) {
                self.take(1)?;
                return Some(Value::Object(fields));
            }
            let name = self.text(length)?;
            fields.push((name, self.value(depth + 1)?));
        }
    }
}

/// Writes the values one after the other.
pub(crate) fn write(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        write_value(value, &mut out);
    }
    out
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(NUMBER);
            out.extend(number.to_be_bytes());
        }
        Value::Boolean(boolean) => out.extend([BOOLEAN, u8::from(*boolean)]),
        Value::String(string) => {
            out.push(STRING);
            write_text(string, out);
        }
        Value::Null => out.push(NULL),
        Value::Object(fields) => {
            out.push(OBJECT);
            for (name, value) in fields {
                write_text(name, out);
                write_value(value, out);
            }
            out.extend([0, 0, OBJECT_END]);
        }
        Value::Array(values) => {
            out.push(STRICT_ARRAY);
            out.extend((values.len() as u32).to_be_bytes());
            for value in values {
                write_value(value, out);
            }
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend(&text.as_bytes()[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let values = [
            Value::String("connect".into()),
            Value::Number(1.0),
            Value::Object(vec![
                ("app".into(), Value::String("live".into())),
                ("nested".into(), Value::Object(vec![("".into(), Value::Null)])),
            ]),
            Value::Array(vec![Value::Boolean(true), Value::Null]),
        ];
        assert_eq!(read(&write(&values)).as_deref(), Some(&values[..]));
    }

    #[test]
    fn ecma_arrays_end_where_they_say_whatever_they_count() {
        for count in [0u32, 1, u32::MAX] {
            let mut bytes = vec![ECMA_ARRAY];
            bytes.extend(count.to_be_bytes());
            bytes.extend([0, 1, b'a', NULL, 0, 0, OBJECT_END]);
            let expected = Value::Object(vec![("a".into(), Value::Null)]);
            assert_eq!(read(&bytes), Some(vec![expected]));
        }
    }

    #[test]
    fn bombs_are_refused() {
        let mut objects = Vec::new();
        let mut arrays = Vec::new();
        for _ in 0..100_000 {
            objects.extend([OBJECT, 0, 1, b'a']);
            arrays.extend([STRICT_ARRAY, 0, 0, 0, 1]);
        }
        let huge = [STRICT_ARRAY, 0xff, 0xff, 0xff, 0xff];
        let many = vec![NULL; VALUES_MAX + 1];
        let long = [LONG_STRING, 0xff, 0xff, 0xff, 0xff, b'a'];
        for bomb in [&objects[..], &arrays, &huge, &many, &long, &[0x11], &[NUMBER, 0]] {
            assert_eq!(read(bomb), None);
        }
    }
}
