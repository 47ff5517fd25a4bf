//! Places the timestamps of one stream on the clock of the room, so that streams can follow one another in a slot. In a
//! talk spurt distances stay as the sender made them; a spurt begins in step with real time. All arithmetic is on the
//! circle of 32 bits (RFC 3550 section 5.1).

/// Packets that may be missing in front of the first that comes, and still find their place in time.
pub(crate) const MISSING: u64 = 10;

/// The room's clock in RTP ticks of `rate` Hz, at `now` in microseconds.
pub(crate) fn ticks(rate: u32, now: u64) -> u32 {
    (now.wrapping_mul(u64::from(rate)) / 1_000_000) as u32
}

/// Signed distance `a - b`.
pub(crate) fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// The later of two.
pub(crate) fn later(a: u32, b: u32) -> u32 {
    if distance(a, b) >= 0 { a } else { b }
}

/// Spurts remembered, for packets that come late.
const SPURTS: usize = 4;

/// A stretch of packets whose distances are as the sender made them.
#[derive(Clone, Copy, Debug, Default)]
struct Spurt {
    /// Added to the sender's timestamps.
    offset: u32,
    /// Compact number of the first packet.
    since: u64,
    /// Where that lies, come or not.
    begun: u32,
}

#[derive(Debug)]
pub(crate) struct Timeline {
    rate: u32,
    /// Newest first.
    spurts: [Spurt; SPURTS],
    /// Where the sender's clock stands on ours, by the fastest packets lately.
    pace: Option<u32>,
    /// Newest timestamp of the sender.
    newest: u32,
    /// Distance between packets, and between the newest two.
    frame: u32,
    step: u32,
    /// Where the next packet may begin.
    end: Option<u32>,
}

impl Timeline {
    /// Of a stream with a clock of `rate` Hz, and `frame` ticks a packet until more is known; 0 for packets that share
    /// a timestamp.
    pub(crate) fn new(rate: u32, frame: u32) -> Self {
        Self {
            rate,
            spurts: [Spurt::default(); SPURTS],
            pace: None,
            newest: 0,
            frame,
            step: 0,
            end: None,
        }
    }

    /// Ticks a packet.
    pub(crate) fn frame(&self) -> u32 {
        self.frame
    }

    /// First compact number of the spurt.
    pub(crate) fn since(&self) -> u64 {
        self.spurts[0].since
    }

    /// Where the next packet may begin, if there was one.
    pub(crate) fn end(&self) -> Option<u32> {
        self.end
    }

    /// The newest packet in order has come. `next` says that its number follows that of the one before.
    pub(crate) fn arrived(&mut self, timestamp: u32, next: bool, now: u64) {
        let step = timestamp.wrapping_sub(self.newest);
        let frame = self.frame > 0 && next && (self.rate / 400..=self.rate / 8).contains(&step);
        // A longer step may be a pause, unless it comes twice.
        if frame && (step < self.frame || step == self.step) {
            self.frame = step;
        }
        self.step = step;
        self.newest = timestamp;
        let transit = ticks(self.rate, now).wrapping_sub(timestamp);
        self.pace = Some(match self.pace {
            Some(pace) => {
                let slower = distance(transit, pace);
                if slower < 0 || slower > self.rate as i32 {
                    transit
                } else {
                    // A clock that runs slower than ours is followed, up to four parts in a thousand.
                    pace.wrapping_add(slower as u32 >> 8)
                }
            }
            None => transit,
        });
    }

    /// Follows the sender's clock, where that runs faster or slower than ours, with the first packet of each frame of a
    /// picture: by steps that nobody sees. A voice has pauses for that.
    pub(crate) fn follow(&mut self) {
        if let Some(pace) = self.pace {
            let away = distance(pace, self.spurts[0].offset);
            let step = (away / 64).clamp(-90, 90);
            self.spurts[0].offset = self.spurts[0].offset.wrapping_add_signed(step);
        }
    }

    /// Whether `timestamp` is that of the newest packet.
    pub(crate) fn is_newest(&self, timestamp: u32) -> bool {
        self.newest == timestamp
    }

