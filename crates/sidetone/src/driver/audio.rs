//! The voice engine of an agent: opened for the first call that needs it, closed after the last.

use std::sync::Arc;
use std::time::Duration;

use sidetone_media::device::DeviceError;
use sidetone_media::packet::VoicePacket;
use sidetone_media::voice::{RATE, VoiceConfig, VoiceEngine};
use sidetone_pipeline::Pool;
use tokio::sync::{Notify, mpsc};

use crate::Error;
use crate::devices::Selection;
use crate::options::AudioOptions;

/// An engine that was asked for, or why there is none.
pub type Opened = Result<VoiceEngine, Error>;

enum State {
    Closed,
    Opening,
    Open(VoiceEngine),
}

/// Opens and closes the engine. Opening and closing devices can take long, so both happen off the network thread.
pub struct Audio {
    options: AudioOptions,
    pool: Pool<VoicePacket>,
    state: State,
    opened: mpsc::UnboundedSender<Opened>,
    /// Picks of the microphone and the speaker that are in use.
    revisions: (u64, u64),
    /// Notified when the engine has events.
    pub events: Arc<Notify>,
}

impl Audio {
    pub fn new(options: AudioOptions, pool: Pool<VoicePacket>, opened: mpsc::UnboundedSender<Opened>) -> Self {
        Self { options, pool, state: State::Closed, opened, revisions: (0, 0), events: Arc::new(Notify::new()) }
    }

    /// The engine, while it is open.
    pub fn engine(&self) -> Option<&VoiceEngine> {
        match &self.state {
            State::Open(engine) => Some(engine),
            _ => None,
        }
    }

    /// Opens the engine unless it is, or is about to be. The outcome comes on the channel given to [`Audio::new`], and
    /// goes to [`Audio::opened`].
    pub fn open(&mut self, selection: &Selection) {
        if !matches!(self.state, State::Closed) {
            return;
        }
        self.state = State::Opening;
        self.revisions = (selection.input_revision, selection.output_revision);
        let config = VoiceConfig {
            profile: self.options.profile,
            processing: self.options.processing,
            jitter: self.options.jitter.clone(),
            input_period: frames(self.options.input_period),
            output_period: frames(self.options.output_period),
            rtp_start: rand::random(),
        };
        let (input, output) = (selection.input.clone(), selection.output.clone());
        let (pool, events, opened) = (self.pool.clone(), self.events.clone(), self.opened.clone());
        tokio::task::spawn_blocking(move || {
            let open = || -> Opened {
                let (input, output) = (input.make()?, output.make()?);
                Ok(VoiceEngine::start(config, pool, input, output, move || events.notify_one())?)
            };
            // A driver that is gone drops the engine again.
            let _ = opened.send(open());
        });
    }

    /// Takes the outcome of [`Audio::open`] in.
    pub fn opened(&mut self, outcome: Opened) -> Result<(), Error> {
        match outcome {
            Ok(engine) => {
                self.state = State::Open(engine);
                Ok(())
            }
            Err(error) => {
                self.state = State::Closed;
                Err(error)
            }
        }
    }

    /// Puts what the app picked into the engine that is open.
    pub fn swap(&mut self, picked: &Selection) -> Result<(), DeviceError> {
        let State::Open(engine) = &self.state else { return Ok(()) };
        if picked.input_revision != self.revisions.0 {
            engine.swap_input(picked.input.make()?);
        }
        if picked.output_revision != self.revisions.1 {
            engine.swap_output(picked.output.make()?);
        }
        self.revisions = (picked.input_revision, picked.output_revision);
        Ok(())
    }

    /// Closes the engine.
    pub fn close(&mut self) {
        if let State::Open(engine) = std::mem::replace(&mut self.state, State::Closed) {
            // Dropping joins two threads and closes two devices.
            tokio::task::spawn_blocking(move || drop(engine));
        }
    }
}

fn frames(period: Duration) -> u32 {
    (period.as_secs_f64() * f64::from(RATE)).round().clamp(1.0, f64::from(RATE)) as u32
}
