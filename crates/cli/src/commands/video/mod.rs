//! The pictures of a call: what this end sends, what others show, and the film that is written of that.

mod tally;

use serde_json::{Value, json};
use sidetone::{Call, CallEvent, MediaStreamType, RemoteVideoStream};

use super::journal::Journal;
use super::name;
use crate::video::{Film, Video};
pub use tally::Tally;

/// What is seen in a call.
#[derive(Default)]
pub struct Sight {
    streams: Vec<Known>,
    /// The stream that is written.
    written: Option<RemoteVideoStream>,
    film: Option<Film>,
    /// Figures of what was sent and seen.
    pub tally: Tally,
}

/// A stream of somebody else's.
struct Known {
    stream: RemoteVideoStream,
    /// Whose camera or screen it is, in words. Kept, for who has left has no name any more.
    words: String,
    /// A picture of it was seen.
    seen: bool,
}

impl Sight {
    /// Tells of an event, if it is one of pictures, and looks at what comes where that is to be written.
    pub fn tell(&mut self, call: &Call, event: &CallEvent, video: &mut Video, journal: &Journal) {
        match event {
            CallEvent::IsLocalVideoStartedChanged(on) => {
                let source = video.camera.as_ref().and_then(|stream| stream.source());
                tell_local("camera", *on, source.map(|source| source.name), journal);
            }
            CallEvent::IsScreenSharingOnChanged(on) => {
                let source = video.share.as_ref().and_then(|stream| stream.source());
                tell_local("share", *on, source.map(|source| source.name), journal);
            }
            CallEvent::IsSharedSoundOnChanged(on) => {
                let words = if *on {
                    "sound is sent with your share"
                } else {
                    "no sound is sent with your share any more"
                };
                journal.event("sharedSound", words, json!({ "on": on }));
            }
            CallEvent::VideoStreamsUpdated { added, removed } => {
                self.update(call, added, removed, journal);
                self.look(video, journal);
            }
            CallEvent::VideoStreamChanged(stream) => self.change(stream, journal),
            _ => {}
        }
    }

    /// The call goes on as another one, whose streams are others.
    pub fn go_on_as(&mut self, call: &Call, video: &mut Video, journal: &Journal) {
        let gone: Vec<_> = self.streams.iter().map(|known| known.stream.clone()).collect();
        self.update(call, &call.remote_video_streams(), &gone, journal);
        self.look(video, journal);
    }

    /// Completes the film.
    pub fn finish(&mut self, video: &mut Video, journal: &Journal) {
        if let Some(stream) = self.written.take() {
            stream.set_sink(None);
        }
        let (Some(film), Some(output)) = (self.film.take(), &mut video.output) else {
            return;
        };
        let (path, size) = (film.path.clone(), film.size);
        match film.finish() {
            Ok(written) => {
                let seconds = written.length.as_secs_f64();
                let words = format!(
                    "wrote {seconds:.1} s of {size} to {}: {} pictures, dropped {}",
                    path.display(),
                    written.pictures,
                    written.dropped
                );
                let fields = json!({
                    "path": path,
                    "frames": written.frames,
                    "seconds": seconds,
                    "pictures": written.pictures,
                    "dropped": written.dropped,
                    "width": size.width(),
                    "height": size.height(),
                });
                journal.event("videoWritten", &words, fields);
            }
            Err(error) => tell_failure(&output.failed(&error), journal),
        }
    }

    fn update(
        &mut self,
        call: &Call,
        added: &[RemoteVideoStream],
        removed: &[RemoteVideoStream],
        journal: &Journal,
    ) {
        let mut words = Vec::new();
        let (mut on, mut off) = (Vec::new(), Vec::new());
        for stream in added {
            // The successor of a call tells again what was asked for when it took over.
            if self.streams.iter().any(|known| known.stream == *stream) {
                continue;
            }
            let known = Known {
                stream: stream.clone(),
                words: describe(call, stream),
                seen: false,
            };
            words.push(format!("{} is on", known.words));
            on.push(fields(stream));
            self.streams.push(known);
        }
        for known in self
            .streams
            .extract_if(.., |known| removed.contains(&known.stream))
        {
            words.push(format!("{} is off", known.words));
            off.push(fields(&known.stream));
            if self.written.as_ref() == Some(&known.stream) {
                self.written = None;
                // Until another one's pictures come.
                if let Some(film) = &self.film {
                    film.black();
                }
            }
        }
        if !words.is_empty() {
            let fields = json!({ "added": on, "removed": off });
            journal.event("videoStreams", &words.join("; "), fields);
        }
    }

    fn change(&mut self, stream: &RemoteVideoStream, journal: &Journal) {
        let Some(known) = self.streams.iter_mut().find(|known| known.stream == *stream) else {
            return;
        };
        let Some(size) = stream.size() else { return };
        if std::mem::replace(&mut known.seen, true) {
            // That a screen stands still is no news to people.
            journal.event("videoStream", "", fields(stream));
        } else {
            let words = format!("first picture of {}: {size}", known.words);
            journal.event("firstPicture", &words, fields(stream));
        }
    }

    /// Writes a stream, where none is written and one is to be.
    fn look(&mut self, video: &mut Video, journal: &Journal) {
        let Some(output) = &mut video.output else { return };
        if self.written.is_some() {
            return;
        }
        let screen = |known: &&Known| known.stream.media_stream_type() == MediaStreamType::ScreenSharing;
        let first = self.streams.iter().find(screen).or(self.streams.first());
        let Some(known) = first else { return };
        let film = match self.film.take() {
            Some(film) => film,
            None => match output.begin() {
                Ok(film) => film,
                Err(error) => return tell_failure(&output.failed(&error), journal),
            },
        };
        known.stream.show_at(Some(film.size));
        known.stream.set_sink(Some(film.sink()));
        let words = format!("writing {} to {}", known.words, film.path.display());
        let mut told = fields(&known.stream);
        told["path"] = json!(film.path);
        journal.event("videoOutput", &words, told);
        self.written = Some(known.stream.clone());
        self.film = Some(film);
    }
}

fn tell_failure(words: &str, journal: &Journal) {
    journal.event("videoFailed", words, json!({ "error": words }));
}

fn tell_local(what: &str, on: bool, source: Option<String>, journal: &Journal) {
    let words = match (what, on) {
        ("camera", true) => "your camera is on",
        ("camera", false) => "your camera is off",
        (_, true) => "you share",
        (_, false) => "you share nothing any more",
    };
    // Names of windows are anybody's.
    let named = source.as_deref().filter(|_| on).map(name::plain);
    let words = named.map_or(words.to_owned(), |name| format!("{words}: {name}"));
    journal.event(
        "localVideo",
        &words,
        json!({ "what": what, "on": on, "source": source }),
    );
}

/// Whose it is and what, in words.
fn describe(call: &Call, stream: &RemoteVideoStream) -> String {
    let who = match stream.participant() {
        Some(number) => name::of(call, number),
        None => match name::plain(&call.remote_participant().display_name) {
            name if name.is_empty() => stream.identifier().to_string(),
            name => name,
        },
    };
    match stream.media_stream_type() {
        MediaStreamType::ScreenSharing => format!("the screen of {who}"),
        _ => format!("the camera of {who}"),
    }
}

fn fields(stream: &RemoteVideoStream) -> Value {
    let size = stream.size();
    json!({
        "stream": stream.id(),
        "type": stream.media_stream_type(),
        "participant": stream.participant(),
        "identifier": stream.identifier(),
        "isReceiving": stream.is_receiving(),
        "width": size.map(|size| size.width()),
        "height": size.map(|size| size.height()),
    })
}
