//! How often somebody may be wrong about a link or passcode. A meeting's number is no secret, so its passcode is what
//! is guessed at: by one identity, or by many.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sidetone_organisation::MeetingId;
use sidetone_signaling::Identifier;

const WINDOW: Duration = Duration::from_secs(60);
/// Entries kept; beyond that those whose window is over go.
const KEPT: usize = 10_000;

/// Counts wrong guesses of the last minute.
#[derive(Debug)]
pub(crate) struct Guesses {
    by_identity: BTreeMap<Identifier, Count>,
    by_meeting: BTreeMap<MeetingId, Count>,
    per_identity: u32,
    per_meeting: u32,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Instant,
    wrong: u32,
}

impl Guesses {
    pub(crate) fn new(per_identity: u32, per_meeting: u32) -> Self {
        Self {
            by_identity: BTreeMap::new(),
            by_meeting: BTreeMap::new(),
            per_identity,
            per_meeting,
        }
    }

    /// Whether one more is listened to. A meeting at whose passcode is guessed can still be joined by its link.
    pub(crate) fn may(&self, identity: &Identifier, meeting: Option<&MeetingId>, now: Instant) -> bool {
        let within = |count: Option<&Count>, limit| {
            count.is_none_or(|count| {
                now.saturating_duration_since(count.since) >= WINDOW || count.wrong < limit
            })
        };
        within(self.by_identity.get(identity), self.per_identity)
            && meeting.is_none_or(|meeting| within(self.by_meeting.get(meeting), self.per_meeting))
    }

    /// One was wrong.
    pub(crate) fn wrong(&mut self, identity: &Identifier, meeting: Option<&MeetingId>, now: Instant) {
        count(&mut self.by_identity, identity, now);
        if let Some(meeting) = meeting {
            count(&mut self.by_meeting, meeting, now);
        }
    }
}

fn count<K: Ord + Clone>(counts: &mut BTreeMap<K, Count>, key: &K, now: Instant) {
    let fresh = |count: &Count| now.saturating_duration_since(count.since) < WINDOW;
    if counts.len() >= KEPT {
        counts.retain(|_, count| fresh(count));
    }
    let entry = counts
        .entry(key.clone())
        .or_insert(Count { since: now, wrong: 0 });
    if !fresh(entry) {
        *entry = Count { since: now, wrong: 0 };
    }
    entry.wrong = entry.wrong.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_too_often_waits_a_minute_and_nobody_else_does() {
        let now = Instant::now();
        let (eve, eli): (Identifier, Identifier) = (
            "external:a:eve".parse().unwrap(),
            "external:a:eli".parse().unwrap(),
        );
        let meeting: MeetingId = "482193507112".parse().unwrap();
        let mut guesses = Guesses::new(3, 5);
        for _ in 0..3 {
            assert!(guesses.may(&eve, Some(&meeting), now));
            guesses.wrong(&eve, Some(&meeting), now);
        }
        assert!(!guesses.may(&eve, Some(&meeting), now) && !guesses.may(&eve, None, now));
        assert!(guesses.may(&eli, Some(&meeting), now));
        guesses.wrong(&eli, Some(&meeting), now);
        guesses.wrong(&eli, Some(&meeting), now);
        assert!(!guesses.may(&eli, Some(&meeting), now), "many guess at one");
        assert!(guesses.may(&eli, None, now), "the link is not a guess");
        assert!(guesses.may(&eve, Some(&meeting), now + WINDOW));
    }
}
