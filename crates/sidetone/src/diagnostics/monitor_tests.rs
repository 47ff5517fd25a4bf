use proptest::prelude::*;
use sidetone_media::voice::MicrophoneStats;

use super::*;

/// A call in virtual time, seen once a second.
struct Watch {
    monitor: Monitor,
    now: Instant,
    transport: TransportStats,
    jitter: JitterStats,
    microphone: MicrophoneStats,
    facts: Facts,
    changes: Vec<(Instant, DiagnosticChanged)>,
}

fn second() -> Duration {
    Duration::from_secs(1)
}

/// A second of a call, as it may go.
#[derive(Clone, Debug)]
struct Weather {
    /// Share of packets lost, each way.
    loss: f64,
    jitter: f64,
    round_trip: f64,
    buffer: f64,
    healed: f64,
    /// Whether packets come.
    flows: bool,
    /// Whether they come from a forwarding unit.
    forwarded: bool,
}

const CALM: Weather = Weather {
    loss: 0.0,
    jitter: 0.003,
    round_trip: 0.05,
    buffer: 0.04,
    healed: 0.0,
    flows: true,
    forwarded: false,
};

impl Watch {
    fn new() -> Self {
        let mut watch = Self {
            monitor: Monitor::default(),
            now: Instant::now(),
            transport: TransportStats::default(),
            jitter: JitterStats::default(),
            microphone: MicrophoneStats {
                silent_for: Some(0.0),
                heard: true,
                ..MicrophoneStats::default()
            },
            facts: Facts::default(),
            changes: Vec::new(),
        };
        watch.run(10, &CALM);
        assert_eq!(watch.changes, [], "nothing is wrong at the start");
        watch
    }

    /// Lets a second pass with media like this, and the other facts as they are.
    fn flow(&mut self, weather: &Weather) {
        let lost = (weather.loss * 50.0).round();
        if weather.flows {
            self.transport.packets_received += 50 - lost as u64;
            self.transport.packets_lost += lost as i64;
        }
        self.transport.packets_sent += 50;
        self.transport.remote_fraction_lost = weather.loss;
        self.transport.jitter = Duration::from_secs_f64(weather.jitter);
        self.transport.remote_jitter = self.transport.jitter;
        self.transport.round_trip_time = Some(Duration::from_secs_f64(weather.round_trip));
        self.jitter.total_samples_received += 48_000;
        self.jitter.concealed_samples += (weather.healed * 48_000.0) as u64;
        self.jitter.recent_delay = weather.buffer;
        self.facts.media = Some(Media::Flowing {
            transport: Box::new(self.transport.clone()),
            jitter: Some(Box::new(self.jitter.clone())),
            forwarded: weather.forwarded,
        });
        self.microphone.total_samples_duration += 1.0;
        self.look();
    }

    fn look(&mut self) {
        self.now += second();
        self.facts.microphone = Some(self.microphone);
        for change in self.monitor.observe(&self.facts, self.now) {
            self.changes.push((self.now, change));
        }
    }

    fn run(&mut self, seconds: u64, weather: &Weather) {
        (0..seconds).for_each(|_| self.flow(weather));
    }

    /// What changed since it was last asked.
    fn told(&mut self) -> Vec<(Diagnostic, DiagnosticValue)> {
        let told = self.changes.drain(..);
        told.map(|(_, change)| (change.name, change.value)).collect()
    }
}

const ON: DiagnosticValue = DiagnosticValue::Flag(true);
const OFF: DiagnosticValue = DiagnosticValue::Flag(false);
const GOOD: DiagnosticValue = DiagnosticValue::Quality(NetworkQuality::Good);
const POOR: DiagnosticValue = DiagnosticValue::Quality(NetworkQuality::Poor);
const BAD: DiagnosticValue = DiagnosticValue::Quality(NetworkQuality::Bad);

/// The flags that a fact raises as it is.
#[test]
fn a_fact_raises_its_flag_and_its_end_clears_it() {
    type Set = fn(&mut Facts, bool);
    let flags: [(Diagnostic, Set); 5] = [
        (Diagnostic::NetworkRelaysNotReachable, |facts, on| {
            facts.no_relay = on;
        }),
        (Diagnostic::NoMicrophoneDevicesEnumerated, |facts, on| {
            facts.no_microphone = on;
        }),
        (Diagnostic::NoSpeakerDevicesEnumerated, |facts, on| {
            facts.no_speaker = on;
        }),
        (Diagnostic::MicrophonePermissionDenied, |facts, on| {
            facts.denied = on;
        }),
        (Diagnostic::MicrophoneNotFunctioning, |facts, on| {
            facts.lost = on;
        }),
    ];
    for (name, set) in flags {
        let mut watch = Watch::new();
        set(&mut watch.facts, true);
        watch.run(3, &CALM);
        assert_eq!(watch.told(), [(name, ON)]);
        assert!(!watch.monitor.is_content());
        set(&mut watch.facts, false);
        watch.run(3, &CALM);
        assert_eq!(watch.told(), [(name, OFF)]);
        assert!(watch.monitor.is_content());
    }
}

