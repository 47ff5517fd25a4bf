//! Pictures of an agent's calls: sources that are sent, the engine that codes and decodes, and what the service and the
//! app are told of both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_capture::{CaptureDiagnostic, CaptureEvent};
use sidetone_media::device::Platform;
use sidetone_media::pictures::{VideoEngine, VideoEngineConfig};
use sidetone_media::transport::video::VideoPort;
use sidetone_media::video::Content;
use sidetone_media::video::payload::TemporalLayers;
use sidetone_media::voice::LinkId;
use sidetone_signaling::Reason;
use sidetone_signaling::agent::{AgentInput, Command};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::meeting::{Capability, Standing};
use sidetone_signaling::protocol::{CallId, Request, Watch, meeting};
use tokio::sync::mpsc;

use super::sight::{Source, elsewhere};
use super::{Driver, Entry};
use crate::Error;
use crate::call::{Call, CallEvent, CallShared};
use crate::diagnostics::{Diagnostic, DiagnosticChanged, DiagnosticValue};
use crate::pending::Reply;
use crate::video::{LocalVideoStream, OpenSound, SharedSound, Shown, VideoError};

/// How often sources and streams are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// The least time between two words on what this end looks at: while a window is dragged larger, its size changes with
/// every picture.
const SPACING: Duration = Duration::from_millis(250);

/// A source was opened, or not.
pub(super) struct Filmed {
    call: Arc<CallShared>,
    content: Content,
    stream: LocalVideoStream,
    /// With its sound, where that was asked for.
    result: Result<Option<OpenSound>, Error>,
    reply: Option<Reply<()>>,
}

/// Where opened sources are told of.
pub(super) type FilmedSender = mpsc::UnboundedSender<Filmed>;

/// Opens a source of pictures, and the sound that goes with it; both or none.
fn open(
    stream: &LocalVideoStream,
    sound: Option<&SharedSound>,
    platform: &dyn Platform,
) -> Result<Option<OpenSound>, Error> {
    stream.open()?;
    let opened = sound.map(|sound| sound.open(platform)).transpose();
    if opened.is_err() {
        stream.close();
    }
    opened
}

/// Why somebody may not, as the service says it.
fn refusal(standing: Standing) -> Option<Reason> {
    match standing {
        Standing::Capable => None,
        Standing::RoleRestricted => Some(Reason::ROLE_RESTRICTED),
        Standing::PolicyRestricted => Some(Reason::POLICY_RESTRICTED),
        Standing::MeetingRestricted => Some(Reason::MEETING_RESTRICTED),
        Standing::NotInThisCallType | Standing::FeatureNotSupported => Some(Reason::NOT_IN_THIS_CALL_TYPE),
        Standing::NotAdmitted => Some(Reason::NOT_ADMITTED),
    }
}

/// Why this end may not send that, if it may not. What is not told is not forbidden here: the service knows.
fn forbidden(entry: &Entry, content: Content) -> Option<Reason> {
    let capability = match content {
        Content::Camera => Capability::TurnVideoOn,
        Content::Screen => Capability::ShareScreen,
    };
    let snapshot = entry.shared.snapshot();
    if snapshot.notices.consent_needed {
        return Some(Reason::CONSENT_NEEDED);
    }
    let meeting = snapshot.meeting.as_deref()?;
    let standing = meeting.capabilities.get(&capability).copied()?;
    // Who waits at the door may look at themselves already.
    refusal(standing).filter(|_| standing != Standing::NotAdmitted)
}

