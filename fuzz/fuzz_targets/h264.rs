//! The rules are those of `busk_media::fuzzing::h264`; here is how much memory it may take.

#![no_main]

libfuzzer_sys::fuzz_target!(
    |input: &[u8]| busk_fuzz::within(4 << 20, || busk_media::fuzzing::h264(
        input,
        std::time::Instant::now()
    ))
);
