//! What is shown, how, and over which network.

use std::time::Duration;

use sidetone_media::pictures::{ContentHint, Size};
use sidetone_media::video::Content;
use sidetone_netsim::{Config, Loss, Rate};

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Somebody before a camera that a hand holds.
    Face,
    /// Text on a screen on which nothing moves: one picture.
    Page,
    /// Text that scrolls.
    Scroll,
}

/// What the link from the first end to the second one carries over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course {
    /// The same all the time.
    Steady(Config),
    /// As much for a third of the time, then little, and then as much again.
    Dip(Config, Config),
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// What it is asked for by.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// What is shown.
    pub scene: Scene,
    /// Size of what is captured.
    pub size: Size,
    /// Pictures a second.
    pub frame_rate: u32,
    /// Whether both ends show it; else only the first.
    pub both: bool,
    /// How long the call has gone on when it begins.
    pub after: Duration,
    /// The network from the first end to the second one.
    pub there: Course,
    /// And back.
    pub back: Config,
}

/// The longest that a packet waits before a bottleneck: what is usual in home routers.
const QUEUE: Duration = Duration::from_millis(500);
/// Until people share something in a call, at least.
const CALL: Duration = Duration::from_secs(2);
const NEAR: Config = Config::IDEAL.delay(Duration::from_millis(20));

const fn kbps(kbps: u64) -> Rate {
    Rate::new(kbps * 1_000, QUEUE)
}

/// Calls with cameras.
pub const VIDEO: [Case; 3] = [
    Case {
        name: "two-way",
        about: "both ends show a camera, loopback",
        scene: Scene::Face,
        size: Size::P720,
        frame_rate: 30,
        both: true,
        after: CALL,
        there: Course::Steady(Config::IDEAL),
        back: Config::IDEAL,
    },
    Case {
        name: "loss-3",
        about: "a camera one way, 3 % loss that way, 20 ms each way",
        scene: Scene::Face,
        size: Size::P720,
        frame_rate: 30,
        both: false,
        after: CALL,
        there: Course::Steady(NEAR.loss(Loss::uniform(0.03))),
        back: NEAR,
    },
    Case {
        name: "dip",
        about: "a camera one way over 2 Mbit/s, then 300 kbit/s, then 2 Mbit/s, 20 ms each way",
        scene: Scene::Face,
        size: Size::P720,
        frame_rate: 30,
        both: false,
        after: CALL,
        there: Course::Dip(NEAR.rate(kbps(2_000)), NEAR.rate(kbps(300))),
        back: NEAR,
    },
];

/// Calls in which a screen is shared.
pub const SCREEN: [Case; 4] = [
    Case {
        name: "idle",
        about: "text on which nothing moves, over 2 Mbit/s",
        scene: Scene::Page,
        size: Size::P1080,
        frame_rate: 30,
        both: false,
        after: CALL,
        there: Course::Steady(Config::IDEAL.rate(kbps(2_000))),
        back: Config::IDEAL,
    },
    Case {
        name: "at-once",
        about: "the same as the first thing of a call, of whose path nothing is known",
        scene: Scene::Page,
        size: Size::P1080,
        frame_rate: 30,
        both: false,
        after: Duration::ZERO,
        there: Course::Steady(Config::IDEAL.rate(kbps(2_000))),
        back: Config::IDEAL,
    },
    Case {
        name: "scroll",
        about: "text that scrolls, loopback",
        scene: Scene::Scroll,
        size: Size::P1080,
        frame_rate: 30,
        both: false,
        after: CALL,
        there: Course::Steady(Config::IDEAL),
        back: Config::IDEAL,
    },
    Case {
        name: "scroll-2m",
        about: "text that scrolls, over 2 Mbit/s",
        scene: Scene::Scroll,
        size: Size::P1080,
        frame_rate: 30,
        both: false,
        after: CALL,
        there: Course::Steady(Config::IDEAL.rate(kbps(2_000))),
        back: Config::IDEAL,
    },
];

impl Scene {
    /// As the engine knows it.
    pub fn content(self) -> (Content, ContentHint) {
        match self {
            Self::Face => (Content::Camera, ContentHint::Motion),
            Self::Page | Self::Scroll => (Content::Screen, ContentHint::Text),
        }
    }

    /// From here on a picture counts as sharp: PSNR of luma in dB, at the size it was captured in. A camera's noise alone
    /// costs more than text that can be read without effort may.
    pub fn sharp(self) -> f64 {
        match self {
            Self::Face => 32.0,
            Self::Page | Self::Scroll => 38.0,
        }
    }

    /// Whether there is one picture only.
    pub fn is_still(self) -> bool {
        self == Self::Page
    }
}

impl Course {
    /// The link at first.
    pub fn begin(&self) -> Config {
        match self {
            Self::Steady(config) | Self::Dip(config, _) => *config,
        }
    }
}

impl Case {
    /// How long it takes, with parts of the given length.
    pub fn length(&self, part: Duration) -> Duration {
        match self.there {
            Course::Steady(_) => part,
            Course::Dip(..) => part * 3,
        }
    }
}
