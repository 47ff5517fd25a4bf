//! The network goes away in mid-call, for media, for the service or for everything, at one end or at both. A call that may
//! come back does so by itself and is heard soon after the network; one that was away for longer than is promised is
//! over at both ends, for the right reason.
//!
//! A failing seed is printed; `SIDETONE_SEED=<seed> cargo test -p sidetone-tests outages` replays it.
//! `SIDETONE_CALLS=<count>` makes more calls.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_netsim::{Config, Jitter, Loss};
use sidetone_signaling::Reason;
use sidetone_signaling::agent::{AgentConfig, Command, StartOptions};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::switchboard::SwitchboardConfig;
use sidetone_tests::{CallView, ClientId, Happening, Talk, World};

use crate::chaos::{Seed, number};

/// Calls of a run.
const CALLS: u64 = 300;

/// Seconds without a network that every call outlives: the lease of media is a minute, and finding back takes its time.
const PROMISED: u64 = 45;

/// How soon both are heard again after an outage of 20 s at most, and after a longer one.
const SOON: Duration = Duration::from_secs(3);
const LATER: Duration = Duration::from_secs(20);

/// What the outage takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// The way between the ends.
    Media,
    /// The way of one end to the service.
    Service,
    /// Everything, for one end.
    Everything,
    /// Everything, for both.
    Everybody,
}

impl Gone {
    const ALL: [Self; 4] = [Self::Media, Self::Service, Self::Everything, Self::Everybody];

    fn media(self) -> bool {
        self != Self::Service
    }

    fn services(self) -> std::ops::Range<usize> {
        match self {
            Self::Media => 0..0,
            Self::Service | Self::Everything => 0..1,
            Self::Everybody => 0..2,
        }
    }
}

/// Two people who talk.
struct Pair {
    world: World,
    /// Whoever is struck first.
    ends: [ClientId; 2],
    call: CallId,
    weather: Config,
}

impl Pair {
    fn new(seed: u64, rng: &mut ChaCha8Rng) -> Self {
        let delay = Duration::from_millis(rng.random_range(1..150));
        let weather = Config::IDEAL
            .delay(delay)
            .jitter(Jitter::uniform(delay / 4))
            .loss(Loss::uniform(rng.random_range(0.0..0.05)));
        let messages = Duration::from_millis(1)..Duration::from_millis(rng.random_range(10..300));
        let mut world = World::new(
            seed,
            SwitchboardConfig::default(),
            messages,
            weather,
            Instant::now(),
        );
        let [caller, callee] =
            ["external:dev:alice", "member:contoso:bob"].map(|who| world.add(who, AgentConfig::new("")));
        world.run_for(Duration::from_secs(5));
        let call = world.draw_call();
        let start = Command::StartCall {
            call,
            to: world.clients[callee.0].identity.parse().unwrap(),
            options: StartOptions::default(),
        };
        world.happen(caller, Happening::Command(start));
        world.run_for(Duration::from_secs(5));
        world.happen(callee, Happening::Command(Command::Accept { call }));
        world.run_for(Duration::from_secs(5));
        let ends = if rng.random_bool(0.5) {
            [caller, callee]
        } else {
            [callee, caller]
        };
        Self {
            world,
            ends,
            call,
            weather,
        }
    }

    /// The network goes away for so long, while somebody talks or nobody does.
    fn outage(&mut self, gone: Gone, length: Duration, silent: bool) {
        if gone.media() {
            let nothing = self.weather.loss(Loss::uniform(1.0));
            self.world.network.set_conditions(nothing);
        }
        for end in gone.services() {
            self.world.happen(self.ends[end], Happening::Cut);
        }
        if silent {
            self.world.run_for(length);
        } else {
            self.world.talk_for(length, &Talk::Packets);
        }
        self.world.network.set_conditions(self.weather);
        for end in gone.services() {
            self.world.happen(self.ends[end], Happening::Restore);
        }
    }

