//! Meetings and group calls as an app sees them: who is there, who waits, what each may do and what people do in them,
//! one file for each. All of it follows from what the service tells; nothing here decides anything.

mod breakouts;
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

use sidetone_signaling::protocol::meeting::{self, Joined, Kind, LobbyReason, ParticipantId, Passage, Role};
use sidetone_signaling::protocol::{CallId, Event};

pub use breakouts::{BreakoutRoomsFeature, BreakoutRoomsUpdate};
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
    /// The meeting, where this is a breakout room of one.
    pub breakout_of: Option<CallId>,
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
                breakout_of: joined.breakout_of,
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

    /// Takes in what the service tells, and gives what the app is told.
    pub fn apply(&mut self, event: Event) -> Vec<CallEvent> {
        match event {
            Event::MeetingState(state) => {
                self.waits = waits(state.passage);
                let mut told = vec![CallEvent::LobbyReasonChanged(self.waits)];
                if self.waits.is_none() {
                    // Who waits is told neither.
                    (self.info.link, self.info.thread) = (state.link, state.thread);
                    told.push(CallEvent::MeetingChanged(self.info.clone()));
                }
                told
            }
            Event::MeetingRoster(roster) => {
                if roster.snapshot {
                    self.hands.clear();
                }
                self.together.left(&roster.left);
                vec![self.roster.apply(roster)]
            }
            Event::MeetingLobby(lobby) => vec![lobby::apply(&mut self.lobby, lobby)],
            Event::MeetingSpeakers(speakers) => vec![self.speakers.dominate(speakers.speakers)],
            Event::MeetingCapabilities(changed) => self.change_capabilities(changed),
            Event::MeetingChanged(changed) => {
                self.info.is_locked = changed.locked;
                self.info.attendee_audio = changed.attendee_audio;
                self.info.attendee_video = changed.attendee_video;
                vec![CallEvent::MeetingChanged(self.info.clone())]
            }
            Event::MeetingHands(hands) => vec![raise_hand::apply(&mut self.hands, hands)],
            Event::MeetingReactions(reactions) => vec![CallEvent::Reaction {
                reaction: reactions.reaction,
                count: reactions.count,
                participants: reactions.participants,
            }],
            Event::MeetingSpotlight(spotlight) => {
                self.spotlight.clone_from(&spotlight.participants);
                vec![CallEvent::SpotlightChanged(spotlight.participants)]
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
}

fn waits(passage: Passage) -> Option<LobbyReason> {
    match passage {
        Passage::Connected => None,
        Passage::InLobby { reason } => Some(reason),
    }
}

#[cfg(test)]
mod tests;
