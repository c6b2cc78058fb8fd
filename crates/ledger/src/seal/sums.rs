//! Two sums over the rows of a table, by which one row that was changed is found.
//!
//! Each row has a hash h and its key k; the sums are Σ h and Σ k·h modulo the prime 2⁶¹ − 1. When one row is
//! changed, added or removed, the first sum is off by some d and the second by k·d, so that their quotient is its
//! key. When several are, the quotient is no key of the table, but for a chance of one in 10¹⁰ or so.
//!
//! They only say where to look: whether anything was changed is said by the seal's hash.

use sha2::{Digest, Sha256};

const P: u128 = (1 << 61) - 1;

/// Σ h and Σ k·h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums(u64, u64);

impl Sums {
    const LENGTH: usize = 16;

    pub(crate) fn add(&mut self, key: i64, row: &[u8]) {
        let digest = Sha256::digest(row);
        let (first, _) = digest.split_first_chunk::<8>().expect("SHA-256 gives 32 bytes");
        let hash = u128::from(u64::from_be_bytes(*first)) % P;
        let weighed = hash * key_modulo(key) % P;
        self.0 = ((u128::from(self.0) + hash) % P) as u64;
        self.1 = ((u128::from(self.1) + weighed) % P) as u64;
    }

    /// The key of the one row that makes the difference; `None` when there is none, or more than one.
    pub(crate) fn changed(self, stored: Self) -> Option<i64> {
        let off = |now: u64, then: u64| (u128::from(now) + P - u128::from(then) % P) % P;
        let (hash, weighed) = (off(self.0, stored.0), off(self.1, stored.1));
        if hash == 0 {
            return None;
        }
        i64::try_from(weighed * inverse(hash) % P).ok()
    }

    pub(crate) fn to_bytes(sums: &[Self; 5]) -> Vec<u8> {
        let words = sums.iter().flat_map(|sums| [sums.0, sums.1]);
        words.flat_map(u64::to_be_bytes).collect()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<[Self; 5]> {
        let mut sums = [Self::default(); 5];
        if bytes.len() != sums.len() * Self::LENGTH {
            return None;
        }
        for (sums, pair) in sums.iter_mut().zip(bytes.chunks_exact(Self::LENGTH)) {
            let word = |at: usize| pair[at..].first_chunk().map(|word| u64::from_be_bytes(*word));
            *sums = Self(word(0)?, word(8)?);
        }
        Some(sums)
    }
}

/// Keys are positive and far below the prime; what was tampered with may be anything.
fn key_modulo(key: i64) -> u128 {
    i128::from(key).rem_euclid(P as i128) as u128
}

/// By Fermat: aᵖ⁻² is the inverse of a.
fn inverse(a: u128) -> u128 {
    let (mut result, mut base, mut exponent) = (1, a, P - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % P;
        }
        base = base * base % P;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(rows: &[(i64, &str)]) -> Sums {
        let mut sums = Sums::default();
        rows.iter().for_each(|(key, row)| sums.add(*key, row.as_bytes()));
        sums
    }

    #[test]
    fn one_row_is_found() {
        let sealed = sums(&[(1, "a"), (2, "b"), (3, "c")]);
        for (what, now, found) in [
            ("nothing", vec![(1, "a"), (2, "b"), (3, "c")], None),
            ("changed", vec![(1, "a"), (2, "x"), (3, "c")], Some(2)),
            ("removed", vec![(1, "a"), (2, "b")], Some(3)),
            (
                "added",
                vec![(1, "a"), (2, "b"), (3, "c"), (10_000_000, "d")],
                Some(10_000_000),
            ),
        ] {
            assert_eq!(sums(&now).changed(sealed), found, "{what}");
        }
        let two = sums(&[(1, "x"), (2, "y"), (3, "c")]).changed(sealed);
        assert!(
            two.is_none_or(|key| key > 3),
            "of two rows none is blamed: {two:?}"
        );
    }

    #[test]
    fn they_are_read_as_they_were_written() {
        let all = [1, 2, 3, 4, 5].map(|n| sums(&[(n, "row")]));
        assert_eq!(Sums::from_bytes(&Sums::to_bytes(&all)), Some(all));
        assert_eq!(Sums::from_bytes(&[0; 79]), None);
    }
}
