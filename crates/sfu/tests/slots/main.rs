//! Our client's slots against the service, over real sockets, with real speech: who takes turns and talks at once is
//! heard from the first syllable on, under the right number.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use sidetone_media::device::headless::SoundFile;
use sidetone_media::jitter::JitterConfig;
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{
    ConnectionState, DEFAULT_SLOTS, Description, DescriptionKind, Transport, TransportCommand,
    TransportConfig, TransportEvent, VoicePort,
};
use sidetone_media::voice::{BLOCK, Downlink, Processing, Profile, RATE, Uplink};
use sidetone_pipeline::Pool;
use sidetone_sfu::{Config, JoinError, Rights, RoomId, RoomSettings, Sfu};
use tokio::sync::oneshot;

const BLOCK_TIME: Duration = Duration::from_millis(10);

fn speech(name: &str) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../cli/speech")
        .join(name);
    SoundFile::read(&path).unwrap().resampled(RATE).unwrap().samples
}

struct Service {
    sfu: Sfu,
    room: RoomId,
}

impl Service {
    fn start() -> Self {
        let sfu = Sfu::start(&Config::default(), |_| {}).unwrap();
        let room = sfu.open_room(RoomSettings::default()).unwrap();
        Self { sfu, room }
    }

    async fn offer(&self, number: u32, offer: &str, restart: bool) -> String {
        let (answer, answered) = oneshot::channel::<Result<String, JoinError>>();
        let reply = move |result| _ = answer.send(result);
        if restart {
            self.sfu.restart(self.room, number, offer, reply);
        } else {
            self.sfu.join(self.room, number, offer, Rights::ALL, reply);
        }
        answered.await.unwrap().unwrap()
    }
}

/// A participant: speaks when its time has come, and hears the others, each under the label that came with the sound.
struct Client {
    number: u32,
    transport: WebRtcTransport,
    port: VoicePort,
    uplink: Uplink,
    slots: Vec<Option<Downlink>>,
    /// What is said from which block on.
    script: (usize, Vec<f32>),
    heard: BTreeMap<Option<u32>, Vec<f32>>,
    blocks: usize,
}

impl Client {
    async fn join(service: &Service, number: u32, script: (usize, Vec<f32>)) -> Self {
        let pool = Pool::new(512, || VoicePacket::empty(Instant::now()));
        let config = TransportConfig {
            bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            slots: DEFAULT_SLOTS,
            ..TransportConfig::default()
        };
        let mut transport = WebRtcTransport::new(config, pool.clone(), None).unwrap();
        let port = transport.take_voice().unwrap();
        let uplink = Uplink::new(&Profile::BALANCED, Processing::OFF, pool, number.into()).unwrap();
        let mut client = Self {
            number,
            transport,
            port,
            uplink,
            slots: (0..DEFAULT_SLOTS).map(|_| None).collect(),
            script,
            heard: BTreeMap::new(),
            blocks: 0,
        };
        client.negotiate(service, false).await;
        client
            .until(|event| *event == TransportEvent::State(ConnectionState::Connected))
            .await;
        client
    }

    async fn negotiate(&mut self, service: &Service, restart: bool) {
        self.transport
            .command(TransportCommand::Offer { restart }, Instant::now());
        let event = self
            .until(|event| matches!(event, TransportEvent::LocalDescription(_)))
            .await;
        let TransportEvent::LocalDescription(offer) = event else {
            return;
        };
        let sdp = service.offer(self.number, &offer.sdp, restart).await;
        let kind = DescriptionKind::Answer;
        let answer = TransportCommand::Remote(Description { kind, sdp });
        self.transport.command(answer, Instant::now());
    }

    async fn until(&mut self, wanted: impl Fn(&TransportEvent) -> bool) -> TransportEvent {
        loop {
            let event = poll_fn(|cx| self.transport.poll_event(cx)).await;
            assert!(!matches!(event, TransportEvent::Error(_)), "{event:?}");
            if wanted(&event) {
                return event;
            }
        }
    }

    /// What it said in so many blocks.
    fn said(&self) -> Vec<f32> {
        let mut said = vec![0.0; self.blocks * BLOCK];
        let (from, words) = &self.script;
        let from = from * BLOCK;
        if from < said.len() {
            let length = words.len().min(said.len() - from);
            said[from..from + length].copy_from_slice(&words[..length]);
        }
        said
    }

    /// Ten milliseconds of talking and listening.
    fn tick(&mut self) {
        let mut block = [0.0; BLOCK];
        let (from, words) = &self.script;
        if let Some(at) = self.blocks.checked_sub(*from)
            && let Some(now) = words.get(at * BLOCK..(at + 1) * BLOCK)
        {
            block.copy_from_slice(now);
        }
        let now = Instant::now();
        if let Some(packet) = self.uplink.push(&block, now) {
            self.port.outgoing.push(packet);
        }
        while let Some(packet) = self.port.incoming.pop() {
            let slot = &mut self.slots[usize::from(packet.slot)];
            let downlink = slot.get_or_insert_with(|| {
                Downlink::new(&Profile::BALANCED, JitterConfig::default(), now).unwrap()
            });
            downlink.insert(packet);
        }
        let at = self.blocks * BLOCK;
        self.blocks += 1;
        for downlink in self.slots.iter_mut().flatten() {
            let mut out = [0.0; BLOCK];
            for (n, quarter) in out.chunks_exact_mut(BLOCK / 4).enumerate() {
                downlink.pull(quarter, now);
                let of = self.heard.entry(downlink.source()).or_default();
                let at = at + n * BLOCK / 4;
                of.resize(of.len().max(at + quarter.len()), 0.0);
                of[at..at + quarter.len()]
                    .iter_mut()
                    .zip(quarter)
                    .for_each(|(sum, sample)| *sum += *sample);
            }
        }
    }
}

