//! Two ends with test cameras, and eyes that read the marks in what they see.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sidetone_capture::camera::pattern::{self, Stamp, pattern_camera};
use sidetone_capture::camera::{HeadlessCamera, drawn_camera};
use sidetone_capture::{CaptureRequest, Capturer, FrameRate, Mode};
use sidetone_media::pictures::coding::quality::psnr;
use sidetone_media::pictures::coding::scale::Scaler;
use sidetone_media::pictures::{
    Audience, ContentHint, Picture, Seen, Size, VideoEngine, VideoEngineConfig, VideoReportCard, VideoSource,
    Whose, config as built,
};
use sidetone_media::transport::{Transport, TransportConfig};
use sidetone_media::video::Content;
use sidetone_media::video::payload::TemporalLayers;
use sidetone_media::voice::LinkId;

use crate::support::{Peer, connected};

pub const LINK: LinkId = LinkId(1);

/// What was seen of a stream.
#[derive(Default)]
pub struct Sight {
    /// From the capture to the eye.
    pub delays: Vec<Duration>,
    /// Numbers of the pictures, as they were drawn.
    pub frames: Vec<u32>,
    pub sizes: Vec<Size>,
    pub unreadable: u32,
    kept: Vec<(Stamp, Picture)>,
}

pub struct Eyes {
    epoch: Instant,
    pub open: AtomicBool,
    /// Every so many pictures one is kept for a closer look.
    every: AtomicUsize,
    sights: Mutex<HashMap<Content, Sight>>,
}

impl Audience for Eyes {
    fn looks(&self, _: Whose) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    fn show(&self, seen: Seen) {
        let now = self.epoch.elapsed();
        let mut sights = self.sights.lock().unwrap();
        let sight = sights.entry(seen.whose.content).or_default();
        sight.sizes.push(seen.picture.size());
        let Some(stamp) = Stamp::read(&seen.picture) else {
            sight.unreadable += 1;
            return;
        };
        sight
            .delays
            .push(now.saturating_sub(Duration::from_micros(stamp.micros)));
        sight.frames.push(stamp.frame);
        if sight
            .frames
            .len()
            .is_multiple_of(self.every.load(Ordering::Relaxed))
        {
            let mut copy = Picture::black(seen.picture.size());
            copy.copy_from(&seen.picture).unwrap();
            sight.kept.push((stamp, copy));
        }
    }
}

impl Eyes {
    pub fn sight<T>(&self, content: Content, look: impl FnOnce(&mut Sight) -> T) -> T {
        look(self.sights.lock().unwrap().entry(content).or_default())
    }

    pub fn keep_all(&self) {
        self.every.store(1, Ordering::Relaxed);
    }

    pub fn count(&self, content: Content) -> usize {
        self.sight(content, |sight| sight.frames.len())
    }
}

impl Sight {
    /// How far what was seen is from what was drawn in `size`, in dB, the mean over some pictures.
    pub fn likeness(&self, size: Size) -> f64 {
        let mut scaler = Scaler::new();
        let all: Vec<f64> = self
            .kept
            .iter()
            .map(|(stamp, seen)| {
                let mut drawn = Picture::black(size);
                pattern::draw(
                    &mut drawn,
                    stamp.frame.into(),
                    Duration::from_micros(stamp.micros),
                );
                let mut reference = Picture::black(seen.size());
                scaler.scale(&drawn, &mut reference).unwrap();
                psnr(&reference, seen).unwrap()
            })
            .collect();
        assert!(!all.is_empty());
        all.iter().sum::<f64>() / all.len() as f64
    }

    /// Half, and 95 of 100, were seen after that.
    pub fn glass_to_glass(&self) -> (Duration, Duration) {
        let mut delays = self.delays.clone();
        delays.sort();
        (delays[delays.len() / 2], delays[delays.len() * 95 / 100])
    }
}

/// One end.
pub struct End {
    pub peer: Peer,
    pub engine: VideoEngine,
    pub eyes: Arc<Eyes>,
    epoch: Instant,
}

impl End {
    pub fn new(mut peer: Peer, epoch: Instant) -> Self {
        let eyes = Arc::new(Eyes {
            epoch,
            open: AtomicBool::new(true),
            every: AtomicUsize::new(15),
            sights: Mutex::default(),
        });
        let engine = VideoEngine::start(VideoEngineConfig::default(), eyes.clone()).unwrap();
        engine.connect(LINK, peer.transport.take_video().unwrap(), TemporalLayers::ONE);
        Self {
            peer,
            engine,
            eyes,
            epoch,
        }
    }

    /// What is captured is sent from now on.
    pub fn capturer(&self, content: Content, hint: ContentHint, frame_rate: f32) -> Capturer {
        let source = VideoSource {
            hint,
            frame_rate,
            epoch: self.epoch,
        };
        let inlet = self.engine.start_source(content, source);
        Capturer::new(move |picture: Picture| inlet.take(picture), self.epoch)
    }

    /// Sends the test picture.
    pub fn film(&self, content: Content, size: Size, rate: u32) -> Capturer {
        let hint = match content {
            Content::Camera => ContentHint::Motion,
            Content::Screen => ContentHint::Text,
        };
        let mut capturer = self.capturer(content, hint, rate as f32);
        capturer
            .start(&mut pattern_camera(), request(size, rate), Instant::now())
            .unwrap();
        capturer
    }

    pub fn card(&self) -> VideoReportCard {
        self.engine.stats(LINK, &self.peer.transport.video_stats())
    }
}

pub fn request(size: Size, rate: u32) -> CaptureRequest {
    CaptureRequest {
        size: Some(size),
        frame_rate: FrameRate::hz(rate),
        cursor: false,
    }
}

/// Another camera, which draws the same picture in its own size.
pub fn other_camera(size: Size) -> HeadlessCamera {
    let mode = Mode {
        size,
        frame_rate: FrameRate::hz(30),
    };
    let mut frame = 0;
    let draw = move |_: Duration, picture: &mut Picture| {
        frame += 1;
        pattern::draw(picture, frame, Duration::ZERO);
    };
    drawn_camera("other", mode, draw, true)
}

pub fn config() -> TransportConfig {
    TransportConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        video: Some(built()),
        ..TransportConfig::default()
    }
}

pub async fn pair() -> (End, End) {
    let (a, b) = connected(config(), config()).await;
    let epoch = Instant::now();
    (End::new(a, epoch), End::new(b, epoch))
}

/// Waits until it is so. Nothing here takes nearly as long as this waits.
pub async fn until(mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if done() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
