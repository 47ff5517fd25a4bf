//! Recordings of calls. The file is made off the network thread; then the engine leaves its sound to it.

use std::time::SystemTime;

use sidetone_media::recording::{RecordingError, RecordingOptions, Taps};
use sidetone_signaling::protocol::CallId;
use tokio::task::spawn_blocking;

use super::Driver;
use crate::call::Call;
use crate::pending::Reply;
use crate::{Error, Recording};

/// A recording whose file was made, or not.
pub(super) struct Made {
    call: Call,
    outcome: Result<(Recording, Taps), RecordingError>,
    reply: Reply<Recording>,
}

impl Driver {
    /// Whether a call may be recorded now. The one place where that is decided.
    fn may_record(&mut self, call: CallId) -> Result<(), Error> {
        if self.entry(call).is_none() {
            return Err(Error::State("over"));
        }
        if !self.legs.of(call).any(|leg| leg.port.is_none()) {
            return Err(Error::State("without media"));
        }
        Ok(())
    }

    pub(super) fn record(&mut self, call: Call, options: RecordingOptions, reply: Reply<Recording>) {
        if let Err(error) = self.may_record(call.id()) {
            let _ = reply.send(Err(error));
            return;
        }
        let made = self.recordings.0.clone();
        let started = SystemTime::now();
        spawn_blocking(move || {
            let outcome = Recording::start(&call.shared, options, started);
            // A driver that is gone drops the taps, and the recording ends.
            let _ = made.send(Made { call, outcome, reply });
        });
    }

    pub(super) fn recording_made(&mut self, made: Made) {
        let Made { call, outcome, reply } = made;
        let link = self.legs.of(call.id()).find(|leg| leg.port.is_none());
        let outcome = match (outcome, self.audio.engine(), link) {
            (Err(error), _, _) => Err(error.into()),
            (Ok((recording, taps)), Some(engine), Some(leg)) => {
                engine.record(leg.link, taps);
                Ok(recording)
            }
            // The call ended meanwhile.
            (Ok(_), _, _) => Err(Error::State("over")),
        };
        let _ = reply.send(outcome);
    }
}
