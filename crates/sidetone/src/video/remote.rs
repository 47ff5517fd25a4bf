//! Streams of pictures that others send: who shows what is the service's word, what comes is the engine's.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidetone_capture::PictureSink;
use sidetone_media::pictures::{Audience, Receiving, Seen, Size, Whose};
use sidetone_media::video::Content;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::meeting::{MAX_HEIGHT, MAX_WANTED, ParticipantId, Picture, PictureSource};
use sidetone_signaling::protocol::{Extent, MAX_WIDTH, Pictures};

use super::MediaStreamType;
use crate::call::Call;
use crate::driver::Ask;

/// The height that is asked for where the app has not said how large it shows a stream.
const HEIGHT: u16 = 720;

/// Somebody, and the pictures that they send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub participant: Option<ParticipantId>,
    pub identifier: Identifier,
    pub pictures: Pictures,
}

/// Pictures that somebody else sends. Cheap to clone.
///
/// They are decoded while the app has a sink for them.
#[derive(Clone)]
pub struct RemoteVideoStream {
    shared: Arc<Shared>,
    call: Call,
}

struct Shared {
    id: u32,
    content: Content,
    state: Mutex<State>,
    sink: Mutex<Option<Arc<dyn PictureSink>>>,
}

struct State {
    participant: Option<ParticipantId>,
    identifier: Identifier,
    available: bool,
    receiving: bool,
    size: Option<Size>,
    shown_at: Option<Size>,
    /// The call has become a group call, to which its sender has not yet said that it is sent: as long as pictures come it
    /// is.
    moving: bool,
}

impl RemoteVideoStream {
    /// Its number, within the call.
    pub fn id(&self) -> u32 {
        self.shared.id
    }

    /// Whether it is a camera or a screen.
    pub fn media_stream_type(&self) -> MediaStreamType {
        match self.shared.content {
            Content::Camera => MediaStreamType::Video,
            Content::Screen => MediaStreamType::ScreenSharing,
        }
    }

    /// Whose it is, in a meeting or group call.
    pub fn participant(&self) -> Option<ParticipantId> {
        lock(&self.shared.state).participant
    }

    /// Whose it is.
    pub fn identifier(&self) -> Identifier {
        lock(&self.shared.state).identifier.clone()
    }

    /// Whether it is sent. Once it is not, it never is again: who begins anew sends another stream.
    pub fn is_available(&self) -> bool {
        lock(&self.shared.state).available
    }

    /// Whether pictures come, now.
    pub fn is_receiving(&self) -> bool {
        lock(&self.shared.state).receiving
    }

    /// Size of the newest picture, once there was one.
    pub fn size(&self) -> Option<Size> {
        lock(&self.shared.state).size
    }

    /// Shows what comes to `sink` from now on, in place of the one before; `None` to look away. It is called on the
    /// decoding thread and must not wait.
    pub fn set_sink(&self, sink: Option<Arc<dyn PictureSink>>) {
        let before = std::mem::replace(&mut *lock(&self.shared.sink), sink);
        drop(before);
        self.look_again();
    }

    /// Says how large it is shown, in pixels of the screen: more is not sent, where the sender has a smaller one. `None`
    /// where nobody knows. What has no sink is shown nowhere, whatever is said here; in a call of two it is then not sent.
    pub fn show_at(&self, size: Option<Size>) {
        lock(&self.shared.state).shown_at = size;
        self.look_again();
    }

    fn look_again(&self) {
        // Without a driver the call is over.
        let _ = self.call.driver.send(Ask::Look { call: self.call.id() });
    }
}

/// Two handles of one stream are equal.
impl PartialEq for RemoteVideoStream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl fmt::Debug for RemoteVideoStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteVideoStream")
            .field("id", &self.shared.id)
            .field("content", &self.shared.content)
            .field("available", &self.is_available())
            .finish_non_exhaustive()
    }
}

/// All streams of a call that others send, and who looks at them.
#[derive(Default)]
pub(crate) struct Gallery {
    streams: Mutex<Streams>,
}

