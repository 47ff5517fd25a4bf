//! The cases: who speaks, in which room, through which devices.

use std::time::Duration;

/// What makes noise beside the voices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Nothing but the microphone itself.
    Quiet,
    /// A fan: steady.
    Fan,
    /// Keys: short and irregular.
    Typing,
}

/// One case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name in reports and file names.
    pub name: &'static str,
    /// Whether the far end speaks.
    pub far: bool,
    /// Whether the near end speaks.
    pub near: bool,
    /// What else is heard.
    pub noise: Noise,
    /// How long the room answers.
    pub tail: Duration,
    /// The speaker's clock against the microphone's, in parts per million.
    pub drift_ppm: f64,
    /// Whether another speaker, in another place, takes over half-way.
    pub swap: bool,
}

const QUIET: Case = Case {
    name: "none",
    far: false,
    near: false,
    noise: Noise::Quiet,
    tail: Duration::from_millis(64),
    drift_ppm: 0.0,
    swap: false,
};

const FAR: Case = Case { far: true, ..QUIET };

const NEAR: Case = Case { near: true, ..QUIET };

const SHORT: Duration = Duration::from_millis(16);

/// All cases.
pub const CASES: [Case; 16] = [
    Case {
        name: "far-16",
        tail: SHORT,
        ..FAR
    },
    Case {
        name: "far-64",
        ..FAR
    },
    Case { name: "near", ..NEAR },
    Case {
        name: "double-16",
        tail: SHORT,
        near: true,
        ..FAR
    },
    Case {
        name: "double-64",
        near: true,
        ..FAR
    },
    drift("drift-plus-100", 100.0),
    drift("drift-minus-100", -100.0),
    drift("drift-plus-300", 300.0),
    drift("drift-minus-300", -300.0),
    Case {
        name: "double-drift-100",
        near: true,
        ..drift("", 100.0)
    },
    Case {
        name: "swap",
        swap: true,
        ..FAR
    },
    Case {
        name: "fan",
        noise: Noise::Fan,
        ..NEAR
    },
    Case {
        name: "typing",
        noise: Noise::Typing,
        ..NEAR
    },
    Case {
        name: "fan-far",
        noise: Noise::Fan,
        ..FAR
    },
    Case {
        name: "fan-alone",
        noise: Noise::Fan,
        ..QUIET
    },
    QUIET,
];

const fn drift(name: &'static str, drift_ppm: f64) -> Case {
    Case {
        name,
        drift_ppm,
        ..FAR
    }
}
