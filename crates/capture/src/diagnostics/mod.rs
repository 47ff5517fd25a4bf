//! User-facing diagnostics of cameras and shares: what a person should be told is wrong, and when it is right again.
//!
//! The names are those other calling SDKs use (spec 3.5). Pure: the time is an argument, and facts come from
//! [`Capturer`](crate::Capturer).

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::source::{CaptureError, SourceKind};

/// A camera that gave pictures and gives none for longer is frozen (spec 3.5).
pub const FREEZE: Duration = Duration::from_secs(5);

/// A camera that was opened and gave no picture for so long has failed to start. Cameras on a slow bus take up to three
/// seconds; more only makes people wait for the bad news.
pub const START_TIME_OUT: Duration = Duration::from_secs(10);

/// What can be wrong. All are flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CaptureDiagnostic {
    /// No picture for more than [`FREEZE`].
    CameraFreeze,
    /// It could not be opened.
    CameraStartFailed,
    /// It was opened, and gives no picture.
    CameraStartTimedOut,
    /// The system, or the person, does not let this program use it.
    CameraPermissionDenied,
    /// It went away while it was in use.
    CameraStoppedUnexpectedly,
    /// The system, or the person, does not let this program see the screen.
    ScreenshareRecordingDisabled,
    /// The screen or window could not be captured.
    CapturerStartFailed,
    /// The screen or window went away while it was shared.
    CapturerStoppedUnexpectedly,
}

impl CaptureDiagnostic {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CameraFreeze,
        Self::CameraStartFailed,
        Self::CameraStartTimedOut,
        Self::CameraPermissionDenied,
        Self::CameraStoppedUnexpectedly,
        Self::ScreenshareRecordingDisabled,
        Self::CapturerStartFailed,
        Self::CapturerStoppedUnexpectedly,
    ];

    /// The name on the wire and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::CameraFreeze => "cameraFreeze",
            Self::CameraStartFailed => "cameraStartFailed",
            Self::CameraStartTimedOut => "cameraStartTimedOut",
            Self::CameraPermissionDenied => "cameraPermissionDenied",
            Self::CameraStoppedUnexpectedly => "cameraStoppedUnexpectedly",
            Self::ScreenshareRecordingDisabled => "screenshareRecordingDisabled",
            Self::CapturerStartFailed => "capturerStartFailed",
            Self::CapturerStoppedUnexpectedly => "capturerStoppedUnexpectedly",
        }
    }

    /// Whether it is about a camera, not a screen or window.
    pub fn is_about_camera(self) -> bool {
        !matches!(
            self,
            Self::ScreenshareRecordingDisabled
                | Self::CapturerStartFailed
                | Self::CapturerStoppedUnexpectedly
        )
    }

    fn of_failed_start(kind: SourceKind, error: &CaptureError) -> Self {
        match (kind, error) {
            (SourceKind::Camera, CaptureError::Denied { .. }) => Self::CameraPermissionDenied,
            (SourceKind::Camera, _) => Self::CameraStartFailed,
            (_, CaptureError::Denied { .. }) => Self::ScreenshareRecordingDisabled,
            _ => Self::CapturerStartFailed,
        }
    }

    fn of_loss(kind: SourceKind) -> Self {
        match kind {
            SourceKind::Camera => Self::CameraStoppedUnexpectedly,
            SourceKind::Screen | SourceKind::Window => Self::CapturerStoppedUnexpectedly,
        }
    }
}

/// One flag that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiagnosticChange {
    /// Which.
    pub diagnostic: CaptureDiagnostic,
    /// Whether it is wrong now.
    pub value: bool,
}

/// How the newest source that could be opened is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// Opened, without a picture yet.
    Starting {
        kind: SourceKind,
        since: Instant,
    },
    Running {
        kind: SourceKind,
        newest: Instant,
    },
}

/// Decides what is wrong. Inputs: the attempts to start a source, its pictures, its loss, the end of its use, and time.
#[derive(Debug)]
pub struct Monitor {
    state: State,
    wrong: BTreeSet<CaptureDiagnostic>,
    changes: VecDeque<DiagnosticChange>,
}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            state: State::Idle,
            wrong: BTreeSet::new(),
            changes: VecDeque::new(),
        }
    }
}