#[derive(Default)]
struct Streams {
    last: u32,
    list: Vec<Arc<Shared>>,
}

/// Streams that came and went.
pub(crate) type Updated = (Vec<RemoteVideoStream>, Vec<RemoteVideoStream>);

impl Gallery {
    /// Handles for the app.
    pub fn streams(&self, call: &Call) -> Vec<RemoteVideoStream> {
        let streams = lock(&self.streams);
        let handles = streams.list.iter().map(|shared| handle(shared, call));
        handles.collect()
    }

    /// Takes in who sends what now. Gives what came and went, if anything did.
    pub fn update(&self, now: &[Shown], call: &Call) -> Option<Updated> {
        let mut streams = lock(&self.streams);
        let Streams { last, list } = &mut *streams;
        let sends = |content: Content, shown: &Shown| match content {
            Content::Camera => shown.pictures.camera,
            Content::Screen => shown.pictures.share,
        };
        let removed: Vec<_> = list
            .extract_if(.., |stream| {
                let mut state = lock(&stream.state);
                // By name as well: a call of two may have become a group call, in which people have numbers.
                let whose = now.iter().find(|shown| {
                    shown.identifier == state.identifier
                        && (state.participant.is_none() || shown.participant == state.participant)
                });
                let sent = whose.is_some_and(|shown| sends(stream.content, shown));
                if let Some(shown) = whose {
                    state.moving |= state.participant.is_none() && shown.participant.is_some();
                    state.participant = shown.participant;
                }
                state.moving &= whose.is_some() && !sent;
                state.available = sent || state.moving;
                state.receiving &= state.available;
                !state.available
            })
            .collect();
        let mut added = Vec::new();
        for shown in now {
            for content in [Content::Camera, Content::Screen] {
                let is_it = |stream: &Arc<Shared>| {
                    let state = lock(&stream.state);
                    stream.content == content
                        && state.participant == shown.participant
                        && state.identifier == shown.identifier
                };
                if !sends(content, shown) || list.iter().any(is_it) {
                    continue;
                }
                *last += 1;
                let stream = Arc::new(Shared {
                    id: *last,
                    content,
                    state: Mutex::new(State {
                        participant: shown.participant,
                        identifier: shown.identifier.clone(),
                        available: true,
                        receiving: false,
                        size: None,
                        shown_at: None,
                        moving: false,
                    }),
                    sink: Mutex::default(),
                });
                list.push(stream.clone());
                added.push(stream);
            }
        }
        drop(streams);
        let handles = |list: Vec<Arc<Shared>>| list.iter().map(|shared| handle(shared, call)).collect();
        (!added.is_empty() || !removed.is_empty()).then(|| (handles(added), handles(removed)))
    }

    /// Takes in what comes. Gives the streams of which that has changed, and whether it is to be looked again who sends what.
    pub fn receive(&self, now: &[Receiving], call: &Call) -> (Vec<RemoteVideoStream>, bool) {
        let streams = lock(&self.streams);
        let mut lapsed = false;
        let changed = streams.list.iter().filter(|stream| {
            let mut state = lock(&stream.state);
            let comes = now.iter().find(|come| is_of(&state, stream.content, come.whose));
            let (receiving, size) = (comes.is_some(), comes.and_then(|come| come.size).or(state.size));
            let changed = (state.receiving, state.size) != (receiving, size);
            (state.receiving, state.size) = (receiving, size);
            lapsed |= state.moving && !receiving;
            state.moving &= receiving;
            changed
        });
        let changed = changed.map(|stream| handle(stream, call)).collect();
        (changed, lapsed)
    }

    /// The call is over.
    pub fn clear(&self) {
        for stream in std::mem::take(&mut lock(&self.streams).list) {
            let mut state = lock(&stream.state);
            (state.available, state.receiving) = (false, false);
        }
    }

    /// Whether anybody sends anything.
    pub fn is_empty(&self) -> bool {
        lock(&self.streams).list.is_empty()
    }

