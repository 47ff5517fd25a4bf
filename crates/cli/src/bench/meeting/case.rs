//! What is put on the service: who sends, who listens, and how many are heard at once.

use std::time::Duration;

/// Voice in a packet.
pub const FRAME: Duration = Duration::from_millis(20);

/// One meeting.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name on the command line and in the report.
    pub name: &'static str,
    /// People in the meeting.
    pub participants: u32,
    /// Those whose microphone is open and who talk all the time, or in turns.
    pub talkers: u32,
    /// Those who show a picture, which all others see.
    pub cameras: u32,
    /// How many a participant hears at once.
    pub slots: u8,
    /// Whether the talkers take turns of some seconds, with silence between, instead of talking all at once.
    pub turns: bool,
    /// The most processor time of the forwarding thread for a forwarded packet that we set out for, in microseconds.
    pub at_most_us: Option<f64>,
}

impl Case {
    const fn new(name: &'static str, participants: u32, talkers: u32, slots: u8) -> Self {
        Self {
            name,
            participants,
            talkers,
            cameras: 0,
            slots,
            turns: false,
            at_most_us: None,
        }
    }

    const fn at_most_us(mut self, at_most: f64) -> Self {
        self.at_most_us = Some(at_most);
        self
    }

    const fn with_camera(mut self) -> Self {
        self.cameras = 1;
        self
    }

    const fn in_turns(mut self) -> Self {
        self.turns = true;
        self
    }
}

/// Every case there is, in the order they run.
pub const CASES: &[Case] = &[
    Case::new("one-to-100", 101, 1, 3).at_most_us(6.0),
    Case::new("one-to-400", 401, 1, 3).at_most_us(4.5),
    Case::new("all-to-all-50", 50, 50, 49).at_most_us(3.7),
    Case::new("four-of-50", 50, 50, 4).at_most_us(7.0),
    // Below and above 70 % of 180,000 packets a second.
    Case::new("all-to-all-51", 51, 51, 50),
    Case::new("all-to-all-61", 61, 61, 60),
    Case::new("ten", 10, 10, 3),
    Case::new("hundred", 100, 10, 3),
    Case::new("thousand", 1000, 10, 3),
    // Frames of ten packets, thirty a second.
    Case::new("video-one-to-100", 101, 0, 3)
        .with_camera()
        .at_most_us(3.0),
    Case::new("turns", 20, 6, 3).in_turns(),
];
