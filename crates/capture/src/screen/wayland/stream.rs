//! A stream of PipeWire: connects to it, agrees about its format, and hands over its buffers. What the library calls
//! back is noted, and looked at when it has returned.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use pipewire::buffer::Buffer;
use pipewire::context::ContextRc;
use pipewire::core::{CoreRc, Listener as CoreListener, PW_ID_CORE};
use pipewire::loop_::Timeout;
use pipewire::properties::properties;
use pipewire::spa::buffer::ChunkFlags;
use pipewire::spa::buffer::meta::{MetaHeader, MetaHeaderFlags, MetaRegion, MetaVideoCrop, MetaVideoDamage};
use pipewire::spa::param::ParamType;
use pipewire::spa::pod::Pod;
use pipewire::spa::utils::Direction;
use pipewire::stream::{StreamFlags, StreamListener, StreamRc, StreamState};
use pipewire::{Error, keys};
use sidetone_video::picture::Rect;

use super::format::{Format, Param};
use super::frame::{self, BadFrame, Chunk, Region};
use super::memory;
use super::painter::Painter;
use super::wake::Entered;
use crate::pace::FrameRate;

/// What the library told since the last look.
#[derive(Default)]
struct News {
    /// Buffers wait.
    has_buffers: bool,
    /// The server chose another format.
    is_new: bool,
    format: Option<Format>,
    /// Why there will be no more.
    end: Option<String>,
}

impl News {
    fn end(&mut self, reason: impl Into<String>) {
        self.end.get_or_insert(reason.into());
    }

    fn state(&mut self, old: &StreamState, new: StreamState) {
        tracing::debug!(?old, ?new, "a stream changes");
        match new {
            StreamState::Error(reason) => self.end(reason),
            StreamState::Unconnected => self.end("the server let it go"),
            _ => {}
        }
    }
}

/// A connection and one stream of it. Fields are dropped from the top down, as the library wants it.
pub(super) struct Stream {
    _listener: StreamListener<()>,
    stream: StreamRc,
    _core_listener: CoreListener,
    _core: CoreRc,
    main_loop: Entered,
    news: Rc<RefCell<News>>,
}

impl Stream {
    /// Asks for the node of this number at the server behind `remote`.
    ///
    /// # Errors
    /// When the library cannot be used, such as without its settings.
    pub(super) fn open(remote: OwnedFd, node: u32, rate: FrameRate) -> Result<Self, Error> {
        let main_loop = Entered::new()?;
        let context = ContextRc::new(&*main_loop, None)?;
        let core = context.connect_fd_rc(remote, None)?;
        let news = Rc::new(RefCell::new(News::default()));
        let told = news.clone();
        let core_listener = core
            .add_listener_local()
            .error(move |id, _, _, message| {
                if id == PW_ID_CORE {
                    told.borrow_mut().end(message);
                }
            })
            .register();
        let properties = properties! {
            *keys::MEDIA_TYPE => "Video",
            *keys::MEDIA_CATEGORY => "Capture",
            *keys::MEDIA_ROLE => "Screen",
        };
        let stream = StreamRc::new(core.clone(), "screen", properties)?;
        let (states, formats, buffers) = (news.clone(), news.clone(), news.clone());
        let listener = stream
            .add_local_listener::<()>()
            .state_changed(move |_, (), old, new| states.borrow_mut().state(&old, new))
            .param_changed(move |stream, (), id, pod| {
                let Some(pod) = pod.filter(|_| id == ParamType::Format.as_raw()) else {
                    return;
                };
                let agreed = Format::read(pod)
                    .map_err(|error| error.to_string())
                    .and_then(|format| {
                        agree(stream, format)
                            .map_err(|error| error.to_string())
                            .map(|()| format)
                    });
                let mut news = formats.borrow_mut();
                match agreed {
                    Ok(format) => {
                        tracing::debug!(?format, "a stream has a format");
                        news.format = Some(format);
                        news.is_new = true;
                    }
                    Err(reason) => news.end(reason),
                }
            })
            .process(move |_, ()| buffers.borrow_mut().has_buffers = true)
            .register()?;
        let offer = Format::offer(rate);
        let mut offers: Vec<_> = offer.as_pod().into_iter().collect();
        // A stream that ends is not to be connected to something else.
        let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::DONT_RECONNECT;
        stream.connect(Direction::Input, Some(node), flags, &mut offers)?;
        Ok(Self {
            _listener: listener,
            stream,
            _core_listener: core_listener,
            _core: core,
            main_loop,
            news,
        })
    }

