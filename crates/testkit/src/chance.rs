//! Chance whose seed is printed, so that a failure can be told again (`BUSK_TEST_SEED`).

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
pub struct Chance(u64);

impl Chance {
    /// The seed is asked for, or the time.
    #[expect(clippy::disallowed_methods, reason = "a seed is told, or is the time")]
    pub fn new() -> Self {
        let told = std::env::var("BUSK_TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let time = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(1, |since| since.as_nanos() as u64)
        };
        let seed = told.unwrap_or_else(time);
        println!("BUSK_TEST_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to less than `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}
