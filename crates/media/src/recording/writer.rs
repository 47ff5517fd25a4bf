//! The thread of a recording: takes what the workers left, puts it in its place and writes it down.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use sidetone_pipeline::QueueReceiver;

use super::file::{SoundFile, create};
use super::tap::{Piece, Tap};
use super::timeline::Timeline;
use super::{RecordingContent, RecordingError, RecordingFile, RecordingOptions, RecordingState};
use crate::voice::{BLOCK, Mixer, RATE};

/// How often the queues are emptied.
const INTERVAL: Duration = Duration::from_millis(40);
/// Sound between two flushes.
const FLUSH: u64 = RATE as u64;
/// An end that is this far behind the other is silent meanwhile: one second.
const BEHIND: usize = RATE as usize;

/// Where both workers leave their sound.
pub struct Taps {
    /// For what is sent.
    pub this_end: Tap,
    /// For what is received.
    pub far_end: Tap,
}

enum Command {
    Pause,
    Resume,
    Stop,
}

struct Shared {
    state: Mutex<RecordingState>,
    on_change: Box<dyn Fn(RecordingState) + Send + Sync>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder can leave half a value behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn set(&self, state: RecordingState) {
        *lock(&self.state) = state.clone();
        (self.on_change)(state);
    }
}

/// A recording under way. It ends when it is stopped, or when both taps are gone; dropping this does not stop it.
#[derive(Clone)]
pub struct Recorder {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

impl Recorder {
    /// Makes the file and starts the thread. `on_change` is told every change of the state from there on, on that
    /// thread; after [`RecordingState::Finished`] or [`RecordingState::Failed`] nothing more comes.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn start(
        options: RecordingOptions,
        started: SystemTime,
        on_change: impl Fn(RecordingState) + Send + Sync + 'static,
    ) -> Result<(Self, Taps), RecordingError> {
        let file = create(&options)?;
        let (this_end, near) = Tap::new();
        let (far_end, far) = Tap::new();
        let (commands, inbox) = mpsc::channel();
        let shared = Arc::new(Shared {
            state: Mutex::new(RecordingState::Active),
            on_change: Box::new(on_change),
        });
        let writer = Writer {
            options,
            started,
            inbox,
            near: End::new(near),
            far: End::new(far),
            origin: None,
            paused: false,
            mixer: Mixer::default(),
            written: 0,
            flushed: 0,
            shared: shared.clone(),
        };
        thread::Builder::new()
            .name("recording".into())
            .spawn(move || writer.run(file))
            .map_err(|error| RecordingError::Thread(error.to_string()))?;
        Ok((Self { commands, shared }, Taps { this_end, far_end }))
    }

    /// Leaves out what comes from now on.
    pub fn pause(&self) {
        self.tell(Command::Pause);
    }

    /// Goes on, right behind what was written before the pause.
    pub fn resume(&self) {
        self.tell(Command::Resume);
    }

    /// Completes the file.
    pub fn stop(&self) {
        self.tell(Command::Stop);
    }

    /// How it stands.
    pub fn state(&self) -> RecordingState {
        lock(&self.shared.state).clone()
    }

    /// The file, or why there is none, once it is over.
    pub fn outcome(&self) -> Option<Result<RecordingFile, RecordingError>> {
        match self.state() {
            RecordingState::Active | RecordingState::Paused => None,
            RecordingState::Finished(file) => Some(Ok(file)),
            RecordingState::Failed(error) => Some(Err(error)),
        }
    }

    fn tell(&self, command: Command) {
        // A recording that is over needs no command.
        let _ = self.commands.send(command);
    }
}

/// One end's sound.
struct End {
    pieces: QueueReceiver<Piece>,
    timeline: Timeline,
}

impl End {
    fn new(pieces: QueueReceiver<Piece>) -> Self {
        Self {
            pieces,
            timeline: Timeline::default(),
        }
    }

    fn is_over(&self) -> bool {
        self.pieces.is_closed() && self.pieces.is_empty()
    }
}