    /// What is to be asked of a meeting: the streams that the app shows, the screens first.
    pub fn wanted(&self) -> Vec<Picture> {
        let streams = lock(&self.streams);
        let mut wanted: Vec<Picture> = streams
            .list
            .iter()
            .filter(|stream| lock(&stream.sink).is_some())
            .filter_map(|stream| {
                let state = lock(&stream.state);
                let height = state.shown_at.map(|size| size.height());
                Some(Picture {
                    participant: state.participant?,
                    source: match stream.content {
                        Content::Camera => PictureSource::Camera,
                        Content::Screen => PictureSource::Share,
                    },
                    height: height.map_or(HEIGHT, |height| height.min(MAX_HEIGHT.into()) as u16),
                    pinned: false,
                })
            })
            .collect();
        wanted.sort_by_key(|picture| picture.source == PictureSource::Camera);
        wanted.truncate(MAX_WANTED);
        wanted
    }

    /// How large the app shows the camera and the screen of the other end, in a call of two.
    pub fn extents(&self) -> [Option<Extent>; 2] {
        let streams = lock(&self.streams);
        [Content::Camera, Content::Screen].map(|content| {
            let stream = streams.list.iter().find(|stream| stream.content == content)?;
            if lock(&stream.sink).is_none() {
                return Some(Extent::HIDDEN);
            }
            let size = lock(&stream.state).shown_at?;
            let side = |side: u32, most: u16| u16::try_from(side).unwrap_or(most).min(most);
            Some(Extent {
                width: side(size.width(), MAX_WIDTH),
                height: side(size.height(), MAX_HEIGHT),
            })
        })
    }

    fn sink(&self, whose: Whose) -> Option<Arc<dyn PictureSink>> {
        let streams = lock(&self.streams);
        let stream = streams
            .list
            .iter()
            .find(|stream| is_of(&lock(&stream.state), stream.content, whose))?;
        lock(&stream.sink).clone()
    }
}

/// Whether pictures belong to a stream. Those without a number are of the one other end, whoever that has become.
fn is_of(state: &State, content: Content, whose: Whose) -> bool {
    let number = whose.participant.map(ParticipantId);
    content == whose.content && (number.is_none() || state.participant == number)
}

fn handle(shared: &Arc<Shared>, call: &Call) -> RemoteVideoStream {
    RemoteVideoStream {
        shared: shared.clone(),
        call: call.clone(),
    }
}

impl Audience for Gallery {
    fn looks(&self, whose: Whose) -> bool {
        self.sink(whose).is_some()
    }

    fn show(&self, seen: Seen) {
        // Not while anything is locked: it is not ours to say what a sink does.
        if let Some(sink) = self.sink(seen.whose) {
            sink.take(seen.picture);
        }
    }
}

