//! Which events of a thread are new to the app, and when something is missing before one. It asks for what changed since
//! a version, holds back what comes meanwhile, and lets each change through once. Refuses to know how it is asked for.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use sidetone_signaling::protocol::chat::ThreadId;

use super::ChatEvent;

/// Events of one thread that wait for what is before them, at most. More, and they are dropped: what is asked for next
/// has them too.
const WAITING: usize = 10_000;

/// One thread.
#[derive(Debug, Default)]
struct Followed {
    /// Everything up to this version is known, told or older than the app.
    known: u64,
    /// What was asked for brought everything up to here: events that say less say nothing new.
    asked: u64,
    /// It is being asked for.
    asking: bool,
    /// A change was seen that is further than what is being asked for may reach.
    again: bool,
    waiting: VecDeque<ChatEvent>,
    /// The newest message that the app was told of, or that is older than the app.
    last_message: u64,
}

/// All threads.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    threads: BTreeMap<ThreadId, Followed>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "passed on one at a time")]
pub(super) enum Step {
    /// Tell the app.
    Tell(ChatEvent),
    /// Ask what changed since a version.
    Ask(ThreadId, u64),
}

impl Tracker {
    /// A thread is at this version when the app begins: what is older it can read if it likes.
    pub(super) fn begin(&mut self, thread: ThreadId, version: u64, last_message: u64) {
        let followed = self.threads.entry(thread).or_default();
        followed.known = followed.known.max(version);
        followed.last_message = followed.last_message.max(last_message);
    }

    /// An event came.
    pub(super) fn event(&mut self, event: ChatEvent) -> Vec<Step> {
        let Some((thread, version)) = event.place() else {
            return vec![Step::Tell(event)];
        };
        match &event {
            // The thread is as it says; what was said in it before is asked for by who wants it.
            ChatEvent::ThreadCreated(created) => {
                let last_message = created.thread.last_message;
                let followed = self.threads.entry(thread).or_default();
                if version <= followed.asked {
                    return Vec::new();
                }
                followed.known = followed.known.max(version.saturating_sub(1));
                followed.last_message = followed.last_message.max(last_message);
                return vec![Step::Tell(event)];
            }
            ChatEvent::ThreadDeleted(_) => {
                self.threads.remove(&thread);
                return vec![Step::Tell(event)];
            }
            _ => {}
        }
        let followed = self.threads.entry(thread).or_insert_with(|| Followed {
            // Of a thread that nobody told of, the first event is as good a beginning as any.
            known: version.saturating_sub(1),
            ..Followed::default()
        });
        if version <= followed.asked {
            return Vec::new();
        }
        if followed.asking {
            followed.waiting.push_back(event);
            if followed.waiting.len() > WAITING {
                followed.waiting.clear();
                followed.again = true;
            }
            return Vec::new();
        }
        if version > followed.known + 1 {
            followed.asking = true;
            let since = followed.known;
            followed.waiting.push_back(event);
            return vec![Step::Ask(thread, since)];
        }
        followed.told(&event);
        followed.known = followed.known.max(version);
        vec![Step::Tell(event)]
    }

    /// The session is a new one: whatever was told meanwhile did not come. `threads` is how all of them are now; those
    /// that are not among them are gone.
    pub(super) fn renewed(&mut self, threads: impl IntoIterator<Item = (ThreadId, u64)>) -> Vec<Step> {
        let mut steps = Vec::new();
        let threads: BTreeMap<ThreadId, u64> = threads.into_iter().collect();
        self.threads.retain(|thread, _| {
            let there = threads.contains_key(thread);
            if !there {
                steps.push(Step::Tell(ChatEvent::ThreadGone(*thread)));
            }
            there
        });
        for (thread, version) in threads {
            let followed = self.threads.entry(thread).or_default();
            if version <= followed.known {
                continue;
            }
            if followed.asking {
                followed.again = true;
            } else {
                followed.asking = true;
                steps.push(Step::Ask(thread, followed.known));
            }
        }
        steps
    }

    /// What was asked for is there, up to this version. `found` is what it brought, as events.
    pub(super) fn answered(
        &mut self,
        thread: ThreadId,
        version: u64,
        found: Vec<ChatEvent>,
        more: bool,
    ) -> Vec<Step> {
        let Some(followed) = self.threads.get_mut(&thread) else {
            return Vec::new();
        };
        found.iter().for_each(|event| followed.told(event));
        let mut steps: Vec<Step> = found.into_iter().map(Step::Tell).collect();
        followed.known = followed.known.max(version);
        followed.asked = followed.asked.max(version);
        if more || std::mem::take(&mut followed.again) {
            steps.push(Step::Ask(thread, followed.known));
            return steps;
        }
        followed.asking = false;
        for event in std::mem::take(&mut followed.waiting) {
            steps.extend(self.event(event));
        }
        steps
    }

    /// It could not be asked for. The next event asks for it again.
    pub(super) fn failed(&mut self, thread: ThreadId) {
        if let Some(followed) = self.threads.get_mut(&thread) {
            followed.asking = false;
            followed.again = false;
            // What is asked for next has them, too.
            followed.waiting.clear();
        }
    }

