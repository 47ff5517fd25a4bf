//! What each wants to see, and how many cameras their network carries (spec 3.4 OptimalVideoCount). What they are sent of
//! it is decided where the media is.

use std::time::{Duration, Instant};

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::meeting::{OptimalVideoCount, ParticipantId, Picture, Watch};

use super::engage::Bucket;
use super::engagement::Part;
use super::participant::Participant;
use super::{Context, Room, Timer};
use crate::api::MediaOrder;

/// Changes that somebody may ask for at once; some come back each second. A window that is dragged asks for many.
const BURST: u32 = 20;
const REFILL: Duration = Duration::from_millis(200);

/// What somebody wants to see, and can.
#[derive(Debug, Default)]
pub(super) struct Watching {
    wanted: Option<Wanted>,
    asked: Bucket,
    /// How many cameras their network carries.
    carries: Option<u16>,
    /// As they were told, and when.
    told: Option<(u16, Instant)>,
}

/// Pictures, and how many cameras at most.
pub(super) type Wanted = (Vec<Picture>, Option<u8>);

impl Participant {
    pub(super) fn wanted(&self) -> Option<&Wanted> {
        self.watching.wanted.as_ref()
    }

    /// As before the service was cut off.
    pub(super) fn wants_again(&mut self, wanted: Wanted) {
        self.watching.wanted = Some(wanted);
    }
}

impl Room {
    /// Somebody wants to see something else.
    pub(crate) fn set_watch(
        &mut self,
        id: ParticipantId,
        watch: &Watch,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        // Those who are gone were there when the request was made. Nobody has a number that was never given.
        let given = |picture: &Picture| (1..=self.numbered).contains(&picture.participant.0);
        if !watch.pictures.iter().all(given) {
            return Err(Reason::NO_SUCH_PARTICIPANT);
        }
        let participant = self.participants.get_mut(&id).ok_or(Reason::NO_SUCH_CALL)?;
        let wanted = Some((watch.pictures.clone(), watch.cameras));
        if participant.watching.wanted == wanted {
            return Ok(());
        }
        if !participant.watching.asked.take(cx.now, BURST, REFILL) {
            return Err(Reason::TOO_MANY_REQUESTS);
        }
        participant.watching.wanted = wanted;
        let shown = participant.media.is_there();
        self.together.keep(Part::Watch(id));
        if shown {
            self.watch_again(id, cx);
        }
        Ok(())
    }

    /// Media is brought up, and is told what was told to the one before it.
    pub(super) fn watch_again(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        if let Some((pictures, cameras)) = participant.watching.wanted.clone() {
            cx.media(
                self.call,
                MediaOrder::Watch {
                    participant: id,
                    pictures,
                    cameras,
                },
            );
        }
    }

    /// Somebody's network carries so many cameras.
    pub(crate) fn carries(&mut self, id: ParticipantId, cameras: u16, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.watching.carries = Some(cameras);
        let told = participant.watching.told;
        let at = told.map_or(cx.now, |(_, told)| {
            (told + cx.config.video_count_pace).max(cx.now)
        });
        cx.timers.set_if_unset(Timer::VideoCount(self.call, id), at);
    }

    /// It may be told.
    pub(crate) fn tell_video_count(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let (call, now) = (self.call, cx.now);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        // Whoever is shown nothing yet is told with all the rest.
        let Some((session, count)) = participant.welcomed_session().zip(participant.watching.carries) else {
            return;
        };
        if participant.watching.told.is_none_or(|(told, _)| told != count) {
            participant.watching.told = Some((count, now));
            cx.tell_one(
                session,
                Event::MeetingOptimalVideoCount(OptimalVideoCount { call, count }),
            );
        }
    }

    /// Shows somebody who comes, or comes back, what is known.
    pub(super) fn welcome_video_count(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if let Some(participant) = self.participants.get_mut(&id).filter(|known| known.is_inside()) {
            participant.watching.told = None;
            self.tell_video_count(id, cx);
        }
    }
}
