//! The pictures of one call: what is sent, and the engine that codes and decodes.

use std::thread;
use std::time::Instant;

use sidetone_media::pictures::{ShownAt, Size, VideoEngine, VideoReportCard};
use sidetone_media::video::Content;
use sidetone_media::voice::SharedSoundKeeper;
use sidetone_signaling::protocol::{Extent, Pictures, Request};

use super::legs::Leg;
use crate::video::LocalVideoStream;

/// Something that is sent.
pub(super) struct Source {
    pub stream: LocalVideoStream,
    /// It was opened.
    pub runs: bool,
    /// Names it to the stream.
    pub key: u64,
}

/// The pictures of one call.
#[derive(Default)]
pub(super) struct Sight {
    pub engine: Option<VideoEngine>,
    pub camera: Option<Source>,
    pub share: Option<Source>,
    /// Keeps the sound that is sent with the share.
    pub sound: Option<SharedSoundKeeper>,
    /// Nothing of it leaves: its owner has not agreed to being recorded.
    held: bool,
    /// What the others were told that is sent.
    pub shown: Pictures,
    /// What the others were told that this end wants to see, and when.
    pub told: Option<(Request, Instant)>,
    /// How the other end of a call of two looks at the camera and at the screen.
    shown_at: [ShownAt; 2],
}

impl Sight {
    pub fn slot(&mut self, content: Content) -> &mut Option<Source> {
        match content {
            Content::Camera => &mut self.camera,
            Content::Screen => &mut self.share,
        }
    }

    /// What is sent, or will be once it is held no more.
    pub fn sends(&self) -> Pictures {
        let runs = |source: &Option<Source>| source.as_ref().is_some_and(|source| source.runs);
        Pictures {
            camera: runs(&self.camera),
            share: runs(&self.share),
        }
    }

    /// What the others see of it.
    pub fn shows(&self) -> Pictures {
        if self.held { Pictures::NONE } else { self.sends() }
    }

    /// Whether nothing of it leaves.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Keeps what is captured from leaving, or lets it go on.
    pub fn hold(&mut self, held: bool) {
        if std::mem::replace(&mut self.held, held) == held {
            return;
        }
        for content in [Content::Camera, Content::Screen] {
            if !held {
                self.attach(content);
                continue;
            }
            if let Some(engine) = &self.engine {
                engine.stop_source(content);
            }
            if let Some(source) = self.source(content) {
                source.stream.detach(source.key);
            }
        }
    }

    /// The camera that is sent, or about to be.
    pub fn camera_stream(&self) -> Option<LocalVideoStream> {
        self.camera.as_ref().map(|source| source.stream.clone())
    }

    fn source(&self, content: Content) -> Option<&Source> {
        match content {
            Content::Camera => self.camera.as_ref(),
            Content::Screen => self.share.as_ref(),
        }
    }

    /// Hands what is captured to the engine.
    pub fn attach(&self, content: Content) {
        let source = self.source(content).filter(|source| source.runs && !self.held);
        if let (Some(engine), Some(source)) = (&self.engine, source) {
            let inlet = engine.start_source(content, source.stream.description());
            source.stream.attach(source.key, inlet);
        }
    }

    /// Ends what is sent of that kind.
    pub fn end(&mut self, content: Content) -> bool {
        let Some(source) = self.slot(content).take() else {
            return false;
        };
        if let Some(engine) = &self.engine {
            engine.stop_source(content);
        }
        source.end();
        true
    }

    /// The engine is there.
    pub fn begin(&mut self, engine: VideoEngine) {
        self.engine = Some(engine);
        self.tell_engine();
        self.attach(Content::Camera);
        self.attach(Content::Screen);
    }

    /// The other end of a call of two has said how it looks.
    pub fn set_shown_at(&mut self, camera: Option<Extent>, share: Option<Extent>) {
        self.shown_at = [camera, share].map(shown_at);
        self.tell_engine();
    }

    fn tell_engine(&self) {
        let [camera, screen] = self.shown_at;
        if let Some(engine) = &self.engine {
            engine.set_shown_at(Content::Camera, camera);
            engine.set_shown_at(Content::Screen, screen);
        }
    }

    pub fn stats(&self, leg: &Leg) -> VideoReportCard {
        let engine = self.engine.as_ref();
        engine
            .map(|engine| engine.stats(leg.link, &leg.video_stats()))
            .unwrap_or_default()
    }

    /// Whether there is anything to be looked at.
    pub fn is_busy(&self) -> bool {
        self.camera.is_some() || self.share.is_some()
    }
}

impl Source {
    /// Stops it. Not here: that takes as long as the platform likes.
    fn end(self) {
        self.stream.detach(self.key);
        if self.runs {
            elsewhere(move || self.stream.close());
        }
    }
}

impl Drop for Sight {
    fn drop(&mut self) {
        for source in [self.camera.take(), self.share.take()].into_iter().flatten() {
            source.end();
        }
        if let Some(sound) = self.sound.take() {
            elsewhere(move || drop(sound));
        }
        if let Some(engine) = self.engine.take() {
            // Waits for pictures that are being coded.
            elsewhere(move || drop(engine));
        }
    }
}

/// What a peer says it shows is believed where there are such pictures.
fn shown_at(extent: Option<Extent>) -> ShownAt {
    match extent {
        None => ShownAt::Unknown,
        Some(Extent::HIDDEN) => ShownAt::Nowhere,
        Some(Extent { width, height }) => {
            Size::new(width.into(), height.into()).map_or(ShownAt::Unknown, ShownAt::Size)
        }
    }
}

/// Does something that may take a while, off the network thread.
pub(super) fn elsewhere(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = thread::Builder::new().name("video".into()).spawn(work) {
        tracing::error!(%error, "no thread for pictures");
    }
}