impl Driver {
    /// Sends pictures in a call from now on.
    pub(super) fn start_pictures(
        &mut self,
        call: CallId,
        content: Content,
        stream: LocalVideoStream,
        sound: Option<SharedSound>,
        reply: Option<Reply<()>>,
    ) {
        let filmed = self.filmed.0.clone();
        let platform = self.devices.roster().platform();
        let refuse = |error: Error, reply: Option<Reply<()>>| {
            if let Some(reply) = reply {
                let _ = reply.send(Err(error));
            }
        };
        let Some(entry) = self.entry(call) else {
            return refuse(Error::State("over"), reply);
        };
        let sharing = content == Content::Screen;
        let connected = entry.shared.snapshot().state == CallState::Connected;
        let wrong = match entry.sight.slot(content) {
            Some(_) if sharing => Some(VideoError::AlreadySharing),
            Some(_) => Some(VideoError::AlreadyStarted),
            None if !stream.media_stream_type().goes_as(content) => Some(VideoError::WrongKind),
            None if sharing && !connected => Some(VideoError::NotConnected),
            None => None,
        };
        if let Some(wrong) = wrong {
            return refuse(Error::Video(wrong), reply);
        }
        if let Some(reason) = forbidden(entry, content) {
            return refuse(Error::Refused(reason), reply);
        }
        *entry.sight.slot(content) = Some(Source {
            stream: stream.clone(),
            runs: false,
            key: stream.key(),
        });
        let call = entry.shared.clone();
        elsewhere(move || {
            let result = open(&stream, sound.as_ref(), &*platform);
            let told = filmed.send(Filmed {
                call,
                content,
                stream,
                result,
                reply,
            });
            // The agent is over.
            if let Err(mpsc::error::SendError(filmed)) = told
                && filmed.result.is_ok()
            {
                filmed.stream.close();
            }
        });
    }

    /// A source was opened, or not.
    pub(super) fn filmed(&mut self, filmed: Filmed, now: Instant) {
        let Filmed {
            call,
            content,
            stream,
            result,
            reply,
        } = filmed;
        let opened = result.is_ok();
        let mut sound = None;
        let waits = |source: &Source| !source.runs && source.stream == stream;
        let mut calls = self.calls.iter_mut();
        let entry = calls
            .find(|entry| Arc::ptr_eq(&entry.shared, &call))
            .filter(|entry| {
                let slot = match content {
                    Content::Camera => &entry.sight.camera,
                    Content::Screen => &entry.sight.share,
                };
                slot.as_ref().is_some_and(waits)
            });
        let outcome = match entry {
            Some(entry) => {
                if let Err(error) = &result {
                    *entry.sight.slot(content) = None;
                    if let Error::Video(VideoError::Capture(error)) = error {
                        let diagnostic = failed_start(content, crate::video::is_denied(error));
                        diagnose(entry, diagnostic, true, now);
                    }
                } else {
                    if let Some(source) = entry.sight.slot(content) {
                        source.runs = true;
                    }
                    all_is_well(entry, content, now);
                    entry.sight.attach(content);
                }
                let id = entry.id();
                if opened {
                    self.tell_pictures(id);
                }
                result.map(|opened| sound = opened.map(|sound| (id, sound)))
            }
            None => {
                if opened {
                    elsewhere(move || {
                        stream.close();
                        drop(result);
                    });
                }
                Err(Error::Video(VideoError::Stopped))
            }
        };
        let outcome = outcome.and_then(|()| match sound {
            Some((id, sound)) => {
                let begun = self.begin_sound(id, sound);
                if begun.is_err()
                    && let Some(entry) = self.entry(id)
                {
                    entry.sight.end(content);
                    self.tell_pictures(id);
                }
                begun
            }
            None => Ok(()),
        });
        if let Some(reply) = reply {
            let _ = reply.send(outcome);
        }
    }

    pub(super) fn stop_pictures(&mut self, call: CallId, content: Content, reply: Reply<()>, now: Instant) {
        let wrong = match content {
            Content::Camera => VideoError::NotStarted,
            Content::Screen => VideoError::NotSharing,
        };
        let ended = self.entry(call).map(|entry| {
            let ended = entry.sight.end(content);
            if ended {
                all_is_well(entry, content, now);
            }
            ended
        });
        let outcome = match ended {
            None => Err(Error::State("over")),
            Some(false) => Err(Error::Video(wrong)),
            Some(true) => {
                self.tell_pictures(call);
                Ok(())
            }
        };
        let _ = reply.send(outcome);
    }

