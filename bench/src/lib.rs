//! What the load makers share: the form of a bench's answer, and server processes kept apart.

pub mod figures;
pub mod process;

/// What ends a bench.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