#[test]
fn quality_follows_each_figure_by_its_limits() {
    type Set = fn(&mut Weather, f64);
    let figures: [(Set, Limit, bool); 5] = [
        (|weather, value| weather.loss = value, LOSS, true),
        (|weather, value| weather.jitter = value, JITTER, true),
        (|weather, value| weather.round_trip = value, ROUND_TRIP, true),
        (|weather, value| weather.buffer = value, JITTER_BUFFER, false),
        (|weather, value| weather.healed = value, HEALED, false),
    ];
    for (set, limit, both) in figures {
        for (value, raised) in [(limit.poor * 1.5, POOR), (limit.bad * 1.5, BAD)] {
            let mut watch = Watch::new();
            let mut weather = CALM;
            set(&mut weather, value);
            watch.run(2, &weather);
            assert_eq!(watch.told(), [], "two bad seconds are nothing");
            watch.run(20, &CALM);
            watch.told();
            watch.run(20, &weather);
            let names = match both {
                true => &[Diagnostic::NetworkReceiveQuality, Diagnostic::NetworkSendQuality][..],
                false => &[Diagnostic::NetworkReceiveQuality],
            };
            let told = watch.told();
            for name in names {
                assert_eq!(
                    told.iter().rfind(|(told, _)| told == name),
                    Some(&(*name, raised)),
                    "{told:?}"
                );
            }
            assert!(told.iter().all(|(name, _)| names.contains(name)), "{told:?}");
            watch.run(20, &CALM);
            let told = watch.told();
            let cleared = told.iter().filter(|(_, value)| *value == GOOD).count();
            assert_eq!(cleared, names.len(), "{told:?}");
            assert!(watch.monitor.is_content());
        }
    }
}

#[test]
fn loss_at_its_limit_is_told_once() {
    let mut watch = Watch::new();
    for second in 0..300 {
        // 8 to 12 %, around the limit of 10.
        let loss = 0.1 + 0.02 * f64::from(second % 3 - 1);
        watch.flow(&Weather { loss, ..CALM });
    }
    let told = watch.told();
    assert!(
        (2..=4).contains(&told.len()),
        "both ways, once or in two steps: {told:?}"
    );
}

#[test]
fn when_nothing_comes_the_quality_is_bad() {
    let mut watch = Watch::new();
    let deaf = Weather { flows: false, ..CALM };
    watch.run(12, &deaf);
    assert_eq!(watch.told(), [(Diagnostic::NetworkReceiveQuality, BAD)]);
    watch.run(12, &CALM);
    assert_eq!(
        watch.told().last(),
        Some(&(Diagnostic::NetworkReceiveQuality, GOOD))
    );

    // In a meeting nothing comes while nobody speaks.
    let silent = Weather {
        forwarded: true,
        ..deaf
    };
    watch.run(30, &silent);
    assert_eq!(watch.told(), []);

    // On hold nothing comes either.
    watch.facts.media = Some(Media::Quiet);
    (0..30).for_each(|_| watch.look());
    watch.run(3, &CALM);
    assert_eq!(watch.told(), []);
}

#[test]
fn a_lost_network_is_told_and_its_return() {
    let mut watch = Watch::new();
    // The service alone: the people hear each other on.
    watch.facts.offline = true;
    watch.run(10, &CALM);
    assert_eq!(watch.told(), [(Diagnostic::NetworkReconnect, POOR)]);
    watch.facts.media = Some(Media::Lost);
    (0..10).for_each(|_| watch.look());
    assert_eq!(
        watch.told(),
        [
            (Diagnostic::NetworkReconnect, BAD),
            (Diagnostic::NetworkReceiveQuality, BAD),
            (Diagnostic::NetworkSendQuality, BAD),
            (Diagnostic::NoNetwork, ON),
        ]
    );
    watch.facts.offline = false;
    watch.run(20, &CALM);
    let mut told = watch.told();
    assert_eq!(told[0], (Diagnostic::NoNetwork, OFF), "{told:?}");
    told.retain(|(_, value)| *value == GOOD);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(watch.monitor.is_content());
}

