//! Dividing a receiver's bitrate among pictures, again and again as bitrates, sizes and the estimate change: what is given
//! exists, fits, and leaves nobody dark who could be seen for less than a share takes.
//!
//! Input: rounds as `arbitrary` reads them.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sidetone_sfu::room::MAX_LAYERS;
use sidetone_sfu::room::layers::{Layer, Picture, allocate};

#[derive(Arbitrary, Debug)]
struct Shown {
    share: bool,
    height: u16,
    layers: [Option<(u32, u16)>; MAX_LAYERS],
}

#[derive(Arbitrary, Debug)]
struct Round {
    budget: u64,
    /// A picture that changes, and to what.
    change: Option<(u8, Shown)>,
}

fn picture(shown: &Shown, current: Option<u8>) -> Picture {
    let layer = |layer: Option<(u32, u16)>| layer.map(|(bitrate, height)| Layer { bitrate: bitrate.into(), height });
    let mut layers = shown.layers.map(layer);
    // A higher layer costs no less.
    let mut least = 0;
    for layer in layers.iter_mut().flatten() {
        layer.bitrate = layer.bitrate.max(least);
        least = layer.bitrate;
    }
    Picture { share: shown.share, height: shown.height, layers, current }
}

fuzz_target!(|input: (Vec<Shown>, Vec<Round>)| {
    let mut pictures: Vec<Picture> = input.0.iter().take(70).map(|shown| picture(shown, None)).collect();
    let mut given = vec![None; pictures.len()];
    for round in input.1.iter().take(50) {
        if let Some((n, shown)) = &round.change
            && !pictures.is_empty()
        {
            let n = usize::from(*n) % pictures.len();
            pictures[n] = picture(shown, pictures[n].current);
        }
        allocate(round.budget, &pictures, &mut given);
        let cost = |picture: &Picture, layer: &Option<u8>| match layer {
            Some(layer) => picture.layers[usize::from(*layer)].expect("a layer that exists").bitrate,
            None => 0,
        };
        let total: u64 = pictures.iter().zip(&given).map(|(picture, layer)| cost(picture, layer)).sum();
        assert!(total <= round.budget);
        let cameras = || pictures.iter().zip(&given).filter(|(picture, _)| !picture.share);
        let lowest = |picture: &Picture| picture.layers.iter().position(Option::is_some);
        // Nobody is shown larger while another camera, which costs no more than what is left, is not shown at all.
        for (picture, _) in cameras().filter(|(_, layer)| layer.is_none()) {
            let Some(lowest) = lowest(picture) else { continue };
            let least = picture.layers[lowest].expect("the lowest layer").bitrate;
            assert!(least.saturating_mul(115) / 100 > round.budget - total, "dark for nothing");
        }
        for (picture, layer) in pictures.iter_mut().zip(&given) {
            picture.current = *layer;
        }
    }
});
