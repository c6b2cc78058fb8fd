//! What waits to be sent, in whole groups of pictures.
//!
//! Invariants: it holds no more than its bounds; a picture comes out only if all since its keyframe came out before
//! it; each group is sent whole or dropped whole, unless it alone is larger than the bounds: then its end is cut.

use std::collections::VecDeque;

use crate::Unit;

/// What a unit takes besides its data.
const UNIT_BYTES: usize = 256;

#[derive(Debug)]
pub(super) struct Queue {
    units: VecDeque<Unit>,
    bytes: usize,
    ms_max: u64,
    bytes_max: usize,
    /// What comes is of no use until the next keyframe.
    skipping: bool,
    /// A keyframe has come. What came before it was never to be sent, so it counts as nothing lost.
    begun: bool,
    /// Pictures.
    dropped: u64,
}

impl Queue {
    pub(super) fn new(ms_max: u64, bytes_max: usize) -> Self {
        Self {
            units: VecDeque::new(),
            bytes: 0,
            ms_max,
            bytes_max,
            skipping: true,
            begun: false,
            dropped: 0,
        }
    }

    /// Pictures dropped for want of room since the last call.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Of what waits: the rest of the group that was begun, and all groups after what was dropped behind it.
    pub(super) fn length_ms(&self) -> u64 {
        let times = |units: &mut dyn Iterator<Item = &Unit>| {
            let mut times = units.filter_map(time_ms);
            let first = times.next()?;
            Some(times.last()?.saturating_sub(first))
        };
        let begun = self
            .units
            .iter()
            .position(is_keyframe)
            .unwrap_or(self.units.len());
        let rest = times(&mut self.units.iter().skip(begun));
        times(&mut self.units.iter().take(begun)).unwrap_or(0) + rest.unwrap_or(0)
    }

    pub(super) fn pop(&mut self) -> Option<Unit> {
        let unit = self.units.pop_front()?;
        self.bytes -= size(&unit);
        Some(unit)
    }

    /// Takes pictures and sound; others are no frames.
    pub(super) fn push(&mut self, unit: Unit) {
        if time_ms(&unit).is_none() {
            return;
        }
        if is_keyframe(&unit) {
            self.skipping = false;
            self.begun = true;
        }
        if self.skipping {
            self.dropped += u64::from(self.begun && is_picture(&unit));
            return;
        }
        self.bytes += size(&unit);
        self.units.push_back(unit);
        while self.bytes > self.bytes_max || self.length_ms() > self.ms_max {
            self.drop_group();
        }
    }

    /// Drops the oldest group that was not begun; that may be the one that is still coming in. When the only group
    /// was begun, its latest unit and what is still to come of it.
    fn drop_group(&mut self) {
        let from = self.units.iter().position(is_keyframe);
        let from = from.unwrap_or(self.units.len().saturating_sub(1));
        let after = self.units.iter().skip(from + 1).position(is_keyframe);
        let to = after.map_or(self.units.len(), |after| from + 1 + after);
        for unit in self.units.drain(from..to) {
            self.bytes -= size(&unit);
            self.dropped += u64::from(is_picture(&unit));
        }
        if after.is_none() {
            self.skipping = true;
        }
    }
}

fn time_ms(unit: &Unit) -> Option<u64> {
    match unit {
        Unit::Picture(picture) => Some(picture.dts_ms),
        Unit::Sound(sound) => Some(sound.time_ms),
        Unit::Metadata(_) | Unit::Reordered => None,
    }
}

fn is_picture(unit: &Unit) -> bool {
    matches!(unit, Unit::Picture(_))
}

fn is_keyframe(unit: &Unit) -> bool {
    matches!(unit, Unit::Picture(picture) if picture.keyframe)
}

