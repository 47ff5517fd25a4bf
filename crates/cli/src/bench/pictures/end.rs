//! One end of the call: a picture engine, and the real transport on a thread of its own, as in an app.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sidetone_capture::camera::drawn_camera;
use sidetone_capture::camera::pattern::Stamp;
use sidetone_capture::{CaptureRequest, Capturer, FrameRate, Mode};
use sidetone_media::packet::VoicePacket;
use sidetone_media::pictures::{
    self, Inlet, Picture, VideoEngine, VideoEngineConfig, VideoReportCard, VideoSource,
};
use sidetone_media::transport::video::{VideoPort, VideoReport};
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{
    ConnectionState, Transport, TransportCommand, TransportConfig, TransportEvent,
};
use sidetone_media::video::payload::TemporalLayers;
use sidetone_media::voice::LinkId;
use sidetone_netsim::relay::{Relay, free_address};
use sidetone_pipeline::Pool;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::case::Case;
use super::eyes::Eyes;
use super::reel::Reel;

const LINK: LinkId = LinkId(1);

/// Ends that are not connected after this long never will be.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the transport's counters are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Names of the threads that carry packets.
pub const NETWORK: [&str; 2] = ["network a", "network b"];

/// Two ends that are connected through `relay`'s conditions, their stamps counted from `epoch`.
pub fn pair(case: &Case, seed: u64, epoch: Instant) -> Result<(Relay, [End; 2]), String> {
    let free = || free_address().map_err(|error| error.to_string());
    let (at_a, at_b) = (free()?, free()?);
    let relay = Relay::start(case.there.begin(), case.back, seed, at_a, at_b)
        .map_err(|error| format!("no relay: {error}"))?;
    let (to_a, from_b) = unbounded_channel();
    let (to_b, from_a) = unbounded_channel();
    let ends = [
        End::start(
            0,
            epoch,
            (at_a, relay.toward_a()),
            (to_a.clone(), from_b),
            to_b.clone(),
        )?,
        End::start(1, epoch, (at_b, relay.toward_b()), (to_b, from_a), to_a)?,
    ];
    for end in &ends {
        end.connected()?;
    }
    Ok((relay, ends))
}

/// Signals to a transport; `None` ends it.
type Signals = UnboundedSender<Option<TransportCommand>>;

/// One end.
pub struct End {
    pub engine: VideoEngine,
    pub eyes: Arc<Eyes>,
    epoch: Instant,
    latest: Arc<Mutex<VideoReport>>,
    news: Receiver<Result<(), String>>,
    signals: Signals,
    thread: Option<JoinHandle<()>>,
}

