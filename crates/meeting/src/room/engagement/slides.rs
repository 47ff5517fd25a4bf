//! Slides that somebody presents: how many pages, which one is shown, and what is drawn on them. Pages are pictures in the
//! conversation beside the meeting or nothing at all: the service renders none.

use std::collections::BTreeMap;
use std::time::Duration;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    Annotate, Annotation, Capability, News, PageShown, ParticipantId, Present, Slides,
};

use super::{Allowance, Context, Part, Participant, Room, may};

/// Most pages.
const MOST_PAGES: u32 = 1_000;
/// Most that is drawn on all of them, and the longest of it, in bytes.
const MOST_DRAWN: usize = 500;
const LONGEST_DRAWN: usize = 4 * 1024;
/// Longest title and longest name of a picture, in bytes.
const LONGEST_TITLE: usize = 256;
const LONGEST_IMAGE: usize = 128;
/// Most bytes of all names of pictures: they travel in one frame.
const LONGEST_IMAGES: usize = 32 * 1024;
/// Of the presenter: twenty changes a second, two seconds' worth at once.
const EACH: Duration = Duration::from_millis(50);
const BURST: Duration = Duration::from_secs(2);

/// What is presented.
#[derive(Debug, Default)]
pub(super) struct Slideshow {
    pub(super) slides: Slides,
    pub(super) drawn: BTreeMap<(u32, u32), String>,
    allowance: Allowance,
}

