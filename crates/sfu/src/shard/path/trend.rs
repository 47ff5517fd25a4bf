//! Whether delays on a path grow (draft-ietf-rmcat-gcc-02 section 5): packets that were sent together are taken as one,
//! and a line is laid through how much later each group came than the one before, against a threshold that adapts.

use super::history::Came;

/// Packets sent within this of the first belong to one group, in milliseconds.
const TOGETHER: f64 = 5.0;
/// Groups that the line goes through.
const GROUPS: usize = 20;
/// Share of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// What the slope is multiplied by before it is compared, for this many groups at most.
const GAIN: f64 = 4.0;
const MOST_GAIN: u32 = 60;
/// The threshold at first, and its bounds, in milliseconds.
const FIRST: f64 = 12.5;
const BOUNDS: (f64, f64) = (6.0, 600.0);
/// How fast it follows trends above and below it, per millisecond.
const UP: f64 = 0.008_7;
const DOWN: f64 = 0.039;
/// Trends further away than this are a burst that it does not follow.
const BURST: f64 = 15.0;
/// A trend has to last for so long, in milliseconds.
const LASTING: f64 = 10.0;
/// A pause after which the line begins anew, in milliseconds: what was measured before says nothing of the path now.
const PAUSE: f64 = 2_000.0;

/// What delays do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// They stay.
    Normal,
    /// A queue grows.
    Over,
    /// A queue drains.
    Under,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    begun: f64,
    sent: f64,
    came: f64,
}

/// Follows delays.
#[derive(Clone, Debug)]
pub(super) struct Trend {
    open: Option<Group>,
    last: Option<Group>,
    /// Arrival and smoothed delay of the last groups, in a ring.
    line: [(f64, f64); GROUPS],
    count: u32,
    delay: f64,
    smoothed: f64,
    threshold: f64,
    updated: f64,
    before: f64,
    over: f64,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            open: None,
            last: None,
            line: [(0.0, 0.0); GROUPS],
            count: 0,
            delay: 0.0,
            smoothed: 0.0,
            threshold: FIRST,
            updated: 0.0,
            before: 0.0,
            over: 0.0,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    /// What delays do now.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Takes a packet that came, in the order they were sent.
    pub fn packet(&mut self, packet: &Came) {
        let Some(open) = &mut self.open else {
            self.open = Some(Group::of(packet));
            return;
        };
        if packet.sent < open.sent {
            return;
        }
        if packet.sent - open.begun <= TOGETHER {
            open.sent = packet.sent;
            open.came = open.came.max(packet.came);
            return;
        }
        let closed = *open;
        if packet.sent - closed.sent > PAUSE {
            *self = Self {
                open: Some(Group::of(packet)),
                threshold: self.threshold,
                ..Self::default()
            };
            return;
        }
        self.open = Some(Group::of(packet));
        if let Some(last) = self.last.replace(closed) {
            self.group(closed, closed.sent - last.sent, closed.came - last.came);
        }
    }

    fn group(&mut self, group: Group, sent: f64, came: f64) {
        self.delay += came - sent;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        self.line[self.count as usize % GROUPS] = (group.came, self.smoothed);
        self.count = self.count.saturating_add(1);
        let trend = self.slope() * f64::from(self.count.min(MOST_GAIN)) * GAIN;
        self.usage = if trend > self.threshold {
            self.over += sent;
            if self.over > LASTING && trend >= self.before {
                Usage::Over
            } else {
                Usage::Normal
            }
        } else {
            self.over = 0.0;
            if trend < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            }
        };
        self.before = trend;
        let away = trend.abs() - self.threshold;
        if away <= BURST {
            let rate = if away < 0.0 { DOWN } else { UP };
            let passed = (group.came - self.updated).clamp(0.0, 100.0);
            self.threshold = (self.threshold + rate * away * passed).clamp(BOUNDS.0, BOUNDS.1);
        }
        self.updated = group.came;
    }

    /// Of the line, by least squares.
    fn slope(&self) -> f64 {
        let points = &self.line[..(self.count as usize).min(GROUPS)];
        let count = points.len() as f64;
        if points.len() < 2 {
            return 0.0;
        }
        let x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
        let y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
        let both = points
            .iter()
            .map(|(at, delay)| (at - x) * (delay - y))
            .sum::<f64>();
        let squares = points.iter().map(|(at, _)| (at - x).powi(2)).sum::<f64>();
        if squares > 0.0 { both / squares } else { 0.0 }
    }
}

impl Group {
    const fn of(packet: &Came) -> Self {
        Self {
            begun: packet.sent,
            sent: packet.sent,
            came: packet.came,
        }
    }
}
