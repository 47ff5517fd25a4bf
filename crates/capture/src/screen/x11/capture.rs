//! One running capture: sleeps until the server says that something changed, fetches what did, and passes on a picture,
//! no oftener than asked for. What is still to be shown is never forgotten: the last state always comes out.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sidetone_video::colour::{Image, PixelFormat};
use sidetone_video::picture;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{ConfigureNotifyEvent, EventMask, ImageFormat};

use super::display::{Display, Failure};
use super::list;
use super::pointer::Pointer;
use super::segment::Segment;
use super::view::{Follower, Target, View};
use crate::pace::Throttle;
use crate::screen::canvas::Canvas;
use crate::screen::stop::Control;
use crate::screen::{Cursor, Damage};
use crate::source::{CaptureError, CaptureRequest, Feed};

/// Refusals in a row until what is captured is given up. One or two happen whenever a window changes under our hands.
const MOST_REFUSALS: u32 = 30;

pub(super) struct Capture {
    id: String,
    display: Display,
    follower: Follower,
    feed: Feed,
    throttle: Throttle,
    canvas: Canvas,
    pointer: Option<Pointer>,
    damage: u32,
    region: u32,
    view: Option<View>,
    segment: Option<Segment>,
    /// What is to be fetched.
    pending: Option<Damage>,
    /// The pointer as it was drawn last.
    drawn: Option<Cursor>,
    news: News,
    refusals: u32,
}

/// What the server, or our side, told since the last look.
#[derive(Default)]
struct News {
    /// Something was drawn.
    damaged: bool,
    /// The pointer moved or changed.
    pointer: bool,
    /// The window or the monitors changed.
    view: bool,
    /// Somebody wants a picture anyhow.
    refresh: bool,
    /// The window was closed.
    closed: bool,
}

impl News {
    fn any(&self) -> bool {
        self.damaged || self.pointer || self.view || self.refresh
    }
}

impl Capture {
    /// Finds `target` and asks to be told what happens to it.
    pub(super) fn open(
        display: Display,
        target: Target,
        id: &str,
        request: CaptureRequest,
        feed: Feed,
    ) -> Result<Self, CaptureError> {
        Self::prepare(display, target, id, request, feed).map_err(|failure| failure.into_error(id, false))
    }

    fn prepare(
        display: Display,
        target: Target,
        id: &str,
        request: CaptureRequest,
        feed: Feed,
    ) -> Result<Self, Failure> {
        let mut follower = Follower::new(target, id.to_owned());
        follower.prepare(&display)?;
        let connection = &display.connection;
        let watched = follower.watched(&display);
        if follower.window().is_none() {
            // The root window changes its size with the monitors, with or without RANDR.
            list::select(&display, watched, EventMask::STRUCTURE_NOTIFY)?;
            if display.knows_monitors {
                let mask = randr::NotifyMask::SCREEN_CHANGE | randr::NotifyMask::CRTC_CHANGE;
                connection.randr_select_input(watched, mask)?.check()?;
            }
        }
        let damage = connection.generate_id()?;
        // One word when something was drawn, and no other until we have looked.
        connection
            .damage_create(damage, watched, ReportLevel::NON_EMPTY)?
            .check()?;
        let region = connection.generate_id()?;
        connection.xfixes_create_region(region, &[])?.check()?;
        let pointer = request.cursor.then(|| Pointer::watch(&display)).transpose()?;
        let view = follower.look(&display)?;
        Ok(Self {
            id: id.to_owned(),
            pending: view.as_ref().map(|view| Damage::all(view.size)),
            display,
            follower,
            feed,
            throttle: Throttle::new(request.frame_rate),
            canvas: Canvas::new(),
            pointer,
            damage,
            region,
            view,
            segment: None,
            drawn: None,
            news: News {
                damaged: true,
                ..News::default()
            },
            refusals: 0,
        })
    }

