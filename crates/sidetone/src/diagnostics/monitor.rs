//! Turns facts into diagnostics: thresholds of the specification (section 3.6), and patience, so that none flaps.
//! It takes the time as an argument and refuses to know where facts come from.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sidetone_media::jitter::JitterStats;
use sidetone_media::transport::TransportStats;

use super::facts::{Facts, Media};
use super::steady::{Hold, Steady};
use super::window::Window;
use super::{Diagnostic, DiagnosticChanged, DiagnosticValue, NetworkQuality};

/// A microphone that has been digitally silent for so long does not work.
const NOT_FUNCTIONING: f64 = 10.0;
/// One that worked is muted somewhere. Shorter takes a gate in front of it for a switch.
const MUTED_SOMEWHERE: f64 = 3.0;
/// A voice for this share of the last five seconds is somebody speaking, and not a door.
const SPEAKING: f64 = 0.2;
/// Packets below which a share of loss means nothing, and seconds of sound for the same.
const LEAST_PACKETS: f64 = 20.0;
const LEAST_SECONDS: f64 = 1.0;

/// Diagnostics that are made here. Those of pictures are made where pictures are captured.
const MONITORED: usize = 11;

/// Up to `poor` nobody notices, beyond `bad` everybody does.
#[derive(Clone, Copy)]
struct Limit {
    poor: f64,
    bad: f64,
}

/// `bad` is the specification's; so is `poor` for the round trip, and half of `bad` for the others.
const ROUND_TRIP: Limit = Limit { poor: 0.2, bad: 0.5 };
const JITTER: Limit = Limit {
    poor: 0.015,
    bad: 0.03,
};
const LOSS: Limit = Limit { poor: 0.05, bad: 0.1 };
const JITTER_BUFFER: Limit = Limit { poor: 0.1, bad: 0.2 };
const HEALED: Limit = Limit { poor: 0.05, bad: 0.1 };

/// What is worse already gets better only this far below the limit.
const EASE: f64 = 0.8;

impl Limit {
    fn grade(self, figure: f64, now: NetworkQuality) -> NetworkQuality {
        let limit = |limit: f64, level| if now >= level { limit * EASE } else { limit };
        if figure > limit(self.bad, NetworkQuality::Bad) {
            NetworkQuality::Bad
        } else if figure > limit(self.poor, NetworkQuality::Poor) {
            NetworkQuality::Poor
        } else {
            NetworkQuality::Good
        }
    }
}

fn hold(name: Diagnostic) -> Hold {
    let (worsen, improve) = match name {
        // A socket is opened again within seconds, mostly.
        Diagnostic::NoNetwork => (5, 1),
        Diagnostic::NetworkReconnect => (1, 2),
        Diagnostic::NetworkReceiveQuality | Diagnostic::NetworkSendQuality => (3, 5),
        Diagnostic::SpeakingWhileMicrophoneIsMuted => (1, 2),
        // Sure of themselves.
        _ => (0, 1),
    };
    Hold {
        worsen: Duration::from_secs(worsen),
        improve: Duration::from_secs(improve),
    }
}

/// The diagnostics of a call, or of an agent.
pub(crate) struct Monitor {
    values: BTreeMap<Diagnostic, Steady<DiagnosticValue>>,
    received: Window,
    healed: Window,
    sent: Window,
    /// Packets sent, as they were last, and how many of all were lost by the other end's word.
    sent_before: f64,
    sent_lost: f64,
    spoken: Window,
    /// Seconds that the microphone had brought.
    brought: f64,
}

impl Default for Monitor {
    fn default() -> Self {
        let steady = |name: Diagnostic| (name, Steady::new(name.good(), hold(name)));
        Self {
            values: Diagnostic::ALL.map(steady).into(),
            received: Window::default(),
            healed: Window::default(),
            sent: Window::default(),
            sent_before: 0.0,
            sent_lost: 0.0,
            spoken: Window::default(),
            brought: 0.0,
        }
    }
}

impl Monitor {
    /// Takes the facts at `now`, about once a second; gives what changed.
    pub fn observe(&mut self, facts: &Facts, now: Instant) -> Vec<DiagnosticChanged> {
        let seen = self.see(facts);
        let mut changes = Vec::new();
        for (name, seen) in seen {
            let steady = self.values.get_mut(&name);
            if let Some(value) = steady.and_then(|steady| steady.observe(seen, now)) {
                changes.push(DiagnosticChanged { name, value });
            }
        }
        changes
    }

    /// Whether nothing is wrong, and nothing is about to be.
    pub fn is_content(&self) -> bool {
        let mut values = self.values.values();
        values.all(|steady| steady.value().is_good() && steady.is_settled())
    }