#[test]
fn a_microphone_that_falls_silent_is_muted_somewhere_and_then_does_not_work() {
    let mut watch = Watch::new();
    for second in 1..=14 {
        watch.microphone.silent_for = Some(f64::from(second));
        watch.flow(&CALM);
    }
    assert_eq!(
        watch.told(),
        [
            (Diagnostic::MicrophoneMuteUnexpectedly, ON),
            (Diagnostic::MicrophoneNotFunctioning, ON),
        ]
    );
    watch.microphone.silent_for = Some(0.1);
    watch.run(3, &CALM);
    assert_eq!(
        watch.told(),
        [
            (Diagnostic::MicrophoneNotFunctioning, OFF),
            (Diagnostic::MicrophoneMuteUnexpectedly, OFF),
        ]
    );

    // One that never brought anything is not muted: it does not work. A file may be silent for as long as it likes.
    watch.microphone.heard = false;
    watch.microphone.silent_for = Some(12.0);
    watch.run(3, &CALM);
    assert_eq!(watch.told(), [(Diagnostic::MicrophoneNotFunctioning, ON)]);
    watch.microphone.silent_for = None;
    watch.run(30, &CALM);
    assert_eq!(watch.told(), [(Diagnostic::MicrophoneNotFunctioning, OFF)]);
}

#[test]
fn a_microphone_without_callbacks_does_not_work() {
    let mut watch = Watch::new();
    for second in 1..=14 {
        watch.microphone.silent_for = Some(f64::from(second));
        watch.look();
    }
    let told = watch.told();
    let audio: Vec<_> = told
        .into_iter()
        .filter(|(name, _)| name.group() == super::super::DiagnosticGroup::Audio)
        .collect();
    assert_eq!(audio, [(Diagnostic::MicrophoneNotFunctioning, ON)]);
}

#[test]
fn who_speaks_while_muted_is_told() {
    let mut watch = Watch::new();
    watch.facts.muted = true;
    watch.run(10, &CALM);
    // A door.
    watch.microphone.muted_voice_duration += 0.3;
    watch.run(10, &CALM);
    assert_eq!(watch.told(), []);
    for _ in 0..6 {
        watch.microphone.muted_voice_duration += 0.7;
        watch.flow(&CALM);
    }
    let name = Diagnostic::SpeakingWhileMicrophoneIsMuted;
    assert_eq!(watch.told(), [(name, ON)]);
    watch.facts.muted = false;
    watch.run(3, &CALM);
    assert_eq!(watch.told(), [(name, OFF)]);

    watch.facts.muted = true;
    for _ in 0..6 {
        watch.microphone.muted_voice_duration += 0.7;
        watch.flow(&CALM);
    }
    assert_eq!(watch.told(), [(name, ON)]);
    watch.run(10, &CALM);
    assert_eq!(watch.told(), [(name, OFF)], "they gave up");
}

fn weather() -> impl Strategy<Value = Weather> {
    (
        (0.0..0.3f64, 0.0..0.06f64, 0.0..1.0f64),
        (0.0..0.4f64, 0.0..0.3f64, proptest::bool::weighted(0.8)),
    )
        .prop_map(|((loss, jitter, round_trip), (buffer, healed, flows))| Weather {
            loss,
            jitter,
            round_trip,
            buffer,
            healed,
            flows,
            forwarded: false,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens: no diagnostic changes sooner after a change than it must be seen for, and all are cleared once
    /// all is good again.
    #[test]
    fn none_flaps_and_all_are_cleared(
        seconds in proptest::collection::vec((weather(), 0..4u8, any::<[bool; 6]>(), 0.0..20.0f64, 0.0..1.0f64), 1..120)
    ) {
        let mut watch = Watch::new();
        for (weather, media, [offline, relay, devices, denied, lost, muted], silent, spoken) in seconds {
            watch.facts = Facts {
                offline,
                no_relay: relay,
                no_microphone: devices,
                no_speaker: devices,
                denied,
                lost,
                muted,
                ..Facts::default()
            };
            watch.microphone.silent_for = (silent < 18.0).then_some(silent);
            watch.microphone.heard = silent < 15.0;
            watch.microphone.muted_voice_duration += spoken;
            match media {
                0 => watch.look(),
                1 => {
                    watch.facts.media = Some(Media::Lost);
                    watch.look();
                }
                _ => watch.flow(&weather),
            }
        }
        watch.facts = Facts::default();
        watch.microphone.silent_for = Some(0.0);
        watch.run(30, &CALM);
        prop_assert!(watch.monitor.is_content());

        for name in Diagnostic::ALL {
            let mine: Vec<_> = watch.changes.iter().filter(|(_, change)| change.name == name).collect();
            for pair in mine.windows(2) {
                let [(before, was), (after, is)] = pair else { unreachable!() };
                let hold = if is.value > was.value { hold(name).worsen } else { hold(name).improve };
                prop_assert!(*after - *before >= hold, "{pair:?}");
                prop_assert_ne!(is.value, was.value);
            }
            if let Some((_, last)) = mine.last() {
                prop_assert!(last.value.is_good(), "{last:?}");
            }
        }
    }
}
