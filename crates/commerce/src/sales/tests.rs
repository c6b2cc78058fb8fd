//! Who gets what of a price, and gives what back of it.

use proptest::prelude::*;

use super::*;

fn german() -> Policy {
    Policy {
        tax_basis_points: [("DE".to_owned(), 1_900)].into(),
        ..Policy::default()
    }
}

#[test]
fn parts_of_a_price() {
    let policy = german();
    let of = |price, share, country| {
        let Parts {
            tax,
            creator,
            platform,
        } = Parts::of(price, share, country, &policy);
        [tax, creator, platform]
    };
    assert_eq!(of(499, 70, None), [0, 349, 150]);
    assert_eq!(of(499, 70, Some("US")), [0, 349, 150]);
    assert_eq!(of(1_190, 90, Some("DE")), [190, 900, 100]);
    assert_eq!(of(1, 50, Some("DE")), [0, 1, 0]);
    let quote = Quote::of(499, 70, None, &policy);
    assert_eq!((quote.provider_fee, quote.platform), (44, 106));
    assert_eq!(
        quote.tax + quote.creator + quote.platform + quote.provider_fee,
        quote.price
    );
}

proptest! {
    /// However often and in whatever amounts, what is taken back sums to what was asked, and all of it ends with nothing.
    #[test]
    fn taking_back_is_exact(price in 1i64..10_000_000, share in 0u8..=100, cuts in prop::collection::vec(1i64..5_000_000, 0..12)) {
        let mut parts = Parts::of(price, share, Some("DE"), &german());
        prop_assert_eq!(parts.sum(), price);
        for cut in cuts.into_iter().chain([price]) {
            let wanted = cut.min(parts.sum());
            let back = parts.pro_rata(cut);
            prop_assert_eq!(back.sum(), wanted);
            parts = parts.less(&back);
            prop_assert!(parts.tax >= 0 && parts.creator >= 0 && parts.platform >= 0, "{:?}", parts);
        }
        prop_assert_eq!(parts.sum(), 0);
    }
}
