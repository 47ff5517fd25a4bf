//! The pictures of one call: what is sent, and the engine that codes and decodes.

use std::thread;

use sidetone_media::pictures::{VideoEngine, VideoReportCard};
use sidetone_media::video::Content;
use sidetone_signaling::protocol::Pictures;
use sidetone_signaling::protocol::meeting::Picture;

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
    /// Sources so far.
    pub keys: u64,
    /// What the meeting was told that this end wants to see.
    pub watched: Vec<Picture>,
}

impl Sight {
    pub fn slot(&mut self, content: Content) -> &mut Option<Source> {
        match content {
            Content::Camera => &mut self.camera,
            Content::Screen => &mut self.share,
        }
    }

    /// What is sent.
    pub fn sends(&self) -> Pictures {
        let runs = |source: &Option<Source>| source.as_ref().is_some_and(|source| source.runs);
        Pictures {
            camera: runs(&self.camera),
            share: runs(&self.share),
        }
    }

    /// Hands what is captured to the engine.
    pub fn attach(&self, content: Content) {
        let source = match content {
            Content::Camera => &self.camera,
            Content::Screen => &self.share,
        };
        if let (Some(engine), Some(source)) = (&self.engine, source.as_ref().filter(|source| source.runs)) {
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
        if let Some(engine) = self.engine.take() {
            // Waits for pictures that are being coded.
            elsewhere(move || drop(engine));
        }
    }
}

/// Does something that may take a while, off the network thread.
pub(super) fn elsewhere(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = thread::Builder::new().name("video".into()).spawn(work) {
        tracing::error!(%error, "no thread for pictures");
    }
}
