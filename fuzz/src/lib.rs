//! What the fuzz targets share: a budget of memory. What is fuzzed, and which rules hold for it, stands in each
//! crate's `fuzzing.rs`.

// Counting what is allocated takes an allocator, which is unsafe by its nature; this one only counts.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(held, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}

/// Does something that may have so many bytes in memory at once beyond what there was. What C libraries allocate is
/// not counted: libFuzzer's own limit is for that.
pub fn within<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let done = work();
    let taken = PEAK.load(Relaxed).saturating_sub(before);
    assert!(taken <= bytes, "{taken} bytes were held at once, of {bytes}");
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_at_once_counts() {
        const HALF: usize = 600_000;
        let twice = || drop((vec![0u8; HALF], vec![0u8; HALF]));
        let in_turn = || (0..2).for_each(|_| drop(vec![0u8; HALF]));
        within(1_000_000, in_turn);
        assert!(std::panic::catch_unwind(|| within(1_000_000, twice)).is_err());
    }
}
