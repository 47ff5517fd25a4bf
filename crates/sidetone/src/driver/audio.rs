//! The voice engine of an agent: opened for the first call that needs it, closed after the last.

use std::sync::Arc;
use std::time::Duration;

use sidetone_media::device::{Direction, InputDevice, OutputDevice};
use sidetone_media::packet::VoicePacket;
use sidetone_media::voice::{RATE, VoiceConfig, VoiceEngine};
use sidetone_pipeline::Pool;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::Error;
use crate::devices::Selection;
use crate::options::AudioOptions;

/// What was asked for, or why there is none. Devices come with the pick they are for.
pub enum Opened {
    Engine(Result<Box<VoiceEngine>, Error>),
    Input(u64, Result<Box<dyn InputDevice>, Error>),
    Output(u64, Result<Box<dyn OutputDevice>, Error>),
}

impl Opened {
    /// Which of the two it is about, where it is about one.
    pub fn direction(&self) -> Option<Direction> {
        match self {
            Self::Engine(_) => None,
            Self::Input(..) => Some(Direction::Input),
            Self::Output(..) => Some(Direction::Output),
        }
    }
}

enum State {
    Closed,
    Opening,
    Open(Box<VoiceEngine>),
}

/// Opens and closes the engine. Opening and closing devices can take long, so both happen off the network thread.
pub struct Audio {
    options: AudioOptions,
    pool: Pool<VoicePacket>,
    state: State,
    opened: mpsc::UnboundedSender<Opened>,
    /// Picks of the microphone and the speaker that are in use, or on their way.
    revisions: (u64, u64),
    /// A pick made while the engine was being opened.
    missed: Option<Selection>,
    /// The engine before, whose devices may not be free yet.
    last: Option<JoinHandle<()>>,
    /// Notified when the engine has events.
    pub events: Arc<Notify>,
}

impl Audio {
    pub fn new(
        options: AudioOptions,
        pool: Pool<VoicePacket>,
        opened: mpsc::UnboundedSender<Opened>,
    ) -> Self {
        Self {
            options,
            pool,
            state: State::Closed,
            opened,
            revisions: (0, 0),
            missed: None,
            last: None,
            events: Arc::new(Notify::new()),
        }
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
        let last = self.last.take();
        tokio::spawn(async move {
            if let Some(last) = last {
                // Devices that only one may hold are free when the engine before is gone.
                let _ = last.await;
            }
            spawn_blocking(move || {
                let open = || {
                    let (input, output) = (input.make()?, output.make()?);
                    Ok(Box::new(VoiceEngine::start(
                        config,
                        pool,
                        input,
                        output,
                        move || {
                            events.notify_one();
                        },
                    )?))
                };
                // A driver that is gone drops the engine again.
                let _ = opened.send(Opened::Engine(open()));
            });
        });
    }

    /// Takes an outcome of [`Audio::open`] or [`Audio::swap`] in. Tells whether there is a new engine.
    pub fn opened(&mut self, outcome: Opened) -> Result<bool, Error> {
        match outcome {
            Opened::Engine(Ok(engine)) => {
                self.state = State::Open(engine);
                if let Some(picked) = self.missed.take() {
                    self.swap(&picked);
                }
                return Ok(true);
            }
            Opened::Engine(Err(error)) => {
                self.state = State::Closed;
                self.missed = None;
                return Err(error);
            }
            Opened::Input(revision, device) => {
                if let Some(engine) = self.engine().filter(|_| revision == self.revisions.0) {
                    engine.swap_input(device?);
                }
            }
            Opened::Output(revision, device) => {
                if let Some(engine) = self.engine().filter(|_| revision == self.revisions.1) {
                    engine.swap_output(device?);
                }
            }
        }
        Ok(false)
    }

    /// Puts what the app picked into the engine that is open, or is about to be.
    pub fn swap(&mut self, picked: &Selection) {
        match &self.state {
            State::Closed => return,
            State::Opening => {
                self.missed = Some(picked.clone());
                return;
            }
            State::Open(_) => {}
        }
        let before = self.revisions;
        self.revisions = (picked.input_revision, picked.output_revision);
        if self.revisions.0 != before.0 {
            let (revision, input, opened) = (self.revisions.0, picked.input.clone(), self.opened.clone());
            spawn_blocking(move || {
                let _ = opened.send(Opened::Input(revision, input.make().map_err(Error::from)));
            });
        }
        if self.revisions.1 != before.1 {
            let (revision, output, opened) = (self.revisions.1, picked.output.clone(), self.opened.clone());
            spawn_blocking(move || {
                let _ = opened.send(Opened::Output(revision, output.make().map_err(Error::from)));
            });
        }
    }

    /// Closes the engine. One that is being opened is closed when it is open.
    pub fn close(&mut self) {
        if let State::Open(_) = &self.state
            && let State::Open(engine) = std::mem::replace(&mut self.state, State::Closed)
        {
            // Dropping joins two threads and closes two devices.
            self.last = Some(spawn_blocking(move || drop(engine)));
        }
    }
}

fn frames(period: Duration) -> u32 {
    (period.as_secs_f64() * f64::from(RATE))
        .round()
        .clamp(1.0, f64::from(RATE)) as u32
}
