//! Who dominates the conversation, as people are shown it: slower than who is heard. A speaker becomes dominant when its
//! voice has stood above the others' for a while, or when the one before has fallen silent.

use super::slab::Key;

/// Time between two looks, in microseconds.
pub(crate) const INTERVAL: u64 = 200_000;
/// How long the voices are compared over, in looks.
const MEMORY: f32 = 5.0;
/// Looks in a row that a challenger must stand out in.
const PERSISTENCE: u32 = 3;
/// And by how much, in dB.
const MARGIN: f32 = 6.0;
/// Nobody dominates who has not spoken for this long: a cough is shorter. In microseconds.
const LEAST_SPEECH: u64 = 300_000;
/// The dominant one may pause for this long, in microseconds.
const PAUSE: u64 = 1_000_000;
/// Who has been silent for this long is not compared any more, in microseconds.
pub(crate) const FORGET: u64 = 10_000_000;
/// Most speakers told.
const MOST: usize = 10;

/// A voice at one look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
    pub(crate) number: u32,
    /// How far it stands above its background, in dB; 0 in a pause.
    pub(crate) score: f32,
    /// For how long it has been speaking, in microseconds; 0 in a pause.
    pub(crate) speaking: u64,
    /// How long ago it spoke, in microseconds.
    pub(crate) quiet: u64,
}

#[derive(Debug)]
struct Compared {
    stream: Key,
    average: f32,
    ahead: u32,
}

/// The order of speakers.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    compared: Vec<Compared>,
    order: Vec<u32>,
    due: Option<u64>,
}

impl Speakers {
    /// By number, the dominant one first.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// When to look next.
    pub(crate) fn due(&self) -> Option<u64> {
        self.due
    }

    /// Somebody begins to speak.
    pub(crate) fn add(&mut self, stream: Key, now: u64) {
        self.compared.push(Compared {
            stream,
            average: 0.0,
            ahead: 0,
        });
        self.due.get_or_insert(now + INTERVAL);
    }

    /// Somebody is gone. Returns whether the order changed.
    pub(crate) fn remove(&mut self, stream: Key, number: u32) -> bool {
        self.compared.retain(|compared| compared.stream != stream);
        let before = self.order.len();
        self.order.retain(|speaker| *speaker != number);
        self.order.len() != before
    }

    /// Looks at all voices. `voice` tells of one, `None` if it is to be forgotten. Returns whether the order changed.
    pub(crate) fn look(&mut self, now: u64, mut voice: impl FnMut(Key) -> Option<Voice>) -> bool {
        let dominant = self.order.first().copied();
        let mut reigning: Option<(f32, Voice)> = None;
        let mut best: Option<(f32, usize, Voice)> = None;
        let mut index = 0;
        self.compared.retain_mut(|compared| {
            let Some(voice) = voice(compared.stream) else {
                return false;
            };
            compared.average += (voice.score - compared.average) / MEMORY;
            if Some(voice.number) == dominant {
                reigning = Some((compared.average, voice));
            } else if voice.speaking >= LEAST_SPEECH && best.is_none_or(|best| compared.average > best.0) {
                best = Some((compared.average, index, voice));
            }
            index += 1;
            true
        });
        self.due = (!self.compared.is_empty()).then_some(now + INTERVAL);
        let wins = best.is_some_and(|(average, index, _)| {
            let margin = reigning.map_or(f32::INFINITY, |(reign, _)| average - reign);
            let ahead = if margin >= MARGIN {
                self.compared[index].ahead + 1
            } else {
                0
            };
            for (n, compared) in self.compared.iter_mut().enumerate() {
                compared.ahead = if n == index { ahead } else { 0 };
            }
            reigning.is_none_or(|(_, voice)| voice.quiet > PAUSE) || ahead >= PERSISTENCE
        });
        let Some((_, index, voice)) = best.filter(|_| wins) else {
            return false;
        };
        self.compared[index].ahead = 0;
        self.order.retain(|speaker| *speaker != voice.number);
        self.order.insert(0, voice.number);
        self.order.truncate(MOST);
        true
    }
}
