//! User-facing diagnostics: what a person at this end should be told is wrong, and when it is right again.
//!
//! The monitor decides; this has the names, under which other calling SDKs know them too.

pub(crate) mod facts;
pub(crate) mod history;
pub(crate) mod monitor;
mod steady;
mod window;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Diagnostic {
    /// Neither the service nor the other end has been reached for some seconds. A flag.
    NoNetwork,
    /// A TURN server is configured and relays nothing: behind a strict firewall there will be no sound. A flag.
    NetworkRelaysNotReachable,
    /// Poor while the connection to the service is recovered, bad while that to the other end is.
    NetworkReconnect,
    /// How well the other end is heard, by loss, jitter, delay and what had to be made up.
    NetworkReceiveQuality,
    /// How well the other end hears, by the loss, jitter and delay it reports.
    NetworkSendQuality,
    /// There is no speaker. A flag.
    NoSpeakerDevicesEnumerated,
    /// There is no microphone. A flag.
    NoMicrophoneDevicesEnumerated,
    /// The microphone went away, or has brought nothing but digital silence for ten seconds. A flag.
    MicrophoneNotFunctioning,
    /// The microphone brought sound, and now brings digital silence: a switch at it, or in the system. A flag.
    MicrophoneMuteUnexpectedly,
    /// The system, or the person, does not let this program use the microphone. A flag.
    MicrophonePermissionDenied,
    /// Somebody speaks into a microphone that is muted in this call. A flag.
    SpeakingWhileMicrophoneIsMuted,
    /// The camera has given no picture for some seconds. A flag, as are all that follow.
    CameraFreeze,
    /// The camera could not be opened.
    CameraStartFailed,
    /// The camera was opened, and gives no picture.
    CameraStartTimedOut,
    /// The system, or the person, does not let this program use the camera.
    CameraPermissionDenied,
    /// The camera went away while it was sent.
    CameraStoppedUnexpectedly,
    /// The system, or the person, does not let this program see the screen.
    ScreenshareRecordingDisabled,
    /// The screen or window could not be captured.
    CapturerStartFailed,
    /// The screen or window went away while it was shared.
    CapturerStoppedUnexpectedly,
    /// The source of the sound that is shared with a screen went away. The screen is shared without.
    SharedSoundStoppedUnexpectedly,
}

impl Diagnostic {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::NoNetwork,
        Self::NetworkRelaysNotReachable,
        Self::NetworkReconnect,
        Self::NetworkReceiveQuality,
        Self::NetworkSendQuality,
        Self::NoSpeakerDevicesEnumerated,
        Self::NoMicrophoneDevicesEnumerated,
        Self::MicrophoneNotFunctioning,
        Self::MicrophoneMuteUnexpectedly,
        Self::MicrophonePermissionDenied,
        Self::SpeakingWhileMicrophoneIsMuted,
        Self::CameraFreeze,
        Self::CameraStartFailed,
        Self::CameraStartTimedOut,
        Self::CameraPermissionDenied,
        Self::CameraStoppedUnexpectedly,
        Self::ScreenshareRecordingDisabled,
        Self::CapturerStartFailed,
        Self::CapturerStoppedUnexpectedly,
        Self::SharedSoundStoppedUnexpectedly,
    ];

    /// What it is about.
    pub fn group(self) -> DiagnosticGroup {
        match self {
            Self::NoNetwork
            | Self::NetworkRelaysNotReachable
            | Self::NetworkReconnect
            | Self::NetworkReceiveQuality
            | Self::NetworkSendQuality => DiagnosticGroup::Network,
            Self::CameraFreeze
            | Self::CameraStartFailed
            | Self::CameraStartTimedOut
            | Self::CameraPermissionDenied
            | Self::CameraStoppedUnexpectedly
            | Self::ScreenshareRecordingDisabled
            | Self::CapturerStartFailed
            | Self::CapturerStoppedUnexpectedly => DiagnosticGroup::Video,
            _ => DiagnosticGroup::Audio,
        }
    }

    /// Its value while nothing is wrong.
    pub fn good(self) -> DiagnosticValue {
        match self {
            Self::NetworkReconnect | Self::NetworkReceiveQuality | Self::NetworkSendQuality => {
                DiagnosticValue::Quality(NetworkQuality::Good)
            }
            _ => DiagnosticValue::Flag(false),
        }
    }
}

/// What diagnostics are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DiagnosticGroup {
    /// The ways to the service and to the other end.
    Network,
    /// Microphone and speaker.
    Audio,
    /// Camera and shared screen.
    Video,
}

/// How good a connection is. Serialised as 1, 2 or 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NetworkQuality {
    /// Nobody notices.
    #[default]
    Good = 1,
    /// Some notice.
    Poor = 2,
    /// Everybody does.
    Bad = 3,
}

impl Serialize for NetworkQuality {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(*self as u8)
    }
}

/// How a diagnostic stands. Serialised as a boolean or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum DiagnosticValue {
    /// Whether it is so.
    Flag(bool),
    /// How good it is.
    Quality(NetworkQuality),
}

impl DiagnosticValue {
    /// Whether nothing is wrong.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Flag(false) | Self::Quality(NetworkQuality::Good))
    }
}

impl fmt::Display for DiagnosticValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag(true) => "yes",
            Self::Flag(false) => "no",
            Self::Quality(NetworkQuality::Good) => "good",
            Self::Quality(NetworkQuality::Poor) => "poor",
            Self::Quality(NetworkQuality::Bad) => "bad",
        })
    }
}

/// A diagnostic was raised, changed or cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticChanged {
    /// Which.
    pub name: Diagnostic,
    /// How it stands now.
    pub value: DiagnosticValue,
}

/// How every diagnostic stands. Serialised as an object of names and values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics {
    values: BTreeMap<Diagnostic, DiagnosticValue>,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self {
            values: Diagnostic::ALL.map(|name| (name, name.good())).into(),
        }
    }
}

impl Diagnostics {
    /// How one stands.
    pub fn latest(&self, name: Diagnostic) -> DiagnosticValue {
        self.values.get(&name).copied().unwrap_or(name.good())
    }

    /// Those that are wrong.
    pub fn raised(&self) -> impl Iterator<Item = DiagnosticChanged> + '_ {
        self.values
            .iter()
            .map(|(&name, &value)| DiagnosticChanged { name, value })
            .filter(|diagnostic| !diagnostic.value.is_good())
    }

    pub(crate) fn set(&mut self, changed: DiagnosticChanged) {
        self.values.insert(changed.name, changed.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_programs_expect() {
        let mut diagnostics = Diagnostics::default();
        assert_eq!(diagnostics.raised().count(), 0);
        let bad = DiagnosticChanged {
            name: Diagnostic::NetworkReconnect,
            value: DiagnosticValue::Quality(NetworkQuality::Bad),
        };
        diagnostics.set(bad);
        diagnostics.set(DiagnosticChanged {
            name: Diagnostic::NoNetwork,
            value: DiagnosticValue::Flag(true),
        });
        let json = serde_json::to_value(&diagnostics).unwrap();
        assert_eq!(json["networkReconnect"], 3);
        assert_eq!(json["noNetwork"], true);
        assert_eq!(json["networkSendQuality"], 1);
        assert_eq!(json["speakingWhileMicrophoneIsMuted"], false);
        assert_eq!(json.as_object().unwrap().len(), Diagnostic::ALL.len());
        assert_eq!(diagnostics.raised().count(), 2);
        assert_eq!(
            serde_json::to_string(&bad).unwrap(),
            r#"{"name":"networkReconnect","value":3}"#
        );
    }
}