    /// How long it takes until both hear each other, if they do within so long.
    fn heard_within(&mut self, patience: Duration) -> Option<Duration> {
        let start = self.world.now;
        while self.world.now < start + patience {
            // Long enough for what is said in it to arrive.
            self.world.talk_for(Duration::from_millis(400), &Talk::Packets);
            let heard = |end: &ClientId| {
                let mut legs = self.world.clients[end.0].legs.iter();
                legs.any(|((call, _), leg)| *call == self.call && leg.heard > 0)
            };
            if self.ends.iter().all(heard) {
                return Some(self.world.now - start);
            }
        }
        None
    }

    fn views(&self) -> [&CallView; 2] {
        self.ends.map(|end| &self.world.clients[end.0].calls[&self.call])
    }

    /// Hangs up, and nothing is left.
    fn finish(mut self) {
        let call = self.call;
        self.world
            .happen(self.ends[0], Happening::Command(Command::HangUp { call }));
        self.world.run_for(Duration::from_secs(20));
        for view in self.views() {
            assert_eq!((view.ends.len(), view.afterwards), (1, 0), "{view:?}");
        }
        for end in self.ends {
            self.world.happen(end, Happening::Command(Command::Close));
        }
        self.world.run_for(Duration::from_secs(200));
        let world = &self.world;
        assert!(world.network.is_empty() && world.switchboard.is_idle());
        assert_eq!(world.packets.available(), world.packets.capacity());
    }
}

/// Every seed of a run.
fn seeds() -> std::ops::Range<u64> {
    match number("SIDETONE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIDETONE_CALLS").unwrap_or(CALLS),
    }
}

#[test]
fn calls_come_back_by_themselves() {
    let mut longest = [Duration::ZERO; 2];
    for seed in seeds() {
        let _seed = Seed(seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut pair = Pair::new(seed, &mut rng);
        for length in [1, 5, 20, rng.random_range(21..PROMISED)] {
            let gone = Gone::ALL[rng.random_range(0..4)];
            // A long silence as well: nothing but the connection's own questions goes to and fro.
            pair.world.run_for(Duration::from_secs(rng.random_range(5..150)));
            pair.outage(gone, Duration::from_secs(length), rng.random_bool(0.5));
            let short = length <= 20;
            let patience = if short { SOON } else { LATER };
            let heard = pair.heard_within(patience);
            let views = pair.views();
            let heard = heard.unwrap_or_else(|| panic!("{gone:?} for {length} s: {views:?}"));
            let longest = &mut longest[usize::from(!short)];
            *longest = heard.max(*longest);
            pair.world.run_for(Duration::from_secs(20));
            for view in pair.views() {
                let last = view.states.last();
                assert_eq!(
                    last,
                    Some(&(CallState::Connected, false)),
                    "{gone:?} for {length} s"
                );
                assert!(view.is_live(), "{gone:?} for {length} s: {view:?}");
            }
        }
        pair.finish();
    }
    println!("heard again within {longest:?}, after 20 s at most and after more");
}

#[test]
fn calls_that_were_away_for_too_long_end_for_the_right_reason() {
    for seed in seeds() {
        let _seed = Seed(seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut pair = Pair::new(seed, &mut rng);
        let gone = Gone::ALL[rng.random_range(0..4)];
        let length = match gone {
            Gone::Service => rng.random_range(145..220),
            _ => rng.random_range(70..220),
        };
        pair.outage(gone, Duration::from_secs(length), rng.random_bool(0.5));
        pair.world.run_for(Duration::from_secs(150));
        let [struck, other] = pair.views().map(|view| view.ends.clone());
        let (dropped, lost, left) = (Reason::MEDIA_DROPPED, Reason::NETWORK_LOST, Reason::PEER_GONE);
        let right = match gone {
            Gone::Media | Gone::Everybody => struck == [dropped.clone()] && other == [dropped],
            Gone::Service => struck == [lost] && other == [left],
            // Who is left without either asks the service, unless it gave up before the service did.
            Gone::Everything => struck == [dropped.clone()] && (other == [left] || other == [dropped]),
        };
        assert!(right, "{gone:?} for {length} s: {struck:?} and {other:?}");
        pair.finish();
    }
}
