//! Payment providers. The sandbox is the one there is.

pub mod sandbox;
