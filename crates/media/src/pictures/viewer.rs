//! One incoming stream of pictures on a thread of its own: frames from the port through a decoder to whoever looks. The
//! decoder is made for the first frame that somebody looks at, and ended when none comes any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sidetone_pipeline::Waiter;
use sidetone_video::codec::{self, Error, Limits, VideoDecoder};
use sidetone_video::{Picture, Pool, Size};

use super::of;
use crate::transport::video::{RemoteFrame, RemoteVideo};
use crate::video::{CLOCK_RATE, Codec, Content, NtpTime, Unwrapper};

/// A decoder that has had nothing to do for so long is ended.
const IDLE: Duration = Duration::from_secs(5);

/// Longest wait while there is no decoder. The thread is woken.
const LONG: Duration = Duration::from_secs(3600);

/// A decoder that does not keep up shows a picture at least this often.
const SELDOM: Duration = Duration::from_millis(100);

/// Decoded pictures that may be in use at a time: the one in work, those the codec's caller shows, one to spare.
const PICTURES: usize = 8;

/// A stream gives pictures again after so long without one counts as new.
pub(super) const RECEIVING: Duration = Duration::from_secs(2);

/// Whose pictures they are, and what they show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Whose {
    /// What they show.
    pub content: Content,
    /// The participant's number in the meeting; `None` in a call with one other end.
    pub participant: Option<u32>,
}

/// A picture to be shown now.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whose it is.
    pub whose: Whose,
    /// The picture. Its time is that of the stream, counted from its first picture.
    pub picture: Picture,
    /// When it was captured, by the clock of who did, where that is known.
    pub captured: Option<NtpTime>,
}

/// Whoever looks at what comes. It is asked on the decoding threads, so it should only hand pictures on.
pub trait Audience: Send + Sync {
    /// Whether anybody looks at these. What nobody looks at is not decoded; when somebody does, it begins with a key frame.
    fn looks(&self, whose: Whose) -> bool {
        let _ = whose;
        true
    }

    /// Shows a picture.
    fn show(&self, seen: Seen);
}

/// What an engine tells of one stream that comes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decoding {
    pub whose: Option<Whose>,
    pub last: Option<Instant>,
    pub size: Option<Size>,
    pub codec: Option<Codec>,
    pub decode_time: Duration,
    pub corrupt: u64,
    pub implementation: Option<&'static str>,
}

/// What the thread and the engine share.
#[derive(Default)]
pub(super) struct Shared {
    stop: AtomicBool,
    decoding: Mutex<Decoding>,
}

impl Shared {
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(super) fn get(&self) -> Decoding {
        *self.decoding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Decoding)) {
        change(&mut self.decoding.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The thread's side.
pub(super) struct Viewer {
    remote: RemoteVideo,
    audience: Arc<dyn Audience>,
    shared: Arc<Shared>,
    waiter: Waiter,
    pool: Pool,
    threads: u8,
    decoder: Option<(Codec, Box<dyn VideoDecoder>)>,
    /// A key frame was asked for and has not come.
    wanting: bool,
    /// Nobody looked at the last frame.
    blind: bool,
    times: Unwrapper<32>,
    first: Option<i64>,
    shown: Option<Instant>,
}

impl Viewer {
    pub(super) fn new(
        remote: RemoteVideo,
        audience: Arc<dyn Audience>,
        shared: Arc<Shared>,
        waiter: Waiter,
        threads: u8,
    ) -> Self {
        Self {
            remote,
            audience,
            shared,
            waiter,
            pool: Pool::new(PICTURES),
            threads,
            decoder: None,
            wanting: false,
            blind: false,
            times: Unwrapper::new(),
            first: None,
            shown: None,
        }
    }

    pub(super) fn run(mut self) {
        let mut next = None;
        while !self.shared.stop.load(Ordering::Acquire) {
            if let Some(frame) = next.take().or_else(|| self.remote.pop()) {
                next = self.frame(frame);
                continue;
            }
            self.look();
            let patience = if self.decoder.is_some() { IDLE } else { LONG };
            if !self.waiter.wait(patience) && self.decoder.take().is_some() {
                // Whoever sends has stopped, or is gone. What comes next begins with a key frame.
                self.remote.hidden();
                self.shown = None;
                self.pool = Pool::new(PICTURES);
            }
        }
    }

    /// Where somebody looks again, a stream that stands still gives nothing by itself.
    fn look(&mut self) {
        let whose = self.shared.get().whose;
        if self.blind && whose.is_some_and(|whose| self.audience.looks(whose)) {
            self.blind = false;
            self.want();
        }
    }

    /// Decodes and shows one. Gives back the one after it, if that is there already.
    fn frame(&mut self, frame: RemoteFrame) -> Option<RemoteFrame> {
        let whose = Whose {
            content: self.remote.content(),
            participant: frame.participant,
        };
        let now = Instant::now();
        self.shared.update(|decoding| {
            decoding.whose = Some(whose);
            decoding.last = Some(now);
            decoding.codec = Some(frame.codec);
        });
        if !self.audience.looks(whose) {
            self.decoder = None;
            if !std::mem::replace(&mut self.blind, true) {
                self.remote.hidden();
            }
            return None;
        }
        self.blind = false;
        let picture = self.decode(&frame, now)?;
        self.shared
            .update(|decoding| decoding.size = Some(picture.size()));
        let next = self.remote.pop();
        let at = Instant::now();
        let seldom = self.shown.is_none_or(|shown| at >= shown + SELDOM);
        if next.is_some() && !seldom {
            self.remote.not_shown();
            return next;
        }
        self.shown = Some(at);
        self.audience.show(Seen {
            whose,
            picture,
            captured: frame.captured,
        });
        self.remote.shown(frame.timestamp, at);
        next
    }

    fn decode(&mut self, frame: &RemoteFrame, now: Instant) -> Option<Picture> {
        if frame.key {
            self.wanting = false;
        } else if self.decoder.is_none() {
            self.want();
        }
        if self.wanting {
            return None;
        }
        let limits = Limits {
            threads: self.threads,
            ..Limits::default()
        };
        let media = self.times.unwrap(frame.timestamp.0);
        let since = media - *self.first.get_or_insert(media);
        let time = Duration::from_secs_f64(since.max(0) as f64 / f64::from(CLOCK_RATE));
        let decoder = match &mut self.decoder {
            Some((codec, decoder)) if *codec == frame.codec => Ok(decoder),
            slot => codec::decoder(of(frame.codec), limits)
                .map(|decoder| &mut slot.insert((frame.codec, decoder)).1),
        };
        let result = decoder.and_then(|decoder| {
            let picture = decoder.decode(&frame.data, time, &self.pool);
            self.shared.update(|decoding| {
                decoding.implementation = Some(decoder.implementation());
            });
            picture
        });
        self.shared
            .update(|decoding| decoding.decode_time += now.elapsed());
        match result {
            Ok(picture) => {
                self.remote.decoded(frame.key);
                picture
            }
            // Decoded, but whoever looks holds all pictures that there are.
            Err(Error::Picture(_)) => {
                self.remote.decoded(frame.key);
                self.remote.not_shown();
                None
            }
            Err(error) => {
                tracing::debug!(%error, codec = ?frame.codec, "a frame of a peer");
                self.shared.update(|decoding| decoding.corrupt += 1);
                self.want();
                None
            }
        }
    }

    fn want(&mut self) {
        if !std::mem::replace(&mut self.wanting, true) {
            self.remote.failed();
        }
    }
}