/// No holder of these locks can leave half a value behind.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallDirection, CallShared, Participant, Snapshot};
    use sidetone_signaling::protocol::CallId;
    use tokio::sync::mpsc;

    const CAMERA: Pictures = Pictures {
        camera: true,
        share: false,
    };

    fn ann() -> Identifier {
        Identifier::member("acme", "ann").unwrap()
    }

    fn call() -> Call {
        let remote = Participant {
            identifier: ann(),
            display_name: String::new(),
            is_muted: false,
            pictures: Pictures::NONE,
        };
        let id = CallId(uuid::Uuid::new_v4());
        Call {
            shared: CallShared::new(Snapshot::new(id, CallDirection::Outgoing, remote)),
            driver: mpsc::unbounded_channel().0,
        }
    }

    fn shown(participant: Option<u32>, pictures: Pictures) -> [Shown; 1] {
        [Shown {
            participant: participant.map(ParticipantId),
            identifier: ann(),
            pictures,
        }]
    }

    fn comes(participant: Option<u32>) -> [Receiving; 1] {
        [Receiving {
            whose: Whose {
                content: Content::Camera,
                participant,
            },
            size: Some(Size::P180),
        }]
    }

    #[test]
    fn a_stream_outlives_the_growth_of_its_call_while_its_pictures_come() {
        let (call, gallery) = (call(), Gallery::default());
        let (added, _) = gallery.update(&shown(None, CAMERA), &call).unwrap();
        assert_eq!(gallery.receive(&comes(None), &call).0, added);
        assert_eq!(added[0].size(), Some(Size::P180));
        // In the group call nobody has said yet what they send.
        assert_eq!(gallery.update(&shown(Some(7), Pictures::NONE), &call), None);
        assert_eq!(added[0].participant(), Some(ParticipantId(7)));
        assert_eq!(gallery.receive(&comes(Some(7)), &call), (Vec::new(), false));
        assert!(added[0].is_available() && added[0].is_receiving());
        // Once they have, it is as in any meeting.
        assert_eq!(gallery.update(&shown(Some(7), CAMERA), &call), None);
        let (_, removed) = gallery.update(&shown(Some(7), Pictures::NONE), &call).unwrap();
        assert_eq!(removed, added);
        assert!(!added[0].is_available());
    }

    #[test]
    fn a_stream_that_does_not_come_along_is_gone() {
        let (call, gallery) = (call(), Gallery::default());
        let (added, _) = gallery.update(&shown(None, CAMERA), &call).unwrap();
        gallery.receive(&comes(None), &call);
        assert_eq!(gallery.update(&shown(Some(7), Pictures::NONE), &call), None);
        let (changed, lapsed) = gallery.receive(&[], &call);
        assert_eq!((changed, lapsed), (added.clone(), true));
        let (_, removed) = gallery.update(&shown(Some(7), Pictures::NONE), &call).unwrap();
        assert_eq!(removed, added);
    }

    #[test]
    fn in_a_call_of_two_the_other_end_is_told_what_is_looked_at() {
        let (call, gallery) = (call(), Gallery::default());
        assert_eq!(gallery.extents(), [None, None]);
        let (added, _) = gallery.update(&shown(None, CAMERA), &call).unwrap();
        assert_eq!(gallery.extents(), [Some(Extent::HIDDEN), None]);
        added[0].set_sink(Some(Arc::new(|_: sidetone_media::pictures::Picture| {})));
        assert_eq!(gallery.extents(), [None, None], "its size is not known");
        for (width, height, told) in [
            (320, 180, (320, 180)),
            (2, 16_000, (2, MAX_HEIGHT)),
            (16_000, 2, (MAX_WIDTH, 2)),
        ] {
            added[0].show_at(Some(Size::new(width, height).unwrap()));
            let (width, height) = told;
            assert_eq!(gallery.extents(), [Some(Extent { width, height }), None]);
        }
        gallery.clear();
        assert_eq!(gallery.extents(), [None, None]);
    }

    #[test]
    fn what_is_shown_is_wanted_in_its_size_and_the_screens_first() {
        let (call, gallery) = (call(), Gallery::default());
        let both = Pictures {
            camera: true,
            share: true,
        };
        let (added, _) = gallery.update(&shown(Some(7), both), &call).unwrap();
        assert_eq!((added.len(), gallery.wanted().len()), (2, 0), "nobody looks");
        for stream in &added {
            stream.set_sink(Some(Arc::new(|_: sidetone_media::pictures::Picture| {})));
        }
        added[0].show_at(Some(Size::P180));
        let wanted = gallery.wanted();
        let sources: Vec<_> = wanted
            .iter()
            .map(|picture| (picture.source, picture.height))
            .collect();
        assert_eq!(
            sources,
            [(PictureSource::Share, HEIGHT), (PictureSource::Camera, 180)]
        );
        let whose = comes(Some(7))[0].whose;
        assert!(gallery.looks(whose));
        added[0].set_sink(None);
        assert!(!gallery.looks(whose));
        gallery.clear();
        assert!(gallery.is_empty() && !added[1].is_available());
    }
}
