//! Drives the brain of meetings beside the switchboard: hands it what concerns it, carries out what it wants, and gives
//! back what the switchboard shall do.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_meeting::{Fact, Input, MediaEvent, Meetings, Order, Output};
use sidetone_organisation::MeetingId;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::{CallId, Event, Request};
use sidetone_signaling::switchboard::{Ask, Record, ServerInput};
use sidetone_store::WallTime;
use tokio::sync::mpsc;

use super::attendance::{Attended, Ended, News, attended};
use super::conversation::{self, Happened};
use super::running::Running;
use super::{Media, told};
use crate::accounting::Recorder;
use crate::api::registry::Registry;
use crate::metrics::Metrics;

/// Least time between two writings of what runs: a thousand people who come at once are written a few times.
const PACE: Duration = Duration::from_millis(200);

/// Everyone who is and was in a call that runs.
#[derive(Debug)]
pub(crate) struct Present {
    /// The call.
    pub(crate) call: CallId,
    /// Since when, and until when.
    pub(crate) attended: Vec<Attended>,
}

/// The brain of meetings, and what it works with.
pub(crate) struct Stage {
    meetings: Meetings,
    media: Box<dyn Media>,
    registry: Arc<Registry>,
    recorder: Recorder,
    metrics: Arc<Metrics>,
    kept: mpsc::Sender<News>,
    news: conversation::News,
    replies: VecDeque<ServerInput>,
    /// Calls that are not as they were kept last.
    unkept: BTreeSet<CallId>,
    /// Calls in which something was done beside talking since then.
    engaged: BTreeSet<CallId>,
    kept_at: Option<Instant>,
    wake: Option<Instant>,
    /// Of the meeting that ends next.
    minutes: sidetone_meeting::Minutes,
}

impl Stage {
    pub(crate) fn new(
        meetings: Meetings,
        media: Box<dyn Media>,
        registry: Arc<Registry>,
        (recorder, metrics): (Recorder, Arc<Metrics>),
        kept: mpsc::Sender<News>,
        news: conversation::News,
    ) -> Self {
        Self {
            meetings,
            media,
            registry,
            recorder,
            metrics,
            kept,
            news,
            replies: VecDeque::new(),
            unkept: BTreeSet::new(),
            engaged: BTreeSet::new(),
            kept_at: None,
            wake: None,
            minutes: sidetone_meeting::Minutes::default(),
        }
    }

    /// A meeting goes on that ran when the process before this one was cut off.
    pub(crate) fn restore(&mut self, running: Running, now: (Instant, WallTime)) {
        let (memory, pieces) = running.memory(now);
        let (call, stays) = (memory.call, memory.stays.clone());
        let (organisation, meeting) = (memory.organisation.clone(), memory.meeting.clone());
        self.meetings.restore(memory, &pieces, now.0);
        self.drain(now);
        if self.meetings.memory(call).is_none() {
            // Nobody was in it who could come back.
            self.over(Ended {
                organisation,
                meeting,
                call,
                attended: stays.iter().map(|stay| attended(stay, now)).collect(),
                // What can be read of it is in pieces of which only a meeting that goes on makes something.
                minutes: sidetone_meeting::Minutes::default(),
            });
        }
    }

    /// A request that the switchboard handed on.
    pub(crate) fn asked(&mut self, ask: Box<Ask>, now: (Instant, WallTime)) {
        if let Request::MeetingEngage(engage) = &ask.request {
            self.engaged.insert(engage.call);
        }
        self.input(Input::Ask(ask), now);
    }

    /// What the switchboard reports of sessions.
    pub(crate) fn heard(&mut self, record: &Record, now: (Instant, WallTime)) {
        let input = match record {
            Record::SessionOpened {
                session,
                identity,
                takes_calls,
                ..
            } => Input::SessionOpened {
                session: *session,
                identity: identity.clone(),
                takes_calls: *takes_calls,
            },
            Record::SessionTakesCalls {
                session,
                takes_calls: true,
            } => Input::SessionTakesCalls(*session),
            Record::SessionDetached { session } => Input::SessionDetached(*session),
            Record::SessionResumed { session, .. } => Input::SessionResumed(*session),
            Record::SessionEnded { session, reason } => Input::SessionEnded(*session, reason.clone()),
            _ => return,
        };
        self.input(input, now);
    }

