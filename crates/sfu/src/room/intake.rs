//! Puts the packets of one stream in order and numbers those that are not held. A hole in the sender's numbers stays a
//! hole in the compact ones, for the network made it; what the room holds back leaves none. It decides nothing about
//! what is held.

use super::cache::{Cache, Entry, State};

/// Numbers begin here, so that nothing near them is negative.
const FIRST: u64 = 1 << 20;

/// Packets that may come faster than real time allows before a leap in the sequence is disbelieved.
const LEAP: u64 = 10;

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind all others, with `gap` missing in between.
    New { extended: u64, gap: u64 },
    /// The sender began anew somewhere else.
    Restart { extended: u64 },
    /// In a hole.
    Late { extended: u64 },
    /// Between silent packets that were held.
    Stray { extended: u64 },
    /// Known already, or too old to tell.
    Duplicate,
    /// A leap that time does not explain. The next packet may confirm it.
    Leap,
}

/// How a stream is numbered.
#[derive(Debug)]
pub(crate) struct Intake {
    cache: Option<Cache>,
    packets: usize,
    bytes: usize,
    /// Shortest time between two packets, in microseconds.
    spacing: u64,
    highest: u64,
    /// Extended less compact number, from the highest on. Wraps: more may have been inserted than held.
    held: u64,
    at: u64,
    holding: bool,
    resync: bool,
    confirms: Option<u16>,
}

impl Intake {
    /// Remembers `packets` (a power of two) and `bytes`; a sender may send a packet each `spacing` microseconds.
    pub(crate) fn new(packets: usize, bytes: usize, spacing: u64) -> Self {
        Self {
            cache: None,
            packets,
            bytes,
            spacing,
            highest: FIRST - 1,
            held: 0,
            at: 0,
            holding: false,
            resync: true,
            confirms: None,
        }
    }

    /// The next compact number.
    pub(crate) fn next(&self) -> u64 {
        (self.highest + 1).wrapping_sub(self.held)
    }

    /// Whether the newest packet was held.
    pub(crate) fn is_holding(&self) -> bool {
        self.holding
    }

    /// The next packet continues whatever its number is.
    pub(crate) fn resync(&mut self) {
        self.resync = true;
    }

    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// Finds the place of a packet. Changes nothing but the memory of a leap.
    pub(crate) fn place(&mut self, sequence: u16, now: u64) -> Place {
        let next = self.highest + 1;
        let restart = next + u64::from(sequence.wrapping_sub(next as u16));
        if self.resync {
            return Place::Restart { extended: restart };
        }
        let ahead = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        let plausible = LEAP + now.saturating_sub(self.at) / self.spacing;
        let reach = self.cache.as_ref().map_or(0, Cache::reach);
        if ahead > 0 && ahead as u64 <= plausible {
            self.confirms = None;
            return Place::New {
                extended: self.highest + ahead as u64,
                gap: ahead as u64 - 1,
            };
        }
        if ahead <= 0 && ahead.unsigned_abs() < reach {
            let extended = self.highest - ahead.unsigned_abs();
            let entry = self.cache.as_ref().and_then(|cache| cache.get(extended));
            return match entry.map(|entry| entry.state) {
                Some(State::Missing) => Place::Late { extended },
                Some(State::Skipped) => Place::Stray { extended },
                _ => Place::Duplicate,
            };
        }
        if self.confirms == Some(sequence) {
            self.confirms = None;
            return Place::Restart { extended: restart };
        }
        self.confirms = Some(sequence.wrapping_add(1));
        Place::Leap
    }

    /// Takes a packet that [`Intake::place`] called new or a restart, and keeps it back: silence, or else padding.
    pub(crate) fn hold(&mut self, place: Place, silence: bool, mut entry: Entry, payload: &[u8], now: u64) {
        let gap = self.advance(place, now);
        if self.holding && silence {
            // What is lost between two silent packets is silence.
            self.miss(gap, State::Skipped);
            self.held = self.held.wrapping_add(gap);
        } else {
            self.miss(gap, State::Missing);
        }
        self.highest += gap + 1;
        self.held = self.held.wrapping_add(1);
        self.holding = true;
        entry.extended = self.highest;
        entry.state = State::Held;
        if let Some(cache) = &mut self.cache {
            cache.put(entry, payload);
        }
    }

