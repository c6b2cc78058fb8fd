//! Rows that a batch reads once: an identity map, and how a function names what it will want.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

use crate::{Row, StoreError, Tx, Type, Value};

/// A row that is found by a key, read once in a batch and then kept up to date by [`Tx::put`].
/// Its table must be changed by nothing else inside a batch.
pub trait Entity: Clone + Send + 'static {
    type Key: Clone + Eq + Hash + Send + 'static;

    /// A statement that ends with the key's column: `SELECT … FROM account WHERE key`.
    const SELECT: &'static str;
    const KEY: Type;
    /// Run once in a batch before the first such row is read: a statement that holds other writers off
    /// (an update of one row that all of them update first), so that what is read stays true.
    const LOCK: Option<&'static str> = None;

    fn key(key: &Self::Key) -> Value;
    fn read(row: &Row) -> Result<(Self::Key, Self), StoreError>;
}

type Found<E> = HashMap<<E as Entity>::Key, Option<E>, RandomState>;

/// What this batch has read and put.
#[derive(Default)]
pub(crate) struct Known {
    found: HashMap<TypeId, Box<dyn Any + Send>, RandomState>,
    locks: Vec<&'static str>,
}

impl Known {
    pub(crate) fn of<E: Entity>(&mut self) -> &mut Found<E> {
        self.found
            .entry(TypeId::of::<E>())
            .or_insert_with(|| Box::new(Found::<E>::default()))
            .downcast_mut()
            .expect("the map under a type's id is made for that type just above")
    }

    /// Notes a lock; `true` when this batch did not hold it yet.
    pub(crate) fn take(&mut self, lock: &'static str) -> bool {
        let new = !self.locks.contains(&lock);
        if new {
            self.locks.push(lock);
        }
        new
    }

    pub(crate) fn clear(&mut self) {
        self.found.clear();
        self.locks.clear();
    }
}

/// Collects the rows that a function will want, so that a batch reads them together.
///
/// The function that fills it is called again while its wants bring in something new, since a row may
/// name the next one (a room its channel, a channel its account); at most [`Ahead::ROUNDS`] times.
pub struct Ahead<'a> {
    known: &'a mut Known,
    wanted: &'a mut Wanted,
}

/// Wanted and not yet read, by type, in the order in which the types were first wanted.
#[derive(Default)]
pub(crate) struct Wanted {
    order: Vec<TypeId>,
    by_type: HashMap<TypeId, Box<dyn Wants>, RandomState>,
}

impl Ahead<'_> {
    pub(crate) const ROUNDS: usize = 3;

    pub(crate) fn new<'a>(known: &'a mut Known, wanted: &'a mut Wanted) -> Ahead<'a> {
        Ahead { known, wanted }
    }

    /// Wants a row; gives it if it is known already.
    pub fn want<E: Entity>(&mut self, key: E::Key) -> Option<E> {
        if let Some(found) = self.known.of::<E>().get(&key) {
            return found.clone();
        }
        let id = TypeId::of::<E>();
        let wants = self.wanted.by_type.entry(id).or_insert_with(|| {
            self.wanted.order.push(id);
            Box::new(Keys::<E>(Vec::new()))
        });
        let keys: &mut dyn Any = wants.as_any();
        let keys: &mut Keys<E> = keys
            .downcast_mut()
            .expect("the keys under a type's id are of that type");
        keys.0.push(key);
        None
    }
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(crate) fn read(mut self, tx: &mut Tx) -> Result<(), StoreError> {
        for id in std::mem::take(&mut self.order) {
            if let Some(wants) = self.by_type.remove(&id) {
                wants.read(tx)?;
            }
        }
        Ok(())
    }
}

trait Wants {
    fn as_any(&mut self) -> &mut dyn Any;
    fn read(self: Box<Self>, tx: &mut Tx) -> Result<(), StoreError>;
}

struct Keys<E: Entity>(Vec<E::Key>);

impl<E: Entity> Wants for Keys<E> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn read(self: Box<Self>, tx: &mut Tx) -> Result<(), StoreError> {
        tx.find_all::<E>(self.0)
    }
}