    fn see(&mut self, facts: &Facts) -> [(Diagnostic, DiagnosticValue); MONITORED] {
        let (receive, send) = match &facts.media {
            Some(Media::Lost) => (NetworkQuality::Bad, NetworkQuality::Bad),
            Some(Media::Flowing {
                transport,
                jitter,
                forwarded,
            }) => (
                self.receive(transport, jitter.as_deref(), *forwarded),
                self.send(transport),
            ),
            Some(Media::Quiet) | None => {
                self.received = Window::default();
                self.sent = Window::default();
                (NetworkQuality::Good, NetworkQuality::Good)
            }
        };
        let reconnect = match &facts.media {
            Some(Media::Lost) => NetworkQuality::Bad,
            _ if facts.offline => NetworkQuality::Poor,
            _ => NetworkQuality::Good,
        };
        let reached = matches!(facts.media, Some(Media::Quiet | Media::Flowing { .. }));
        let microphone = facts.microphone.unwrap_or_default();
        let silent_for = microphone.silent_for.unwrap_or(0.0);
        let brings = microphone.total_samples_duration > self.brought;
        self.brought = microphone.total_samples_duration;
        let (spoken, brought) = (microphone.muted_voice_duration, self.brought);
        let spoken = self.spoken.share(spoken, brought, LEAST_SECONDS).unwrap_or(0.0);

        let flag = DiagnosticValue::Flag;
        let quality = DiagnosticValue::Quality;
        [
            (Diagnostic::NoNetwork, flag(facts.offline && !reached)),
            (Diagnostic::NetworkRelaysNotReachable, flag(facts.no_relay)),
            (Diagnostic::NetworkReconnect, quality(reconnect)),
            (Diagnostic::NetworkReceiveQuality, quality(receive)),
            (Diagnostic::NetworkSendQuality, quality(send)),
            (Diagnostic::NoSpeakerDevicesEnumerated, flag(facts.no_speaker)),
            (
                Diagnostic::NoMicrophoneDevicesEnumerated,
                flag(facts.no_microphone),
            ),
            (
                Diagnostic::MicrophoneNotFunctioning,
                flag(facts.lost || silent_for >= NOT_FUNCTIONING),
            ),
            (
                Diagnostic::MicrophoneMuteUnexpectedly,
                flag(microphone.heard && brings && silent_for >= MUTED_SOMEWHERE),
            ),
            (Diagnostic::MicrophonePermissionDenied, flag(facts.denied)),
            (
                Diagnostic::SpeakingWhileMicrophoneIsMuted,
                flag(facts.muted && spoken >= SPEAKING),
            ),
        ]
    }

    fn quality(&self, name: Diagnostic) -> NetworkQuality {
        match self.values.get(&name).map(Steady::value) {
            Some(DiagnosticValue::Quality(quality)) => quality,
            _ => NetworkQuality::Good,
        }
    }

    fn receive(
        &mut self,
        transport: &TransportStats,
        jitter: Option<&JitterStats>,
        forwarded: bool,
    ) -> NetworkQuality {
        let lost = transport.packets_lost.max(0) as f64;
        let expected = lost + transport.packets_received as f64;
        let loss = self.received.share(lost, expected, LEAST_PACKETS);
        if self.received.is_still() {
            return if forwarded {
                // Nobody speaks. Whether the path still holds, its own checks tell.
                NetworkQuality::Good
            } else {
                // Even a muted microphone sends a few packets a second.
                NetworkQuality::Bad
            };
        }
        let healed = jitter.and_then(|jitter| {
            let second = f64::from(sidetone_media::voice::RATE);
            let healed = jitter.concealed_samples as f64 / second;
            let heard = jitter.total_samples_received as f64 / second;
            self.healed.share(healed, heard, LEAST_SECONDS)
        });
        let now = self.quality(Diagnostic::NetworkReceiveQuality);
        let worst = path(transport, loss, transport.jitter, now);
        let buffer = jitter.map_or(0.0, |jitter| jitter.recent_delay);
        worst
            .max(HEALED.grade(healed.unwrap_or(0.0), now))
            .max(JITTER_BUFFER.grade(buffer, now))
    }

    fn send(&mut self, transport: &TransportStats) -> NetworkQuality {
        let sent = transport.packets_sent as f64;
        let more = (sent - self.sent_before).max(0.0);
        self.sent_before = sent;
        self.sent_lost += more * transport.remote_fraction_lost;
        let loss = self.sent.share(self.sent_lost, sent, LEAST_PACKETS);
        let now = self.quality(Diagnostic::NetworkSendQuality);
        path(transport, loss, transport.remote_jitter, now)
    }
}

/// What both directions have.
fn path(
    transport: &TransportStats,
    loss: Option<f64>,
    jitter: Duration,
    now: NetworkQuality,
) -> NetworkQuality {
    let round_trip = transport.round_trip_time.unwrap_or_default();
    LOSS.grade(loss.unwrap_or(0.0), now)
        .max(JITTER.grade(jitter.as_secs_f64(), now))
        .max(ROUND_TRIP.grade(round_trip.as_secs_f64(), now))
}

#[cfg(test)]
#[path = "monitor_tests.rs"]
mod tests;
