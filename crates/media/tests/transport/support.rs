//! Two transports, and the signalling between them.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sidetone_media::packet::{AudioLevel, RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{
    ConnectionState, Transport, TransportCommand, TransportConfig, TransportEvent, VoicePort,
};
use sidetone_pipeline::{Pool, Pooled};

/// Nothing here takes nearly as long; a test that gets here has hung.
const HANG: Duration = Duration::from_secs(40);

/// One end.
pub struct Peer {
    pub transport: WebRtcTransport,
    pub voice: VoicePort,
    pub pool: Pool<VoicePacket>,
    /// Everything it said, in order.
    pub events: Vec<TransportEvent>,
}

impl Peer {
    pub fn new(config: TransportConfig) -> Self {
        let pool = Pool::new(256, || VoicePacket::empty(Instant::now()));
        let mut transport = WebRtcTransport::new(config, pool.clone(), None).unwrap();
        let voice = transport.take_voice().unwrap();
        assert!(transport.take_voice().is_none(), "the voice port is given once");
        Self {
            transport,
            voice,
            pool,
            events: Vec::new(),
        }
    }

    pub fn loopback() -> Self {
        Self::new(loopback())
    }

    pub fn command(&mut self, command: TransportCommand) {
        self.transport.command(command, Instant::now());
    }

    pub async fn event(&mut self) -> TransportEvent {
        let event = poll_fn(|cx| self.transport.poll_event(cx)).await;
        self.events.push(event.clone());
        event
    }

    /// Reads events until one is `wanted`.
    pub async fn until(&mut self, wanted: impl Fn(&TransportEvent) -> bool) -> TransportEvent {
        unhung(async {
            loop {
                let event = self.event().await;
                if wanted(&event) {
                    return event;
                }
            }
        })
        .await
    }

    pub fn state(&self) -> ConnectionState {
        let states = self.events.iter().rev().filter_map(|event| match event {
            TransportEvent::State(state) => Some(*state),
            _ => None,
        });
        states.into_iter().next().unwrap_or(ConnectionState::New)
    }

    pub fn is_connected(&self) -> bool {
        self.state() == ConnectionState::Connected
    }

    /// Passes `event` of the other end on to this one.
    pub fn hear(&mut self, event: &TransportEvent) {
        match event {
            TransportEvent::LocalDescription(description) => {
                self.command(TransportCommand::Remote(description.clone()))
            }
            TransportEvent::LocalCandidate(candidate) => {
                self.command(TransportCommand::RemoteCandidate(candidate.clone()));
            }
            _ => {}
        }
    }

    pub fn packet(&self, sequence: u16, payload: &[u8]) -> Pooled<VoicePacket> {
        let mut packet = self.pool.take().expect("pool");
        packet.sequence = SequenceNumber(sequence);
        packet.timestamp = RtpTimestamp(u32::from(sequence) * 960);
        packet.marker = sequence == 0;
        packet.level = Some(AudioLevel {
            minus_dbov: (sequence % 128) as u8,
            voice: sequence.is_multiple_of(2),
        });
        packet.at = Instant::now();
        assert!(packet.set_payload(payload));
        packet
    }

    pub async fn send(&self, sequence: u16, payload: &[u8]) {
        self.voice.outgoing.push(self.packet(sequence, payload));
    }

    pub async fn receive(&self) -> Pooled<VoicePacket> {
        unhung(self.voice.incoming.recv())
            .await
            .expect("the transport keeps its end")
    }
}

pub fn loopback() -> TransportConfig {
    TransportConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        ..TransportConfig::default()
    }
}

/// Carries signalling both ways until `done`.
pub async fn exchange(a: &mut Peer, b: &mut Peer, mut done: impl FnMut(&Peer, &Peer) -> bool) {
    unhung(async {
        while !done(a, b) {
            tokio::select! {
                event = a.event() => b.hear(&event),
                event = b.event() => a.hear(&event),
            }
        }
    })
    .await;
}

/// Two ends, `a` having offered, connected.
pub async fn connected(a: TransportConfig, b: TransportConfig) -> (Peer, Peer) {
    let (mut a, mut b) = (Peer::new(a), Peer::new(b));
    a.command(TransportCommand::Offer { restart: false });
    exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
    (a, b)
}

pub async fn unhung<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

/// Runs a test on the kind of runtime the engine uses.
pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