    /// What media reports.
    pub(crate) fn media(&mut self, call: CallId, event: MediaEvent, now: (Instant, WallTime)) {
        self.input(Input::Media(call, event), now);
    }

    /// The world has changed.
    pub(crate) fn changed(&mut self, now: (Instant, WallTime)) {
        if !self.meetings.is_empty() {
            self.input(Input::Changed, now);
        }
    }

    /// The instant has come that was waited for.
    pub(crate) fn timeout(&mut self, now: (Instant, WallTime)) {
        if self.wake.is_some_and(|at| at <= now.0) {
            self.input(Input::Timeout, now);
        }
        self.keep(now);
    }

    /// Carries out an order from outside.
    pub(crate) fn order(
        &mut self,
        meeting: &MeetingId,
        order: Order,
        now: (Instant, WallTime),
    ) -> Result<(), Reason> {
        let call = self.meetings.running(meeting).ok_or(Reason::NO_SUCH_CALL)?;
        let result = self.meetings.order(call, order, now.0);
        self.drain(now);
        result
    }

    /// Ends every meeting: the service stops.
    pub(crate) fn end_all(&mut self, now: (Instant, WallTime)) {
        self.meetings.end_all(&Reason::GOING_AWAY, now.0);
        self.drain(now);
    }

    /// Who is and was in a meeting that runs.
    pub(crate) fn present(&self, meeting: &MeetingId, now: (Instant, WallTime)) -> Option<Present> {
        let call = self.meetings.running(meeting)?;
        let stays = self.meetings.roster(call)?;
        Some(Present {
            call,
            attended: stays.iter().map(|stay| attended(stay, now)).collect(),
        })
    }

    /// What people did beside talking in a meeting that runs, as far as it has come.
    pub(crate) fn minutes(&self, meeting: &MeetingId) -> Option<(CallId, sidetone_meeting::Minutes)> {
        let call = self.meetings.running(meeting)?;
        Some((call, self.meetings.minutes(call)?))
    }

    /// What the switchboard shall do, one after the other.
    pub(crate) fn reply(&mut self) -> Option<ServerInput> {
        self.replies.pop_front()
    }

    /// When something is to be done without any input.
    pub(crate) fn wake(&self) -> Option<Instant> {
        [self.wake, self.keep_at()].into_iter().flatten().min()
    }

    /// When what runs is written again.
    fn keep_at(&self) -> Option<Instant> {
        let paced = self.kept_at.map(|at| at + PACE)?;
        self.is_behind().then_some(paced)
    }

    fn is_behind(&self) -> bool {
        !self.unkept.is_empty() || !self.engaged.is_empty()
    }

    /// Writes what runs and is another, where it is time.
    fn keep(&mut self, now: (Instant, WallTime)) {
        if !self.is_behind() || self.keep_at().is_some_and(|at| at > now.0) {
            return;
        }
        self.kept_at = Some(now.0);
        for call in std::mem::take(&mut self.unkept) {
            let Some(memory) = self.meetings.memory(call) else {
                continue;
            };
            let running = Box::new(Running::new(memory, now));
            if self.kept.try_send(News::Runs(running)).is_err() {
                // The disk is slow: in a moment.
                self.unkept.insert(call);
            }
        }
        for call in std::mem::take(&mut self.engaged) {
            let Ok(place) = self.kept.try_reserve() else {
                self.engaged.insert(call);
                continue;
            };
            let pieces = self.meetings.changed_pieces(call);
            if !pieces.is_empty() {
                place.send(News::Changed(call, pieces));
            }
        }
    }

    fn over(&mut self, ended: Ended) {
        let call = ended.call;
        self.unkept.remove(&call);
        self.engaged.remove(&call);
        if self.kept.try_send(News::Over(ended)).is_err() {
            tracing::error!(%call, "who was in a meeting could not be kept");
        }
    }