    /// The newest message that the app knows of: what has a greater number is new to it. `None` for a thread that it does
    /// not know.
    pub(super) fn last_message(&self, thread: ThreadId) -> Option<u64> {
        Some(self.threads.get(&thread)?.last_message)
    }
}

impl Followed {
    fn told(&mut self, event: &ChatEvent) {
        if let ChatEvent::MessageReceived(message) = event {
            self.last_message = self.last_message.max(message.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sidetone_signaling::protocol::chat::MessageDeleted;
    use uuid::Uuid;

    use super::*;

    const T: ThreadId = ThreadId(Uuid::from_u128(1));

    /// Any event that changes a thread will do.
    fn change(version: u64) -> ChatEvent {
        ChatEvent::MessageDeleted(MessageDeleted {
            thread: T,
            id: version,
            version,
            deleted_at_ms: 0,
        })
    }

    fn told(steps: &[Step]) -> Vec<u64> {
        let tell = |step: &Step| match step {
            Step::Tell(event) => event.place().map(|(_, version)| version),
            Step::Ask(..) => None,
        };
        steps.iter().filter_map(tell).collect()
    }

    #[test]
    fn events_in_order_are_told_at_once() {
        let mut tracker = Tracker::default();
        tracker.begin(T, 4, 0);
        for version in [5, 6, 6, 7] {
            assert_eq!(told(&tracker.event(change(version))), [version]);
        }
    }

    #[test]
    fn a_version_that_is_left_out_is_asked_for_and_told_once() {
        let mut tracker = Tracker::default();
        tracker.begin(T, 4, 0);
        assert_eq!(tracker.event(change(7)), [Step::Ask(T, 4)]);
        assert_eq!(tracker.event(change(8)), []);
        let steps = tracker.answered(T, 7, vec![change(5), change(6), change(7)], false);
        assert_eq!(told(&steps), [5, 6, 7, 8]);
        assert_eq!(told(&tracker.event(change(9))), [9]);
    }

    #[test]
    fn what_is_there_at_the_beginning_hides_no_event_that_is_under_way() {
        let mut tracker = Tracker::default();
        tracker.begin(T, 4, 0);
        assert_eq!(told(&tracker.event(change(4))), [4]);
    }

    #[test]
    fn a_new_session_asks_for_threads_that_went_on() {
        let mut tracker = Tracker::default();
        tracker.begin(T, 4, 0);
        let other = ThreadId(Uuid::from_u128(2));
        assert_eq!(
            tracker.renewed([(T, 4), (other, 3)]),
            [Step::Ask(other, 0)],
            "one stands still, one is new"
        );
        assert_eq!(tracker.renewed([(T, 6), (other, 3)]), [Step::Ask(T, 4)]);
        assert_eq!(tracker.renewed([(T, 7), (other, 3)]), [], "it is being asked for");
        let gone = Step::Tell(ChatEvent::ThreadGone(other));
        assert_eq!(tracker.renewed([(T, 7)]), [gone]);
        let steps = tracker.answered(T, 6, vec![change(5), change(6)], false);
        assert_eq!(steps.last(), Some(&Step::Ask(T, 6)), "and asked for again");
    }

    proptest! {
        /// A service that says one thing after the other; a network that loses sessions; a client that asks.
        #[test]
        fn each_change_is_told_once_and_in_order(
            steps in prop::collection::vec((any::<bool>(), 0u8..10), 1..200),
        ) {
            let mut tracker = Tracker::default();
            tracker.begin(T, 0, 0);
            let (mut version, mut seen) = (0, Vec::new());
            let mut asked: Option<u64> = None;
            fn take(steps: Vec<Step>, seen: &mut Vec<u64>, asked: &mut Option<u64>) {
                seen.extend(told(&steps));
                for step in steps {
                    if let Step::Ask(_, since) = step {
                        assert!(asked.replace(since).is_none(), "asked twice at once");
                    }
                }
            }
            for (arrives, what) in steps {
                match what {
                    0 => take(tracker.renewed([(T, version)]), &mut seen, &mut asked),
                    1..4 => {
                        if let Some(since) = asked.take() {
                            // In pages of three.
                            let upto = version.min(since + 3);
                            let found = (since + 1..=upto).map(change).collect();
                            take(tracker.answered(T, upto, found, upto < version), &mut seen, &mut asked);
                        }
                    }
                    _ => {
                        version += 1;
                        if arrives {
                            take(tracker.event(change(version)), &mut seen, &mut asked);
                        }
                    }
                }
            }
            take(tracker.renewed([(T, version)]), &mut seen, &mut asked);
            while let Some(since) = asked.take() {
                let found = (since + 1..=version).map(change).collect();
                take(tracker.answered(T, version, found, false), &mut seen, &mut asked);
            }
            prop_assert_eq!(seen, (1..=version).collect::<Vec<_>>());
        }
    }
}
