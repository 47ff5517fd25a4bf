//! The look at everything once a second: what diagnostics are made of, and samples for statistics collectors.

use std::time::{Duration, Instant};

use sidetone_media::device::{DeviceError, Direction};
use sidetone_media::transport::ConnectionState as MediaState;
use sidetone_media::voice::{VoiceEngine, VoiceStats};
use sidetone_signaling::agent::ConnectionState;
use sidetone_signaling::call::CallState;
use tokio::sync::mpsc;

use super::Driver;
use super::legs::Leg;
use crate::agent::AgentEvent;
use crate::call::{CallEvent, CallStats};
use crate::devices::Listed;
use crate::diagnostics::facts::{Facts, Media};
use crate::statistics::MediaStatisticsEvent;
use crate::statistics::collector::Collector;
use crate::{CollectorOptions, Error};

/// When devices are looked for while one is missing: at first, and in the end.
const LOOK: Duration = Duration::from_secs(2);
const SELDOM: Duration = Duration::from_secs(60);

/// A statistics collector and who listens to it.
pub struct Reporter {
    collector: Collector,
    events: mpsc::UnboundedSender<MediaStatisticsEvent>,
}

impl Reporter {
    pub fn new(options: CollectorOptions, events: mpsc::UnboundedSender<MediaStatisticsEvent>) -> Self {
        let collector = Collector::new(options);
        Self { collector, events }
    }

    /// Tells whether anybody listens.
    fn observe(&mut self, stats: &CallStats, now: Instant) -> bool {
        let events = self.collector.observe(stats, now);
        events.into_iter().all(|event| self.events.send(event).is_ok()) && !self.events.is_closed()
    }
}

/// The call is over, or nobody listens any more.
impl Drop for Reporter {
    fn drop(&mut self) {
        if let Some(rest) = self.collector.finish() {
            let _ = self.events.send(rest);
        }
    }
}

/// What is wrong with microphone and speaker.
#[derive(Default)]
pub struct Trouble {
    /// The system does not let us listen.
    denied: bool,
    /// The device in use went away, or there was none to open.
    microphone: Option<Missing>,
    speaker: Option<Missing>,
}

#[derive(Clone, Copy)]
struct Missing {
    /// It was in use: silence stands in for it.
    lost: bool,
    /// The system lists no other.
    none: bool,
}

impl Trouble {
    fn side(&mut self, direction: Direction) -> &mut Option<Missing> {
        match direction {
            Direction::Input => &mut self.microphone,
            Direction::Output => &mut self.speaker,
        }
    }

    /// A device in use went away.
    pub fn lost(&mut self, direction: Direction) {
        *self.side(direction) = Some(Missing {
            lost: true,
            none: false,
        });
    }

    /// The engine, or a device picked for it, could not be opened. `direction` where it is known.
    pub fn failed(&mut self, error: &DeviceError, direction: Option<Direction>) {
        match error {
            // No system asks before it plays, so it is the microphone's.
            DeviceError::Denied { .. } => self.denied |= direction != Some(Direction::Output),
            // Of one that was picked for a running engine, the one before stays.
            DeviceError::NotFound(_) if direction.is_none() => {
                for direction in [Direction::Input, Direction::Output] {
                    let side = self.side(direction);
                    *side = side.or(Some(Missing {
                        lost: false,
                        none: false,
                    }));
                }
            }
            _ => {}
        }
    }

    /// A device was opened.
    pub fn opened(&mut self, direction: Direction) {
        *self.side(direction) = None;
        if direction == Direction::Input {
            self.denied = false;
        }
    }

    /// Nothing is in use any more: what went away is not missed where there is another.
    fn idle(&mut self) {
        for missing in [&mut self.microphone, &mut self.speaker].into_iter().flatten() {
            missing.lost = false;
        }
    }

    /// Whether one is missing.
    pub fn is_missing(&self) -> bool {
        self.microphone.is_some() || self.speaker.is_some()
    }

    /// What the system lists now.
    pub fn listed(&mut self, listed: &Listed) {
        for direction in [Direction::Input, Direction::Output] {
            let none = !listed.devices.iter().any(|device| device.direction == direction);
            let side = self.side(direction);
            *side = side
                .map(|missing| Missing { none, ..missing })
                // One that was not in use is not missed once it could be.
                .filter(|missing| missing.lost || missing.none);
        }
    }
}

impl Driver {
    /// Whether anything is there to be looked at.
    pub(super) fn is_watchful(&self) -> bool {
        self.audio.engine().is_some()
            || self.trouble.is_missing()
            || self.trouble.denied
            || self.is_offline()
            || !self.monitor.is_content()
    }

    fn is_offline(&self) -> bool {
        matches!(
            self.shared.state().connection,
            ConnectionState::Connecting | ConnectionState::Reconnecting
        )
    }

    pub(super) fn watch(&mut self, now: Instant) {
        let voice = self.audio.engine().map(VoiceEngine::stats);
        match &voice {
            Some(voice) => {
                self.adapt(voice, now);
                self.collect(voice, now);
            }
            None => self.trouble.idle(),
        }
        self.miss_devices(now);
        self.supervise(now);
        self.diagnose(voice.as_ref(), now);
    }

