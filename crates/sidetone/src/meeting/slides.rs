//! Slides that somebody presents.

use std::collections::BTreeMap;

use sidetone_signaling::protocol::meeting::{Act, Annotate, Present, SetFollow, Slides, TurnPage};

use crate::call::Call;
use crate::pending::Pending;

/// Presenting slides. What a page looks like is the app's to know. See [`Call::slides`].
#[derive(Clone, Debug)]
pub struct SlidesFeature(Call);

impl SlidesFeature {
    /// What is presented, and which page is shown; without a presenter nothing is. Changes come as
    /// [`EngagementEvent::SlidesChanged`](crate::EngagementEvent::SlidesChanged).
    pub fn current(&self) -> Slides {
        self.0
            .in_meeting(|meeting| meeting.together.slides.clone())
            .unwrap_or_default()
    }

    /// What is drawn, by page and number.
    pub fn annotations(&self) -> BTreeMap<(u32, u32), String> {
        self.0
            .in_meeting(|meeting| meeting.together.annotations.clone())
            .unwrap_or_default()
    }

    /// Presents slides, in place of whatever was presented.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not.
    pub fn present(&self, slides: Present) -> Pending<()> {
        self.0.engage(Act::Present(slides))
    }

    /// Shows another page, from 0 on.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to everyone but the presenter, and where there is no such page.
    pub fn turn_to(&self, page: u32) -> Pending<()> {
        self.0.engage(Act::TurnPage(TurnPage { page }))
    }

    /// Has everyone see the presenter's page, or lets them turn pages themselves.
    ///
    /// # Errors
    /// As of [`SlidesFeature::turn_to`].
    pub fn set_follow(&self, follow: bool) -> Pending<()> {
        self.0.engage(Act::SetFollow(SetFollow { follow }))
    }

    /// Draws on a page, or with no data wipes what was drawn under this number.
    ///
    /// # Errors
    /// As of [`SlidesFeature::turn_to`].
    pub fn annotate(&self, page: u32, id: u32, data: Option<&str>) -> Pending<()> {
        let data = data.map(str::to_owned);
        self.0.engage(Act::Annotate(Annotate { page, id, data }))
    }

    /// Ends the presentation.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who neither present nor keep order.
    pub fn stop(&self) -> Pending<()> {
        self.0.engage(Act::StopPresenting)
    }
}

impl Call {
    /// Presenting slides.
    pub fn slides(&self) -> SlidesFeature {
        SlidesFeature(self.clone())
    }
}