fn size(unit: &Unit) -> usize {
    let data = match unit {
        Unit::Picture(picture) => picture.nals.iter().map(|nal| nal.len() + size_of_val(nal)).sum(),
        Unit::Sound(sound) => sound.data.len(),
        Unit::Metadata(_) | Unit::Reordered => 0,
    };
    UNIT_BYTES + data
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::Picture;

    fn picture(dts_ms: u64, keyframe: bool, bytes: usize) -> Unit {
        Unit::Picture(Picture {
            dts_ms,
            cts_ms: 0,
            keyframe,
            nals: vec![vec![0x65; bytes].into()],
        })
    }

    /// The times of what waits.
    fn waiting(queue: &Queue) -> Vec<u64> {
        queue.units.iter().filter_map(time_ms).collect()
    }

    #[test]
    fn it_begins_with_a_keyframe() {
        let mut queue = Queue::new(3_000, 1 << 20);
        for unit in [
            picture(0, false, 9),
            Unit::Reordered,
            picture(33, true, 9),
            picture(66, false, 9),
        ] {
            queue.push(unit);
        }
        assert_eq!(waiting(&queue), [33, 66]);
        assert_eq!(queue.take_dropped(), 0);
    }

    #[test]
    fn the_oldest_group_that_was_not_begun_goes() {
        let mut queue = Queue::new(1_000, 1 << 20);
        queue.push(picture(0, true, 9));
        queue.pop();
        for n in 1..=14 {
            queue.push(picture(n * 100, n % 4 == 0, 9));
        }
        assert_eq!(
            waiting(&queue),
            [100, 200, 300, 800, 900, 1_000, 1_100, 1_200, 1_300, 1_400]
        );
        assert_eq!((queue.take_dropped(), queue.length_ms()), (4, 800));
    }

    #[test]
    fn a_group_larger_than_all_is_cut_at_its_end() {
        let mut queue = Queue::new(1_000, 10_000);
        queue.push(picture(0, true, 100));
        queue.pop();
        for n in 1..=100 {
            queue.push(picture(n, false, 1_000));
        }
        assert_eq!(waiting(&queue), (1..=7).collect::<Vec<_>>());
        queue.push(picture(200, true, 100));
        assert_eq!(waiting(&queue).last(), Some(&200));
        // A keyframe that is too large by itself never waits.
        queue.push(picture(300, true, 20_000));
        queue.push(picture(301, false, 1));
        assert_eq!(waiting(&queue).last(), Some(&7));
    }

    proptest! {
        #[test]
        fn what_comes_out_can_be_decoded(
            steps in prop::collection::vec((0u8..12, 1usize..4_000, 0u8..3), 1..400), bytes_max in 1_000usize..40_000,
        ) {
            let mut queue = Queue::new(1_000, bytes_max);
            // The number within its group, of what went in and of what came out.
            let (mut group, mut place, mut sent) = (0u8, 0u8, None::<(u8, u8)>);
            let (mut pushed, mut popped) = (0, 0);
            for (n, (kind, bytes, pops)) in steps.into_iter().enumerate() {
                let keyframe = n == 0 || kind == 0;
                (group, place) = if keyframe { (group.wrapping_add(1), 0) } else { (group, place.wrapping_add(1)) };
                let mut nal = vec![group, place];
                nal.resize(2 + bytes, 0);
                let nals = vec![Bytes::from(nal)];
                queue.push(Unit::Picture(Picture { dts_ms: n as u64 * 33, cts_ms: 0, keyframe, nals }));
                pushed += 1;
                prop_assert!(queue.bytes <= bytes_max && queue.length_ms() <= 1_000);
                for _ in 0..pops {
                    let Some(Unit::Picture(picture)) = queue.pop() else { break };
                    popped += 1;
                    let came = (picture.nals[0][0], picture.nals[0][1]);
                    prop_assert!(picture.keyframe || sent == Some((came.0, came.1.wrapping_sub(1))));
                    sent = Some(came);
                }
            }
            prop_assert_eq!(popped + queue.take_dropped() as usize + queue.units.len(), pushed);
        }
    }
}