    fn input(&mut self, input: Input, now: (Instant, WallTime)) {
        self.meetings.handle(input, now.0);
        self.drain(now);
    }

    fn drain(&mut self, now: (Instant, WallTime)) {
        loop {
            match self.meetings.poll() {
                Output::Answer { session, id, result } => {
                    self.replies
                        .push_back(ServerInput::Answer { session, id, result });
                }
                Output::Tell { sessions, event } => {
                    // Whatever is kept of it is told, too.
                    match &*event {
                        Event::MeetingRoster(roster) => _ = self.unkept.insert(roster.call),
                        Event::MeetingChanged(changed) => _ = self.unkept.insert(changed.call),
                        Event::MeetingHands(hands) => _ = self.unkept.insert(hands.call),
                        Event::MeetingSpotlight(spotlight) => _ = self.unkept.insert(spotlight.call),
                        Event::Notices(notices) => _ = self.unkept.insert(notices.call),
                        Event::MeetingEngagement(news) => _ = self.engaged.insert(news.call),
                        _ => {}
                    }
                    self.replies
                        .push_back(ServerInput::TellSessions { sessions, event });
                }
                Output::MoveCall(call) => self.replies.push_back(ServerInput::MoveCall { call }),
                Output::Occupied(session, occupied) => {
                    self.replies
                        .push_back(ServerInput::Occupied { session, occupied });
                }
                Output::Media(call, order) => self.media.order(call, order),
                Output::Fact(fact) => self.fact(*fact, now),
                Output::Timeout(at) => {
                    self.wake = at;
                    return self.keep(now);
                }
            }
        }
    }

    fn fact(&mut self, fact: Fact, now: (Instant, WallTime)) {
        log(&fact);
        self.metrics.meeting(&fact);
        if let Fact::Waits { call, .. } | Fact::Joined { call, .. } | Fact::Left { call, .. } = &fact {
            self.unkept.insert(*call);
        }
        if let Some(told) = told::told(&fact, &self.registry.world()) {
            self.recorder.tell(told);
        }
        if let Some(happened) = Happened::of(&fact) {
            // Nobody listens only where the service ends.
            let _ = self.news.send(happened);
        }
        if let Fact::Minutes { minutes, .. } = fact {
            self.minutes = *minutes;
        } else if let Fact::Ended {
            call, meeting, stays, ..
        } = fact
        {
            let minutes = std::mem::take(&mut self.minutes);
            let Some((organisation, meeting)) = meeting else {
                return;
            };
            let ended = Ended {
                organisation,
                meeting,
                call,
                attended: stays.iter().map(|stay| attended(stay, now)).collect(),
                minutes,
            };
            self.over(ended);
        }
    }
}

/// Ids and reasons, no identity.
fn log(fact: &Fact) {
    match fact {
        Fact::Started { call, kind, .. } => tracing::info!(%call, ?kind, "meeting began"),
        Fact::Escalated { call } => tracing::info!(%call, "call of two became one of more"),
        Fact::Joined { call, who } => tracing::debug!(%call, participant = who.participant.0, "joined"),
        Fact::Waits { call, who } => tracing::debug!(%call, participant = who.participant.0, "waits"),
        Fact::Left { call, who, reason } => {
            tracing::debug!(%call, participant = who.participant.0, %reason, "left");
        }
        Fact::Noticed {
            call, kind, state, ..
        } => tracing::info!(%call, ?kind, ?state, "notice changed"),
        Fact::Consented { call, given, .. } => tracing::debug!(%call, given, "consent changed"),
        Fact::Invited { call, .. } => tracing::debug!(%call, "invited"),
        Fact::Polled {
            call,
            poll,
            open,
            voted,
            ..
        } => tracing::debug!(%call, poll, open, voted, "poll changed"),
        Fact::Asked { call, question, .. } => tracing::debug!(%call, question, "question asked"),
        Fact::Minutes { call, .. } => tracing::debug!(%call, "minutes"),
        Fact::Ended { call, reason, .. } => tracing::info!(%call, %reason, "meeting ended"),
    }
}
