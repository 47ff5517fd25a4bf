//! Who is heard: the seats that talkers compete for, one stage for all receivers with the same number of audio slots.
//! Seat and slot have the same number; who sits on the stage hears, in the place of its own voice, the understudy, who
//! has the one seat more. It decides from what [`Activity`] says and knows no packets.

use super::activity::{Activity, Sound};
use super::slab::Key;

/// A newcomer that has spoken for this long, in microseconds, takes the seat of somebody in a pause. Short enough for
/// held-back packets to cover.
const INTERRUPT: u64 = 80_000;
/// Where everybody speaks, one has to have spoken for this long to take a seat: longer than a cough.
const OUTTALK: u64 = 600_000;
/// And to stand out against its background by this much more than who sits there, in dB.
const OUTTALK_MARGIN: f32 = 6.0;
/// And that one has to have had the seat for this long.
const TENURE: u64 = 1_000_000;
/// Sound that is no voice takes the seat of somebody who has been silent for this long.
const AMBIENT: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) stream: Key,
    /// The participant whose voice it is.
    pub(crate) owner: Key,
    since: u64,
}

#[derive(Debug)]
pub(crate) struct Stage {
    /// The understudy's seat is the last.
    seats: Vec<Option<Seat>>,
    /// The participants that listen.
    pub(crate) audience: Vec<Key>,
}

impl Stage {
    /// For receivers with so many slots.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            seats: vec![None; slots + 1],
            audience: Vec::new(),
        }
    }

    /// Seats without the understudy's.
    pub(crate) fn slots(&self) -> usize {
        self.seats.len() - 1
    }

    /// Where somebody sits who sends.
    pub(crate) fn seat_of(&self, owner: Key) -> Option<usize> {
        self.seats
            .iter()
            .position(|seat| seat.is_some_and(|seat| seat.owner == owner))
    }

    /// The stream that `listener` hears in `slot`.
    pub(crate) fn heard(&self, slot: usize, listener: Key) -> Option<Key> {
        let seat = self.seats[slot].filter(|seat| seat.owner != listener);
        let own = self.seats[slot].is_some() && seat.is_none();
        let seat = if own { self.seats[self.slots()] } else { seat };
        seat.map(|seat| seat.stream)
    }

    /// Whose voice a seat has.
    pub(crate) fn owner(&self, seat: usize) -> Option<Key> {
        self.seats[seat].map(|seat| seat.owner)
    }

    /// Empties a seat.
    pub(crate) fn vacate(&mut self, seat: usize) {
        self.seats[seat] = None;
    }

    /// Somebody is heard. Returns the seats that changed hands: none, one, or one and the understudy's.
    pub(crate) fn challenge<'a>(
        &mut self,
        now: u64,
        stream: Key,
        owner: Key,
        sound: Sound,
        activity: impl Fn(Key) -> Option<&'a Activity>,
    ) -> Change {
        let understudy = self.slots();
        let at = self
            .seats
            .iter()
            .position(|seat| seat.is_some_and(|seat| seat.stream == stream));
        if at.is_some_and(|at| at < understudy) {
            return Change::default();
        }
        let Some(challenger) = activity(stream) else {
            return Change::default();
        };
        let new = Some(Seat {
            stream,
            owner,
            since: now,
        });
        let claim = |seat: &Option<Seat>| match seat {
            None => Some(i64::MAX),
            Some(seat) => activity(seat.stream).map_or(Some(i64::MAX), |holder| {
                claim(now, challenger, sound, holder, seat.since)
            }),
        };
        let best = |seats: &[Option<Seat>]| {
            let claims = seats
                .iter()
                .enumerate()
                .filter_map(|(n, seat)| Some((claim(seat)?, n)));
            // Of equals the first, so that ties are stable.
            claims
                .max_by_key(|(claim, n)| (*claim, usize::MAX - n))
                .map(|(_, n)| n)
        };
        if let Some(seat) = best(&self.seats[..understudy]) {
            let out = std::mem::replace(&mut self.seats[seat], new);
            let was_understudy = at == Some(understudy);
            let vacancy = was_understudy || self.seats[understudy].is_none();
            if vacancy {
                self.seats[understudy] = out;
            }
            return Change {
                seat: Some(seat),
                understudy: vacancy && (was_understudy || out.is_some()),
            };
        }
        if at.is_none() && best(&self.seats[understudy..]).is_some() {
            self.seats[understudy] = new;
            return Change {
                seat: None,
                understudy: true,
            };
        }
        Change::default()
    }
}

/// Which seats changed hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) seat: Option<usize>,
    pub(crate) understudy: bool,
}

/// How well the challenger may claim the seat of `holder`; `None` if it may not.
fn claim(now: u64, challenger: &Activity, sound: Sound, holder: &Activity, since: u64) -> Option<i64> {
    let lost = holder.claim_lost(now);
    if sound != Sound::Speech {
        let quiet = holder.quiet_for(now) > AMBIENT && lost > 0;
        return (sound == Sound::Ambient && quiet).then_some(lost);
    }
    if !holder.is_speaking(now) {
        return (lost > 0 || challenger.speaking_for(now) >= INTERRUPT).then_some(lost);
    }
    let louder = challenger.score() - holder.score();
    let outtalked = challenger.speaking_for(now) >= OUTTALK
        && now.saturating_sub(since) >= TENURE
        && louder >= OUTTALK_MARGIN;
    // Behind all who pause, and the weakest first.
    outtalked.then_some(i64::MIN / 2 + (louder * 1000.0) as i64)
}
