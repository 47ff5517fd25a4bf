//! Starts the service, the network and the two ends, leads them through their calls, and collects what they measured.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sidetone::media::device::headless::monotonic_nanos;
use sidetone::media::voice::RATE;
use sidetone_netsim::relay::{Relay, RelayStats, free_address};
use sidetone_netsim::{Config, Jitter, Loss};
use sidetone_server::{Server, ServerConfig, ServerHandle, TokenRequest};

use super::args::{DevicesArg, Ends, LoopbackArgs, ProfileArg};
use super::carrier::{Carrier, Side};
use super::result::{Setups, Talk, assemble};
use super::samples;
use super::stage::Stage;
use super::track::Track;
use super::wire::{EndConfig, EndReport, Nanos, Notice, Order, Sample};
use crate::bench::file;
use crate::bench::report::Report;
use crate::speech;

/// Who calls, and who is called.
const IDENTITIES: [&str; 2] = ["external:bench:caller", "external:bench:callee"];
/// How long it rings in the measured call: ICE and DTLS have long come up.
const RING: Duration = Duration::from_secs(1);
/// How long the call is on before counting begins: jitter buffers have settled.
const SETTLE: Duration = Duration::from_millis(1500);
/// Between two calls, so that one's end does not disturb the other's beginning.
const PAUSE: Duration = Duration::from_millis(200);
/// No step of a call takes this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that stays for the whole run.
pub struct Conductor {
    args: LoopbackArgs,
    speech: [Vec<f32>; 2],
    ends: [Carrier; 2],
    // Dropped after the ends: they have its sound cards open.
    stage: Option<Stage>,
    notices: Receiver<(Side, Notice)>,
    relay: Option<Relay>,
    // Dropped after the ends: they say goodbye to it.
    server: Option<ServerHandle>,
    runtime: tokio::runtime::Runtime,
    folder: Folder,
    progress: ProgressBar,
}

/// What caller and callee said, and what they heard.
type Both = ([Track; 2], [Track; 2]);

/// A folder that goes with the run.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind in the system's temporary folder is cleaned up by the system.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("sidetone-bench-{:016x}", rand::random::<u64>()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

/// What an end was heard to say in one call.
#[derive(Default)]
struct Heard {
    calling: Option<Nanos>,
    ringing: Option<Nanos>,
    accepting: Option<Nanos>,
    connected: [Option<Nanos>; 2],
    ended: [bool; 2],
    reports: [Option<EndReport>; 2],
    samples: [Vec<Sample>; 2],
}

fn now() -> Nanos {
    monotonic_nanos(Instant::now()).unwrap_or_default()
}

