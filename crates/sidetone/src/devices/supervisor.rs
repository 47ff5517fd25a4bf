//! Which device one side of the sound runs on: what was picked while it is there, and the next best while it is not.
//!
//! Sans-IO. It is told what the platform lists, what was opened and what was lost, and says what is to be opened: the device
//! picked before the default one, that before all others, in the platform's order. What fails is left alone for a while, longer each time. A device in use is
//! left for a better one only, never because the list lacks it: some platforms list less than they play.

use std::time::{Duration, Instant};

use sidetone_media::device::{DeviceId, DeviceInfo};

/// What the app picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Whatever is the platform's default, also when that becomes another one.
    Default,
    /// A particular device.
    Device(DeviceId),
    /// Something of the app's own, which is never replaced.
    Own,
}

/// A device that fails is left alone for so long at first, then twice as long each time.
const FIRST: Duration = Duration::from_secs(1);

/// It is never left alone for longer.
const MOST: Duration = Duration::from_secs(30);

/// A device that ran for so long is no failure.
const RAN: Duration = Duration::from_secs(10);

/// A device that failed.
#[derive(Clone, Debug)]
struct Failed {
    id: DeviceId,
    times: u32,
    until: Instant,
}

/// One side: the microphone, or the speaker.
#[derive(Debug)]
pub(crate) struct Supervisor {
    wish: Wish,
    /// Of this direction; `None` while what was listed is out of date.
    listed: Option<Vec<DeviceInfo>>,
    /// What was listed last, out of date or not.
    known: Vec<DeviceId>,
    in_use: Option<(DeviceId, Instant)>,
    /// Told to be opened.
    opening: Option<DeviceId>,
    failed: Vec<Failed>,
}

impl Supervisor {
    /// Of a side on which nothing runs.
    pub fn new(wish: Wish) -> Self {
        Self {
            wish,
            listed: None,
            known: Vec::new(),
            in_use: None,
            opening: None,
            failed: Vec::new(),
        }
    }

    /// The app picked another one. What failed is tried again.
    pub fn pick(&mut self, wish: Wish) {
        self.failed.clear();
        self.wish = wish;
    }

    /// What the platform lists of this direction now. What was not there before is tried at once, whatever it did then.
    pub fn listed(&mut self, devices: Vec<DeviceInfo>) {
        let known = &self.known;
        self.failed.retain(|failed| {
            let there = devices.iter().any(|device| device.id == failed.id);
            !there || known.contains(&failed.id)
        });
        self.known = devices.iter().map(|device| device.id.clone()).collect();
        self.listed = Some(devices);
    }

    /// Whether it sees to anything.
    pub fn is_needed(&self) -> bool {
        self.wish != Wish::Own
    }

    /// Whether what is in use is not what was picked: something better may come.
    pub fn is_makeshift(&self) -> bool {
        let in_use = self.in_use.as_ref().map(|(id, _)| id);
        match &self.wish {
            Wish::Own => false,
            Wish::Default => in_use.is_none(),
            Wish::Device(picked) => in_use != Some(picked),
        }
    }

    /// Whether the list must be looked at before anything is decided.
    pub fn wants_list(&self) -> bool {
        self.listed.is_none() && self.is_needed()
    }

    /// A device is in use from now on; `None` for one of the app's own.
    pub fn opened(&mut self, id: Option<DeviceId>, now: Instant) {
        self.opening = None;
        self.in_use = id.map(|id| (id, now));
    }

    /// A device could not be opened. The one before it, if any, goes on.
    pub fn failed(&mut self, id: &DeviceId, now: Instant) {
        self.opening.take_if(|opening| opening == id);
        self.note(id, now);
    }

    /// What was told to be opened will not be: something else was wanted before.
    pub fn forget(&mut self, id: &DeviceId) {
        self.opening.take_if(|opening| opening == id);
    }

    /// The device in use went away.
    pub fn lost(&mut self, now: Instant) {
        self.listed = None;
        if let Some((id, since)) = self.in_use.take() {
            if now.saturating_duration_since(since) >= RAN {
                self.failed.retain(|failed| failed.id != id);
            }
            let again = self.failed.iter().any(|failed| failed.id == id);
            self.note(&id, now);
            if !again && let Some(failed) = self.failed.iter_mut().find(|failed| failed.id == id) {
                // It may have come back at once, in another format.
                failed.until = now;
            }
        }
    }

    fn note(&mut self, id: &DeviceId, now: Instant) {
        let known = self.failed.iter().position(|failed| failed.id == *id);
        let at = known.unwrap_or_else(|| {
            self.failed.push(Failed {
                id: id.clone(),
                times: 0,
                until: now,
            });
            self.failed.len() - 1
        });
        let failed = &mut self.failed[at];
        failed.until = now + (FIRST * 2u32.saturating_pow(failed.times)).min(MOST);
        failed.times = (failed.times + 1).min(16);
    }

