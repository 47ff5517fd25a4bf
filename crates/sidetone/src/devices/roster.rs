//! The sound devices that there are, kept up to date on a thread of their own while somebody wants to know.
//!
//! Listing takes as long as the platform likes, and opens each device on some systems: nobody waits for it, and nothing is
//! listed while nobody listens.

use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use sidetone_media::device::{DeviceInfo, Direction, Platform};
use tokio::sync::watch;

use super::DeviceEvent;
use crate::events::{Events, Source};

/// How often the list is looked at where the platform does not tell of changes and an app listens to what happens: what is
/// plugged in is told within that. For calls alone it is looked at when they ask for it.
const EVERY: Duration = Duration::from_secs(2);

/// What the platform listed.
#[derive(Clone, Default)]
pub(crate) struct Listed {
    /// Both directions; empty where the platform failed.
    pub devices: Arc<[DeviceInfo]>,
    /// Counts the looks: 0 is none yet.
    pub look: u64,
}

impl Listed {
    /// Those of one direction.
    pub fn of(&self, direction: Direction) -> Vec<DeviceInfo> {
        let devices = self.devices.iter().filter(|device| device.direction == direction);
        devices.cloned().collect()
    }
}

/// What came and went between two looks; `None` where nothing did. A device that is different has gone and come.
fn updated(before: &[DeviceInfo], now: &[DeviceInfo]) -> Option<DeviceEvent> {
    let only_in = |these: &[DeviceInfo], those: &[DeviceInfo]| -> Vec<DeviceInfo> {
        let new = these.iter().filter(|device| !those.contains(device));
        new.cloned().collect()
    };
    let (added, removed) = (only_in(now, before), only_in(before, now));
    (!added.is_empty() || !removed.is_empty()).then_some(DeviceEvent::AudioDevicesUpdated { added, removed })
}

enum Word {
    /// To look again.
    Look,
    /// There is another platform.
    Platform,
}

struct Inner {
    platform: Mutex<Arc<dyn Platform>>,
    listed: watch::Sender<Listed>,
    events: Source<DeviceEvent>,
    /// To the thread, once it runs.
    words: Mutex<Option<mpsc::Sender<Word>>>,
}

/// Keeps the list. Clones are the same roster; its thread ends with the last one.
#[derive(Clone)]
pub(crate) struct Roster(Arc<Inner>);

impl Roster {
    pub fn new(platform: Arc<dyn Platform>) -> Self {
        Self(Arc::new(Inner {
            platform: Mutex::new(platform),
            listed: watch::Sender::new(Listed::default()),
            events: Source::default(),
            words: Mutex::new(None),
        }))
    }

    /// The system that has the devices.
    pub fn platform(&self) -> Arc<dyn Platform> {
        lock(&self.0.platform).clone()
    }

    pub fn set_platform(&self, platform: Arc<dyn Platform>) {
        *lock(&self.0.platform) = platform;
        if let Some(words) = &*lock(&self.0.words) {
            let _ = words.send(Word::Platform);
        }
    }

    /// The list from now on, for as long as the receiver is kept.
    pub fn subscribe(&self) -> watch::Receiver<Listed> {
        let listed = self.0.listed.subscribe();
        self.look();
        listed
    }

    /// What happens to devices from now on.
    pub fn events(&self) -> Events<DeviceEvent> {
        let events = self.0.events.subscribe();
        self.look();
        events
    }

    /// Tells of something that is not in the list.
    pub fn tell(&self, event: DeviceEvent) {
        self.0.events.emit(event);
    }

    /// Looks at the list as soon as possible.
    pub fn look(&self) {
        let mut words = lock(&self.0.words);
        if words.as_ref().is_some_and(|words| words.send(Word::Look).is_ok()) {
            return;
        }
        let (sender, receiver) = mpsc::channel();
        let _ = sender.send(Word::Platform);
        let (inner, own) = (Arc::downgrade(&self.0), sender.clone());
        *words = Some(sender);
        let thread = thread::Builder::new().name("sound devices".into());
        if let Err(error) = thread.spawn(move || keep(&inner, &own, &receiver)) {
            *words = None;
            tracing::warn!(%error, "devices are not watched");
        }
    }
}