fn milliseconds(from: Nanos, to: Nanos) -> f64 {
    (to - from) as f64 / 1e6
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Conductor {
    /// Starts everything up to two registered ends.
    pub fn prepare(args: &LoopbackArgs) -> Result<Self, String> {
        let progress = ProgressBar::new(0).with_style(
            ProgressStyle::with_template("{msg:24} {bar:40} {percent:>3} %  {eta}").map_err(words)?,
        );
        progress.set_message("Starting");
        let caller = match &args.input {
            Some(path) => speech::read(path).map_err(words)?,
            None => speech::bundled(speech::WOMAN).map_err(words)?,
        };
        let speech = [caller, speech::bundled(speech::MAN).map_err(words)?];
        let folder = Folder::new().map_err(words)?;
        for (index, speech) in speech.iter().enumerate() {
            samples::write(&folder.0.join(format!("speech-{index}")), speech).map_err(words)?;
        }
        let stage = match args.devices {
            DevicesArg::Headless => None,
            DevicesArg::Sound if args.ends == Ends::Thread => {
                return Err("sound devices need ends that are processes".into());
            }
            DevicesArg::Sound => Some(Stage::start(&folder.0)?),
        };
        let environment = stage.as_ref().map(Stage::environment).unwrap_or_default();

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("service")
            .enable_all()
            .build()
            .map_err(words)?;
        let config = ServerConfig {
            bind: (Ipv4Addr::LOCALHOST, 0).into(),
            ..ServerConfig::default()
        };
        let server = runtime.block_on(Server::start(config)).map_err(words)?;

        let bind = [free_address().map_err(words)?, free_address().map_err(words)?];
        let network = network(args);
        let relay = network
            .map(|config| Relay::start(config, config, args.seed, bind[0], bind[1]))
            .transpose()
            .map_err(words)?;
        let advertise = [
            relay.as_ref().map(Relay::toward_a),
            relay.as_ref().map(Relay::toward_b),
        ];

        let (outbox, notices) = channel();
        let start = |side: Side| -> Result<Carrier, String> {
            let index = side as usize;
            let path = |what: &str| folder.0.join(format!("{what}-{index}"));
            let identity = IDENTITIES[index].parse().map_err(words)?;
            let token = server.issue_token(TokenRequest::new(identity)).map_err(words)?;
            let config = EndConfig {
                server: format!("ws://{}", server.local_addr()),
                token: token.token.expose().to_owned(),
                speech: path("speech"),
                heard: path("heard"),
                seconds: args.duration.as_secs() + 30,
                low_latency: args.profile == ProfileArg::LowLatency,
                frame_ms: args.frame_ms(),
                processing: args.processing,
                hide_addresses: args.hide_addresses,
                bind: bind[index],
                advertise: advertise[index],
                cards: stage.as_ref().map(|_| Stage::cards(side)),
            };
            Carrier::start(side, args.ends, config, &environment, outbox.clone()).map_err(words)
        };
        let ends = [start(Side::Caller)?, start(Side::Callee)?];
        let mut this = Self {
            args: args.clone(),
            speech,
            ends,
            stage,
            notices,
            relay,
            server: Some(server),
            runtime,
            folder,
            progress,
        };
        let mut ready = 0;
        while ready < 2 {
            if let (_, Notice::Ready) = this.next(PATIENCE)? {
                ready += 1;
            }
        }
        Ok(this)
    }

    /// Leads the ends through their calls.
    pub fn run(mut self) -> Result<Report, String> {
        let talking = self.args.duration.as_millis() as u64 / 100;
        self.progress
            .set_length(talking + u64::from(self.args.setups) * 10 + 30);

        let mut setups = Setups::default();
        for _ in 0..self.args.setups {
            self.progress.set_message("Setting up calls");
            let heard = self.place_call(Duration::ZERO)?;
            setups.quick(heard.calling, heard.connected);
            self.hang_up(heard)?;
            self.progress.inc(10);
        }

        self.progress.set_message("Ringing");
        let mut heard = self.place_call(RING)?;
        self.progress.inc(10);
        self.listen(&mut heard, SETTLE)?;
        self.progress.inc(20);
        let relayed_before = self.relay.as_ref().map(Relay::stats);
        let from = now();
        self.order(&Order::Measure);
        if let Some(stage) = &self.stage {
            stage.measure();
        }
        self.progress.set_message("Talking");
        let until = Instant::now() + self.args.duration;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.listen(&mut heard, left.min(Duration::from_millis(100)))?;
            self.progress.inc(1);
        }
        let to = now();
        self.order(&Order::Report);
        self.until(&mut heard, |heard| heard.reports.iter().all(Option::is_some))?;
        let recorded = self.stage.as_ref().map(Stage::report).transpose()?;
        let recorded = recorded.map(|(said, heard, lost)| {
            if lost > 0 {
                let lost = 1e3 * lost as f64 / f64::from(RATE);
                self.progress.println(format!(
                    "The recorders lost {lost:.1} ms of sound: this machine is busy."
                ));
            }
            (said, heard)
        });
        let relayed = self.relay.as_ref().map(Relay::stats).zip(relayed_before);

        setups.measured(heard.calling, heard.ringing, heard.accepting, heard.connected);
        let (Some(caller), Some(callee)) = (heard.reports[0].take(), heard.reports[1].take()) else {
            return Err("an end did not report".into());
        };
        let [from_caller, from_callee] = std::mem::take(&mut heard.samples);
        let accepted = heard.accepting;
        self.hang_up(heard)?;

        self.progress.set_message("Listening again");
        let (said, recordings) = match recorded {
            Some(recorded) => recorded,
            None => self.headless([&caller, &callee], from, to)?,
        };
        if let Some(folder) = &self.args.keep {
            keep(folder, &said, &recordings)?;
        }
        let talk = Talk {
            said: &said,
            heard: &recordings,
            ends: [caller, callee],
            samples: [from_caller, from_callee],
            from,
            to,
            accepted,
        };
        let report = assemble(
            &self.args,
            setups,
            &talk,
            network(&self.args),
            relayed.map(|(after, _)| after),
        );
        self.progress.finish_and_clear();
        self.stop();
        Ok(report)
    }

    /// What headless ends said and heard.
    fn headless(&self, ends: [&EndReport; 2], from: Nanos, to: Nanos) -> Result<Both, String> {
        let seconds = (to - from) as f64 / 1e9;
        let said =
            [0, 1].map(|index| Track::repeated(&self.speech[index], ends[index].spoken_from, from, seconds));
        let heard = |index: usize| {
            Track::read(
                &self.folder.0.join(format!("heard-{index}")),
                ends[index].heard_from,
            )
        };
        Ok((said, [heard(0)?, heard(1)?]))
    }

    fn stop(self) {
        let Self {
            ends,
            stage,
            server,
            runtime,
            ..
        } = self;
        drop(ends);
        drop(stage);
        if let Some(server) = server {
            runtime.block_on(server.shutdown());
        }
    }

    fn order(&self, order: &Order) {
        for end in &self.ends {
            end.order(order.clone());
        }
    }

    /// Places a call and waits until it is up at both ends.
    fn place_call(&mut self, ring: Duration) -> Result<Heard, String> {
        self.ends[1].order(Order::AnswerAfter {
            ms: ring.as_millis() as u64,
        });
        self.ends[0].order(Order::Call {
            to: IDENTITIES[1].into(),
        });
        let mut heard = Heard::default();
        self.until(&mut heard, |heard| heard.connected.iter().all(Option::is_some))?;
        Ok(heard)
    }

    fn hang_up(&mut self, mut heard: Heard) -> Result<(), String> {
        heard.ended = [false; 2];
        self.ends[0].order(Order::HangUp);
        self.until(&mut heard, |heard| heard.ended == [true; 2])?;
        std::thread::sleep(PAUSE);
        Ok(())
    }

    fn until(&mut self, heard: &mut Heard, done: impl Fn(&Heard) -> bool) -> Result<(), String> {
        while !done(heard) {
            let (side, notice) = self.next(PATIENCE)?;
            hear(heard, side, notice);
        }
        Ok(())
    }

    /// Listens for a while; a call that ends meanwhile ends the run.
    fn listen(&mut self, heard: &mut Heard, time: Duration) -> Result<(), String> {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.notices.recv_timeout(left) {
                Ok((_, Notice::Ended { reason, .. })) => return Err(format!("the call ended: {reason}")),
                Ok((side, Notice::Failed { message })) => return Err(failed(side, &message)),
                Ok((side, notice)) => hear(heard, side, notice),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err("both ends are gone".into()),
            }
        }
    }

    fn next(&mut self, patience: Duration) -> Result<(Side, Notice), String> {
        match self.notices.recv_timeout(patience) {
            Ok((side, Notice::Failed { message })) => Err(failed(side, &message)),
            Ok(notice) => Ok(notice),
            Err(_) => Err("nothing was heard of the ends for too long".into()),
        }
    }
}