    /// Sends that camera in a call, in place of whatever was sent there.
    pub(super) fn take_camera(&mut self, call: CallId, camera: Option<LocalVideoStream>) {
        let Some(entry) = self.entry(call) else { return };
        if entry.sight.camera_stream() == camera {
            return;
        }
        entry.sight.end(Content::Camera);
        self.tell_pictures(call);
        if let Some(camera) = camera {
            self.start_pictures(call, Content::Camera, camera, None, None);
        }
    }

    /// Tells app and service what is sent in a call, if that has changed.
    fn tell_pictures(&mut self, call: CallId) {
        let Some(entry) = self.entry(call) else { return };
        let shared = entry.shared.clone();
        let (sends, shows) = (entry.sight.sends(), entry.sight.shows());
        let shown = std::mem::replace(&mut entry.sight.shown, shows);
        let before = std::mem::replace(&mut shared.snapshot().sends, sends);
        if before.camera != sends.camera {
            shared
                .events
                .emit(CallEvent::IsLocalVideoStartedChanged(sends.camera));
        }
        if before.share != sends.share {
            shared
                .events
                .emit(CallEvent::IsScreenSharingOnChanged(sends.share));
        }
        if shown != shows {
            let show = Command::Show {
                call,
                pictures: shows,
            };
            self.deferred.push_back(AgentInput::Command(show));
        }
        self.keep_sound(call);
    }

    /// What this end may no longer send is stopped. What waits for its owner's consent is not: it goes on with that.
    pub(super) fn keep_to_rights(&mut self, call: CallId) {
        let Some(entry) = self.entry(call) else { return };
        let held = entry.shared.snapshot().notices.consent_needed;
        entry.sight.hold(held);
        if !held {
            for content in [Content::Camera, Content::Screen] {
                if entry.sight.slot(content).is_some() && forbidden(entry, content).is_some() {
                    entry.sight.end(content);
                }
            }
        }
        self.tell_pictures(call);
    }

    /// Joins a leg's pictures to the call's engine.
    pub(super) fn connect_pictures(
        &mut self,
        call: CallId,
        link: LinkId,
        port: VideoPort,
        layers: TemporalLayers,
    ) {
        let Some(entry) = self.entry(call) else { return };
        if entry.sight.engine.is_none() {
            let gallery = entry.shared.gallery.clone();
            match VideoEngine::start(VideoEngineConfig::default(), gallery) {
                Ok(engine) => entry.sight.begin(engine),
                Err(error) => return tracing::error!(%error, "no thread for pictures"),
            }
        }
        if entry.shared.snapshot().meeting.is_some() {
            // From here on it is the forwarding unit that knows who looks at what.
            entry.sight.set_shown_at(None, None);
        }
        if let Some(engine) = &entry.sight.engine {
            engine.connect(link, port, layers);
        }
    }

    /// Whether a leg's pictures may be sent.
    pub(super) fn set_sending_pictures(&mut self, call: CallId, link: LinkId, on: bool) {
        if let Some(engine) = self.entry(call).and_then(|entry| entry.sight.engine.as_ref()) {
            engine.set_sending(link, on);
        }
    }

    /// Takes a leg's pictures off.
    pub(super) fn disconnect_pictures(&self, link: LinkId) {
        // Links have numbers of their own, whatever call they are in.
        for engine in self.calls.iter().filter_map(|entry| entry.sight.engine.as_ref()) {
            engine.disconnect(link);
        }
    }