/// Looks at the list when told to, or when it is time, until nobody has the roster any more.
fn keep(inner: &Weak<Inner>, own: &mpsc::Sender<Word>, words: &mpsc::Receiver<Word>) {
    let mut watching: Option<Box<dyn Send>> = None;
    let mut wait = None;
    loop {
        // That all senders are gone is never seen: the thread has one of its own.
        let word = match wait {
            Some(wait) => words.recv_timeout(wait).ok(),
            None => words.recv().ok(),
        };
        // All that was said until now is one look.
        let mut anew = matches!(word, Some(Word::Platform));
        anew |= words
            .try_iter()
            .fold(false, |anew, word| anew | matches!(word, Word::Platform));
        let Some(inner) = inner.upgrade() else { return };
        let platform = lock(&inner.platform).clone();
        if anew {
            let own = own.clone();
            watching = platform.watch(Arc::new(move || {
                let _ = own.send(Word::Look);
            }));
        }
        if !inner.is_wanted() {
            wait = None;
            continue;
        }
        let devices = platform.devices().unwrap_or_else(|error| {
            tracing::debug!(%error, "devices cannot be listed");
            Vec::new()
        });
        inner.publish(devices);
        wait = (watching.is_none() && inner.events.is_read()).then_some(EVERY);
    }
}

impl Inner {
    fn is_wanted(&self) -> bool {
        self.listed.receiver_count() > 0 || self.events.is_read()
    }

    fn publish(&self, devices: Vec<DeviceInfo>) {
        let before = self.listed.borrow().clone();
        if before.look > 0
            && let Some(event) = updated(&before.devices, &devices)
        {
            self.events.emit(event);
        }
        self.listed.send_replace(Listed {
            devices: devices.into(),
            look: before.look + 1,
        });
    }
}

/// Ends the thread.
impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(words) = lock(&self.words).take() {
            let _ = words.send(Word::Look);
        }
    }
}

/// No holder of these locks can leave half a value behind.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_media::device::StreamFormat;
    use sidetone_media::device::headless::{Rack, Silence};

    const MONO: StreamFormat = StreamFormat {
        sample_rate: 48_000,
        channels: 1,
    };

    fn plug(rack: &Rack, name: &str) {
        rack.plug_microphone(name, MONO, |_| Box::new(Silence));
    }

    fn names(devices: &[DeviceInfo]) -> Vec<&str> {
        devices.iter().map(|device| device.name.as_str()).collect()
    }

    #[test]
    fn what_comes_and_goes_is_told() {
        let rack = Rack::default();
        plug(&rack, "built in");
        let roster = Roster::new(Arc::new(rack.clone()));
        let mut events = roster.events();
        let mut listed = roster.subscribe();
        while listed.borrow_and_update().look == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        plug(&rack, "headset");
        let Some(DeviceEvent::AudioDevicesUpdated { added, removed }) = events.wait() else {
            panic!("nothing is told");
        };
        assert_eq!((names(&added), removed.len()), (vec!["headset"], 0));
        rack.unplug("built in");
        let mut gone = Vec::new();
        while !gone.iter().any(|name| name == "built in") {
            // The headset has become the default, and is therefore different.
            if let Some(DeviceEvent::AudioDevicesUpdated { removed, .. }) = events.wait() {
                gone.extend(removed.into_iter().map(|device| device.name));
            }
        }
        assert_eq!(names(&listed.borrow().devices), ["headset"]);
    }

    #[test]
    fn nothing_is_listed_while_nobody_listens() {
        struct Counted(std::sync::atomic::AtomicU32);
        impl Platform for Counted {
            fn devices(&self) -> Result<Vec<DeviceInfo>, sidetone_media::device::DeviceError> {
                self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Ok(Vec::new())
            }
            fn input(
                &self,
                _: Option<&sidetone_media::device::DeviceId>,
            ) -> Result<Box<dyn sidetone_media::device::InputDevice>, sidetone_media::device::DeviceError>
            {
                Err(sidetone_media::device::DeviceError::NotFound("none".into()))
            }
            fn output(
                &self,
                _: Option<&sidetone_media::device::DeviceId>,
            ) -> Result<Box<dyn sidetone_media::device::OutputDevice>, sidetone_media::device::DeviceError>
            {
                Err(sidetone_media::device::DeviceError::NotFound("none".into()))
            }
        }
        let platform = Arc::new(Counted(0.into()));
        let roster = Roster::new(platform.clone());
        let mut listed = roster.subscribe();
        while listed.borrow_and_update().look == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        drop(listed);
        let count = || platform.0.load(std::sync::atomic::Ordering::SeqCst);
        let before = count();
        for _ in 0..20 {
            roster.look();
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(count(), before);
        let listed = roster.subscribe();
        while listed.borrow().look < 2 {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(count() > before);
    }
}
