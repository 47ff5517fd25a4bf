//! What people do together beside talking: messages and text as it is typed, captions, polls, questions, the scene and
//! slides. One idea a file: what is known of it, apart from people and sessions where that can be, and below what the room
//! makes of it. What is told of it is told to those who may see it, and whoever comes or comes back is shown all of it.

mod allowance;
mod captions;
mod memory;
mod messages;
mod polls;
mod questions;
mod scene;
mod slides;
mod typing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sidetone_organisation::{Origin, Setting};
use sidetone_signaling::protocol::meeting::{
    Act, Capabilities, Capability, Engaged, Engagement, News, ParticipantId, PersonKind,
};
use sidetone_signaling::protocol::{Event, Millis, SessionId};
use sidetone_signaling::{Identifier, Reason};

use super::board::is_capable;
use super::participant::Participant;
use super::{Context, Room};
use crate::api::Fact;
use crate::minutes::Minutes;
use allowance::Allowance;
use memory::{Part, sheet_of};

/// Bytes of what is told together. What is longer by itself goes by itself.
const LONGEST_FRAME: usize = 24 * 1024;

/// All of it.
#[derive(Debug)]
pub(super) struct Together {
    began: Instant,
    messages: messages::Messages,
    typing: typing::Typing,
    captions: captions::Captions,
    polls: polls::Polls,
    questions: questions::Questions,
    scene: scene::Seats,
    slides: slides::Slideshow,
    /// What is other than it was kept.
    changed: BTreeSet<Part>,
}

impl Together {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            messages: messages::Messages::default(),
            typing: typing::Typing::default(),
            captions: captions::Captions::default(),
            polls: polls::Polls::default(),
            questions: questions::Questions::default(),
            scene: scene::Seats::default(),
            slides: slides::Slideshow::default(),
            changed: BTreeSet::new(),
        }
    }

    /// It began earlier than this service did.
    pub(super) fn began(&mut self, at: Instant) {
        self.began = self.began.min(at);
    }

    fn since(&self, now: Instant) -> Millis {
        now.saturating_duration_since(self.began).into()
    }
}

/// Changes of what somebody may do that change what they see of this.
const SIGHTS: [Capability; 5] = [
    Capability::ManagePolls,
    Capability::ManageQuestions,
    Capability::ViewAttendeeNames,
    Capability::ReceiveCaptions,
    Capability::ViewSlides,
];

impl Room {
    /// Somebody does something beside talking.
    pub(crate) fn engage(
        &mut self,
        me: ParticipantId,
        act: &Act,
        cx: &mut Context<'_>,
    ) -> Result<Engaged, Reason> {
        let mut id = None;
        match act {
            Act::Message(message) => self.send_message(me, message, cx)?,
            Act::Type(typed) => self.type_text(me, typed, cx)?,
            Act::SetCaptions(set) => self.set_captions(me, set, cx)?,
            Act::ReceiveCaptions(receive) => self.receive_captions(me, receive)?,
            Act::Caption(caption) => self.caption(me, caption, cx)?,
            Act::CreatePoll(create) => id = Some(self.create_poll(me, create, cx)?),
            Act::OpenPoll(which) => self.open_poll(me, which.id, true, cx)?,
            Act::ClosePoll(which) => self.open_poll(me, which.id, false, cx)?,
            Act::RemovePoll(which) => self.remove_poll(me, which.id, cx)?,
            Act::Vote(vote) => self.vote(me, vote, cx)?,
            Act::SetQuestions(set) => self.set_questions(me, *set, cx)?,
            Act::Ask(ask) => id = Some(self.ask_question(me, ask, cx)?),
            Act::Upvote(upvote) => self.upvote(me, *upvote, cx)?,
            Act::Answer(answer) => self.answer_question(me, answer, cx)?,
            Act::Moderate(moderate) => self.moderate(me, *moderate, cx)?,
            Act::SetScene(scene) => self.set_scene(me, scene, cx)?,
            Act::Present(present) => self.present(me, present, cx)?,
            Act::TurnPage(turn) => self.turn_page(me, turn.page, cx)?,
            Act::Annotate(annotate) => self.annotate(me, annotate, cx)?,
            Act::SetFollow(set) => self.set_follow(me, set.follow, cx)?,
            Act::StopPresenting => self.stop_presenting(me, cx)?,
        }
        Ok(Engaged { id })
    }

    /// Tells what was gathered.
    pub(super) fn flush_engagement(&mut self, cx: &mut Context<'_>) {
        self.flush_polls(cx);
        self.flush_questions(cx);
    }