    /// Captures until told to stop, or until there is nothing to capture any more.
    pub(super) fn run(mut self, control: &Arc<Control>) {
        let failure = loop {
            match self.step(control) {
                Ok(true) => self.refusals = 0,
                Ok(false) => return,
                // What it was about changed meanwhile, so look at it anew, unless that never helps.
                Err(failure) if failure.is_refusal() && self.refusals < MOST_REFUSALS => {
                    tracing::debug!(source = self.id, %failure, "the X server refuses");
                    self.refusals += 1;
                    self.news.view = true;
                }
                Err(failure) => break failure,
            }
        };
        let error = failure.into_error(&self.id, true);
        tracing::debug!(source = self.id, %error, "a capture ends");
        self.feed.lost(match error {
            CaptureError::NotFound(id) => CaptureError::Lost {
                id,
                reason: "it is no longer there".into(),
            },
            error => error,
        });
    }

    /// Waits for something to do and does it. `false` when it is time to stop.
    fn step(&mut self, control: &Control) -> Result<bool, Failure> {
        self.hear()?;
        if control.is_stopped() {
            return Ok(false);
        }
        self.news.refresh |= control.take_refresh();
        if self.news.closed {
            let (id, reason) = (self.id.clone(), "the window was closed".into());
            return Err(CaptureError::Lost { id, reason }.into());
        }
        if !self.news.any() {
            self.display.connection.flush()?;
            wait(&[self.display.connection.stream().as_fd(), control.as_fd()], None)?;
            return Ok(true);
        }
        let now = Instant::now();
        let early = self.throttle.wait(now);
        if early > Duration::ZERO {
            // Deaf to the server: whatever it says meanwhile, there is nothing to do before.
            wait(&[control.as_fd()], Some(early))?;
            return Ok(true);
        }
        // Also where no picture comes of it: a pointer that moves elsewhere must not keep us busy.
        self.throttle.took(now);
        self.look(now)?;
        Ok(true)
    }

