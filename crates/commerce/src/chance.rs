//! For tests: chance whose seed is printed, so that a failure can be told again (`BUSK_TEST_SEED`).

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a seed to be told again")]
        let asked = std::env::var("BUSK_TEST_SEED").ok();
        let fresh = || {
            let tree = any::<u64>().new_tree(&mut TestRunner::default());
            tree.expect("any number is one").current()
        };
        let seed = asked.and_then(|seed| seed.parse().ok()).unwrap_or_else(fresh);
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
    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(bound).expect("a bound is positive"))
            .expect("what is less than an i64 is one")
    }

    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as i64)).expect("a place is not negative")
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.place(last + 1));
        }
    }
}
