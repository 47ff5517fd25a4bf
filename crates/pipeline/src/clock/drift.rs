//! Finds how fast a device runs from when it called and how many frames it had moved by then.
//!
//! A callback can be late by any amount but is hardly ever early, so the points (device time, lateness) lie on
//! or above a straight line whose slope is the drift. That line is found on the lower convex hull of the points
//! (after Moon, Skelly, Towsley, "Estimation and removal of clock skew from network delay measurements", INFOCOM
//! 1999). Two things are added for sound cards: early bursts, such as the filling of
//! buffers at the start, are set aside as outliers; a lasting step, such as frames lost in an overrun, starts a
//! new line while the old slope stays in use. Pure arithmetic: no clock, and no allocation after creation.

use std::time::{Duration, Instant};

/// Device time covered by one kept point: the least late callback of that span. Seconds.
const BUCKET: f64 = 0.25;
/// Points kept: one minute. More is steadier, fewer follows temperature faster.
const WINDOW: usize = 240;
/// Points before the first answer: two seconds.
const FIRST: usize = 8;
/// Points before a new line after a step replaces the slope of the old one: ten seconds.
const RENEWED: usize = 40;
/// Points that must all be off the line, on one side, to call it a step: two seconds.
const STEP_POINTS: usize = 8;
/// How far off the line a step is at least. Seconds.
const STEP: f64 = 0.004;
/// How early a point may be before it is set aside, at least. Seconds.
const EARLY: f64 = 0.000_5;

/// How fast a device runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// True rate divided by nominal rate.
    pub ratio: f64,
    /// The same as parts per million above (or below) nominal.
    pub ppm: f64,
    /// Stretch of device time it was taken from. The longer, the closer: within 2 ppm after 30 s of callbacks every
    /// 10 ms that come up to 3 ms late.
    pub span: Duration,
}

/// Device time since the origin, and how much later than nominal the callback came. Seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    at: f64,
    late: f64,
}

/// `late = offset + slope * at`.
#[derive(Clone, Copy, Debug)]
struct Line {
    offset: f64,
    slope: f64,
}

impl Line {
    fn above(&self, point: &Point) -> f64 {
        point.late - self.offset - self.slope * point.at
    }
}

#[derive(Clone)]
struct Window {
    points: [Point; WINDOW],
    len: usize,
    scratch: [f64; WINDOW],
    hull: [Point; WINDOW],
}

/// Learns the drift of one device from its callbacks.
#[derive(Clone)]
pub struct DriftEstimator {
    rate: f64,
    origin: Option<(u64, Instant)>,
    /// The bucket being filled: its number, and its least late point.
    open: Option<(u64, Point)>,
    window: Box<Window>,
    line: Option<Line>,
    /// Slope of the line before the last step, with the span it came from.
    held: Option<(f64, f64)>,
}

impl DriftEstimator {
    /// For a device that claims `nominal_rate` frames a second.
    pub fn new(nominal_rate: u32) -> Self {
        Self {
            rate: f64::from(nominal_rate.max(1)),
            origin: None,
            open: None,
            window: Box::new(Window {
                points: [Point::default(); WINDOW],
                len: 0,
                scratch: [0.0; WINDOW],
                hull: [Point::default(); WINDOW],
            }),
            line: None,
            held: None,
        }
    }

    /// A callback began at `at`, and with it the device had moved `frames` in all. In order; a callback may be
    /// missing.
    pub fn push(&mut self, frames: u64, at: Instant) {
        let (first_frame, first_at) = *self.origin.get_or_insert((frames, at));
        let device_time = frames.saturating_sub(first_frame) as f64 / self.rate;
        let point = Point {
            at: device_time,
            late: at.saturating_duration_since(first_at).as_secs_f64() - device_time,
        };
        let bucket = (device_time / BUCKET) as u64;
        match &mut self.open {
            Some((open, best)) if *open == bucket => {
                if point.late < best.late {
                    *best = point;
                }
            }
            _ => {
                if let Some((_, done)) = self.open.replace((bucket, point)) {
                    self.window.push(done);
                    self.refit();
                }
            }
        }
    }

    /// The estimate, or `None` before two seconds of callbacks.
    pub fn drift(&self) -> Option<Drift> {
        let (slope, span) = self.slope()?;
        let ratio = 1.0 / (1.0 + slope);
        Some(Drift {
            ratio,
            ppm: (ratio - 1.0) * 1e6,
            span: Duration::try_from_secs_f64(span).ok()?,
        })
    }

    /// Forgets everything: the device was reopened.
    pub fn reset(&mut self) {
        self.origin = None;
        self.open = None;
        self.window.len = 0;
        self.line = None;
        self.held = None;
    }

