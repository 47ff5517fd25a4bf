//! How often somebody may do something in a thread (spec 3.10): so many in ten seconds, and so many in a minute. Windows
//! that slide, so that the wait that is told is exact. Not kept: a restart forgives.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sidetone_ledger::Timestamp;
use sidetone_signaling::{Identifier, Reason};

use crate::Refused;

/// What is done. Each kind of deed has windows of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// Sending a message.
    Send,
    /// Editing, pinning, reacting to or answering one.
    Update,
    /// Deleting one.
    Delete,
    /// Adding or removing participants.
    People,
    /// Changing the thread.
    Thread,
    /// Typing.
    Type,
    /// Reading.
    Read,
    /// Uploading a file.
    Upload,
    /// Having a message translated.
    Translate,
}

const TEN_SECONDS: u64 = 10_000;
const MINUTE: u64 = 60_000;

impl Deed {
    /// For each user in each thread: how many within how many milliseconds.
    const fn windows(self) -> &'static [(usize, u64)] {
        match self {
            Self::Send | Self::Update | Self::Delete => &[(10, TEN_SECONDS), (30, MINUTE)],
            Self::People => &[(10, TEN_SECONDS)],
            Self::Thread | Self::Type => &[(5, TEN_SECONDS)],
            // A reader of many short messages; a picker of photographs.
            Self::Read => &[(50, TEN_SECONDS)],
            Self::Upload => &[(10, TEN_SECONDS), (30, MINUTE)],
            // A page of messages in another language.
            Self::Translate => &[(20, TEN_SECONDS), (60, MINUTE)],
        }
    }

    /// For the thread as a whole.
    const fn of_all(self) -> Option<(usize, u64)> {
        match self {
            Self::Type => Some((10, TEN_SECONDS)),
            _ => None,
        }
    }
}

/// What was done lately in one thread.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    users: BTreeMap<(Identifier, Deed), VecDeque<u64>>,
    all: BTreeMap<Deed, VecDeque<u64>>,
}

/// Users that are remembered before those who were idle are forgotten.
const SWEEP_ABOVE: usize = 256;

impl Rates {
    /// Takes one.
    ///
    /// # Errors
    /// [`Reason::CHAT_TOO_FAST`], with how long to wait. Nothing is taken then.
    pub fn take(&mut self, who: &Identifier, deed: Deed, now: Timestamp) -> Result<(), Refused> {
        let now = now.as_millis();
        if self.users.len() > SWEEP_ABOVE {
            self.users
                .retain(|_, times| times.back().is_some_and(|last| last + MINUTE > now));
        }
        let own = self.users.entry((who.clone(), deed)).or_default();
        let of_all = deed.of_all();
        let all = self.all.entry(deed).or_default();
        let wait = deed
            .windows()
            .iter()
            .filter_map(|window| wait(own, *window, now))
            .chain(of_all.and_then(|window| wait(all, window, now)))
            .max();
        if let Some(wait) = wait {
            return Err(Refused {
                retry_after: Some(Duration::from_millis(wait)),
                ..Reason::CHAT_TOO_FAST.into()
            });
        }
        note(own, now);
        if of_all.is_some() {
            note(all, now);
        }
        Ok(())
    }
}

/// How long until there is room in a window; `None` when there is.
fn wait(times: &VecDeque<u64>, (most, span): (usize, u64), now: u64) -> Option<u64> {
    let oldest = *times.get(times.len().checked_sub(most)?)?;
    let free = oldest.saturating_add(span);
    (free > now).then(|| free - now)
}

fn note(times: &mut VecDeque<u64>, now: u64) {
    const MOST: usize = 64;
    // A clock that was set back gives nothing away.
    let now = times.back().map_or(now, |last| now.max(*last));
    times.push_back(now);
    while times.len() > MOST {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn eve() -> Identifier {
        Identifier::external_user("shop", "eve").unwrap()
    }

    #[test]
    fn ten_in_ten_seconds_and_thirty_in_a_minute() {
        let mut rates = Rates::default();
        for n in 0..10 {
            rates.take(&eve(), Deed::Send, at(n)).unwrap();
        }
        let refused = rates.take(&eve(), Deed::Send, at(10)).unwrap_err();
        assert_eq!(refused.reason, Reason::CHAT_TOO_FAST);
        assert_eq!(refused.retry_after, Some(Duration::from_millis(9_990)));
        let bob = Identifier::member("contoso", "bob").unwrap();
        rates.take(&bob, Deed::Send, at(10)).unwrap();
        rates.take(&eve(), Deed::Delete, at(10)).unwrap();
        for second in 1..=2 {
            for n in 0..10 {
                rates.take(&eve(), Deed::Send, at(second * 10_000 + n)).unwrap();
            }
        }
        let refused = rates.take(&eve(), Deed::Send, at(30_500)).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_millis(29_500)));
    }

    #[test]
    fn a_thread_hears_ten_who_type() {
        let mut rates = Rates::default();
        for n in 0..10 {
            let who = Identifier::member("contoso", &format!("m{n}")).unwrap();
            rates.take(&who, Deed::Type, at(0)).unwrap();
        }
        assert!(rates.take(&eve(), Deed::Type, at(9_999)).is_err());
        assert!(rates.take(&eve(), Deed::Type, at(10_000)).is_ok());
    }

    proptest! {
        #[test]
        fn no_window_holds_more_and_who_waits_is_let_in(steps in prop::collection::vec(0u64..3_000, 1..200)) {
            let mut rates = Rates::default();
            let (mut now, mut taken) = (0, Vec::new());
            for passed in steps {
                now += passed;
                if let Err(refused) = rates.take(&eve(), Deed::Send, at(now)) {
                    now += u64::try_from(refused.retry_after.unwrap().as_millis()).unwrap();
                    prop_assert!(rates.take(&eve(), Deed::Send, at(now)).is_ok());
                }
                taken.push(now);
                for (most, span) in Deed::Send.windows() {
                    let within = taken.iter().filter(|time| **time + span > now).count();
                    prop_assert!(within <= *most);
                }
            }
        }
    }
}