    /// Takes in what the server has told.
    fn hear(&mut self) -> Result<(), Failure> {
        while let Some(event) = self.display.connection.poll_for_event()? {
            match event {
                Event::DamageNotify(_) => {
                    self.news.damaged = true;
                    // Drawn to, so it is not hidden any more, whatever we have missed.
                    self.news.view |= self.view.is_none();
                }
                Event::XinputRawMotion(_) => self.news.pointer = true,
                Event::XfixesCursorNotify(_) => {
                    self.news.pointer = true;
                    if let Some(pointer) = &mut self.pointer {
                        pointer.set_changed();
                    }
                }
                Event::DestroyNotify(event) => {
                    self.news.closed |= Some(event.window) == self.follower.window();
                    self.news.view = true;
                }
                Event::ConfigureNotify(event) => self.news.view |= self.is_resized(&event),
                Event::MapNotify(_)
                | Event::UnmapNotify(_)
                | Event::ReparentNotify(_)
                | Event::RandrNotify(_)
                | Event::RandrScreenChangeNotify(_) => self.news.view = true,
                // Refusals of requests without an answer: of what is gone.
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether it matters: where a window is, and how large its frame, does not.
    fn is_resized(&self, event: &ConfigureNotifyEvent) -> bool {
        let size = self
            .view
            .as_ref()
            .map(|view| (view.size.width(), view.size.height(), view.left));
        let border = i16::try_from(event.border_width).unwrap_or(i16::MAX);
        match self.follower.window() {
            Some(window) if event.window != window => false,
            Some(_) => size != Some((event.width.into(), event.height.into(), border)),
            None => event.window == self.display.root(),
        }
    }

    /// Looks at what changed, and passes on a picture if anything did.
    fn look(&mut self, now: Instant) -> Result<(), Failure> {
        if self.news.view {
            let view = self.follower.look(&self.display)?;
            self.news.view = false;
            if view != self.view {
                self.pending = view.as_ref().map(|view| Damage::all(view.size));
                self.view = view;
            }
        }
        let (Some(view), Some(mut pending)) = (self.view.clone(), self.pending.take()) else {
            // Hidden: what is drawn again is told again.
            self.news = News::default();
            return Ok(());
        };
        let result = self.fetch(now, &view, &mut pending);
        self.pending = Some(pending);
        result
    }

    fn fetch(&mut self, now: Instant, view: &View, pending: &mut Damage) -> Result<(), Failure> {
        if self.news.damaged {
            self.gather(view, pending)?;
            self.news.damaged = false;
        }
        let cursor = match &mut self.pointer {
            Some(pointer) => pointer.look(&self.display, &self.follower, view)?,
            None => None,
        };
        self.news.pointer = false;
        if cursor != self.drawn {
            for cursor in self.drawn.iter().chain(&cursor) {
                pending.add(cursor.left, cursor.top, cursor.width, cursor.height);
            }
        }
        if !pending.is_empty() {
            self.grab(view, pending, cursor.as_ref())?;
            self.drawn = cursor;
            match self.paint(view, pending) {
                Ok(()) => {}
                // Everybody holds on to pictures: this state comes with the next one.
                Err(picture::Error::Exhausted) => {
                    self.feed.skipped();
                    self.news.damaged = true;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
            pending.clear();
        } else if !self.news.refresh {
            return Ok(());
        }
        self.news.refresh = false;
        if let Some(picture) = self.canvas.picture() {
            self.feed.picture(picture.clone(), now);
        }
        Ok(())
    }

    /// Adds what was drawn since the last time. What is drawn from here on is told anew.
    fn gather(&self, view: &View, pending: &mut Damage) -> Result<(), Failure> {
        let connection = &self.display.connection;
        connection.damage_subtract(self.damage, x11rb::NONE, self.region)?;
        let region = connection.xfixes_fetch_region(self.region)?.reply()?;
        for rect in region.rectangles {
            let left = i64::from(rect.x) - i64::from(view.offset.0);
            let top = i64::from(rect.y) - i64::from(view.offset.1);
            pending.add(left, top, rect.width.into(), rect.height.into());
        }
        Ok(())
    }

    /// Fetches the rows that hold what changed, and draws the pointer there.
    fn grab(&mut self, view: &View, pending: &Damage, cursor: Option<&Cursor>) -> Result<(), Failure> {
        let connection = &self.display.connection;
        let row = view.size.width() as usize * 4;
        let bytes = row * view.size.height() as usize;
        let segment = match self.segment.take() {
            Some(segment) if segment.len() == bytes => segment,
            other => {
                if let Some(segment) = other {
                    segment.detach(connection)?;
                }
                Segment::new(connection, bytes)?
            }
        };
        let segment = self.segment.insert(segment);
        let bands = pending.bands();
        let mut answers = Vec::with_capacity(bands.len());
        for band in &bands {
            // Sizes are within 14 bits, and a segment of the largest picture within 28.
            answers.push(connection.shm_get_image(
                view.drawable,
                view.left,
                view.top.saturating_add(band.start as i16),
                view.size.width() as u16,
                band.len() as u16,
                !0,
                ImageFormat::Z_PIXMAP.into(),
                segment.id,
                (band.start as usize * row) as u32,
            )?);
        }
        // All of them, or the server might still write when we read.
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.reply()).collect();
        for answer in answers {
            answer?;
        }
        if let Some(cursor) = cursor {
            for band in bands {
                let rows = &mut segment.bytes_mut()[band.start as usize * row..band.end as usize * row];
                let part = picture::Rect {
                    left: 0,
                    top: band.start,
                    width: view.size.width(),
                    height: band.len() as u32,
                };
                cursor.draw(rows, part);
            }
        }
        Ok(())
    }

    /// Converts what changed.
    fn paint(&mut self, view: &View, pending: &Damage) -> Result<(), picture::Error> {
        let Some(segment) = &mut self.segment else {
            return Ok(());
        };
        let stride = view.size.width() as usize * 4;
        let image = Image::new(PixelFormat::Bgra, view.size, segment.bytes_mut(), stride)?;
        self.canvas.paint(&image, pending)
    }
}

/// Sleeps until one of `files` has something to say, or for `patience`.
fn wait(files: &[std::os::fd::BorrowedFd<'_>], patience: Option<Duration>) -> Result<(), Failure> {
    let mut files: Vec<_> = files
        .iter()
        .map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN))
        .collect();
    let patience = patience.map(|patience| Timespec {
        tv_sec: patience.as_secs() as i64,
        tv_nsec: patience.subsec_nanos().into(),
    });
    match poll(&mut files, patience.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(x11rb::errors::ConnectionError::from(std::io::Error::from(error)).into()),
    }
}
