//! What happens to an open stream, told from a real-time thread to its worker.
//!
//! Flags and a counter instead of a channel: telling neither allocates nor locks, and a flood of overruns can
//! never push out the one event that matters, the loss of the device.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::StreamEvent;

#[derive(Debug, Default)]
struct Flags {
    xruns: AtomicU64,
    ended: AtomicBool,
    lost: AtomicBool,
}

/// The device's side. Every method is safe in a real-time callback.
#[derive(Clone, Debug)]
pub struct EventSender {
    flags: Arc<Flags>,
}

/// The worker's side: each event comes out once.
#[derive(Debug)]
pub struct StreamEvents {
    flags: Arc<Flags>,
    seen_xruns: u64,
    seen_ended: bool,
    seen_lost: bool,
}

/// A connected pair.
pub fn stream_events() -> (EventSender, StreamEvents) {
    let flags = Arc::new(Flags::default());
    let events = StreamEvents {
        flags: flags.clone(),
        seen_xruns: 0,
        seen_ended: false,
        seen_lost: false,
    };
    (EventSender { flags }, events)
}

impl EventSender {
    /// Tells one event. [`StreamEvent::Ended`] and [`StreamEvent::Lost`] count once however often they are told.
    pub fn send(&self, event: StreamEvent) {
        match event {
            StreamEvent::Xrun => {
                self.flags.xruns.fetch_add(1, Ordering::Relaxed);
            }
            StreamEvent::Ended => self.flags.ended.store(true, Ordering::Release),
            StreamEvent::Lost => self.flags.lost.store(true, Ordering::Release),
        }
    }
}

impl StreamEvents {
    /// The next event, if any: overruns first, then the end, then the loss.
    pub fn poll(&mut self) -> Option<StreamEvent> {
        if self.flags.xruns.load(Ordering::Relaxed) > self.seen_xruns {
            self.seen_xruns += 1;
            return Some(StreamEvent::Xrun);
        }
        if !self.seen_ended && self.flags.ended.load(Ordering::Acquire) {
            self.seen_ended = true;
            return Some(StreamEvent::Ended);
        }
        if !self.seen_lost && self.flags.lost.load(Ordering::Acquire) {
            self.seen_lost = true;
            return Some(StreamEvent::Lost);
        }
        None
    }

    /// Overruns and underruns the platform reported since the stream was opened.
    pub fn xruns(&self) -> u64 {
        self.flags.xruns.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_comes_out_once_and_a_flood_cannot_hide_the_loss() {
        let (sender, mut events) = stream_events();
        assert_eq!(events.poll(), None);
        for _ in 0..1000 {
            sender.send(StreamEvent::Xrun);
        }
        sender.send(StreamEvent::Lost);
        sender.send(StreamEvent::Lost);
        sender.send(StreamEvent::Ended);
        let all: Vec<_> = std::iter::from_fn(|| events.poll()).collect();
        assert_eq!(all.len(), 1002);
        assert_eq!(all[1000..], [StreamEvent::Ended, StreamEvent::Lost]);
        assert_eq!(events.poll(), None);
    }
}