impl Room {
    /// Somebody presents slides, in place of whatever was presented.
    pub(super) fn present(
        &mut self,
        me: ParticipantId,
        present: &Present,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::PresentSlides)?;
        let presenter = self.together.slides.slides.presenter;
        // Whoever does not keep order takes nobody's place.
        if presenter.is_some_and(|presenter| presenter != me) {
            self.require(me, Capability::MuteOthers)?;
        }
        let pictured = present.images.is_empty() || present.images.len() == present.pages as usize;
        if !(1..=MOST_PAGES).contains(&present.pages) || !pictured {
            return Err(Reason::BAD_PARAMETERS);
        }
        let long = |image: &String| image.len() > LONGEST_IMAGE;
        let in_all: usize = present.images.iter().map(String::len).sum();
        if present.title.len() > LONGEST_TITLE || present.images.iter().any(long) || in_all > LONGEST_IMAGES {
            return Err(Reason::TEXT_TOO_LONG);
        }
        self.changes_slides(cx)?;
        self.wipe();
        self.together.slides.slides = Slides {
            presenter: Some(me),
            title: present.title.clone(),
            pages: present.pages,
            page: 0,
            follow: present.follow,
            images: present.images.clone(),
        };
        self.tell_slides(cx);
        Ok(())
    }

    /// The presenter shows another page.
    pub(super) fn turn_page(
        &mut self,
        me: ParticipantId,
        page: u32,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.presents(me, Some(page))?;
        self.changes_slides(cx)?;
        if std::mem::replace(&mut self.together.slides.slides.page, page) != page {
            self.tell_page(cx);
        }
        Ok(())
    }

    /// The presenter has everyone see their page, or no longer.
    pub(super) fn set_follow(
        &mut self,
        me: ParticipantId,
        follow: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.presents(me, None)?;
        self.changes_slides(cx)?;
        if std::mem::replace(&mut self.together.slides.slides.follow, follow) != follow {
            self.tell_page(cx);
        }
        Ok(())
    }

    /// The presenter draws on a page, or wipes it.
    pub(super) fn annotate(
        &mut self,
        me: ParticipantId,
        annotate: &Annotate,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.presents(me, Some(annotate.page))?;
        let place = (annotate.page, annotate.id);
        if annotate
            .data
            .as_ref()
            .is_some_and(|data| data.len() > LONGEST_DRAWN)
        {
            return Err(Reason::TEXT_TOO_LONG);
        }
        let drawn = &self.together.slides.drawn;
        if annotate.data.is_some() && drawn.len() >= MOST_DRAWN && !drawn.contains_key(&place) {
            return Err(Reason::TOO_MANY_OBJECTS);
        }
        self.changes_slides(cx)?;
        let drawn = &mut self.together.slides.drawn;
        match annotate.data.clone() {
            Some(data) => drawn.insert(place, data),
            None => drawn.remove(&place),
        };
        let (page, id) = place;
        self.together.changed.insert(Part::Drawn(page, id));
        let data = annotate.data.clone();
        self.tell_viewers(&News::Annotation(Annotation { page, id, data }), cx);
        Ok(())
    }

    /// The presenter ends it, or somebody who keeps order.
    pub(super) fn stop_presenting(&mut self, me: ParticipantId, cx: &mut Context<'_>) -> Result<(), Reason> {
        match self.together.slides.slides.presenter {
            None => return Ok(()),
            Some(presenter) if presenter == me => {}
            Some(_) => self.require(me, Capability::MuteOthers)?,
        }
        self.end_slides(cx);
        Ok(())
    }

    pub(super) fn presenter_left(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if self.together.slides.slides.presenter == Some(id) {
            self.end_slides(cx);
        }
    }

    fn wipe(&mut self) {
        let drawn = std::mem::take(&mut self.together.slides.drawn);
        let parts = drawn.into_keys().map(|(page, id)| Part::Drawn(page, id));
        self.together.changed.extend(parts);
    }

    fn end_slides(&mut self, cx: &mut Context<'_>) {
        self.wipe();
        self.together.slides = Slideshow::default();
        self.tell_slides(cx);
    }

    /// Whether somebody presents, and has such a page.
    fn presents(&self, me: ParticipantId, page: Option<u32>) -> Result<(), Reason> {
        self.require(me, Capability::PresentSlides)?;
        let slides = &self.together.slides.slides;
        match slides.presenter {
            Some(presenter) if presenter == me => {}
            Some(_) => return Err(Reason::ROLE_RESTRICTED),
            None => return Err(Reason::NOT_OPEN),
        }
        match page {
            Some(page) if page >= slides.pages => Err(Reason::NO_SUCH_OBJECT),
            _ => Ok(()),
        }
    }

    fn changes_slides(&mut self, cx: &Context<'_>) -> Result<(), Reason> {
        if self.together.slides.allowance.take(EACH, BURST, cx.now) {
            Ok(())
        } else {
            Err(Reason::ENGAGED_TOO_FAST)
        }
    }

    /// What is presented, where something is and somebody may see it.
    pub(super) fn slides_for(&self, viewer: &Participant) -> Vec<News> {
        let show = &self.together.slides;
        if show.slides.presenter.is_none() || !may(viewer, Capability::ViewSlides) {
            return Vec::new();
        }
        let drawn = show.drawn.iter().map(|((page, id), data)| {
            News::Annotation(Annotation {
                page: *page,
                id: *id,
                data: Some(data.clone()),
            })
        });
        std::iter::once(News::Slides(Box::new(show.slides.clone())))
            .chain(drawn)
            .collect()
    }

    fn tell_slides(&mut self, cx: &mut Context<'_>) {
        self.together.changed.insert(Part::Slides);
        let slides = &self.together.slides.slides;
        self.tell_viewers(&News::Slides(Box::new(slides.clone())), cx);
    }

    fn tell_page(&mut self, cx: &mut Context<'_>) {
        self.together.changed.insert(Part::Slides);
        let Slides { page, follow, .. } = self.together.slides.slides;
        self.tell_viewers(&News::Page(PageShown { page, follow }), cx);
    }

    fn tell_viewers(&self, news: &News, cx: &mut Context<'_>) {
        self.tell_of(
            |viewer| may(viewer, Capability::ViewSlides).then_some(()),
            |()| news.clone(),
            cx,
        );
    }
}
