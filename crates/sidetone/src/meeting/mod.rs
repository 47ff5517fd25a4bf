//! Meetings and group calls as an app sees them: who is there, who waits, what each may do and what people do in them,
//! one file for each. All of it follows from what the service tells; nothing here decides anything.

mod capabilities;
mod captions;
mod control;
mod engagement;
mod lobby;
mod messages;
mod polls;
mod questions;
mod raise_hand;
mod reactions;
mod real_time_text;
mod roster;
mod scene;
mod slides;
mod speakers;
mod spotlight;
mod watching;

use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::meeting::{self, Joined, Kind, LobbyReason, ParticipantId, Passage, Role};

pub use capabilities::CapabilitiesFeature;
pub use captions::{CaptionsFeature, SpeechEngine, Transcriber, Utterance};
pub use control::JoinOptions;
pub use engagement::EngagementEvent;
pub use lobby::{Lobby, LobbyParticipant};
pub use messages::MessagesFeature;
pub use polls::PollsFeature;
pub use questions::QuestionsFeature;
pub use raise_hand::{RaiseHandFeature, RaisedHand};
pub use reactions::ReactionsFeature;
pub use real_time_text::{RealTimeTextFeature, TypedLine};
pub use roster::RemoteParticipant;
pub use scene::SceneFeature;
pub use slides::SlidesFeature;
pub use speakers::{DominantSpeakers, Speaker};
pub use spotlight::SpotlightFeature;
pub use watching::{OptimalVideoCountFeature, WatchOptions};

use crate::call::CallEvent;

/// What a meeting or group call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingInfo {
    /// What kind of gathering.
    pub kind: Kind,
    /// What it is about; may be empty.
    pub subject: String,
    /// The link by which others can join, for those who are in it.
    pub link: Option<String>,
    /// The conversation beside it.
    pub thread: Option<String>,
    /// This end's number in it.
    pub participant: ParticipantId,
    /// The name that this end is shown under, stamped by the service: with `(External)` for external users.
    pub display_name: String,
    /// What this end is in it.
    pub role: Role,
    /// Nobody comes in who is not there.
    pub is_locked: bool,
    /// Attendees may switch their microphones on.
    pub attendee_audio: bool,
    /// Attendees may switch their cameras on.
    pub attendee_video: bool,
}

/// All that is known of the meeting that a call is.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    pub info: MeetingInfo,
    /// Why this end waits, while it does.
    pub waits: Option<LobbyReason>,
    pub roster: roster::Roster,
    pub lobby: Vec<LobbyParticipant>,
    pub speakers: speakers::Speakers,
    pub capabilities: meeting::Capabilities,
    pub hands: Vec<RaisedHand>,
    pub spotlight: Vec<ParticipantId>,
    pub video_count: Option<u16>,
    pub together: engagement::Together,
}

impl Meeting {
    pub fn new(joined: Joined) -> Self {
        Self {
            waits: waits(joined.passage),
            capabilities: joined.capabilities,
            info: MeetingInfo {
                kind: joined.kind,
                subject: joined.subject,
                link: joined.link,
                thread: joined.thread,
                participant: joined.participant,
                display_name: joined.display_name,
                role: joined.role,
                is_locked: false,
                attendee_audio: true,
                attendee_video: true,
            },
            roster: roster::Roster::default(),
            lobby: Vec::new(),
            speakers: speakers::Speakers::default(),
            hands: Vec::new(),
            spotlight: Vec::new(),
            video_count: None,
            together: engagement::Together::default(),
        }
    }

    /// Joined again, as the same participant: what was known is until the service says otherwise.
    pub fn rejoined(&mut self, joined: Joined) {
        let Self {
            waits,
            info,
            capabilities,
            ..
        } = Self::new(joined);
        self.waits = waits;
        self.capabilities = capabilities;
        self.info = MeetingInfo {
            is_locked: self.info.is_locked,
            attendee_audio: self.info.attendee_audio,
            attendee_video: self.info.attendee_video,
            ..info
        };
    }

    /// Takes in what the service tells, and gives what the app is told: nothing where it was known.
    pub fn apply(&mut self, event: Event) -> Vec<CallEvent> {
        match event {
            Event::MeetingState(state) => {
                let waits = waits(state.passage);
                let before = std::mem::replace(&mut self.waits, waits);
                let reason = (before != waits).then_some(CallEvent::LobbyReasonChanged(waits));
                // Who waits is told neither link nor conversation.
                let info = waits.is_none().then(|| MeetingInfo {
                    link: state.link,
                    thread: state.thread,
                    ..self.info.clone()
                });
                let changed = info.and_then(|info| self.change(info));
                reason.into_iter().chain(changed).collect()
            }
            Event::MeetingRoster(roster) => {
                if roster.snapshot {
                    self.hands.clear();
                }
                self.together.left(&roster.left);
                let change = self.roster.apply(roster);
                self.people_changed(change).into_iter().collect()
            }
            Event::MeetingLobby(told) => lobby::apply(&mut self.lobby, told).into_iter().collect(),
            Event::MeetingSpeakers(told) => self.speakers.dominate(told.speakers).into_iter().collect(),
            Event::MeetingCapabilities(changed) => self.change_capabilities(changed),
            Event::MeetingChanged(changed) => {
                let info = MeetingInfo {
                    is_locked: changed.locked,
                    attendee_audio: changed.attendee_audio,
                    attendee_video: changed.attendee_video,
                    ..self.info.clone()
                };
                self.change(info).into_iter().collect()
            }
            Event::MeetingHands(hands) => raise_hand::apply(&mut self.hands, hands).into_iter().collect(),
            Event::MeetingReactions(reactions) => vec![CallEvent::Reaction {
                reaction: reactions.reaction,
                count: reactions.count,
                participants: reactions.participants,
            }],
            Event::MeetingSpotlight(spotlight) => {
                let now = spotlight.participants;
                let before = std::mem::replace(&mut self.spotlight, now.clone());
                let changed = (before != now).then_some(CallEvent::SpotlightChanged(now));
                changed.into_iter().collect()
            }
            Event::MeetingOptimalVideoCount(told) => {
                self.video_count = Some(told.count);
                vec![CallEvent::OptimalVideoCountChanged(told.count)]
            }
            Event::MeetingEngagement(told) => {
                let told = self.together.apply(told.news);
                told.into_iter().map(CallEvent::Engagement).collect()
            }
            Event::MeetingMutedBy(muted) => vec![CallEvent::MutedByOthers(muted.by)],
            _ => Vec::new(),
        }
    }

    fn change(&mut self, info: MeetingInfo) -> Option<CallEvent> {
        let changed = info != self.info;
        self.info = info;
        changed.then(|| CallEvent::MeetingChanged(self.info.clone()))
    }
}

fn waits(passage: Passage) -> Option<LobbyReason> {
    match passage {
        Passage::Connected => None,
        Passage::InLobby { reason } => Some(reason),
    }
}

#[cfg(test)]
mod tests;
