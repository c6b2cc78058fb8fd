//! For tests only: a database of each kind, and a server to speak to.

pub mod db;
