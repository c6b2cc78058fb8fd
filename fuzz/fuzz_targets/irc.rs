//! The rules are those of `busk_irc::fuzzing::irc`; here is how much memory it may take.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| busk_fuzz::within(1 << 20, || busk_irc::fuzzing::irc(input)));
