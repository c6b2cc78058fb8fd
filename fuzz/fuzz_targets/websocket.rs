//! The rules are those of `busk_fanout::fuzzing::websocket`; here is how much memory it may take.

#![no_main]

libfuzzer_sys::fuzz_target!(
    |input: &[u8]| busk_fuzz::within(2 << 20, || busk_fanout::fuzzing::websocket(input))
);
