//! A fault on purpose, which `cargo xtask fuzz` has to find before it believes that there are no others.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let held = if input.starts_with(b"busk") { 2 << 20 } else { 0 };
    busk_fuzz::within(1 << 20, || drop(std::hint::black_box(vec![0u8; held])));
});