impl Monitor {
    /// A source could not be opened. What ran before goes on.
    pub fn start_failed(&mut self, kind: SourceKind, error: &CaptureError) {
        self.set(CaptureDiagnostic::of_failed_start(kind, error), true);
    }

    /// A source was opened at `now`, and should give pictures.
    pub fn started(&mut self, kind: SourceKind, now: Instant) {
        self.set(CaptureDiagnostic::CameraFreeze, false);
        self.state = State::Starting { kind, since: now };
    }

    /// The source before the one that was lost goes on; its newest picture was taken at `taken`. What is wrong with the
    /// other stays wrong.
    pub fn resumed(&mut self, kind: SourceKind, taken: Instant) {
        self.state = State::Running { kind, newest: taken };
    }

    /// The newest picture of that source was taken at `taken`.
    pub fn picture(&mut self, taken: Instant) {
        match self.state {
            State::Idle => {}
            State::Starting { kind, .. } => {
                // It works: whatever was wrong with its kind is over.
                let camera = kind == SourceKind::Camera;
                self.clear(|diagnostic| diagnostic.is_about_camera() == camera);
                self.state = State::Running { kind, newest: taken };
            }
            State::Running { kind, newest } if taken > newest => {
                self.set(CaptureDiagnostic::CameraFreeze, false);
                self.state = State::Running { kind, newest: taken };
            }
            State::Running { .. } => {}
        }
    }

    /// That source went away.
    pub fn lost(&mut self, error: &CaptureError) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => return,
            // Some platforms say only after opening that a person does not allow it.
            State::Starting { kind, .. } => self.start_failed(kind, error),
            State::Running { kind, .. } => self.set(CaptureDiagnostic::of_loss(kind), true),
        }
        self.set(CaptureDiagnostic::CameraFreeze, false);
        self.set(CaptureDiagnostic::CameraStartTimedOut, false);
    }

    /// The source came to its end, as it should: it is not missed.
    pub fn ended(&mut self) {
        self.state = State::Idle;
        self.set(CaptureDiagnostic::CameraFreeze, false);
    }

    /// Nobody wants pictures any more: nothing is wrong with having none.
    pub fn stopped(&mut self) {
        self.state = State::Idle;
        self.clear(|_| true);
    }

    /// Looks at the clock. Call at [`Monitor::deadline`], or ten times a second.
    pub fn tick(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            State::Starting { .. } => self.set(CaptureDiagnostic::CameraStartTimedOut, true),
            State::Running { .. } => self.set(CaptureDiagnostic::CameraFreeze, true),
            State::Idle => {}
        }
    }

    /// When the clock may next make a difference. `None` while only another input can.
    pub fn deadline(&self) -> Option<Instant> {
        use CaptureDiagnostic::{CameraFreeze, CameraStartTimedOut};
        match self.state {
            // A screen on which nothing changes gives no pictures.
            State::Starting {
                kind: SourceKind::Camera,
                since,
            } if !self.is_wrong(CameraStartTimedOut) => Some(since + START_TIME_OUT),
            State::Running {
                kind: SourceKind::Camera,
                newest,
            } if !self.is_wrong(CameraFreeze) => Some(newest + FREEZE + Duration::from_nanos(1)),
            _ => None,
        }
    }

    /// The next change, if any, oldest first.
    pub fn poll(&mut self) -> Option<DiagnosticChange> {
        self.changes.pop_front()
    }

    /// Whether `diagnostic` is raised.
    pub fn is_wrong(&self, diagnostic: CaptureDiagnostic) -> bool {
        self.wrong.contains(&diagnostic)
    }

    fn clear(&mut self, which: impl Fn(CaptureDiagnostic) -> bool) {
        for diagnostic in CaptureDiagnostic::ALL {
            if which(diagnostic) {
                self.set(diagnostic, false);
            }
        }
    }

    fn set(&mut self, diagnostic: CaptureDiagnostic, value: bool) {
        let changed = if value {
            self.wrong.insert(diagnostic)
        } else {
            self.wrong.remove(&diagnostic)
        };
        if changed {
            self.changes.push_back(DiagnosticChange { diagnostic, value });
        }
    }
}

#[cfg(test)]
mod tests;
