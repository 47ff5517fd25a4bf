//! Our own client: the engine's transport and voice path, without sound cards.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sidetone_media::jitter::JitterConfig;
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{
    ConnectionState, Description, DescriptionKind, Transport, TransportCommand, TransportConfig,
    TransportEvent, TransportStats, VoicePort,
};
use sidetone_media::voice::{BLOCK, Downlink, InboundStats, Processing, Profile, Uplink};
use sidetone_pipeline::Pool;
use sidetone_sfu::{Rights, RoomId};

use crate::service::Service;

pub struct Client {
    transport: WebRtcTransport,
    port: VoicePort,
    uplink: Uplink,
    downlink: Downlink,
    phase: f32,
    pitch: f32,
    sent: u64,
    energy: f32,
    levels: u32,
    level: u8,
    loudness: f32,
    /// Whether it says nothing now.
    pub pauses: bool,
}

impl Client {
    /// Comes in. The pitch of its voice tells it apart.
    pub async fn join(service: &Service, room: RoomId, number: u32, rights: Rights) -> Self {
        let pool = Pool::new(256, || VoicePacket::empty(Instant::now()));
        let config = TransportConfig {
            bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            ..TransportConfig::default()
        };
        let mut transport = WebRtcTransport::new(config, pool.clone(), None).unwrap();
        let port = transport.take_voice().unwrap();
        transport.command(TransportCommand::Offer { restart: false }, Instant::now());
        let sdp = loop {
            match poll_fn(|cx| transport.poll_event(cx)).await {
                TransportEvent::LocalDescription(description) => break description.sdp,
                TransportEvent::Error(error) => panic!("{error}"),
                _ => {}
            }
        };
        let sdp = service.join(room, number, &sdp, rights).await.unwrap();
        let kind = DescriptionKind::Answer;
        let answer = TransportCommand::Remote(Description { kind, sdp });
        transport.command(answer, Instant::now());
        let profile = Profile::BALANCED;
        Self {
            transport,
            port,
            uplink: Uplink::new(&profile, Processing::OFF, pool, number.into()).unwrap(),
            downlink: Downlink::new(&profile, JitterConfig::default(), Instant::now()).unwrap(),
            phase: 0.0,
            pitch: 200.0 + 100.0 * number as f32,
            sent: 0,
            energy: 0.0,
            levels: 0,
            level: 127,
            loudness: 0.0,
            pauses: false,
        }
    }

    pub async fn connected(&mut self) {
        loop {
            match poll_fn(|cx| self.transport.poll_event(cx)).await {
                TransportEvent::State(ConnectionState::Connected) => return,
                TransportEvent::Error(error) => panic!("{error}"),
                _ => {}
            }
        }
    }

    /// Restarts ICE, and waits until it is through.
    pub async fn restart(&mut self, service: &Service, room: RoomId, number: u32) {
        let offer = TransportCommand::Offer { restart: true };
        self.transport.command(offer, Instant::now());
        let sdp = loop {
            match poll_fn(|cx| self.transport.poll_event(cx)).await {
                TransportEvent::LocalDescription(description) => break description.sdp,
                TransportEvent::Error(error) => panic!("{error}"),
                _ => {}
            }
        };
        let sdp = service.restart(room, number, &sdp).await.unwrap();
        let kind = DescriptionKind::Answer;
        let answer = TransportCommand::Remote(Description { kind, sdp });
        self.transport.command(answer, Instant::now());
        self.connected().await;
    }

    /// Ten milliseconds of talking and listening.
    pub fn tick(&mut self) {
        let mut block = [0.0; BLOCK];
        for sample in &mut block {
            self.phase = (self.phase + self.pitch / 48_000.0).fract();
            *sample = if self.pauses { 0.0 } else { 0.3 } * (self.phase * std::f32::consts::TAU).sin();
        }
        if let Some(packet) = self.uplink.push(&block, Instant::now()) {
            self.sent += 1;
            self.port.outgoing.push(packet);
        }
        while let Some(packet) = self.port.incoming.pop() {
            self.levels += u32::from(packet.level.is_some());
            self.level = packet.level.map_or(self.level, |level| level.minus_dbov);
            self.downlink.insert(packet);
        }
        let mut out = [0.0; BLOCK];
        for quarter in out.chunks_exact_mut(BLOCK / 4) {
            self.downlink.pull(quarter, Instant::now());
        }
        let energy = out.iter().map(|sample| sample * sample).sum::<f32>();
        self.loudness += 0.02 * ((energy / BLOCK as f32).sqrt() - self.loudness);
        self.energy += energy;
    }

    /// Root of the mean square of what was heard lately.
    pub fn loudness(&self) -> f32 {
        self.loudness
    }

    /// The last level received, in -dBov.
    pub fn level(&self) -> u8 {
        self.level
    }

    pub fn sent(&self) -> u64 {
        self.sent
    }

    pub fn energy(&self) -> f32 {
        self.energy
    }

    pub fn levels(&self) -> u32 {
        self.levels
    }

    pub fn transport_stats(&self) -> TransportStats {
        self.transport.stats()
    }

    pub fn heard(&self) -> InboundStats {
        self.downlink.stats()
    }
}

/// Everybody talks and listens for a while.
pub async fn talk(clients: &mut [&mut Client], duration: Duration) {
    let end = Instant::now() + duration;
    let mut clock = tokio::time::interval(Duration::from_millis(10));
    while Instant::now() < end {
        clock.tick().await;
        clients.iter_mut().for_each(|client| client.tick());
    }
}