    fn slope(&self) -> Option<(f64, f64)> {
        match (self.line, self.held) {
            (_, Some(held)) if self.window.len < RENEWED => Some(held),
            (Some(line), _) => Some((line.slope, self.window.span())),
            (None, held) => held,
        }
    }

    fn refit(&mut self) {
        if let Some(line) = self.line
            && self.window.stepped(&line)
        {
            self.held = self.slope();
            self.window.keep_newest(STEP_POINTS);
            self.line = None;
        }
        if self.window.len >= FIRST {
            self.line = self.window.fit();
        }
    }
}

impl Window {
    fn push(&mut self, point: Point) {
        if self.len == WINDOW {
            self.keep_newest(WINDOW - 1);
        }
        self.points[self.len] = point;
        self.len += 1;
    }

    fn keep_newest(&mut self, n: usize) {
        let n = n.min(self.len);
        self.points.copy_within(self.len - n..self.len, 0);
        self.len = n;
    }

    fn span(&self) -> f64 {
        match self.len {
            0 => 0.0,
            len => self.points[len - 1].at - self.points[0].at,
        }
    }

    /// Whether the newest points have all left the line for the same side.
    fn stepped(&self, line: &Line) -> bool {
        if self.len < FIRST + STEP_POINTS {
            return false;
        }
        let newest = &self.points[self.len - STEP_POINTS..self.len];
        newest.iter().all(|p| line.above(p) > STEP) || newest.iter().all(|p| line.above(p) < -STEP)
    }

    fn fit(&mut self) -> Option<Line> {
        let slope = self.rough_slope();
        let floor = self.floor(slope);
        self.hull_line(slope, floor)
    }

    /// Median slope between points half a window apart: right to a few ppm, whatever a quarter of the points do.
    fn rough_slope(&mut self) -> f64 {
        let points = &self.points[..self.len];
        let half = self.len / 2;
        let slopes = &mut self.scratch[..self.len - half];
        for (slope, (a, b)) in slopes.iter_mut().zip(points.iter().zip(&points[half..])) {
            *slope = if b.at > a.at {
                (b.late - a.late) / (b.at - a.at)
            } else {
                0.0
            };
        }
        median(slopes)
    }

    /// Lateness, relative to a line of `slope` through the origin, below which a point counts as early.
    fn floor(&mut self, slope: f64) -> f64 {
        let points = &self.points[..self.len];
        let scratch = &mut self.scratch[..self.len];
        for (out, p) in scratch.iter_mut().zip(points) {
            *out = p.late - slope * p.at;
        }
        let middle = median(scratch);
        for out in scratch.iter_mut() {
            *out = (*out - middle).abs();
        }
        let deviation = median(scratch);
        middle - (5.0 * deviation).max(EARLY)
    }

    /// The chord of the lower convex hull between a quarter and three quarters of the points that are not below
    /// `floor`. It leans on several of the least late callbacks where the single edge over the middle leans on
    /// two, and errs less (a third less at worst, simulated).
    fn hull_line(&mut self, slope: f64, floor: f64) -> Option<Line> {
        let mut hull = 0;
        for p in self.points[..self.len]
            .iter()
            .filter(|p| p.late - slope * p.at >= floor)
        {
            while hull >= 2 && !turns_up(&self.hull[hull - 2], &self.hull[hull - 1], p) {
                hull -= 1;
            }
            self.hull[hull] = *p;
            hull += 1;
        }
        let hull = &self.hull[..hull];
        let (first, last) = (hull.first()?.at, hull.last()?.at);
        let (a, b) = (first + (last - first) * 0.25, first + (last - first) * 0.75);
        let (low, high) = (height(hull, a)?, height(hull, b)?);
        let slope = (high - low) / (b - a);
        slope.is_finite().then_some(Line {
            offset: low - slope * a,
            slope,
        })
    }
}

/// The hull's lateness at device time `at`.
fn height(hull: &[Point], at: f64) -> Option<f64> {
    let edge = hull
        .windows(2)
        .find(|edge| edge[0].at <= at && at <= edge[1].at)?;
    Some(edge[0].late + (edge[1].late - edge[0].late) * (at - edge[0].at) / (edge[1].at - edge[0].at))
}

/// Whether `c` lies above the line through `a` and `b`, so that `b` stays on the lower hull.
fn turns_up(a: &Point, b: &Point, c: &Point) -> bool {
    (b.at - a.at) * (c.late - a.late) > (c.at - a.at) * (b.late - a.late)
}

/// Middle value; reorders its argument, which must not be empty.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