    /// All that could be used now, the best first.
    pub fn candidates(&self, now: Instant) -> Vec<DeviceId> {
        let listed = self.listed.iter().flatten();
        let rests = |device: &DeviceInfo| {
            let mut failed = self.failed.iter();
            failed.any(|failed| failed.id == device.id && failed.until > now)
        };
        let mut usable: Vec<&DeviceInfo> = listed.filter(|device| !rests(device)).collect();
        // Stable: the others stay in the platform's order.
        usable.sort_by_key(|device| self.rank(&device.id));
        usable.into_iter().map(|device| device.id.clone()).collect()
    }

    /// How good it is: 0 is best.
    fn rank(&self, id: &DeviceId) -> u8 {
        let picked = matches!(&self.wish, Wish::Device(picked) if picked == id);
        let mut listed = self.listed.iter().flatten();
        match () {
            () if picked => 0,
            () if listed.any(|device| device.id == *id && device.is_default) => 1,
            () => 2,
        }
    }

    /// The device to open now, if any. Its outcome is to be told by [`opened`](Self::opened) or [`failed`](Self::failed).
    pub fn poll(&mut self, now: Instant) -> Option<DeviceId> {
        if self.wish == Wish::Own || self.opening.is_some() {
            return None;
        }
        let best = self.candidates(now).into_iter().next()?;
        let better = |in_use: &DeviceId| *in_use != best && self.rank(&best) < self.rank(in_use);
        if self.in_use.as_ref().is_some_and(|(in_use, _)| !better(in_use)) {
            return None;
        }
        self.opening = Some(best.clone());
        Some(best)
    }

