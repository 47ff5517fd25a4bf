//! Recordings of calls. Everyone in the call is told first, and the service may refuse; then the file is made, off the
//! network thread; then the engine leaves its sound to it.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use sidetone_media::recording::{RecordingError, RecordingOptions, RecordingState, Taps};
use sidetone_signaling::agent::{AgentInput, Command};
use sidetone_signaling::protocol::{CallId, NoticeKind, NoticeState, Report, ReportItem};
use tokio::task::spawn_blocking;

use super::{Answer, Driver};
use crate::call::Call;
use crate::pending::Reply;
use crate::{Error, Recording, RecordingNotice};

/// What becomes of recordings, off the network thread.
pub(super) enum News {
    /// A file was made, or not.
    Made(Made),
    /// A recording was interrupted, goes on, or is over.
    Changed(CallId, Number, NoticeState),
    /// A file is complete: how long it plays, and where it will be kept.
    Complete(CallId, Duration, Option<String>),
}

/// A recording whose file was made, or not.
pub(super) struct Made {
    call: Call,
    number: Number,
    outcome: Result<(Recording, Taps), RecordingError>,
    reply: Reply<Recording>,
}

/// Names a recording of an agent.
pub(super) type Number = u64;

/// A recording that waits for the service's word.
pub(super) struct Wanted {
    pub call: Call,
    pub options: RecordingOptions,
    pub content_location: Option<String>,
    pub reply: Reply<Recording>,
}

/// The recordings of a call. To everyone else in it they are one.
pub(super) struct Announced {
    recordings: Vec<(Number, NoticeState)>,
    told: NoticeState,
}

impl Default for Announced {
    fn default() -> Self {
        Self {
            recordings: Vec::new(),
            told: NoticeState::Inactive,
        }
    }
}

impl Announced {
    /// One changed. Gives back what is to be told, if that is something new.
    fn set(&mut self, number: Number, state: NoticeState) -> Option<NoticeState> {
        self.recordings.retain(|(other, _)| *other != number);
        if state != NoticeState::Inactive {
            self.recordings.push((number, state));
        }
        let any = |wanted| self.recordings.iter().any(|(_, state)| *state == wanted);
        let now = [NoticeState::Active, NoticeState::Paused]
            .into_iter()
            .find(|state| any(*state))
            .unwrap_or(NoticeState::Inactive);
        (std::mem::replace(&mut self.told, now) != now).then_some(now)
    }
}

impl Driver {
    /// Whether a call may be recorded now, as far as this end knows. The service decides whether it may be at all.
    fn may_record(&mut self, call: CallId) -> Result<(), Error> {
        if self.entry(call).is_none() {
            return Err(Error::State("over"));
        }
        if self.legs.talking_in(call).is_none() {
            return Err(Error::State("without media"));
        }
        Ok(())
    }

    pub(super) fn record(
        &mut self,
        call: Call,
        options: RecordingOptions,
        notice: RecordingNotice,
        reply: Reply<Recording>,
        now: Instant,
    ) {
        let id = call.id();
        if let Err(error) = self.may_record(id) {
            let _ = reply.send(Err(error));
            return;
        }
        let wanted = Box::new(Wanted {
            call,
            options,
            content_location: notice.content_location,
            reply,
        });
        let set = (id, NoticeKind::Recording, NoticeState::Active);
        self.set_notice(set, notice.consent, Answer::Recording(wanted), now);
    }

    /// The service let a recording be, and everyone knows of it.
    pub(super) fn announced(&mut self, wanted: Wanted) {
        let Wanted {
            call,
            options,
            content_location,
            reply,
        } = wanted;
        self.recorded += 1;
        let number = self.recorded;
        let id = call.id();
        if let Some(entry) = self.entry(id) {
            entry.announced.set(number, NoticeState::Active);
        }
        let reports = self.recordings.0.clone();
        let started = SystemTime::now();
        spawn_blocking(move || {
            let changes = reports.clone();
            let tell = move |state: &RecordingState| {
                let now = match state {
                    RecordingState::Active => NoticeState::Active,
                    RecordingState::Paused => NoticeState::Paused,
                    RecordingState::Finished(_) | RecordingState::Failed(_) => NoticeState::Inactive,
                };
                let _ = changes.send(News::Changed(id, number, now));
                if let RecordingState::Finished(file) = state {
                    let complete = News::Complete(id, file.duration, content_location.clone());
                    let _ = changes.send(complete);
                }
            };
            let outcome = Recording::start(&call.shared, options, started, tell);
            // A driver that is gone drops the taps, and the recording ends.
            let _ = reports.send(News::Made(Made {
                call,
                number,
                outcome,
                reply,
            }));
        });
    }

    pub(super) fn recording_news(&mut self, news: News) {
        match news {
            News::Made(made) => self.recording_made(made),
            News::Changed(call, number, state) => self.recording_changed(call, number, state),
            News::Complete(call, duration, place) => self.recording_complete(call, duration, place),
        }
    }

    fn recording_made(&mut self, made: Made) {
        let Made {
            call,
            number,
            outcome,
            reply,
        } = made;
        let link = self.legs.talking_in(call.id());
        let outcome = match (outcome, self.audio.engine(), link) {
            (Err(error), _, _) => Err(error.into()),
            (Ok((recording, taps)), Some(engine), Some(leg)) => {
                engine.record(leg.link, taps);
                Ok(recording)
            }
            // The call ended meanwhile.
            (Ok(_), _, _) => Err(Error::State("over")),
        };
        if outcome.is_err() {
            self.recording_changed(call.id(), number, NoticeState::Inactive);
        }
        let _ = reply.send(outcome);
    }

    /// The service is told of a file.
    fn recording_complete(&mut self, call: CallId, duration: Duration, place: Option<String>) {
        let reason = if self.entry(call).is_some() {
            "stopped"
        } else {
            "callEnded"
        };
        let mut file = ReportItem::new();
        file.insert("durationInMs".into(), json!(duration.as_millis()));
        file.insert("endReason".into(), reason.into());
        file.extend(place.map(|place| ("contentLocation".into(), place.into())));
        self.deferred
            .push_back(AgentInput::Command(Command::Report(Report {
                files: vec![file],
                ..Report::of(call)
            })));
    }

    /// Everyone is told of what changed.
    fn recording_changed(&mut self, call: CallId, number: Number, state: NoticeState) {
        let Some(entry) = self.entry(call) else { return };
        if let Some(state) = entry.announced.set(number, state) {
            self.deferred.push_back(AgentInput::Command(Command::SetNotice {
                call,
                kind: NoticeKind::Recording,
                state,
                consent: false,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NoticeState::{Active, Inactive, Paused};
    use super::*;

    #[test]
    fn several_recordings_are_one_to_everyone_else() {
        let mut announced = Announced::default();
        for (number, state, told) in [
            (1, Active, Some(Active)),
            (2, Active, None),
            (1, Paused, None),
            (2, Inactive, Some(Paused)),
            (1, Active, Some(Active)),
            (1, Active, None),
            (1, Inactive, Some(Inactive)),
            (1, Inactive, None),
        ] {
            assert_eq!(announced.set(number, state), told, "{number} {state:?}");
        }
    }
}
