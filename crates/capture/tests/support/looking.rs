//! Captures something and looks at the pictures. Shared by the tests of all systems that have screens.

#![allow(dead_code)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sidetone_capture::{
    CaptureEvent, CaptureRequest, Capturer, Counters, FrameRate, Newest, PictureSource, newest,
};
use sidetone_video::picture::Picture;

/// Longest wait for anything that is going to happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Time in which something would have happened that must not.
pub const WHILE: Duration = Duration::from_millis(400);

/// A capturer and what came out of it.
pub struct Looker {
    pub capturer: Capturer,
    pub newest: Newest,
    pub counters: Counters,
    pub picture: Option<Picture>,
}

pub fn request() -> CaptureRequest {
    CaptureRequest {
        size: None,
        frame_rate: FrameRate::hz(60),
        cursor: false,
    }
}

impl Looker {
    pub fn new() -> Self {
        let (sink, newest) = newest();
        Self {
            capturer: Capturer::new(sink, Instant::now()),
            counters: newest.counters(),
            newest,
            picture: None,
        }
    }

    /// Looks at `source`, or at it as well.
    pub fn open(&mut self, source: &mut dyn PictureSource, request: CaptureRequest) {
        self.capturer.start(source, request, Instant::now()).unwrap();
    }

    /// Waits until a picture is as it should be.
    pub fn until(&mut self, what: &str, is_so: impl Fn(&Picture) -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !self.picture.as_ref().is_some_and(&is_so) {
            let left = patience.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never seen: {what}");
            if let Some(picture) = self.newest.wait(left) {
                self.picture = Some(picture);
            }
        }
    }

    /// Waits until the pixel has the colour.
    pub fn until_colour(&mut self, at: (usize, usize), colour: u32) {
        self.until(&format!("{colour:06x} at {at:?}"), |picture| {
            shows(picture, at, colour)
        });
    }

    pub fn until_size(&mut self, width: u32, height: u32) {
        self.until(&format!("{width}x{height}"), |picture| {
            (picture.size().width(), picture.size().height()) == (width, height)
        });
    }

    pub fn assert_colour(&self, at: (usize, usize), colour: u32) {
        let picture = self.picture.as_ref().unwrap();
        assert!(
            shows(picture, at, colour),
            "{:?} at {at:?}, not {colour:06x}",
            yuv_at(picture, at)
        );
    }

    /// Asserts that no picture comes for a while, after those under way have.
    pub fn assert_rest(&self) {
        std::thread::sleep(WHILE);
        let before = self.counters.pictures();
        std::thread::sleep(WHILE);
        assert_eq!(self.counters.pictures(), before);
    }

    /// Waits for an event that is so.
    pub fn event(&mut self, what: &str, is_so: impl Fn(&CaptureEvent) -> bool) -> CaptureEvent {
        let patience = Instant::now() + PATIENCE;
        loop {
            let now = Instant::now();
            match self.capturer.poll(now) {
                Some(event) if is_so(&event) => return event,
                Some(_) => {}
                None => {
                    assert!(now < patience, "never told: {what}");
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }
}

fn yuv_at(picture: &Picture, (column, row): (usize, usize)) -> [u8; 3] {
    let [y, u, v] = picture.planes();
    [
        y.row(row)[column],
        u.row(row / 2)[column / 2],
        v.row(row / 2)[column / 2],
    ]
}

/// Whether the pixel has the colour, but for rounding (BT.601, limited range).
pub fn shows(picture: &Picture, at: (usize, usize), colour: u32) -> bool {
    let [_, red, green, blue] = colour.to_be_bytes().map(f64::from);
    let y = 16.0 + 0.257 * red + 0.504 * green + 0.098 * blue;
    let u = 128.0 - 0.148 * red - 0.291 * green + 0.439 * blue;
    let v = 128.0 + 0.439 * red - 0.368 * green - 0.071 * blue;
    let got = yuv_at(picture, at);
    got.iter()
        .zip([y, u, v])
        .all(|(&got, expected)| (f64::from(got) - expected).abs() < 3.0)
}

/// Whether both have the same samples.
pub fn same(one: &Picture, other: &Picture) -> bool {
    let planes = one.planes().into_iter().zip(other.planes());
    one.size() == other.size() && planes.into_iter().all(|(one, other)| one.rows().eq(other.rows()))
}

/// This process's threads of this name.
pub fn threads(name: &str) -> Vec<PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .map(|task| task.unwrap().path())
        .filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name))
        .collect()
}

/// Times that the threads of this name were woken.
pub fn wake_ups_of(name: &str) -> u64 {
    threads(name)
        .into_iter()
        .map(|task| {
            let status = std::fs::read_to_string(task.join("status")).unwrap();
            let switches = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            switches.unwrap().trim().parse::<u64>().unwrap()
        })
        .sum()
}
