//! The rules are those of `busk_replay::fuzzing::index`; here is how much memory it may take.

#![no_main]

libfuzzer_sys::fuzz_target!(
    |input: &[u8]| busk_fuzz::within(16 << 20, || busk_replay::fuzzing::index(input))
);
