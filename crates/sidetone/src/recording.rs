//! A recording of a call, as an app holds it.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use sidetone_media::recording::{
    Recorder, RecordingError, RecordingFile, RecordingOptions, RecordingState, Taps,
};

use crate::call::{CallEvent, CallShared};
use crate::pending::{Pending, Reply};

/// What everyone in a call is told of a recording of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecordingNotice {
    /// The others must agree before they are heard. Their organisation may want that in any case.
    pub consent: bool,
    /// Where the file will be kept, for the event that tells of it: an address of visible ASCII, at most 1024 bytes.
    /// Everybody who is sent events of this call can read it.
    pub content_location: Option<String>,
}

/// A recording of a call. It ends with the call at the latest; dropping this does not stop it. Cheap to clone.
#[derive(Clone)]
pub struct Recording {
    shared: Arc<Shared>,
}

struct Shared {
    recorder: OnceLock<Recorder>,
    waiting: Mutex<Vec<Reply<RecordingFile>>>,
}

impl Shared {
    /// Answers everybody who waits for the end, if it has come.
    fn settle(&self) {
        let Some(outcome) = self.recorder.get().and_then(Recorder::outcome) else {
            return;
        };
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for reply in waiting {
            // Nobody may be waiting any more.
            let _ = reply.send(outcome.clone().map_err(Into::into));
        }
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Recording {
    /// Makes the file. Blocks for as long as the disk takes.
    pub(crate) fn start(
        call: &Arc<CallShared>,
        options: RecordingOptions,
        started: SystemTime,
        tell: impl Fn(&RecordingState) + Send + Sync + 'static,
    ) -> Result<(Self, Taps), RecordingError> {
        let shared = Arc::new(Shared {
            recorder: OnceLock::new(),
            waiting: Mutex::default(),
        });
        let (told, call) = (Arc::downgrade(&shared), call.clone());
        let (recorder, taps) = Recorder::start(options, started, move |state| {
            tell(&state);
            call.events.emit(CallEvent::RecordingStateChanged(state));
            if let Some(shared) = told.upgrade() {
                shared.settle();
            }
        })?;
        let _ = shared.recorder.set(recorder);
        Ok((Self { shared }, taps))
    }

    /// Leaves out what is said from now on. Nothing happens to one that is over.
    pub fn pause(&self) {
        self.recorder().inspect(|recorder| recorder.pause());
    }

    /// Goes on after a pause: in the file, right behind what was said before it.
    pub fn resume(&self) {
        self.recorder().inspect(|recorder| recorder.resume());
    }

    /// Ends it and completes the file. Also good after the call is over: then the file is complete already.
    ///
    /// # Errors
    /// [`Error::Recording`](crate::Error::Recording) when not everything could be written; what was can be played.
    pub fn stop(&self) -> Pending<RecordingFile> {
        self.recorder().inspect(|recorder| recorder.stop());
        let (reply, pending) = Pending::new();
        self.shared
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reply);
        // It may have been over before.
        self.shared.settle();
        pending
    }

    /// How it stands.
    pub fn state(&self) -> RecordingState {
        self.recorder()
            .map_or(RecordingState::Active, |recorder| recorder.state())
    }

    fn recorder(&self) -> Option<&Recorder> {
        self.shared.recorder.get()
    }
}
