//! Thousands of calls with lost sockets, outages of the service, bad weather between the clients, killed clients, and
//! messages that overtake each other across sockets. Whatever happens: every call ends exactly once at every end, none
//! is stuck past its timers, both ends agree, what is connected is heard, what is on hold is not, and nothing is left
//! of any of it: in the agents, in the service, in the network, in the pool of packets.
//!
//! A failing seed is printed; `SIDETONE_SEED=<seed> cargo test -p sidetone-tests chaos` replays it.
//! `SIDETONE_WORLDS=<count>` runs more.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_media::device::headless::SoundFile;
use sidetone_netsim::{Config, Jitter, Loss};
use sidetone_signaling::agent::{AgentConfig, AgentEvent, Command, StartOptions};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{CallId, EndpointOptions};
use sidetone_signaling::switchboard::{Record, SwitchboardConfig};
use sidetone_tests::{ClientId, Happening, Talk, World};

const IDENTITIES: [&str; 5] = [
    "external:dev:alice",
    "member:contoso:bob",
    "member:contoso:carol",
    "guest:dave",
    "external:dev:eve",
];
/// How long people call each other and things go wrong.
const TURMOIL: Duration = Duration::from_secs(240);
/// Longer than any timer that a call can wait for.
const CALM: Duration = Duration::from_secs(260);
/// Worlds of a run. Each has 5 to 25 calls, and some that cross.
const WORLDS: u64 = 300;
/// Of this many worlds, one is listened to with real speech, coded and decoded.
const SPEECH_EVERY: u64 = 25;

#[test]
fn no_call_is_stuck_and_nothing_is_left() {
    let mut totals = Totals::default();
    let start = Instant::now();
    match number("SIDETONE_SEED") {
        Some(seed) => drop(story(seed, start, &mut totals)),
        None => {
            let worlds = number("SIDETONE_WORLDS").unwrap_or(WORLDS);
            for seed in 0..worlds {
                story(seed, start, &mut totals);
            }
            // The chaos must leave enough calls that there is something to see and to hear.
            let enough = totals.placed > 1000 && totals.answered > 500 && totals.merged > 50;
            let heard = totals.heard > 100 && totals.heard_speech > 2 && totals.on_hold > 50;
            assert!(worlds < WORLDS || (enough && heard), "{totals:#?}");
        }
    }
    println!("{totals:#?}");
}

/// What an environment variable says.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[derive(Debug, Default)]
pub struct Totals {
    placed: usize,
    answered: usize,
    merged: usize,
    resumed: usize,
    killed: usize,
    /// Calls that both ends were heard in.
    heard: usize,
    /// Of those, with real speech.
    heard_speech: usize,
    on_hold: usize,
    ends: BTreeMap<String, usize>,
}

/// Prints the seed when a check fails.
pub struct Seed(pub u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failing seed: {} (SIDETONE_SEED={} replays it)", self.0, self.0);
        }
    }
}