    /// Who sends what may have changed.
    pub(super) fn update_gallery(&mut self, call: CallId) {
        let Some(driver) = self.own_asks.upgrade() else {
            return;
        };
        let Some(entry) = self.entry(call) else { return };
        let shared = entry.shared.clone();
        let shown = {
            let snapshot = shared.snapshot();
            match snapshot.meeting.as_deref() {
                Some(meeting) => meeting.shown(),
                None => Some(vec![Shown {
                    participant: None,
                    identifier: snapshot.remote.identifier.clone(),
                    pictures: snapshot.remote.pictures,
                }]),
            }
        };
        let Some(shown) = shown else { return };
        let handle = Call {
            shared: shared.clone(),
            driver,
        };
        if let Some((added, removed)) = shared.gallery.update(&shown, &handle) {
            shared
                .events
                .emit(CallEvent::VideoStreamsUpdated { added, removed });
        }
        if let Some(engine) = &entry.sight.engine {
            engine.look_again();
        }
    }

    /// What the app looks at has changed.
    pub(super) fn look(&mut self, call: CallId) {
        if let Some(engine) = self.entry(call).and_then(|entry| entry.sight.engine.as_ref()) {
            engine.look_again();
        }
    }

    /// The other end of a call of two looks at what is sent.
    pub(super) fn watched(&mut self, watch: &Watch) {
        let Some(entry) = self.entry(watch.call) else {
            return;
        };
        if entry.shared.snapshot().meeting.is_none() {
            entry.sight.set_shown_at(watch.camera, watch.share);
        }
    }

    /// Tells the others what the app shows, if that has changed.
    fn watch_pictures(&mut self, now: Instant) {
        let changed: Vec<(CallId, Request)> = self
            .calls
            .iter_mut()
            .filter_map(|entry| {
                let wanted = wanted(entry)?;
                let known = match &entry.sight.told {
                    Some((told, at)) => *told == wanted || now < *at + SPACING,
                    None => is_nothing(&wanted),
                };
                if known {
                    return None;
                }
                entry.sight.told = Some((wanted.clone(), now));
                Some((entry.id(), wanted))
            })
            .collect();
        for (call, wanted) in changed {
            let answer = |result: Result<_, Error>| {
                if let Err(error) = result {
                    tracing::debug!(%error, "what is wanted to be seen");
                }
            };
            self.request(call, Box::new(wanted), Box::new(answer), now);
        }
    }

    /// Whether there are pictures to be looked at, or were.
    pub(super) fn sees(&self) -> bool {
        let mut calls = self.calls.iter();
        calls.any(|entry| {
            let told = entry.sight.told.as_ref();
            entry.sight.is_busy()
                || !entry.shared.gallery.is_empty()
                || told.is_some_and(|(told, _)| !is_nothing(told))
        })
    }

    /// Looks at sources, and at what comes.
    pub(super) fn look_at_pictures(&mut self, now: Instant) {
        let driver = self.own_asks.upgrade();
        let (mut ended, mut stale) = (Vec::new(), Vec::new());
        // A source tells each thing once. The newest call hears it: in a breakout room, that and not the meeting behind it.
        for entry in self.calls.iter_mut().rev() {
            for content in [Content::Camera, Content::Screen] {
                let Some(source) = entry.sight.slot(content) else {
                    continue;
                };
                for event in source.stream.events(now) {
                    match event {
                        CaptureEvent::Diagnostic(change) => {
                            diagnose(entry, name(change.diagnostic), change.value, now);
                        }
                        CaptureEvent::Lost(source, error) => {
                            tracing::debug!(source = source.0, %error, "a source of pictures");
                            // Unless another has taken its place.
                            let slot = entry.sight.slot(content).as_ref();
                            if slot.is_some_and(|slot| slot.runs && slot.stream.source().is_none()) {
                                ended.push((entry.id(), content));
                            }
                        }
                        _ => {}
                    }
                }
            }
            if let (Some(driver), Some(engine)) = (&driver, &entry.sight.engine) {
                let call = Call {
                    shared: entry.shared.clone(),
                    driver: driver.clone(),
                };
                let (changed, lapsed) = entry.shared.gallery.receive(&engine.receiving(now), &call);
                for stream in changed {
                    entry.shared.events.emit(CallEvent::VideoStreamChanged(stream));
                }
                stale.extend(lapsed.then(|| entry.id()));
            }
        }
        for call in stale {
            self.update_gallery(call);
        }
        self.watch_pictures(now);
        for (call, content) in ended {
            if let Some(entry) = self.entry(call) {
                entry.sight.end(content);
            }
            self.tell_pictures(call);
        }
    }
}

