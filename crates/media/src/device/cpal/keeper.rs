//! Holds an open sound card and watches over it from a thread of its own.
//!
//! Some platforms never say that a device went: their library just stops calling, and closing it hangs for ever
//! (seen with ALSA's PulseAudio plugin when the server is killed). So silence counts as loss, and whoever closes
//! a stream waits for the platform only so long.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use sidetone_pipeline::ClockReader;

use crate::device::{EventSender, StreamEvent};

/// Time without a callback after which a device counts as lost. Less would take a sleeping server's first block
/// (2 s on an idle PulseAudio) for death; more keeps a person waiting for sound from another device.
const SILENCE_UNTIL_LOST: Duration = Duration::from_secs(4);

/// How often the silence is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Longest wait for the platform to close a device. After it, the device is left to its fate.
const CLOSING: Duration = Duration::from_secs(1);

/// Keeps a stream open until dropped.
pub(super) struct Keeper {
    /// Dropped to tell the thread to close the stream.
    close: Option<Sender<()>>,
    closed: Receiver<()>,
}

impl Keeper {
    /// Takes over `stream`, whose callbacks tick `clock`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn new(
        stream: impl Send + 'static,
        clock: ClockReader,
        events: EventSender,
    ) -> std::io::Result<Self> {
        let (close, told) = mpsc::channel::<()>();
        let (done, closed) = mpsc::channel();
        std::thread::Builder::new()
            .name("sound card".into())
            .spawn(move || {
                watch(&told, &clock, &events);
                drop(stream);
                let _ = done.send(());
            })?;
        Ok(Self {
            close: Some(close),
            closed,
        })
    }
}

/// Returns when it is time to close.
fn watch(told: &Receiver<()>, clock: &ClockReader, events: &EventSender) {
    let opened = Instant::now();
    let mut silent = false;
    while told.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let last = clock.last_tick().map_or(opened, |(_, at)| at);
        if last.elapsed() > SILENCE_UNTIL_LOST {
            if !std::mem::replace(&mut silent, true) {
                tracing::warn!("a sound card has not called for {SILENCE_UNTIL_LOST:?}");
            }
            events.send(StreamEvent::Lost);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close = None;
        if self.closed.recv_timeout(CLOSING) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the platform does not close a sound card; it is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use sidetone_pipeline::device_clock;

    use super::*;
    use crate::device::stream_events;

    /// Stands for a stream whose thread hangs in the platform's library.
    struct Hung(Receiver<()>);

    impl Drop for Hung {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }

    #[test]
    fn a_silent_device_is_lost_and_a_hung_one_does_not_hang_us() {
        let (release, hung) = mpsc::channel();
        let (_ticks, clock) = device_clock(48_000);
        let (sender, mut events) = stream_events();
        let keeper = Keeper::new(Hung(hung), clock, sender).unwrap();
        let patience = Instant::now() + Duration::from_secs(30);
        while events.poll() != Some(StreamEvent::Lost) {
            assert!(Instant::now() < patience, "the loss was never told");
            std::thread::sleep(Duration::from_millis(10));
        }
        // Returns although the stream cannot be closed: nothing releases it before.
        drop(keeper);
        drop(release);
    }

    #[test]
    fn a_stream_is_closed_before_its_keeper_is_gone() {
        struct Stream(mpsc::Sender<&'static str>);
        impl Drop for Stream {
            fn drop(&mut self) {
                let _ = self.0.send("closed");
            }
        }
        let (told, heard) = mpsc::channel();
        let (_ticks, clock) = device_clock(48_000);
        let (sender, mut events) = stream_events();
        drop(Keeper::new(Stream(told), clock, sender).unwrap());
        assert_eq!(heard.try_recv(), Ok("closed"));
        assert_eq!(events.poll(), None);
    }
}
