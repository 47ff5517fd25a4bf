//! How a receiver's bitrate is divided among the pictures it sees: shared screens first, then the lowest layer of every
//! camera, then more for those that are shown large. A pure function.

use super::super::config::MAX_LAYERS;

/// A layer that takes over needs this much more than it costs, in percent. Less switches up sooner, and back again.
const HEADROOM: u64 = 115;

/// One layer of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it costs, in bit/s.
    pub bitrate: u64,
    /// Its height, in pixels.
    pub height: u16,
}

/// A picture that a receiver wants, in the order of importance.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// Whether it is a shared screen.
    pub share: bool,
    /// How high it is shown, in pixels.
    pub height: u16,
    /// Its layers that can be had, lowest first.
    pub layers: [Option<Layer>; MAX_LAYERS],
    /// The layer that is shown now.
    pub current: Option<u8>,
}

impl Picture {
    fn cost(&self, layer: usize) -> Option<u64> {
        let bitrate = self.layers[layer]?.bitrate;
        let staying = self.current == Some(layer as u8);
        // Below what is shown now no headroom is asked either: to go down must not be harder than to stay.
        let down = self.current.is_some_and(|current| layer < usize::from(current));
        Some(if staying || down {
            bitrate
        } else {
            bitrate.saturating_mul(HEADROOM) / 100
        })
    }

    /// The lowest layer that is as high as wanted, or the highest there is.
    fn enough(&self) -> Option<usize> {
        let there = || (0..MAX_LAYERS).filter(|layer| self.layers[*layer].is_some());
        let high = |layer: &usize| self.layers[*layer].is_some_and(|layer| layer.height >= self.height);
        there().find(high).or(there().next_back())
    }
}

/// Gives each picture a layer or none, within `budget` bit/s. `given` is as long as `pictures`.
pub fn allocate(mut budget: u64, pictures: &[Picture], given: &mut [Option<u8>]) {
    given.fill(None);
    let mut spend = |given: &mut Option<u8>, picture: &Picture, layer: usize| {
        // What the picture has already is given back first.
        let has = given
            .and_then(|layer| picture.cost(usize::from(layer)))
            .unwrap_or(0);
        match picture.cost(layer) {
            Some(cost) if cost <= budget.saturating_add(has) => {
                budget = budget.saturating_add(has) - cost;
                *given = Some(layer as u8);
                true
            }
            _ => false,
        }
    };
    let ranked = |share: bool| {
        pictures
            .iter()
            .enumerate()
            .filter(move |(_, picture)| picture.share == share)
    };
    for (n, picture) in ranked(true) {
        let enough = picture.enough().map_or(0, |enough| enough + 1);
        (0..enough)
            .rev()
            .any(|layer| spend(&mut given[n], picture, layer));
    }
    for (n, picture) in ranked(false) {
        if let Some(lowest) = picture.layers.iter().position(Option::is_some) {
            spend(&mut given[n], picture, lowest);
        }
    }
    // One layer up at a time, the largest picture first, of equals the more important.
    for step in 1..MAX_LAYERS {
        let mut done = [false; 256];
        loop {
            let open = ranked(false).filter(|(n, picture)| {
                !done[*n & 255]
                    && given[*n].is_some()
                    && picture.enough().is_some_and(|enough| enough >= step)
            });
            let Some((n, picture)) = open.max_by_key(|(n, picture)| (picture.height, usize::MAX - n)) else {
                break;
            };
            done[n & 255] = true;
            spend(&mut given[n], picture, step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn camera(height: u16, current: Option<u8>) -> Picture {
        let layer = |bitrate, height| Some(Layer { bitrate, height });
        let layers = [layer(150_000, 180), layer(500_000, 360), layer(1_500_000, 720)];
        Picture {
            share: false,
            height,
            layers,
            current,
        }
    }

    fn given(budget: u64, pictures: &[Picture]) -> Vec<Option<u8>> {
        let mut given = vec![None; pictures.len()];
        allocate(budget, pictures, &mut given);
        given
    }

    #[test]
    fn the_lowest_for_all_then_the_largest() {
        let pictures = [camera(180, None), camera(720, None), camera(360, None)];
        assert_eq!(given(0, &pictures), [None; 3]);
        assert_eq!(given(400_000, &pictures), [Some(0), Some(0), None]);
        assert_eq!(given(600_000, &pictures), [Some(0); 3]);
        assert_eq!(given(1_000_000, &pictures), [Some(0), Some(1), Some(0)]);
        assert_eq!(given(10_000_000, &pictures), [Some(0), Some(2), Some(1)]);
    }

    #[test]
    fn a_share_comes_first() {
        let share = Picture {
            share: true,
            ..camera(1080, None)
        };
        assert_eq!(given(1_800_000, &[camera(720, None), share]), [None, Some(2)]);
        assert_eq!(given(1_000_000, &[camera(720, None), share]), [Some(0), Some(1)]);
    }

    #[test]
    fn going_up_needs_more_than_staying() {
        assert_eq!(given(520_000, &[camera(360, None)]), [Some(0)]);
        assert_eq!(given(520_000, &[camera(360, Some(1))]), [Some(1)]);
        assert_eq!(given(499_999, &[camera(360, Some(1))]), [Some(0)]);
    }

    fn picture() -> impl Strategy<Value = Picture> {
        let layer = || prop::option::of((1u64..3_000_000, 1u16..1200));
        let layers = [layer(), layer(), layer()];
        (any::<bool>(), 0u16..1200, layers, prop::option::of(0u8..3)).prop_map(
            |(share, height, layers, current)| {
                let layers = layers.map(|layer| layer.map(|(bitrate, height)| Layer { bitrate, height }));
                Picture {
                    share,
                    height,
                    layers,
                    current,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_given_exists_fits_and_stays(
            mut pictures in prop::collection::vec(picture(), 0..80),
            budget in 0u64..20_000_000,
        ) {
            let first = given(budget, &pictures);
            let mut total = 0;
            for (picture, layer) in pictures.iter_mut().zip(&first) {
                if let Some(layer) = layer {
                    total += picture.layers[usize::from(*layer)].unwrap().bitrate;
                    prop_assert!(usize::from(*layer) <= picture.enough().unwrap());
                }
                picture.current = *layer;
            }
            prop_assert!(total <= budget);
            // With nothing changed, everybody keeps at least the number of pictures.
            let second = given(budget, &pictures);
            let count = |given: &[Option<u8>]| given.iter().flatten().count();
            prop_assert!(count(&second) >= count(&first) || pictures.iter().any(|picture| picture.share));
        }
    }
}