struct Writer {
    options: RecordingOptions,
    started: SystemTime,
    inbox: mpsc::Receiver<Command>,
    near: End,
    far: End,
    /// Where the timeline begins: with the first sound, and anew after each pause.
    origin: Option<Instant>,
    paused: bool,
    mixer: Mixer,
    written: u64,
    flushed: u64,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(mut self, mut file: Box<dyn SoundFile>) {
        let worked = self.work(&mut *file);
        let finished = worked.and_then(|()| file.finish());
        let lost = match self.options.content {
            RecordingContent::FarEnd => self.far.timeline.lost(),
            _ => self.near.timeline.lost().max(self.far.timeline.lost()),
        };
        self.shared.set(match finished {
            Ok(()) => RecordingState::Finished(RecordingFile {
                path: self.options.path.clone(),
                started: self.started,
                duration: length(self.written),
                tracks: self.options.content.tracks().to_vec(),
                lost: length(lost),
            }),
            Err(error) => {
                tracing::warn!(%error, "a recording ended early");
                RecordingState::Failed(error)
            }
        });
    }

    fn work(&mut self, file: &mut dyn SoundFile) -> Result<(), RecordingError> {
        loop {
            let command = match self.inbox.recv_timeout(INTERVAL) {
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    // Nobody holds it any more: it goes on to the end of the call.
                    thread::sleep(INTERVAL);
                    None
                }
            };
            // Looked at first, or what was left in between would be missed.
            let over = self.near.is_over() && self.far.is_over();
            // What was there before a command still belongs to before it.
            self.collect();
            match command {
                Some(Command::Pause) if !self.paused => {
                    self.write(file, true)?;
                    self.paused = true;
                    self.shared.set(RecordingState::Paused);
                }
                Some(Command::Resume) if self.paused => {
                    self.paused = false;
                    self.origin = None;
                    self.near.timeline.restart();
                    self.far.timeline.restart();
                    self.shared.set(RecordingState::Active);
                }
                Some(Command::Stop) => return self.write(file, true),
                _ if over => return self.write(file, true),
                _ => self.write(file, false)?,
            }
        }
    }

    /// Empties the queues.
    fn collect(&mut self) {
        loop {
            let near = self.near.pieces.pop();
            let far = self.far.pieces.pop();
            if near.is_none() && far.is_none() {
                return;
            }
            if self.paused {
                continue;
            }
            let pieces = [(near, &mut self.near.timeline), (far, &mut self.far.timeline)];
            for (piece, timeline) in pieces {
                let Some(piece) = piece else { continue };
                let origin = *self.origin.get_or_insert_with(|| begin(&piece));
                timeline.take(&piece, origin);
            }
        }
    }

    /// Writes what both ends are ready for; at the `end` everything.
    fn write(&mut self, file: &mut dyn SoundFile, end: bool) -> Result<(), RecordingError> {
        if self.paused {
            return Ok(());
        }
        let (near, far) = (&mut self.near.timeline, &mut self.far.timeline);
        if self.options.content == RecordingContent::FarEnd {
            near.clear();
            near.pad(far.ready());
        }
        let least = near
            .ready()
            .max(far.ready())
            .saturating_sub(if end { 0 } else { BEHIND });
        near.pad(least);
        far.pad(least);
        let mut ready = near.ready().min(far.ready());
        while ready >= BLOCK || (end && ready > 0) {
            let len = ready.min(BLOCK);
            let (mut ours, mut theirs) = ([0.0; BLOCK], [0.0; BLOCK]);
            let (ours, theirs) = (&mut ours[..len], &mut theirs[..len]);
            near.pull(ours);
            far.pull(theirs);
            match self.options.content {
                RecordingContent::Separate => file.write(&[ours, theirs])?,
                RecordingContent::FarEnd => file.write(&[theirs])?,
                RecordingContent::Mixed => {
                    self.mixer.add(ours);
                    self.mixer.add(theirs);
                    self.mixer.finish(ours);
                    file.write(&[ours])?;
                }
            }
            ready -= len;
            self.written += len as u64;
        }
        if self.written - self.flushed >= FLUSH {
            self.flushed = self.written;
            file.flush()?;
        }
        Ok(())
    }
}

/// When the first sample of a piece was there.
fn begin(piece: &Piece) -> Instant {
    let length = length(piece.samples().len() as u64);
    piece.at.checked_sub(length).unwrap_or(piece.at)
}

fn length(samples: u64) -> Duration {
    Duration::from_secs_f64(samples as f64 / f64::from(RATE))
}