/// Everybody talks and listens for so many blocks, by the clock.
async fn talk(clients: &mut [Client], blocks: usize) {
    let mut clock = tokio::time::interval(BLOCK_TIME);
    for _ in 0..blocks {
        clock.tick().await;
        clients.iter_mut().for_each(Client::tick);
    }
}

/// Longest silence, in ms, that is not in what was said, neither as late as at its beginning nor as late as at its end; and
/// both delays in ms.
fn missing(said: &[f32], heard: &[f32]) -> (f64, [f64; 2]) {
    const PIECE: usize = 240;
    let is_loud = |sample: &f32| sample.abs() > 0.01;
    let first = said.iter().position(is_loud).unwrap();
    let last = said.iter().rposition(is_loud).unwrap();
    let delay = |from: usize| {
        let part = &said[from..from + 48_000];
        let likeness = |by: usize| {
            let there = &heard[from + by..from + by + part.len()];
            part.iter().zip(there).map(|(a, b)| a * b).sum::<f32>()
        };
        (0..14_400)
            .step_by(2)
            .max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)))
            .unwrap()
    };
    let late = [delay(first), delay(last - 48_000)];
    let power = |piece: &[f32]| piece.iter().map(|s| s * s).sum::<f32>() / piece.len() as f32;
    let (mut run, mut longest) = (0, 0);
    for (n, there) in heard.chunks_exact(PIECE).enumerate() {
        let at = |late: usize| {
            let said = (n * PIECE)
                .checked_sub(late)
                .and_then(|at| said.get(at..at + PIECE));
            said.map_or(0.0, power)
        };
        let expected = at(late[0]).min(at(late[1]));
        let is_missing = expected > 1e-4 && power(there) < expected / 30.0;
        run = if is_missing { run + PIECE } else { 0 };
        longest = longest.max(run);
    }
    (longest as f64 / 48.0, late.map(|late| late as f64 / 48.0))
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(90), test)
            .await
            .expect("it hangs");
    });
}

#[test]
fn nobody_loses_a_word_and_everybody_is_named() {
    run(async {
        let service = Service::start();
        let scripts = [
            (100, speech("woman-en.flac")[..4 * 48_000].to_vec()),
            (450, speech("man-it.flac")[..4 * 48_000].to_vec()),
            (800, speech("woman-en.flac")[5 * 48_000..9 * 48_000].to_vec()),
            (950, speech("man-it.flac")[5 * 48_000..9 * 48_000].to_vec()),
        ];
        let mut clients = Vec::new();
        for (number, script) in (41..).zip(scripts) {
            clients.push(Client::join(&service, number, script).await);
        }
        clients.push(Client::join(&service, 40, (0, Vec::new())).await);
        talk(&mut clients, 1_500).await;
        for listener in &clients {
            let stats = listener.transport.stats();
            assert_eq!((stats.packets_lost, stats.packets_discarded), (0, 0), "{stats:?}");
            for talker in clients.iter().filter(|talker| !talker.script.1.is_empty()) {
                let heard = listener.heard.get(&Some(talker.number));
                if talker.number == listener.number {
                    assert!(heard.is_none(), "nobody hears themselves");
                    continue;
                }
                let (missing, late) = missing(&talker.said(), heard.expect("heard at all"));
                println!(
                    "{} hears {}: {late:.0?} ms late, longest gap {missing:.0} ms",
                    listener.number, talker.number
                );
                assert!(
                    missing < 60.0,
                    "{} lost a word of {}",
                    listener.number,
                    talker.number
                );
            }
            for downlink in listener.slots.iter().flatten() {
                let stats = downlink.stats().jitter;
                println!(
                    "{} made up {:.2} %",
                    listener.number,
                    100.0 * stats.concealed_ratio()
                );
                assert_eq!(stats.resets, 0);
                // Pauses are announced: what is left is what this machine was late with.
                assert!(stats.concealed_ratio() < 0.02, "{stats:?}");
            }
        }
    });
}

#[test]
fn a_restart_keeps_the_slots() {
    run(async {
        let service = Service::start();
        let mut clients = vec![
            Client::join(&service, 1, (0, speech("woman-en.flac"))).await,
            Client::join(&service, 2, (0, speech("man-it.flac"))).await,
        ];
        talk(&mut clients, 300).await;
        clients[0].negotiate(&service, true).await;
        talk(&mut clients, 100).await;
        let energy = |client: &Client, number: u32| -> f32 {
            let heard = &client.heard[&Some(number)];
            heard[heard.len() - 48_000..]
                .iter()
                .map(|sample| sample * sample)
                .sum()
        };
        talk(&mut clients, 200).await;
        assert!(energy(&clients[0], 2) > 1.0 && energy(&clients[1], 1) > 1.0);
        assert_eq!(clients[0].transport.stats().packets_discarded, 0);
    });
}