    /// Shows somebody all of it, several in a frame: an endpoint acknowledges no more than so many at a time.
    pub(super) fn welcome_engagement(&self, id: ParticipantId, again: bool, cx: &mut Context<'_>) {
        let Some(viewer) = self.participants.get(&id) else {
            return;
        };
        let Some(session) = viewer.welcomed_session() else {
            return;
        };
        // What they may still show is perhaps no longer so.
        let mut all: Vec<News> = again.then_some(News::Anew).into_iter().collect();
        all.extend(self.captions_now());
        all.extend(self.typing_for(viewer));
        all.extend(self.polls_for(viewer));
        all.extend(self.questions_for(viewer));
        all.extend(self.scene_now());
        all.extend(self.slides_for(viewer));
        for frame in frames(all) {
            cx.tell_one(session, self.engagement(frame));
        }
    }

    /// Somebody may see more of it now, or less.
    pub(super) fn engagement_rights_changed(
        &self,
        id: ParticipantId,
        new: &Capabilities,
        cx: &mut Context<'_>,
    ) {
        if SIGHTS.iter().any(|capability| new.contains_key(capability)) {
            self.welcome_engagement(id, true, cx);
        }
    }

    /// Somebody is gone.
    pub(super) fn drop_engagement(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        self.together.messages.left(id);
        self.together.typing.left(id);
        self.together.captions.left(id);
        self.together.questions.left(id);
        self.leave_seat(id, cx);
        self.presenter_left(id, cx);
    }

    /// What is kept of it when it is over.
    pub(crate) fn minutes(&self) -> Minutes {
        Minutes {
            polls: self.together.polls.record(),
            questions: self.together.questions.record(),
            transcript: self.together.captions.transcript.clone(),
        }
    }

    /// Tells what is kept of it.
    pub(super) fn tell_minutes(&self, cx: &mut Context<'_>) {
        let minutes = self.minutes();
        if !minutes.is_empty() {
            cx.fact(Fact::Minutes {
                call: self.call,
                meeting: self.meeting(),
                minutes: Box::new(minutes),
            });
        }
    }

    fn engagement(&self, news: News) -> Event {
        let call = self.call;
        Event::MeetingEngagement(Box::new(Engagement { call, news }))
    }

    /// Tells those that `key` sorts, each sort its own. Nothing is told to whom it gives nothing.
    fn tell_of<K: Ord>(
        &self,
        key: impl Fn(&Participant) -> Option<K>,
        news: impl Fn(&K) -> News,
        cx: &mut Context<'_>,
    ) {
        let mut sorts: BTreeMap<K, Vec<SessionId>> = BTreeMap::new();
        for participant in self.participants.values() {
            if let Some(session) = participant.welcomed_session()
                && let Some(key) = key(participant)
            {
                sorts.entry(key).or_default().push(session);
            }
        }
        for (key, sessions) in sorts {
            cx.tell(sessions, self.engagement(news(&key)));
        }
    }

    /// Who somebody is: their number means nobody when they have come again.
    fn person(&self, id: ParticipantId) -> Result<Person, Reason> {
        let participant = self.participants.get(&id).ok_or(Reason::NO_SUCH_CALL)?;
        Ok(Person {
            identity: participant.identity.clone(),
            display_name: participant.display_name.clone(),
            external: matches!(participant.kind, PersonKind::ExternalUser | PersonKind::Anonymous),
        })
    }

    /// Whether a switch keeps somebody from something.
    fn is_kept_out(&self, id: ParticipantId, switch: Setting) -> bool {
        let external = |participant: &Participant| participant.origin == Origin::External;
        !switch.is_open() && self.participants.get(&id).is_some_and(external)
    }
}

/// Somebody, apart from their stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    identity: Identifier,
    display_name: String,
    external: bool,
}

/// Several in a frame, as long as it is not too long for one.
fn frames(all: Vec<News>) -> Vec<News> {
    let mut frames: Vec<News> = Vec::new();
    let (mut page, mut bytes) = (Vec::new(), 0);
    for one in all {
        let length = serde_json::to_string(&one).map_or(0, |text| text.len());
        if bytes + length > LONGEST_FRAME && !page.is_empty() {
            frames.push(News::Several(std::mem::take(&mut page)));
            bytes = 0;
        }
        bytes += length;
        page.push(one);
    }
    if !page.is_empty() {
        frames.push(News::Several(page));
    }
    frames
}

fn may(participant: &Participant, capability: Capability) -> bool {
    is_capable(&participant.capabilities, capability)
}

/// Whether a text has between one byte and so many.
fn text(text: &str, most: usize) -> Result<(), Reason> {
    match text.trim().len() {
        0 => Err(Reason::BAD_PARAMETERS),
        _ if text.len() > most => Err(Reason::TEXT_TOO_LONG),
        _ => Ok(()),
    }
}
