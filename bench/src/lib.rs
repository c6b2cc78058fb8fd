//! What the load makers share: the form of a bench's answer, books of any length, server processes kept apart, the real
//! program, nginx, and media that was encoded beforehand.

pub mod books;
pub mod database;
pub mod figures;
pub mod nginx;
pub mod process;
pub mod site;
pub mod source;

/// What ends a bench.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