    /// Takes a packet that [`Intake::place`] called new or a restart, and returns its compact number. Call
    /// [`Intake::release`] first where held packets shall go before it.
    pub(crate) fn send(&mut self, place: Place, mut entry: Entry, payload: &[u8], now: u64) -> u64 {
        let gap = self.advance(place, now);
        self.miss(gap, State::Missing);
        self.highest += gap + 1;
        self.holding = false;
        entry.extended = self.highest;
        entry.compact = self.highest.wrapping_sub(self.held);
        entry.state = State::Sent;
        if let Some(cache) = &mut self.cache {
            cache.put(entry, payload);
        }
        entry.compact
    }

    /// Takes a compact number for a packet of our own behind the newest.
    pub(crate) fn insert(&mut self) -> u64 {
        let compact = self.next();
        self.held = self.held.wrapping_sub(1);
        compact
    }

    /// Keeps back a packet that [`Intake::place`] called a stray.
    pub(crate) fn keep(&mut self, entry: Entry, payload: &[u8]) {
        if let Some(cache) = &mut self.cache {
            cache.put(entry, payload);
        }
    }

    /// Fills a hole, and returns its compact number.
    pub(crate) fn fill(&mut self, extended: u64, mut entry: Entry, payload: &[u8]) -> Option<u64> {
        let cache = self.cache.as_mut()?;
        let compact = cache.get(extended)?.compact;
        entry.extended = extended;
        entry.compact = compact;
        entry.state = State::Sent;
        cache.put(entry, payload);
        Some(compact)
    }

    /// Turns the newest held packets into sent ones, as long as they are not older than `ticks` before `timestamp`
    /// and not more than `most`. Returns how many, which are then the last compact numbers before [`Intake::next`]. Those
    /// that never came in between are holes from now on.
    pub(crate) fn release(&mut self, timestamp: u32, ticks: u32, most: u64) -> u64 {
        let Some(cache) = self.cache.as_mut().filter(|_| self.holding) else {
            return 0;
        };
        let mut count = 0;
        for back in 0..most {
            let Some(entry) = cache.get(self.highest - back) else {
                break;
            };
            let age = timestamp.wrapping_sub(entry.timestamp);
            let whole = || cache.payload(entry).is_some_and(|payload| !payload.is_empty());
            match entry.state {
                State::Skipped => {}
                State::Held if (1..=ticks).contains(&age) && whole() => count = back + 1,
                _ => break,
            }
        }
        self.held = self.held.wrapping_sub(count);
        for extended in self.highest + 1 - count..=self.highest {
            let compact = extended.wrapping_sub(self.held);
            let Some(entry) = cache.get_mut(extended) else {
                continue;
            };
            entry.compact = compact;
            if entry.state == State::Held {
                entry.state = State::Sent;
                cache.index(compact, extended);
            } else {
                entry.state = State::Missing;
            }
        }
        count
    }

    /// Writes down where on the room's clock a packet was placed.
    pub(crate) fn set_placed(&mut self, compact: u64, placed: impl Fn(u32) -> u32) {
        let Some(cache) = &mut self.cache else { return };
        let extended = cache.sent(compact).map(|(entry, _)| entry.extended);
        if let Some(entry) = extended.and_then(|extended| cache.get_mut(extended)) {
            entry.placed = placed(entry.timestamp);
        }
    }

    fn advance(&mut self, place: Place, now: u64) -> u64 {
        self.at = now;
        if self.cache.is_none() {
            self.cache = Some(Cache::new(self.packets, self.bytes));
        }
        match place {
            Place::New { gap, .. } => gap,
            Place::Restart { extended } => {
                let next = self.next();
                self.highest = extended - 1;
                self.held = extended.wrapping_sub(next);
                self.holding = false;
                self.resync = false;
                self.confirms = None;
                0
            }
            Place::Late { .. } | Place::Stray { .. } | Place::Duplicate | Place::Leap => 0,
        }
    }

    fn miss(&mut self, gap: u64, state: State) {
        let Some(cache) = &mut self.cache else { return };
        let from = gap.saturating_sub(cache.reach());
        for extended in self.highest + 1 + from..=self.highest + gap {
            cache.miss(extended, extended.wrapping_sub(self.held), state);
        }
    }
}
