//! A participant whose pictures say whose they are, and of which layer.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sidetone_media::packet::{AudioLevel, RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_media::transport::video::{CodedFrame, LocalVideo, PlayedSound, VideoConfig, VideoPort};
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{
    ConnectionState, Description, DescriptionKind, Transport, TransportCommand, TransportConfig,
    TransportEvent, VoicePort,
};
use sidetone_media::video::{Demand, PlayoutDelay, Wanted};
use sidetone_media::voice::Bitrate;
use sidetone_pipeline::Pool;
use sidetone_sfu::{Rights, RoomId};

use crate::service::Service;

const RATE: u32 = 25;

/// Sound of one packet.
const FRAME: Duration = Duration::from_millis(20);

/// What each layer can use, in kbit/s.
const LAYERS: [(u32, u32); 3] = [(50, 120), (150, 400), (400, 1_000)];

/// The number of the screen among layers.
const SCREEN: u8 = 9;

pub struct Person {
    pub number: u32,
    pub room: RoomId,
    pub transport: WebRtcTransport,
    pool: Pool<VoicePacket>,
    voice: VoicePort,
    port: VideoPort,
    /// Whether it speaks, since when, and packets of it so far.
    pub speaks: bool,
    since: Instant,
    said: u32,
    /// How much later than they are due its decoder shows pictures.
    pub late: Duration,
    /// How long the sound of each talker waits.
    pub waits: HashMap<u32, Duration>,
    count: u32,
    seen: HashMap<u32, u32>,
    /// Of what was seen of cameras.
    pub layers: HashMap<u8, u32>,
    pub screens: u32,
    /// Pictures of somebody else than was said.
    pub mislabelled: u32,
    /// Pictures that are not as they were sent.
    pub torn: u32,
}

impl Person {
    /// Comes in, and is connected.
    pub async fn join(service: &Service, room: RoomId, number: u32) -> Self {
        let pool = Pool::new(64, || VoicePacket::empty(Instant::now()));
        let config = TransportConfig {
            bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            slots: 3,
            video: Some(VideoConfig {
                layers: 3,
                cameras: 2,
                ..VideoConfig::default()
            }),
            ..TransportConfig::default()
        };
        let mut transport = WebRtcTransport::new(config, pool.clone(), None).unwrap();
        let voice = transport.take_voice().unwrap();
        let port = transport.take_video().unwrap();
        transport.command(TransportCommand::Offer { restart: false }, Instant::now());
        loop {
            match poll_fn(|cx| transport.poll_event(cx)).await {
                TransportEvent::LocalDescription(offer) => {
                    if std::env::var_os("SHOW").is_some() {
                        eprintln!("{}", offer.sdp);
                    }
                    let sdp = service.join(room, number, &offer.sdp, Rights::ALL).await.unwrap();
                    if std::env::var_os("SHOW").is_some() {
                        eprintln!("{sdp}");
                    }
                    let kind = DescriptionKind::Answer;
                    let answer = TransportCommand::Remote(Description { kind, sdp });
                    transport.command(answer, Instant::now());
                }
                TransportEvent::State(ConnectionState::Connected) => break,
                TransportEvent::Error(error) => panic!("{error}"),
                _ => {}
            }
        }
        Self {
            number,
            room,
            transport,
            pool,
            voice,
            port,
            speaks: false,
            since: Instant::now(),
            said: 0,
            late: Duration::ZERO,
            waits: HashMap::new(),
            count: 0,
            seen: HashMap::new(),
            layers: HashMap::new(),
            screens: 0,
            mislabelled: 0,
            torn: 0,
        }
    }

    pub fn show_camera(&self) {
        for (layer, (least, most)) in self.port.camera.iter().zip(LAYERS) {
            layer.set_demand(Some(Demand {
                least: Bitrate::kbps(least),
                most: Bitrate::kbps(most),
            }));
        }
    }

    pub fn hide_camera(&self) {
        let layers = self.port.camera.iter();
        layers.for_each(|layer| layer.set_demand(None));
    }

    pub fn show_screen(&self) {
        self.port.screen.set_demand(Some(Demand {
            least: Bitrate::kbps(80),
            most: Bitrate::kbps(600),
        }));
    }

    pub fn hide_screen(&self) {
        self.port.screen.set_demand(None);
    }

    /// Pictures seen of somebody's camera.
    pub fn cameras(&self, number: u32) -> u32 {
        self.seen.get(&number).copied().unwrap_or(0)
    }