/// What is to be told of what the app shows, where there is somebody to tell.
fn wanted(entry: &Entry) -> Option<Request> {
    let gallery = &entry.shared.gallery;
    let snapshot = entry.shared.snapshot();
    let call = snapshot.id;
    let Some(meeting) = snapshot.meeting.as_deref() else {
        let [camera, share] = gallery.extents();
        return (snapshot.state == CallState::Connected).then_some(Request::Watch(Watch {
            call,
            camera,
            share,
        }));
    };
    let watch = meeting::Watch {
        call,
        pictures: gallery.wanted(),
        cameras: None,
    };
    meeting.waits.is_none().then_some(Request::MeetingWatch(watch))
}

/// Whether that is what everybody takes for granted of whom they were told nothing.
fn is_nothing(wanted: &Request) -> bool {
    match wanted {
        Request::Watch(watch) => watch.camera.is_none() && watch.share.is_none(),
        Request::MeetingWatch(watch) => watch.pictures.is_empty(),
        _ => true,
    }
}

/// What a source that does not open means to people.
fn failed_start(content: Content, denied: bool) -> Diagnostic {
    match (content, denied) {
        (Content::Camera, false) => Diagnostic::CameraStartFailed,
        (Content::Camera, true) => Diagnostic::CameraPermissionDenied,
        (Content::Screen, false) => Diagnostic::CapturerStartFailed,
        (Content::Screen, true) => Diagnostic::ScreenshareRecordingDisabled,
    }
}

/// What was wrong with sources of that kind is so no more: another one runs, or none is wanted.
fn all_is_well(entry: &mut Entry, content: Content, now: Instant) {
    let about: &[Diagnostic] = match content {
        Content::Camera => &[
            Diagnostic::CameraFreeze,
            Diagnostic::CameraStartFailed,
            Diagnostic::CameraStartTimedOut,
            Diagnostic::CameraPermissionDenied,
            Diagnostic::CameraStoppedUnexpectedly,
        ],
        Content::Screen => &[
            Diagnostic::ScreenshareRecordingDisabled,
            Diagnostic::CapturerStartFailed,
            Diagnostic::CapturerStoppedUnexpectedly,
            Diagnostic::SharedSoundStoppedUnexpectedly,
        ],
    };
    for name in about {
        diagnose(entry, *name, false, now);
    }
}

/// The diagnostic as the app has it.
fn name(diagnostic: CaptureDiagnostic) -> Diagnostic {
    match diagnostic {
        CaptureDiagnostic::CameraFreeze => Diagnostic::CameraFreeze,
        CaptureDiagnostic::CameraStartTimedOut => Diagnostic::CameraStartTimedOut,
        CaptureDiagnostic::CameraPermissionDenied => Diagnostic::CameraPermissionDenied,
        CaptureDiagnostic::CameraStoppedUnexpectedly => Diagnostic::CameraStoppedUnexpectedly,
        CaptureDiagnostic::ScreenshareRecordingDisabled => Diagnostic::ScreenshareRecordingDisabled,
        CaptureDiagnostic::CapturerStartFailed => Diagnostic::CapturerStartFailed,
        CaptureDiagnostic::CapturerStoppedUnexpectedly => Diagnostic::CapturerStoppedUnexpectedly,
        _ => Diagnostic::CameraStartFailed,
    }
}

pub(super) fn diagnose(entry: &mut Entry, name: Diagnostic, value: bool, now: Instant) {
    let changed = DiagnosticChanged {
        name,
        value: DiagnosticValue::Flag(value),
    };
    if entry.shared.diagnostics().latest(name) == changed.value {
        return;
    }
    entry.shared.diagnostics().set(changed);
    entry.history.note(changed, now);
    entry.shared.events.emit(CallEvent::DiagnosticChanged(changed));
}
