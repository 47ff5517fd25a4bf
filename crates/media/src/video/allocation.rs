//! How what the path carries is shared: sound first, then the screen, then the camera's layers from the lowest up. It
//! refuses to know encoders; what each can use is said to it.

use sidetone_opus::Bitrate;

/// What a layer must have more than its least to be begun again: else it comes and goes.
const WORTH: f64 = 1.15;

/// What something that sends can use. Bit/s, with all headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Below this it is of no use.
    pub least: Bitrate,
    /// Above this it gets no better.
    pub most: Bitrate,
}

/// All that sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Sound.
    pub audio: Option<Demand>,
    /// The screen.
    pub screen: Option<Demand>,
    /// The camera's layers of simulcast, the lowest first; those that nobody watches, `None`.
    pub camera: Vec<Option<Demand>>,
}

impl Demands {
    /// What all can use together: what the path should be asked to carry.
    pub fn wanted(&self) -> Bitrate {
        let all = self
            .audio
            .iter()
            .chain(&self.screen)
            .chain(self.camera.iter().flatten());
        all.fold(Bitrate(0), |sum, demand| {
            Bitrate(sum.0.saturating_add(demand.most.0))
        })
    }
}

/// What each gets. Zero is to send nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// Sound.
    pub audio: Bitrate,
    /// The screen.
    pub screen: Bitrate,
    /// The camera's layers, as in [`Demands::camera`].
    pub camera: Vec<Bitrate>,
}

/// Shares out, and remembers what was on.
#[derive(Clone, Debug, Default)]
pub struct Allocator {
    last: Allocation,
}

impl Allocator {
    /// Shares `limit`, of which `lost` goes to retransmissions. `None` is plenty.
    pub fn allocate(&mut self, limit: Option<Bitrate>, lost: Bitrate, demands: &Demands) -> Allocation {
        let limit = limit.unwrap_or(demands.wanted());
        let mut left = limit.0.saturating_sub(lost.0);
        // Sound goes on with its least whatever the path carries: nothing matters more.
        let audio = demands.audio.map_or(0, |demand| {
            left.clamp(demand.least.0, demand.most.0.max(demand.least.0))
        });
        left = left.saturating_sub(audio);
        let screen = take(&mut left, demands.screen, self.last.screen);
        let mut camera = Vec::with_capacity(demands.camera.len());
        let mut open = true;
        for (layer, demand) in demands.camera.iter().enumerate() {
            let before = self.last.camera.get(layer).copied().unwrap_or_default();
            let got = take(&mut left, demand.filter(|_| open), before);
            // A higher layer without a lower one that is wanted would leave small viewers without a picture.
            open &= demand.is_none() || got.0 > 0;
            camera.push(got);
        }
        self.last = Allocation {
            audio: Bitrate(audio),
            screen,
            camera,
        };
        self.last.clone()
    }
}

fn take(left: &mut u32, demand: Option<Demand>, before: Bitrate) -> Bitrate {
    let Some(demand) = demand else {
        return Bitrate(0);
    };
    let needed = if before.0 > 0 {
        f64::from(demand.least.0)
    } else {
        f64::from(demand.least.0) * WORTH
    };
    let most = demand.most.0.max(demand.least.0);
    if f64::from(*left) < needed.min(f64::from(most)) {
        return Bitrate(0);
    }
    let got = (*left).min(most);
    *left -= got;
    Bitrate(got)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demand(least: u32, most: u32) -> Option<Demand> {
        Some(Demand {
            least: Bitrate::kbps(least),
            most: Bitrate::kbps(most),
        })
    }

    fn call() -> Demands {
        Demands {
            audio: demand(16, 64),
            screen: demand(100, 1_500),
            camera: vec![demand(50, 150), demand(200, 500), demand(600, 1_700)],
        }
    }

    #[test]
    fn sound_then_screen_then_the_camera_from_below() {
        let share = |kbps| {
            let got = Allocator::default().allocate(Some(Bitrate::kbps(kbps)), Bitrate(0), &call());
            let camera: Vec<u32> = got.camera.iter().map(|rate| rate.0 / 1_000).collect();
            (got.audio.0 / 1_000, got.screen.0 / 1_000, camera)
        };
        assert_eq!(share(10), (16, 0, vec![0, 0, 0]));
        assert_eq!(share(100), (64, 0, vec![0, 0, 0]));
        assert_eq!(share(300), (64, 236, vec![0, 0, 0]));
        assert_eq!(share(1_650), (64, 1_500, vec![86, 0, 0]));
        assert_eq!(share(2_000), (64, 1_500, vec![150, 286, 0]));
        assert_eq!(share(9_000), (64, 1_500, vec![150, 500, 1_700]));
        let all = Allocator::default().allocate(None, Bitrate(0), &call());
        assert_eq!(all.camera[2], Bitrate::kbps(1_700));
    }

    #[test]
    fn what_is_on_stays_on_a_little_longer() {
        let (mut allocator, demands) = (Allocator::default(), call());
        let mut camera = |kbps| {
            allocator
                .allocate(Some(Bitrate::kbps(kbps)), Bitrate::kbps(36), &demands)
                .camera[0]
                .0
                / 1_000
        };
        assert_eq!(
            (camera(1_655), camera(1_660), camera(1_651), camera(1_649)),
            (0, 60, 51, 0)
        );
    }

    proptest! {
        #[test]
        fn no_more_is_shared_than_there_is(
            limit in 0u32..10_000_000,
            audio in prop::option::of((0u32..100_000, 0u32..200_000)),
            screen in prop::option::of((0u32..500_000, 0u32..3_000_000)),
            camera in prop::collection::vec(prop::option::of((1u32..900_000, 0u32..3_000_000)), 0..4),
        ) {
            let demand = |(least, more): (u32, u32)| Demand { least: Bitrate(least), most: Bitrate(least + more) };
            let demands = Demands {
                audio: audio.map(demand),
                screen: screen.map(demand),
                camera: camera.iter().map(|of| of.map(demand)).collect(),
            };
            let got = Allocator::default().allocate(Some(Bitrate(limit)), Bitrate(0), &demands);
            let sum = got.audio.0 + got.screen.0 + got.camera.iter().map(|rate| rate.0).sum::<u32>();
            prop_assert!(sum <= limit.max(demands.audio.map_or(0, |audio| audio.least.0)));
            let pairs = got.camera.iter().zip(&demands.camera).chain([(&got.screen, &demands.screen)]);
            for (got, demand) in pairs {
                let within = demand.is_some_and(|demand| (demand.least..=demand.most).contains(got));
                prop_assert!(within || got.0 == 0);
            }
            let wanted: Vec<bool> = got.camera.iter().zip(&demands.camera)
                .filter(|(_, demand)| demand.is_some()).map(|(got, _)| got.0 > 0).collect();
            prop_assert!(wanted.is_sorted_by(|lower, upper| lower >= upper));
        }
    }
}