fn failed(side: Side, message: &str) -> String {
    let who = match side {
        Side::Caller => "caller",
        Side::Callee => "callee",
    };
    format!("the {who} failed: {message}")
}

fn hear(heard: &mut Heard, side: Side, notice: Notice) {
    let index = side as usize;
    match notice {
        Notice::Calling { at } => heard.calling = Some(at),
        Notice::Ringing { at } if side == Side::Caller => heard.ringing = Some(at),
        Notice::Accepting { at } => heard.accepting = Some(at),
        Notice::Connected { at } => heard.connected[index] = Some(at),
        Notice::Ended { .. } => heard.ended[index] = true,
        Notice::Sample(sample) => heard.samples[index].push(sample),
        Notice::Report(report) => heard.reports[index] = Some(*report),
        Notice::Ready | Notice::Ringing { .. } | Notice::Recorded(_) | Notice::Failed { .. } => {}
    }
}

/// The emulated network that was asked for, the same both ways.
fn network(args: &LoopbackArgs) -> Option<Config> {
    args.impaired().then(|| {
        let jitter = if args.jitter.is_zero() {
            Jitter::None
        } else {
            Jitter::normal(args.jitter)
        };
        let loss = if args.loss > 0.0 {
            Loss::uniform(args.loss)
        } else {
            Loss::None
        };
        Config::IDEAL.delay(args.delay).jitter(jitter).loss(loss)
    })
}

fn keep(folder: &Path, said: &[Track; 2], heard: &[Track; 2]) -> Result<(), String> {
    file::folder(folder)?;
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let files = [
        ("caller-said.wav", &said[0]),
        ("callee-said.wav", &said[1]),
        ("caller-heard.wav", &heard[0]),
        ("callee-heard.wav", &heard[1]),
    ];
    for (name, track) in files {
        let path = folder.join(name);
        let write = || -> Result<(), hound::Error> {
            let mut file = hound::WavWriter::create(&path, spec)?;
            track
                .samples
                .iter()
                .try_for_each(|sample| file.write_sample(*sample))?;
            file.finalize()
        };
        write().map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Shared with [`super::result`].
pub(super) fn between(from: Option<Nanos>, to: Option<Nanos>) -> Option<f64> {
    from.zip(to).map(|(from, to)| milliseconds(from, to))
}

/// Re-exported for the assembly of the report.
pub(super) type Relayed = RelayStats;