/// One world from beginning to end. Returns what the service recorded.
pub fn story(seed: u64, start: Instant, totals: &mut Totals) -> Vec<Record> {
    let _seed = Seed(seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let weather = fair(&mut rng);
    let mut world = build(seed, start, weather, &mut rng);
    plan(&mut world, &mut rng, weather);
    turmoil(&mut world, &mut rng);
    totals.killed += world.clients.len() - world.alive().count();
    calm(&mut world, weather);
    agreement(&mut world, totals, seed % SPEECH_EVERY == 3);
    everybody_hangs_up(&mut world);
    bookkeeping(&world, totals);
    nothing_left(&mut world);
    world.records
}

/// A network that calls must get along with.
fn fair(rng: &mut ChaCha8Rng) -> Config {
    let delay = Duration::from_millis(rng.random_range(0..150));
    Config::IDEAL
        .delay(delay)
        .jitter(Jitter::uniform(delay / 4))
        .loss(Loss::bursts(
            rng.random_range(0.0..0.15),
            rng.random_range(1.0..4.0),
        ))
}

fn build(seed: u64, start: Instant, weather: Config, rng: &mut ChaCha8Rng) -> World {
    let longest = Duration::from_millis(rng.random_range(10..800));
    let mut config = SwitchboardConfig::default();
    config.limits.warm_legs = rng.random_range(0..4);
    let mut world = World::new(seed, config, Duration::from_millis(1)..longest, weather, start);
    for identity in IDENTITIES {
        for _ in 0..rng.random_range(1..4) {
            let config = AgentConfig {
                hide_addresses: rng.random_bool(0.3),
                options: EndpointOptions {
                    busy_when_in_call: rng.random_bool(0.2),
                    ..EndpointOptions::default()
                },
                warm_legs: rng.random_range(0..4),
                ..AgentConfig::new("")
            };
            world.add(identity, config);
        }
    }
    world.run_for(Duration::from_secs(6));
    world
}

/// Calls, and trouble, at random times.
fn plan(world: &mut World, rng: &mut ChaCha8Rng, weather: Config) {
    let millis = |rng: &mut ChaCha8Rng, most: u128| Duration::from_millis(rng.random_range(0..most as u64));
    let at = |rng: &mut ChaCha8Rng| millis(rng, TURMOIL.as_millis());
    let clients = world.clients.len();
    let any = |rng: &mut ChaCha8Rng| ClientId(rng.random_range(0..clients));
    let start = |world: &mut World, when, from: ClientId, to: &str| {
        let command = Command::StartCall {
            call: world.draw_call(),
            to: to.parse().unwrap(),
            options: StartOptions::default(),
        };
        let Command::StartCall { call, .. } = &command else {
            unreachable!()
        };
        let call = *call;
        world.happen_in(when, from, Happening::Command(command));
        call
    };
    for _ in 0..rng.random_range(5..25) {
        let (from, when) = (any(rng), at(rng));
        let call = start(
            world,
            when,
            from,
            IDENTITIES[rng.random_range(0..IDENTITIES.len())],
        );
        if rng.random_bool(0.3) {
            let patience = millis(rng, 60_000);
            world.happen_in(
                when + patience,
                from,
                Happening::Command(Command::HangUp { call }),
            );
        }
    }
    // Pairs that call each other at nearly the same moment.
    for _ in 0..rng.random_range(0..4) {
        let (one, two, when) = (any(rng), any(rng), at(rng));
        for (from, to) in [(one, two), (two, one)] {
            let to = world.clients[to.0].identity.clone();
            start(world, when + millis(rng, 300), from, &to);
        }
    }
    for _ in 0..rng.random_range(0..12) {
        world.happen_in(at(rng), any(rng), Happening::DropSocket);
    }
    for _ in 0..rng.random_range(0..6) {
        let (client, when, outage) = (any(rng), at(rng), millis(rng, 200_000));
        world.happen_in(when, client, Happening::Cut);
        world.happen_in(when + outage, client, Happening::Restore);
    }
    for _ in 0..rng.random_range(0..3) {
        world.happen_in(at(rng), any(rng), Happening::Kill);
    }
    // Storms: nothing or little gets through between the clients for a while.
    for _ in 0..rng.random_range(0..4) {
        let loss = if rng.random_bool(0.5) {
            1.0
        } else {
            rng.random_range(0.3..0.7)
        };
        let (when, length) = (at(rng), millis(rng, 45_000));
        world.happen_in(
            when,
            ClientId(0),
            Happening::Weather(weather.loss(Loss::uniform(loss))),
        );
        world.happen_in(when + length, ClientId(0), Happening::Weather(weather));
    }
}

/// Time passes, people talk, and react to what their applications tell them.
fn turmoil(world: &mut World, rng: &mut ChaCha8Rng) {
    let end = world.now + TURMOIL;
    let mut next_word = world.now;
    while world.now < end && world.step() {
        for (client, event) in world.take_events() {
            react(world, rng, client, &event);
        }
        if world.now >= next_word {
            world.talk_for(Duration::ZERO, &Talk::Packets);
            next_word = world.now + Duration::from_millis(500);
        }
    }
}

fn react(world: &mut World, rng: &mut ChaCha8Rng, client: ClientId, event: &AgentEvent) {
    let soon = Duration::from_millis(rng.random_range(0..8000));
    let later = Duration::from_millis(rng.random_range(0..90_000));
    let (when, wish) = match event {
        AgentEvent::IncomingCall { call, .. } => match rng.random_range(0..10) {
            0..7 => (soon, Command::Accept { call: *call }),
            7..8 => (soon, Command::Decline { call: *call }),
            _ => return,
        },
        AgentEvent::CallStateChanged {
            call,
            state: CallState::Connected,
            ..
        } => match rng.random_range(0..10) {
            0..2 => (later, Command::HangUp { call: *call }),
            2..4 => (later, Command::Hold { call: *call }),
            4..6 => {
                let muted = rng.random_bool(0.5);
                (later, Command::Mute { call: *call, muted })
            }
            _ => return,
        },
        AgentEvent::CallStateChanged {
            call,
            state: CallState::LocalHold,
            ..
        } if rng.random_bool(0.9) => (later, Command::Resume { call: *call }),
        _ => return,
    };
    world.happen_in(when, client, Happening::Command(wish));
}

/// The trouble is over; every timer that a call can wait for runs out. Nothing is lost any more either: a call on hold
/// sends so little that a few losses in a row are a lost connection to it, and whoever looks then sees it recover.
fn calm(world: &mut World, weather: Config) {
    world.happen(ClientId(0), Happening::Weather(weather.loss(Loss::None)));
    for client in 0..world.clients.len() {
        world.happen(ClientId(client), Happening::Restore);
    }
    world.run_for(CALM);
    for (_, client) in world.alive() {
        for (call, view) in &client.calls {
            assert!(
                view.ends.len() <= 1 && view.afterwards == 0,
                "{call:?} went on after its end: {view:?}"
            );
            let settled = [CallState::Connected, CallState::LocalHold, CallState::RemoteHold];
            assert!(
                !view.is_live() || view.state().is_some_and(|state| settled.contains(&state)),
                "{call:?} is stuck: {view:?}"
            );
        }
    }
}

/// What one end believes, the other end and the service believe too; and what they believe can be heard.
fn agreement(world: &mut World, totals: &mut Totals, with_speech: bool) {
    let mut live: BTreeMap<CallId, Vec<ClientId>> = BTreeMap::new();
    for (id, client) in world.alive() {
        for (call, _) in client.calls.iter().filter(|(_, view)| view.is_live()) {
            live.entry(*call).or_default().push(id);
        }
    }
    let stats = world.switchboard.stats();
    assert_eq!((stats.active_calls, stats.ringing_calls), (live.len(), 0));
    let talk = if with_speech {
        Talk::Speech(speech())
    } else {
        Talk::Packets
    };
    // What was under way when somebody went on hold arrives first.
    world.talk_for(Duration::from_secs(1), &Talk::Packets);
    world.talk_for(Duration::from_secs(4), &talk);
    for (call, ends) in live {
        assert_eq!(ends.len(), 2, "{call:?} goes on at {ends:?}");
        let views = [&ends[0], &ends[1]].map(|end| &world.clients[end.0].calls[&call]);
        let held =
            views.map(|view| matches!(view.state(), Some(CallState::LocalHold | CallState::RemoteHold)));
        assert_eq!(held[0], held[1], "{call:?}: {views:?}");
        assert!(
            views.iter().all(|view| !view.states.last().unwrap().1),
            "{call:?} still recovers: {views:?}"
        );
        for end in &ends {
            let mut legs = world.clients[end.0]
                .legs
                .iter()
                .filter(|((of, _), _)| *of == call);
            let ((_, id), leg) = legs
                .next()
                .unwrap_or_else(|| panic!("{call:?} has no media at {end:?}"));
            assert!(legs.next().is_none(), "{call:?} has two legs at {end:?}");
            let other = ends.iter().find(|other| *other != end).unwrap();
            assert!(
                world.clients[other.0].legs.contains_key(&(call, *id)),
                "{call:?} is on different legs"
            );
            if held[0] {
                assert_eq!((leg.open, leg.heard), (false, 0), "{call:?} is on hold and heard");
            } else {
                assert!(
                    leg.open && leg.heard > 5,
                    "{call:?} is connected and {} packets came",
                    leg.heard
                );
                let loudness = (leg.energy / (4.0 * 48_000.0)).sqrt();
                assert!(
                    !with_speech || loudness > 0.01,
                    "{call:?} is connected and silent: {loudness}"
                );
            }
        }
        totals.heard += usize::from(!held[0]);
        totals.heard_speech += usize::from(!held[0] && with_speech);
        totals.on_hold += usize::from(held[0]);
    }
}

/// Somebody reads aloud, at 48 kHz.
pub fn speech() -> Arc<[f32]> {
    static SPEECH: OnceLock<Arc<[f32]>> = OnceLock::new();
    let read = || {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/cli/speech/woman-en.flac");
        let sound = SoundFile::read(Path::new(path))
            .unwrap()
            .resampled(48_000)
            .unwrap();
        sound.samples.into()
    };
    SPEECH.get_or_init(read).clone()
}

fn everybody_hangs_up(world: &mut World) {
    for client in 0..world.clients.len() {
        let calls: Vec<CallId> = world.clients[client].calls.keys().copied().collect();
        for call in calls {
            world.happen(ClientId(client), Happening::Command(Command::HangUp { call }));
        }
    }
    world.run_for(Duration::from_secs(20));
    for (id, client) in world.alive() {
        assert!(client.agent.as_ref().unwrap().is_idle(), "{id:?} still has calls");
        for (call, view) in &client.calls {
            let expected = usize::from(view.merged_into.is_none());
            assert_eq!(
                (view.ends.len(), view.afterwards),
                (expected, 0),
                "{call:?}: {view:?}"
            );
        }
        assert!(client.legs.is_empty(), "{id:?} still has media");
    }
}

/// The records of each call make a whole.
fn bookkeeping(world: &World, totals: &mut Totals) {
    let mut calls: BTreeMap<CallId, [i32; 4]> = BTreeMap::new();
    for record in &world.records {
        match record {
            Record::CallStarted { call, .. } => {
                totals.placed += 1;
                calls.entry(*call).or_default()[0] += 1;
            }
            Record::ParticipantAdded { call, .. } => calls.entry(*call).or_default()[1] += 1,
            Record::ParticipantRemoved { call, .. } => calls.entry(*call).or_default()[2] += 1,
            Record::CallEnded { call, reason, .. } => {
                // Calls that were refused at once have an end and no beginning.
                if let Some(counts) = calls.get_mut(call) {
                    counts[3] += 1;
                }
                *totals.ends.entry(reason.to_string()).or_default() += 1;
            }
            Record::CallAnswered { .. } => totals.answered += 1,
            Record::CallsMerged { .. } => totals.merged += 1,
            Record::SessionResumed { .. } => totals.resumed += 1,
            _ => {}
        }
    }
    for (call, [begun, added, removed, ended]) in calls {
        assert_eq!((begun, ended), (1, 1), "{call:?}");
        assert!(
            added == removed && (added == 0 || added == 2),
            "{call:?}: {added} came, {removed} went"
        );
    }
}

fn nothing_left(world: &mut World) {
    for client in 0..world.clients.len() {
        world.happen(ClientId(client), Happening::Command(Command::Close));
    }
    world.run_for(Duration::from_secs(200));
    assert!(world.switchboard.is_idle(), "{:?}", world.switchboard.stats());
    assert!(
        world.network.is_empty(),
        "{} connections are left",
        world.network.len()
    );
    assert_eq!(world.network.paths(), 0);
    assert_eq!(
        world.packets.available(),
        world.packets.capacity(),
        "packets were lost"
    );
    assert_eq!(world.packets.exhausted(), 0);
}