    /// Whether `timestamp` continues the spurt. A second behind real time or a fifth ahead it does not: the sender's clock
    /// stood still or leapt.
    pub(crate) fn continues(&self, timestamp: u32, now: u64) -> bool {
        let clock = ticks(self.rate, now);
        let away = distance(timestamp.wrapping_add(self.spurts[0].offset), clock);
        self.end.is_some() && (-(self.rate as i32)..=self.rate as i32 / 5).contains(&away)
    }

    /// Whether so much was sent that it fills more time than has passed. Nothing more may be placed there: the next
    /// talker in a slot would have to follow it.
    pub(crate) fn is_ahead(&self, now: u64) -> bool {
        let limit = self.rate as i32 / 5;
        self.end
            .is_some_and(|end| distance(end, ticks(self.rate, now)) > limit)
    }

    /// Whether what was sent reaches a packet or more beyond the newest packet's real time, as in a spurt whose beginning
    /// was sent late: without that one the next still follows without a hole.
    pub(crate) fn lags(&self) -> bool {
        self.end
            .zip(self.real())
            .is_some_and(|(end, real)| distance(end, real) >= self.frame.max(1) as i32)
    }

    /// Where a pause is announced, in place of the newest packet: behind the voice where it `begins`, and else in step with
    /// real time. None where there was no voice, or its clock leapt.
    pub(crate) fn pause(&self, timestamp: u32, begins: bool, now: u64) -> Option<u32> {
        let (end, real) = self.end.zip(self.real())?;
        if !begins {
            return Some(later(end, real));
        }
        let placed = timestamp.wrapping_add(self.spurts[0].offset);
        self.continues(timestamp, now).then(|| later(end, placed))
    }

    /// Where the newest packet lies in real time.
    fn real(&self) -> Option<u32> {
        self.pace.map(|pace| self.newest.wrapping_add(pace))
    }

    /// Begins a spurt with the packet of timestamp `first`, which came after `gap` missing ones; the first of all has the
    /// number `compact`. [`Timeline::arrived`] has been told the newest, which may be a later one than `first`, and `first`
    /// is placed where that belongs in real time: it was late in being sent, and a receiver must not find it late.
    pub(crate) fn begin(&mut self, first: u32, gap: u64, compact: u64, now: u64) {
        let clock = ticks(self.rate, now);
        let real = self.pace.map_or(clock, |pace| self.newest.wrapping_add(pace));
        let gap = gap.min(MISSING) as u32 * self.frame;
        let begun = real.wrapping_sub(gap);
        let begun = self.end.map_or(begun, |end| later(begun, end));
        self.spurts.rotate_right(1);
        self.spurts[0] = Spurt {
            offset: begun.wrapping_add(gap).wrapping_sub(first),
            since: compact,
            begun,
        };
    }

    /// Where a packet of the sender lies.
    pub(crate) fn place(&self, timestamp: u32, compact: u64) -> u32 {
        let spurt = self.spurts.iter().find(|spurt| spurt.since <= compact);
        timestamp.wrapping_add(spurt.unwrap_or(&self.spurts[0]).offset)
    }

    /// Whether a late packet may lie at `placed`: not far from the others, and not where another spurt is.
    pub(crate) fn admits(&self, placed: u32, compact: u64) -> bool {
        let near = self
            .end
            .is_some_and(|end| distance(placed, end).unsigned_abs() <= 2 * self.rate);
        let Some(index) = self.spurts.iter().position(|spurt| spurt.since <= compact) else {
            return false;
        };
        let after = distance(placed, self.spurts[index].begun) >= 0;
        let next = index.checked_sub(1).map(|next| self.spurts[next].begun);
        let end = placed.wrapping_add(self.frame);
        near && after && next.is_none_or(|next| distance(end, next) <= 0)
    }

    /// Leaves room for missing packets between what was sent and one of `timestamp` that is not.
    pub(crate) fn reserve(&mut self, timestamp: u32, now: u64) {
        if self.continues(timestamp, now) {
            let placed = timestamp.wrapping_add(self.spurts[0].offset);
            self.end = self.end.map(|end| later(end, placed));
        }
    }

    /// A packet was sent at `placed`.
    pub(crate) fn sent(&mut self, placed: u32) {
        let end = placed.wrapping_add(self.frame.max(1));
        self.end = Some(self.end.map_or(end, |before| later(before, end)));
    }
}
