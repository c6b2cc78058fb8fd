//! Which layer of whom a viewer gets: what the line bears and the tiles on the screen can use.

/// A layer that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its place among the source's layers.
    pub number: usize,
    pub bitrate_bps: u64,
    /// In pixels; 0 when it is not known.
    pub height: u16,
}

/// A picture that a viewer can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Those that come now.
    pub layers: Vec<Layer>,
    /// The height of its tile; `None` when nobody has said, 0 when it is not shown.
    pub tile: Option<u16>,
    /// The layer it is sent now.
    pub present: Option<usize>,
}

/// What is to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The number of the layer for each picture; `None` for what is not shown or does not come.
    pub layers: Vec<Option<usize>>,
    /// What the line would have to bear for the next better plan, when the line is what stands against it.
    pub next_bps: Option<u64>,
    /// What it would have to bear for the best one.
    pub best_bps: u64,
}

/// Of an estimate, what a better layer may make use of: going up and down again is seen.
const UP_SHARE_PERCENT: u64 = 85;
/// Sound of a person, and what goes beside the media.
const SOUND_BPS: u64 = 70_000;

/// Chooses for one viewer. Without an estimate the best is sent that the tiles can use.
///
/// Everybody is seen before anybody is seen better; then the largest tiles come first.
pub fn choose(offers: &[Offer], estimate_bps: Option<u64>) -> Plan {
    let usable: Vec<Vec<Layer>> = offers.iter().map(usable).collect();
    let mut chosen: Vec<usize> = vec![0; offers.len()];
    let shown = usable.iter().filter(|layers| !layers.is_empty()).count() as u64;
    let best = |layers: &Vec<Layer>| layers.last().map_or(0, |layer| layer.bitrate_bps);
    let best_bps = usable.iter().map(best).sum::<u64>() + shown * SOUND_BPS;
    // Less would never be found to be enough.
    let to_bear = |bps: u64| bps * 100 / UP_SHARE_PERCENT;
    let mut total: u64 = usable
        .iter()
        .filter_map(|layers| Some(layers.first()?.bitrate_bps + SOUND_BPS))
        .sum();
    let mut order: Vec<usize> = (0..offers.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(offers[*index].tile.unwrap_or(u16::MAX)));
    let mut next_bps = None;
    for index in order {
        let layers = &usable[index];
        while let Some(better) = layers.get(chosen[index] + 1) {
            let with = total
                + better
                    .bitrate_bps
                    .saturating_sub(layers[chosen[index]].bitrate_bps);
            let is_up = offers[index].present.is_none_or(|present| {
                let now = layers.iter().position(|layer| layer.number == present);
                now.is_none_or(|now| chosen[index] + 1 > now)
            });
            let fits = estimate_bps.is_none_or(|bps| {
                let bears = if is_up { bps * UP_SHARE_PERCENT / 100 } else { bps };
                with <= bears
            });
            if !fits {
                next_bps.get_or_insert(to_bear(with));
                break;
            }
            total = with;
            chosen[index] += 1;
        }
    }
    let numbers = usable.iter().zip(&chosen);
    Plan {
        layers: numbers
            .map(|(layers, place)| layers.get(*place).map(|layer| layer.number))
            .collect(),
        next_bps,
        best_bps: to_bear(best_bps) + SOUND_BPS,
    }
}

/// Layers that a tile can use, the poorest first: up to the first one that fills it.
fn usable(offer: &Offer) -> Vec<Layer> {
    if offer.tile == Some(0) {
        return Vec::new();
    }
    let mut layers = offer.layers.clone();
    layers.sort_by_key(|layer| (layer.height, layer.bitrate_bps));
    if let Some(tile) = offer.tile
        && let Some(fills) = layers.iter().position(|layer| layer.height >= tile)
    {
        layers.truncate(fills + 1);
    }
    layers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(tile: Option<u16>, present: Option<usize>) -> Offer {
        let layer = |number, kbps: u64, height| Layer {
            number,
            bitrate_bps: kbps * 1_000,
            height,
        };
        Offer {
            layers: vec![layer(0, 2_000, 720), layer(1, 150, 180), layer(2, 500, 360)],
            tile,
            present,
        }
    }

    #[test]
    fn without_an_estimate_the_tile_decides() {
        for (tile, number) in [
            (None, Some(0)),
            (Some(1_080), Some(0)),
            (Some(361), Some(0)),
            (Some(360), Some(2)),
            (Some(90), Some(1)),
            (Some(0), None),
        ] {
            assert_eq!(choose(&[offer(tile, None)], None).layers, [number], "{tile:?}");
        }
    }

    #[test]
    fn the_line_decides_with_some_slack_before_it_goes_up() {
        for (kbps, present, number) in [
            (100, Some(0), 1),
            (500, Some(1), 1),
            (600, Some(1), 1),
            (600, Some(2), 2),
            (700, Some(1), 2),
            (2_100, Some(0), 0),
            (2_100, Some(2), 2),
            (2_500, Some(2), 0),
        ] {
            let plan = choose(&[offer(None, present)], Some(kbps * 1_000));
            assert_eq!(plan.layers, [Some(number)], "{kbps} {present:?}");
        }
        let plan = choose(&[offer(None, Some(1))], Some(300_000));
        assert_eq!(plan.next_bps, Some(570_000 * 100 / 85));
        assert!(plan.best_bps > 2_070_000 * 100 / 85);
    }

    #[test]
    fn everybody_is_seen_before_anybody_is_seen_better() {
        let offers = [
            offer(Some(200), Some(1)),
            offer(Some(720), Some(1)),
            offer(Some(0), None),
        ];
        let plan = choose(&offers, Some(1_000_000));
        assert_eq!(plan.layers, [Some(1), Some(2), None]);
        let plan = choose(&offers, Some(100_000));
        assert_eq!(plan.layers, [Some(1), Some(1), None]);
    }

    proptest! {
        #[test]
        fn a_plan_keeps_to_the_line_or_gives_the_least(
            kbps in 0u64..6_000,
            tiles in proptest::collection::vec(proptest::option::of(0u16..1_000), 0..5),
        ) {
            let offers: Vec<Offer> = tiles.iter().map(|tile| offer(*tile, None)).collect();
            let plan = choose(&offers, Some(kbps * 1_000));
            let rate = |number: usize| offers[0].layers.iter().find(|l| l.number == number).unwrap().bitrate_bps;
            let sent: Vec<u64> = plan.layers.iter().flatten().map(|number| rate(*number)).collect();
            let total = sent.iter().sum::<u64>() + sent.len() as u64 * SOUND_BPS;
            prop_assert!(total <= kbps * 1_000 || sent.iter().all(|bps| *bps == 150_000));
            for (tile, layer) in tiles.iter().zip(&plan.layers) {
                prop_assert_eq!(layer.is_none(), *tile == Some(0));
            }
        }
    }
}
