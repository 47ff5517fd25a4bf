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

#[derive(Debug)]
pub(crate) struct Timeline {
    rate: u32,
    /// Added to the sender's timestamps.
    offset: u32,
    /// Added to those before `since`, where a spurt ago it was another.
    before: u32,
    /// Compact number of the first packet of the spurt.
    since: u64,
    /// Where its first number lies, come or not.
    begun: u32,
    /// Where the sender's clock stands on ours, by the fastest packets lately.
    pace: Option<u32>,
    /// Newest timestamp of the sender.
    newest: u32,
    /// Distance between packets.
    frame: u32,
    /// Where the next packet may begin.
    end: Option<u32>,
}

impl Timeline {
    /// Of a stream with a clock of `rate` Hz, and `frame` ticks a packet until more is known; 0 for packets that share
    /// a timestamp.
    pub(crate) fn new(rate: u32, frame: u32) -> Self {
        Self {
            rate,
            offset: 0,
            before: 0,
            since: 0,
            begun: 0,
            pace: None,
            newest: 0,
            frame,
            end: None,
        }
    }

    /// Ticks a packet.
    pub(crate) fn frame(&self) -> u32 {
        self.frame
    }

    /// First compact number of the spurt.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// Where the next packet may begin, if there was one.
    pub(crate) fn end(&self) -> Option<u32> {
        self.end
    }

    /// The newest packet in order has come. `next` says that its number follows that of the one before.
    pub(crate) fn arrived(&mut self, timestamp: u32, next: bool, now: u64) {
        let step = timestamp.wrapping_sub(self.newest);
        if self.frame > 0 && next && (self.rate / 400..=self.rate / 8).contains(&step) {
            self.frame = step;
        }
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

    /// Whether `timestamp` continues the spurt. A second behind real time or a fifth ahead it does not: the sender's clock
    /// stood still or leapt.
    pub(crate) fn continues(&self, timestamp: u32, now: u64) -> bool {
        let clock = ticks(self.rate, now);
        let away = distance(timestamp.wrapping_add(self.offset), clock);
        self.end.is_some() && (-(self.rate as i32)..=self.rate as i32 / 5).contains(&away)
    }

    /// Whether so much was sent that it fills more time than has passed. Nothing more may be placed there: the next
    /// talker in a slot would have to follow it.
    pub(crate) fn is_ahead(&self, now: u64) -> bool {
        let limit = self.rate as i32 / 5;
        self.end
            .is_some_and(|end| distance(end, ticks(self.rate, now)) > limit)
    }

    /// Begins a spurt with the packet of timestamp `first`, which came after `gap` missing ones; the first of all has the
    /// number `compact`. [`Timeline::arrived`] has been told the newest, which may be a later one than `first`, and `first`
    /// is placed where that belongs in real time: it was late in being sent, and a receiver must not find it late.
    pub(crate) fn begin(&mut self, first: u32, gap: u64, compact: u64, now: u64) {
        let clock = ticks(self.rate, now);
        let real = self.pace.map_or(clock, |pace| self.newest.wrapping_add(pace));
        let gap = gap.min(MISSING) as u32 * self.frame;
        let begun = real.wrapping_sub(gap);
        self.begun = self.end.map_or(begun, |end| later(begun, end));
        self.before = self.offset;
        self.offset = self.begun.wrapping_add(gap).wrapping_sub(first);
        self.since = compact;
    }

    /// Where a packet of the sender lies.
    pub(crate) fn place(&self, timestamp: u32, compact: u64) -> u32 {
        let offset = if compact < self.since {
            self.before
        } else {
            self.offset
        };
        timestamp.wrapping_add(offset)
    }

    /// Whether a late packet may lie at `placed`: not far from the others, and not where another spurt has begun.
    pub(crate) fn admits(&self, placed: u32, compact: u64) -> bool {
        let near = self
            .end
            .is_some_and(|end| distance(placed, end).unsigned_abs() <= 2 * self.rate);
        let room = placed.wrapping_add(self.frame);
        let side = if compact < self.since {
            distance(room, self.begun) <= 0
        } else {
            distance(placed, self.begun) >= 0
        };
        near && side
    }

    /// A packet was sent at `placed`.
    pub(crate) fn sent(&mut self, placed: u32) {
        let end = placed.wrapping_add(self.frame.max(1));
        self.end = Some(self.end.map_or(end, |before| later(before, end)));
    }
}