/// What is filmed, as long as this lives.
pub enum Filming {
    /// A camera.
    Moving(#[allow(dead_code, reason = "it films until it is dropped")] Box<Capturer>),
    /// One picture, handed in once.
    Still(#[allow(dead_code, reason = "the engine keeps the picture as long")] Inlet),
}

impl End {
    fn start(
        number: usize,
        epoch: Instant,
        (bind, advertise): (SocketAddr, SocketAddr),
        (signals, inbox): (Signals, UnboundedReceiver<Option<TransportCommand>>),
        peer: Signals,
    ) -> Result<Self, String> {
        let config = TransportConfig {
            bind: vec![bind],
            advertise: Some(advertise),
            video: Some(pictures::config()),
            ..TransportConfig::default()
        };
        let latest = Arc::<Mutex<VideoReport>>::default();
        let (tell, news) = channel();
        let (give, port) = channel();
        let published = latest.clone();
        let carry = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let ended = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
                runtime.block_on(carry(config, number == 0, inbox, &peer, &give, &tell, &published))
            });
            if let Err(error) = ended {
                // Nobody waits for it once the call is over.
                let _ = tell.send(Err(error));
            }
        };
        let thread = thread::Builder::new()
            .name(NETWORK[number].into())
            .spawn(carry)
            .map_err(|error| error.to_string())?;
        let eyes = Arc::new(Eyes::new(epoch));
        let engine = VideoEngine::start(VideoEngineConfig::default(), eyes.clone())
            .map_err(|error| error.to_string())?;
        let end = Self {
            engine,
            eyes,
            epoch,
            latest,
            news,
            signals,
            thread: Some(thread),
        };
        match port.recv_timeout(PATIENCE) {
            Ok(port) => end.engine.connect(LINK, port, TemporalLayers::ONE),
            Err(_) => end.connected()?,
        }
        Ok(end)
    }

    /// Waits until it is.
    fn connected(&self) -> Result<(), String> {
        match self.news.recv_timeout(PATIENCE) {
            Ok(news) => news,
            Err(RecvTimeoutError::Timeout) => Err("the ends do not connect".into()),
            Err(RecvTimeoutError::Disconnected) => Err("a transport is gone".into()),
        }
    }

    /// Shows what is on the reel from now on.
    pub fn film(&self, case: &Case, reel: &Arc<Reel>) -> Result<Filming, String> {
        let (content, hint) = case.scene.content();
        let source = VideoSource {
            hint,
            frame_rate: case.frame_rate as f32,
            epoch: self.epoch,
        };
        let inlet = self.engine.start_source(content, source);
        if case.scene.is_still() {
            let now = self.epoch.elapsed();
            let mut picture = reel.sent(Stamp::new(0, now));
            picture.set_time(now);
            inlet.take(picture);
            return Ok(Filming::Still(inlet));
        }
        let mode = Mode {
            size: case.size,
            frame_rate: FrameRate::hz(case.frame_rate),
        };
        let (reel, mut frame) = (reel.clone(), 0);
        let draw = move |_: Duration, picture: &mut Picture| {
            // Of one size, and nobody else has it.
            let _infallible = picture.copy_from(reel.picture(frame));
            frame += 1;
        };
        let mut camera = drawn_camera("bench", mode, draw, true);
        let mut capturer = Capturer::new(move |picture: Picture| inlet.take(picture), self.epoch);
        let request = CaptureRequest {
            size: Some(case.size),
            frame_rate: mode.frame_rate,
            cursor: false,
        };
        capturer
            .start(&mut camera, request, Instant::now())
            .map_err(|error| error.to_string())?;
        Ok(Filming::Moving(Box::new(capturer)))
    }

    /// Counters until now.
    pub fn card(&self) -> VideoReportCard {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        self.engine.stats(LINK, &latest)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.engine.disconnect(LINK);
        // It may have ended by itself.
        let _ = self.signals.send(None);
        if let Some(thread) = self.thread.take() {
            // A panic on that thread was reported there.
            let _ = thread.join();
        }
    }
}

/// Runs a transport until it is told to end. What it says goes straight to the other one.
async fn carry(
    config: TransportConfig,
    offers: bool,
    mut inbox: UnboundedReceiver<Option<TransportCommand>>,
    peer: &Signals,
    give: &Sender<VideoPort>,
    tell: &Sender<Result<(), String>>,
    latest: &Mutex<VideoReport>,
) -> Result<(), String> {
    let pool = Pool::new(64, || VoicePacket::empty(Instant::now()));
    let mut transport = WebRtcTransport::new(config, pool, None).map_err(|error| error.to_string())?;
    let port = transport.take_video().ok_or("a transport without pictures")?;
    // Whoever started it waits for that, or is gone.
    let _ = give.send(port);
    if offers {
        transport.command(TransportCommand::Offer { restart: false }, Instant::now());
    }
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            event = poll_fn(|context| transport.poll_event(context)) => {
                // The other end and who waits may be gone already: the call is over then.
                match event {
                    TransportEvent::LocalDescription(description) => {
                        let _ = peer.send(Some(TransportCommand::Remote(description)));
                    }
                    TransportEvent::LocalCandidate(candidate) => {
                        let _ = peer.send(Some(TransportCommand::RemoteCandidate(candidate)));
                    }
                    TransportEvent::State(ConnectionState::Connected) => {
                        let _ = tell.send(Ok(()));
                    }
                    TransportEvent::State(ConnectionState::Failed) => {
                        return Err("a transport failed".into());
                    }
                    _ => {}
                }
            }
            command = inbox.recv() => match command.flatten() {
                Some(command) => transport.command(command, Instant::now()),
                None => return Ok(()),
            },
            _ = look.tick() => {
                *latest.lock().unwrap_or_else(PoisonError::into_inner) = transport.video_stats();
            }
        }
    }
}