    /// Looks for what was picked, or for anything, where it is not in use: not every system tells what comes. Ever more
    /// seldom, since listing opens each device on some.
    fn miss_devices(&mut self, now: Instant) {
        if !(self.audio.is_makeshift() || self.trouble.is_missing()) {
            self.looked = None;
            return;
        }
        let (last, wait) = self.looked.unwrap_or((now, LOOK));
        if now >= last + wait {
            self.looked = Some((now, (wait * 2).min(SELDOM)));
            self.devices.roster().look();
        } else {
            self.looked = Some((last, wait));
        }
    }

    fn collect(&mut self, voice: &VoiceStats, now: Instant) {
        for entry in self.calls.iter_mut().filter(|entry| !entry.reporters.is_empty()) {
            let id = entry.id();
            if let Some(leg) = self.legs.talking_in(id) {
                let stats = leg.call_stats(voice.clone(), entry.sight.stats(leg));
                entry
                    .reporters
                    .retain_mut(|reporter| reporter.observe(&stats, now));
            }
        }
    }

    fn diagnose(&mut self, voice: Option<&VoiceStats>, now: Instant) {
        let Trouble {
            denied,
            microphone,
            speaker,
            ..
        } = &self.trouble;
        let here = Facts {
            offline: self.is_offline(),
            no_microphone: microphone.is_some_and(|missing| missing.none),
            no_speaker: speaker.is_some_and(|missing| missing.none),
            denied: *denied,
            lost: microphone.is_some_and(|missing| missing.lost),
            microphone: voice.map(|voice| voice.microphone),
            ..Facts::default()
        };
        for changed in self.monitor.observe(&here, now) {
            self.shared.state().diagnostics.set(changed);
            self.shared.events.emit(AgentEvent::DiagnosticChanged(changed));
        }
        for entry in self.calls.iter_mut().filter(|entry| entry.active) {
            let (id, state, muted, meets) = {
                let snapshot = entry.shared.snapshot();
                let meets = snapshot.meeting.is_some();
                (snapshot.id, snapshot.state, snapshot.muted, meets)
            };
            let leg = self.legs.talking_in(id);
            let facts = Facts {
                media: leg.and_then(|leg| media(leg, state, voice, meets)),
                no_relay: self.legs.of(id).any(|leg| leg.has_no_relay(now)),
                muted: muted && entry.talking,
                ..here.clone()
            };
            for changed in entry.monitor.observe(&facts, now) {
                entry.shared.diagnostics().set(changed);
                entry.history.note(changed, now);
                entry.shared.events.emit(CallEvent::DiagnosticChanged(changed));
            }
        }
    }

    /// What a failure to open devices means to people.
    pub(super) fn note_failure(&mut self, error: &Error, direction: Option<Direction>) {
        if let Error::Device(error) = error {
            self.trouble.failed(error, direction);
        }
    }
}

/// How the way to the other end stands.
fn media(leg: &Leg, state: CallState, voice: Option<&VoiceStats>, forwarded: bool) -> Option<Media> {
    if leg.state != MediaState::Connected {
        return leg.was_connected().then_some(Media::Lost);
    }
    if matches!(
        state,
        CallState::LocalHold | CallState::RemoteHold | CallState::InLobby
    ) {
        return Some(Media::Quiet);
    }
    // Which of several streams is this leg's is not told.
    let jitter = match voice.map(|voice| &voice.inbound[..]) {
        Some([inbound]) => Some(Box::new(inbound.jitter.clone())),
        _ => None,
    };
    Some(Media::Flowing {
        transport: Box::new(leg.stats()),
        jitter,
        forwarded,
    })
}

#[cfg(test)]
mod tests {
    use sidetone_media::device::InputDevice as _;
    use sidetone_media::device::headless::Silence;

    use super::*;

    fn listed(microphones: usize) -> Listed {
        Listed {
            devices: vec![Silence::input().info(); microphones].into(),
            look: 1,
        }
    }

    #[test]
    fn what_is_missing_is_so_until_it_is_there() {
        let mut trouble = Trouble::default();
        trouble.listed(&listed(0));
        assert!(!trouble.is_missing(), "nothing was wanted");
        trouble.failed(&DeviceError::NotFound("none".into()), None);
        trouble.listed(&listed(0));
        assert!(trouble.microphone.is_some_and(|missing| missing.none));
        assert!(trouble.speaker.is_some_and(|missing| missing.none));
        trouble.listed(&listed(1));
        assert!(trouble.microphone.is_none() && trouble.speaker.is_some());
    }

    #[test]
    fn what_was_in_use_is_missed_as_long_as_it_would_be() {
        let mut trouble = Trouble::default();
        trouble.lost(Direction::Input);
        trouble.listed(&listed(1));
        assert!(
            trouble
                .microphone
                .is_some_and(|missing| missing.lost && !missing.none)
        );
        trouble.idle();
        trouble.listed(&listed(1));
        assert!(!trouble.is_missing(), "the call is over, and there is another");
    }
}
