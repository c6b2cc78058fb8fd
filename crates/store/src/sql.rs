//! The few places where the two databases spell SQL differently.
//!
//! Statements are written for PostgreSQL: `$1`, `$2` … for parameters. A migration may hold a part for
//! one of them in `/*sqlite: … */` or `/*postgres: … */`.

use crate::Value;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Int,
    Bool,
    Text,
    Blob,
}

impl Type {
    pub(crate) fn postgres_array(self) -> &'static str {
        match self {
            Type::Int => "bigint[]",
            Type::Bool => "boolean[]",
            Type::Text => "text[]",
            Type::Blob => "bytea[]",
        }
    }
}

/// Rows to be added to a table, written set-wise when the batch ends.
#[derive(Debug)]
pub struct Insert {
    pub table: &'static str,
    pub columns: &'static [(&'static str, Type)],
}

/// Rows of a table to be set to new values, each named by its key in the first column; when a batch
/// sets one row several times, the last values count.
#[derive(Debug)]
pub struct Update {
    pub table: &'static str,
    pub columns: &'static [(&'static str, Type)],
}

/// `$1` becomes `?1`: SQLite would number `$` names by first appearance and swap values in silence.
pub(crate) fn sqlite(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '\'';
        out.push(if c == '$' && !quoted { '?' } else { c });
    }
    out
}

/// A migration's text, for SQLite.
pub(crate) fn sqlite_schema(text: &str) -> String {
    only("sqlite", text)
        .replace("BIGINT", "INTEGER")
        .replace("BYTEA", "BLOB")
}

/// A migration's text, for PostgreSQL.
pub(crate) fn postgres_schema(text: &str) -> String {
    only("postgres", text)
}

/// Opens the `/*engine: … */` parts of this engine; the other engine's stay comments.
fn only(engine: &str, text: &str) -> String {
    let open = format!("/*{engine}:");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&open) {
        let (inside, behind) = after.split_once("*/").unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(inside);
        rest = behind;
    }
    out.push_str(rest);
    out
}

impl Insert {
    pub(crate) fn sqlite(&self) -> String {
        let marks: Vec<String> = (1..=self.columns.len()).map(|n| format!("?{n}")).collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.table,
            names(self.columns),
            marks.join(", ")
        )
    }

    pub(crate) fn postgres(&self) -> String {
        format!(
            "INSERT INTO {} ({}) SELECT * FROM unnest({})",
            self.table,
            names(self.columns),
            arrays(self.columns)
        )
    }
}

impl Update {
    pub(crate) fn sqlite(&self) -> String {
        let set: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .skip(1)
            .map(|(n, (name, _))| format!("{name} = ?{}", n + 1))
            .collect();
        format!(
            "UPDATE {} SET {} WHERE {} = ?1",
            self.table,
            set.join(", "),
            self.columns[0].0
        )
    }

    pub(crate) fn postgres(&self) -> String {
        let set: Vec<String> = self
            .columns
            .iter()
            .skip(1)
            .map(|(name, _)| format!("{name} = new.{name}"))
            .collect();
        let key = self.columns[0].0;
        format!(
            "UPDATE {table} SET {set} FROM unnest({arrays}) AS new({names}) WHERE {table}.{key} = new.{key}",
            table = self.table,
            set = set.join(", "),
            arrays = arrays(self.columns),
            names = names(self.columns),
        )
    }
}

fn names(columns: &[(&str, Type)]) -> String {
    columns
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn arrays(columns: &[(&str, Type)]) -> String {
    let casts = columns
        .iter()
        .enumerate()
        .map(|(n, (_, kind))| format!("${}::{}", n + 1, kind.postgres_array()));
    casts.collect::<Vec<_>>().join(", ")
}

/// Rows kept back for one [`Insert`] or [`Update`], one after the other.
#[derive(Debug)]
pub(crate) struct Rows {
    width: usize,
    values: Vec<Value>,
}

impl Rows {
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width,
            values: Vec::new(),
        }
    }

    pub(crate) fn push<const WIDTH: usize>(&mut self, row: [Value; WIDTH]) {
        self.values.extend(row);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Value]> {
        self.values.chunks_exact(self.width)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
    }

    /// The values of each column.
    pub(crate) fn take_columns(&mut self) -> Vec<Vec<Value>> {
        let rows = self.values.len() / self.width;
        let mut columns: Vec<Vec<Value>> = (0..self.width).map(|_| Vec::with_capacity(rows)).collect();
        for (place, value) in self.values.drain(..).enumerate() {
            columns[place % self.width].push(value);
        }
        columns
    }

    /// Leaves of rows with the same first value the last; in the order of that value, which is the order in
    /// which a B-tree is quickest to change. (PostgreSQL's `UPDATE … FROM` would take any of the same.)
    pub(crate) fn keep_last_of_each(&mut self) {
        let (width, count) = (self.width, self.values.len() / self.width);
        let key = |row: &usize| &self.values[row * width];
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|a, b| key(a).cmp(key(b)));
        let last = |place: &usize| {
            order
                .get(place + 1)
                .is_none_or(|next| key(next) != key(&order[*place]))
        };
        let kept: Vec<usize> = (0..count).filter(last).map(|place| order[place]).collect();
        self.values = kept
            .into_iter()
            .flat_map(|row| row * width..(row + 1) * width)
            .map(|place| std::mem::replace(&mut self.values[place], Value::Null))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_keep_their_numbers() {
        assert_eq!(
            sqlite("a = $2 AND b = $1 AND c = '$3'"),
            "a = ?2 AND b = ?1 AND c = '$3'"
        );
    }

    #[test]
    fn each_engine_sees_its_own_parts() {
        let text = "CREATE TABLE t (a BIGINT)/*sqlite: STRICT*/;/*postgres: X;*/";
        assert_eq!(
            sqlite_schema(text),
            "CREATE TABLE t (a INTEGER) STRICT;/*postgres: X;*/"
        );
        assert_eq!(
            postgres_schema(text),
            "CREATE TABLE t (a BIGINT)/*sqlite: STRICT*/; X;"
        );
    }

    #[test]
    fn sets_are_spelled_for_each_engine() {
        const UPDATE: Update = Update {
            table: "t",
            columns: &[("id", Type::Int), ("a", Type::Text)],
        };
        assert_eq!(UPDATE.sqlite(), "UPDATE t SET a = ?2 WHERE id = ?1");
        assert_eq!(
            UPDATE.postgres(),
            "UPDATE t SET a = new.a FROM unnest($1::bigint[], $2::text[]) AS new(id, a) WHERE t.id = new.id"
        );
    }
}