    #[cfg(test)]
    fn in_use(&self) -> Option<&DeviceId> {
        self.in_use.as_ref().map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sidetone_media::device::Direction;

    fn id(name: &str) -> DeviceId {
        DeviceId(name.to_owned())
    }

    /// Devices in that order; the default one is marked by a star.
    fn list(names: &str) -> Vec<DeviceInfo> {
        let info = |name: &str| DeviceInfo {
            id: id(name.trim_end_matches('*')),
            name: name.to_owned(),
            host: "test".to_owned(),
            direction: Direction::Input,
            is_default: name.ends_with('*'),
            default_format: None,
        };
        names.split_whitespace().map(info).collect()
    }

    /// Opens what is wanted. What is in use then.
    fn settle(side: &mut Supervisor, now: Instant) -> String {
        while let Some(wanted) = side.poll(now) {
            side.opened(Some(wanted), now);
        }
        side.in_use().map_or(String::new(), |id| id.0.clone())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_was_picked_goes_first_and_the_default_next() {
        let now = Instant::now();
        let mut side = Supervisor::new(Wish::Device(id("headset")));
        assert!(side.wants_list());
        assert_eq!(side.poll(now), None);
        side.listed(list("webcam built-in* headset"));
        assert!(!side.wants_list());
        assert_eq!(settle(&mut side, now), "headset");
        // Out of the list alone it stays: it may still play.
        side.listed(list("webcam built-in*"));
        assert_eq!(settle(&mut side, now), "headset");
        side.lost(now);
        assert!(side.wants_list());
        side.listed(list("webcam built-in*"));
        assert_eq!(settle(&mut side, now), "built-in");
        side.listed(list("webcam built-in* headset"));
        assert_eq!(settle(&mut side, now), "headset", "back to what was picked");
        // Nothing is left, and then something else is there.
        side.lost(now);
        side.listed(list(""));
        assert_eq!(settle(&mut side, now), "");
        side.listed(list("webcam"));
        assert_eq!(settle(&mut side, now), "webcam");
    }

    #[test]
    fn the_default_is_followed_where_nothing_was_picked() {
        let now = Instant::now();
        let mut side = Supervisor::new(Wish::Default);
        side.listed(list("a* b"));
        assert_eq!(settle(&mut side, now), "a");
        side.listed(list("a b*"));
        assert_eq!(settle(&mut side, now), "b");
        side.listed(list("a b"));
        assert_eq!(settle(&mut side, now), "b", "none is better");
        // Somebody who picked one stays there.
        side.pick(Wish::Device(id("b")));
        side.listed(list("a* b"));
        assert_eq!(settle(&mut side, now), "b");
        side.pick(Wish::Default);
        assert_eq!(settle(&mut side, now), "a");
    }

    #[test]
    fn what_is_the_apps_own_is_left_alone() {
        let now = Instant::now();
        let mut side = Supervisor::new(Wish::Own);
        assert!(!side.wants_list());
        side.listed(list("a*"));
        assert_eq!(side.poll(now), None);
        side.lost(now);
        assert_eq!(side.poll(now), None);
    }

    #[test]
    fn what_fails_is_left_alone_for_longer_each_time() {
        let start = Instant::now();
        let mut side = Supervisor::new(Wish::Device(id("headset")));
        side.listed(list("headset built-in*"));
        let mut tried = Vec::new();
        for tick in 0..1_000 {
            let now = start + SECOND / 10 * tick;
            while let Some(wanted) = side.poll(now) {
                if wanted == id("headset") {
                    tried.push(tick);
                    side.failed(&wanted, now);
                } else {
                    side.opened(Some(wanted), now);
                }
            }
            assert_eq!(side.in_use(), Some(&id("built-in")), "something runs meanwhile");
        }
        assert_eq!(tried, [0, 10, 30, 70, 150, 310, 610, 910]);
        // Picked again it is tried at once.
        side.pick(Wish::Device(id("headset")));
        assert_eq!(side.poll(start + SECOND * 101), Some(id("headset")));
    }

    #[test]
    fn one_that_comes_back_at_once_is_taken_again_and_one_that_flaps_is_not() {
        let start = Instant::now();
        let mut side = Supervisor::new(Wish::Device(id("headset")));
        let names = "headset built-in*";
        side.listed(list(names));
        assert_eq!(settle(&mut side, start), "headset");
        // Another format, an hour later: the same device.
        let hour = start + SECOND * 3_600;
        side.lost(hour);
        side.listed(list(names));
        assert_eq!(settle(&mut side, hour), "headset");
        // A second later again: a loose contact.
        side.lost(hour + SECOND);
        side.listed(list(names));
        assert_eq!(settle(&mut side, hour + SECOND), "built-in");
        assert_eq!(settle(&mut side, hour + SECOND * 2), "built-in");
        assert_eq!(settle(&mut side, hour + SECOND * 3), "headset");
        // Once it has run for a while all is forgotten.
        side.lost(hour + SECOND * 60);
        side.listed(list(names));
        assert_eq!(settle(&mut side, hour + SECOND * 60), "headset");
    }

    proptest! {
        /// Whatever happens: something runs where anything works, the best of what works after a while, and no device is
        /// opened twice at a time.
        #[test]
        fn the_best_that_works_is_in_use_in_the_end(
            steps in proptest::collection::vec((0u8..5, 0u8..16, 0u64..3_000), 0..60),
            picked in 0u8..5,
            works in 1u8..16,
        ) {
            let name = |n: u8| id(["a", "b", "c", "d"][usize::from(n % 4)]);
            let present = |bits: u8, default: u8| {
                let names = (0..4u8).filter(|n| bits >> n & 1 == 1);
                let star = |n: u8| if n == default % 4 { "*" } else { "" };
                list(&names.map(|n| format!("{}{} ", name(n).0, star(n))).collect::<String>())
            };
            let wish = |n: u8| if n < 4 { Wish::Device(name(n)) } else { Wish::Default };
            let mut now = Instant::now();
            let mut side = Supervisor::new(wish(picked));
            let mut opening: Option<DeviceId> = None;
            for (what, bits, wait) in steps {
                now += Duration::from_millis(wait);
                match what {
                    0 => side.listed(present(bits, bits)),
                    1 if side.in_use().is_some() => side.lost(now),
                    2 => side.pick(wish(bits % 5)),
                    _ => if let Some(id) = opening.take() {
                        if bits & 1 == 0 { side.opened(Some(id), now) } else { side.failed(&id, now) }
                    }
                }
                if let Some(id) = side.poll(now) {
                    prop_assert!(opening.is_none());
                    prop_assert!(side.in_use() != Some(&id));
                    opening = Some(id);
                }
            }
            if let Some(id) = opening.take() {
                side.failed(&id, now);
            }
            // From here on all is listed, and some devices work.
            side.pick(wish(picked));
            side.listed(present(15, 0));
            let ok = |id: &DeviceId| (0..4).any(|n| works >> n & 1 == 1 && name(n) == *id);
            if side.in_use().is_some_and(|id| !ok(id)) {
                side.lost(now);
                side.listed(present(15, 0));
            }
            for _ in 0..200 {
                while let Some(id) = side.poll(now) {
                    if ok(&id) { side.opened(Some(id), now) } else { side.failed(&id, now) }
                }
                now += SECOND;
            }
            let in_use = side.in_use().cloned();
            prop_assert!(in_use.as_ref().is_some_and(ok));
            if picked < 4 && ok(&name(picked)) {
                prop_assert_eq!(in_use, Some(name(picked)));
            } else if ok(&name(0)) {
                prop_assert_eq!(in_use, Some(name(0)), "the default");
            }
        }
    }
}
