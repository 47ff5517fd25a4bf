//! Which simulcast layers of a camera to send, and with how many bits each. Pure.

use super::{MARGIN, RUNGS, Rung, rung};
use crate::codec::{Codec, MAX_SIMULCAST, Settings};
use crate::picture::Size;

/// One layer of a plan, smallest first in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerPlan {
    /// Size of its pictures.
    pub size: Size,
    /// Bits a second; `None` while it is off.
    pub bitrate: Option<u32>,
}

impl LayerPlan {
    /// Settings of the layer's encoder, otherwise like `like`; `None` while it is off.
    pub fn settings(&self, like: &Settings) -> Option<Settings> {
        self.bitrate.map(|bitrate| Settings {
            size: self.size,
            bitrate,
            ..*like
        })
    }
}

/// Sizes of the layers of a source, smallest first: itself, a half and a quarter of its sides, as far down as the
/// lowest rung. All off.
pub fn simulcast_layers(source: Size) -> Vec<LayerPlan> {
    let largest = RUNGS[0].size(source);
    let lowest = RUNGS[RUNGS.len() - 1].short;
    let mut layers: Vec<LayerPlan> = (0..MAX_SIMULCAST as u32)
        .map_while(|halvings| {
            let (width, height) = (largest.width() >> halvings, largest.height() >> halvings);
            (halvings == 0 || width.min(height) >= lowest).then_some(())?;
            // Encoders work on pairs of pixels.
            let size = Size::new((width & !1).max(1), (height & !1).max(1)).ok()?;
            Some(LayerPlan { size, bitrate: None })
        })
        .collect();
    layers.reverse();
    layers
}

/// Shares `bitrate` out over `layers` (as they are sent now) from the smallest up: each that has room gets what it
/// needs, then the rest goes to the largest that is on, then down. `wanted` says for each whether anybody looks at it.
/// A layer comes on only when there is some more room than it needs, so that it does not come and go.
pub fn share_out(layers: &mut [LayerPlan], wanted: &[bool], bitrate: u32, codec: Codec) {
    let mut left = f64::from(bitrate);
    let mut first = true;
    for (index, layer) in layers.iter_mut().enumerate() {
        if !wanted.get(index).copied().unwrap_or(true) {
            layer.bitrate = None;
            continue;
        }
        let needed = least_for(layer.size, codec);
        let hurdle = if layer.bitrate.is_some() {
            needed
        } else {
            needed * MARGIN
        };
        // The smallest is sent with whatever there is.
        let on = first || left >= hurdle;
        first = false;
        layer.bitrate = on.then_some((needed.min(left) as u32).max(10_000));
        if on {
            left = (left - needed).max(0.0);
        }
    }
    for layer in layers.iter_mut().rev() {
        if let Some(given) = &mut layer.bitrate {
            let more = (rung::good_for(layer.size, codec) - f64::from(*given)).clamp(0.0, left);
            *given += more as u32;
            left -= more;
        }
    }
}

/// Bits a second a layer needs. The lowest rung has no least of its own: a third of what is good.
fn least_for(size: Size, codec: Codec) -> f64 {
    let holds = |rung: &&Rung| rung.size(size) == size;
    let rung = RUNGS.iter().rev().find(holds).unwrap_or(&RUNGS[0]);
    rung.least(codec).max(rung.good(codec) / 3.0)
}