    /// Sends what it sees back, in its smallest layer. How many pictures it sent so.
    pub async fn echo(&mut self, time: Duration) -> u32 {
        let (seen, camera) = (&self.port.remote[0], &self.port.camera[0]);
        camera.set_demand(Some(Demand {
            least: Bitrate::kbps(50),
            most: Bitrate::kbps(800),
        }));
        let (mut sent, mut begun, mut asked) = (0, false, Instant::now());
        let end = Instant::now() + time;
        while Instant::now() < end {
            let left = end - Instant::now();
            let Ok(Some(frame)) = tokio::time::timeout(left, seen.recv()).await else {
                break;
            };
            seen.decoded(frame.key);
            seen.shown(frame.timestamp, Instant::now());
            *self.seen.entry(frame.participant.unwrap_or(0)).or_default() += 1;
            if camera.bitrate() < Bitrate::kbps(500) {
                continue;
            }
            begun &= camera.wanted() == Wanted::Frame;
            if frame.key || begun {
                begun = true;
                sent += 1;
                camera.push(CodedFrame {
                    data: frame.data,
                    key: frame.key,
                    temporal: None,
                    discardable: false,
                    captured: Instant::now(),
                    playout: None,
                });
            } else if asked.elapsed() > Duration::from_secs(1) {
                asked = Instant::now();
                seen.failed();
            }
        }
        sent
    }

    /// Says what it has to say by now, and hears the others: a jitter buffer that does what it is told.
    fn talk(&mut self) {
        while self.speaks && self.since + FRAME * self.said < Instant::now() {
            let mut packet = self.pool.take().unwrap();
            packet.sequence = SequenceNumber(self.said as u16);
            packet.timestamp = RtpTimestamp(self.said * 960);
            packet.level = Some(AudioLevel {
                minus_dbov: 20,
                voice: true,
            });
            packet.at = self.since + FRAME * self.said;
            assert!(packet.set_payload(&[0x48; 60]));
            self.voice.outgoing.push(packet);
            self.said += 1;
        }
        let lips = self.voice.lips.as_ref().unwrap();
        while let Some(packet) = self.voice.incoming.pop() {
            let waits = lips.minimum_delay(packet.slot);
            lips.played(PlayedSound {
                slot: packet.slot,
                ssrc: packet.ssrc,
                participant: packet.source,
                timestamp: packet.timestamp,
                delay: waits,
                needed: Duration::ZERO,
                at: packet.at + waits,
            });
            self.waits.insert(packet.source.unwrap(), waits);
        }
    }

    /// A picture's time.
    fn tick(&mut self) {
        self.talk();
        self.count += 1;
        let layers = (0..).zip(&self.port.camera);
        for (layer, video) in layers.chain([(SCREEN, &self.port.screen)]) {
            code(video, self.number, layer, self.count);
        }
        for (slot, video) in self.port.remote.iter().enumerate() {
            let is_screen = slot + 1 == self.port.remote.len();
            while let Some(frame) = video.pop() {
                video.decoded(frame.key);
                video.shown(frame.timestamp, Instant::now() + self.late);
                let (number, layer) = (u32::from(frame.data[1]), frame.data[2]);
                self.mislabelled += u32::from(frame.participant != Some(number));
                self.torn += u32::from(frame.data[3..].iter().any(|byte| *byte != frame.data[3]));
                assert_eq!(layer == SCREEN, is_screen);
                if is_screen {
                    self.screens += 1;
                } else {
                    *self.seen.entry(number).or_default() += 1;
                    *self.layers.entry(layer).or_default() += 1;
                }
            }
        }
    }
}

/// Codes a picture, if one is wanted.
fn code(video: &LocalVideo, number: u32, layer: u8, count: u32) {
    let wanted = video.wanted();
    if wanted == Wanted::Nothing {
        return;
    }
    let key = wanted == Wanted::KeyFrame;
    let share = video.bitrate().0 / 8 / RATE * if key { 3 } else { 1 };
    let mut data = vec![u8::from(!key), number as u8, layer];
    data.resize(share.clamp(30, 30_000) as usize, count as u8);
    video.push(CodedFrame {
        data: data.into(),
        key,
        temporal: None,
        discardable: false,
        captured: Instant::now(),
        playout: (layer == SCREEN).then_some(PlayoutDelay::AT_ONCE),
    });
}

/// Lets all live for that time, or until `done`.
pub async fn until(people: &mut [Person], most: Duration, mut done: impl FnMut(&[Person]) -> bool) -> bool {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / RATE);
    let end = Instant::now() + most;
    while Instant::now() < end {
        clock.tick().await;
        people.iter_mut().for_each(Person::tick);
        if done(people) {
            return true;
        }
    }
    false
}