    /// Readable when there is something to do.
    pub(super) fn file(&self) -> std::os::fd::BorrowedFd<'_> {
        self.main_loop.loop_().fd()
    }

    /// Does what there is to do, without waiting.
    pub(super) fn turn(&self) {
        while self.main_loop.loop_().iterate(Timeout::Finite(Duration::ZERO)) > 0 {}
    }

    /// Why there will be no more buffers, once that is so.
    pub(super) fn end(&self) -> Option<String> {
        self.news.borrow().end.clone()
    }

    /// Has what arrived painted and passed on. Says when to look again, where nobody may wake us before.
    pub(super) fn show(&self, painter: &mut Painter, now: Instant) -> Option<Duration> {
        let format = {
            let mut news = self.news.borrow_mut();
            if std::mem::take(&mut news.is_new) {
                painter.begin_anew();
            }
            news.format
        };
        let mut room = Ok(());
        if let Some(format) = format.filter(|_| self.news.borrow().has_buffers) {
            room = painter.make_room(format);
            if room.is_ok() {
                self.news.borrow_mut().has_buffers = false;
                self.take(format, painter);
            }
        }
        let due = painter.pass_on(now);
        room.err().into_iter().chain(due).min()
    }

    /// Takes all buffers that wait, and paints the newest.
    fn take(&self, format: Format, painter: &mut Painter) {
        let mut newest = None;
        while let Some(mut buffer) = self.stream.dequeue_buffer() {
            if !is_picture(&mut buffer) {
                continue;
            }
            match note(&buffer, format, painter) {
                // The one before goes back: what it changed is noted.
                Ok(part) => newest = Some((buffer, part)),
                Err(error) => {
                    tracing::debug!(%error, "a frame is left out");
                    painter.lost_one();
                }
            }
        }
        let Some((mut buffer, part)) = newest else {
            return;
        };
        if let Err(error) = paint(&mut buffer, part, format, painter) {
            tracing::debug!(%error, "a frame is left out");
            painter.lost_one();
        }
    }
}

/// Says which buffers we want for a format, and what is to be told with them.
fn agree(stream: &pipewire::stream::Stream, format: Format) -> Result<(), Error> {
    let [header, crop, damage] = Format::metas();
    let params = [format.buffers(), header, crop, damage];
    let mut pods: Vec<&Pod> = params.iter().filter_map(Param::as_pod).collect();
    stream.update_params(&mut pods)
}

/// Whether there are pixels at all: servers also tell of pointers that moved, and of frames that went wrong.
fn is_picture(buffer: &mut Buffer<'_>) -> bool {
    let is_torn = buffer
        .find_meta::<MetaHeader>()
        .is_some_and(|header| header.flags().contains(MetaHeaderFlags::CORRUPTED));
    let Some(data) = buffer
        .datas_mut()
        .first()
        .filter(|data| !data.as_raw().chunk.is_null())
    else {
        return false;
    };
    !is_torn && data.chunk().size() > 0 && !data.chunk().flags().contains(ChunkFlags::CORRUPTED)
}

/// Tells the painter what a buffer changes, and returns the part of it that is the picture.
fn note(buffer: &Buffer<'_>, format: Format, painter: &mut Painter) -> Result<Rect, BadFrame> {
    let crop = buffer
        .find_meta::<MetaVideoCrop>()
        .map(MetaVideoCrop::meta_region)
        .filter(|region| region.is_valid());
    let part = frame::crop(format, crop.map(region))?;
    let damage = buffer.find_meta::<MetaVideoDamage>();
    painter.note(part, damage.map(|damage| damage.iter().map(region)))?;
    Ok(part)
}

fn paint(buffer: &mut Buffer<'_>, part: Rect, format: Format, painter: &mut Painter) -> Result<(), BadFrame> {
    let data = buffer.datas_mut().first_mut().ok_or(BadFrame::Memory)?;
    let chunk = Chunk {
        offset: data.chunk().offset(),
        size: data.chunk().size(),
        stride: data.chunk().stride(),
    };
    let bytes = memory::bytes(data).ok_or(BadFrame::Memory)?;
    painter.paint(&frame::image(format, part, chunk, bytes)?)?;
    Ok(())
}

fn region(region: &MetaRegion) -> Region {
    let (position, size) = (region.position(), region.size());
    Region {
        left: position.x,
        top: position.y,
        width: size.width,
        height: size.height,
    }
}
