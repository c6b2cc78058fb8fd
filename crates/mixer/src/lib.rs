//! The people on a stage as one picture and one sound.
