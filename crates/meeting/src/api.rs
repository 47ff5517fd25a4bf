//! What goes into [`Meetings`](crate::Meetings), what comes out, and what they are told at the start.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::protocol::meeting::{Kind, LobbyReason, ParticipantId, PersonKind, Picture, Role};
use sidetone_signaling::protocol::{CallId, Event, Notice, NoticeKind, NoticeState, SessionId};
use sidetone_signaling::switchboard::Ask;
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

use crate::minutes::Minutes;

/// How meetings behave.
#[derive(Clone, Debug)]
pub struct Config {
    /// What links begin with. The number and the secret follow.
    pub link_base: String,
    /// How long a participant stays without media: a client that lost its network has that long to bring it back.
    pub media_lease: Duration,
    /// How long a participant stays on the roster without a session, whatever its media does.
    pub roster_grace: Duration,
    /// How long media may take to come up.
    pub setup_timeout: Duration,
    /// How long people ring who are asked to come.
    pub ring: Duration,
    /// Least time between two changes of the roster that everyone is told of. More makes the roster late, less costs a
    /// frame to everyone for each.
    pub pace_least: Duration,
    /// What each who is told adds to it.
    pub pace_each: Duration,
    /// The most it becomes.
    pub pace_most: Duration,
    /// Most entries of one roster event.
    pub page: usize,
    /// Most calls of one endpoint at a time.
    pub calls_per_session: usize,
    /// Wrong links and passcodes a minute, of one identity.
    pub guesses_per_identity: u32,
    /// Wrong passcodes a minute, for one meeting.
    pub guesses_per_meeting: u32,
    /// Least time between two counts of the cameras that somebody's network carries.
    pub video_count_pace: Duration,
    /// Most stays that are kept of one call: who came and went, for the roster of those who read it later.
    pub stays: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            link_base: "sidetone:meet/".to_owned(),
            media_lease: Duration::from_secs(60),
            roster_grace: Duration::from_secs(120),
            setup_timeout: Duration::from_secs(85),
            ring: Duration::from_secs(120),
            pace_least: Duration::from_millis(100),
            pace_each: Duration::from_millis(1),
            pace_most: Duration::from_secs(1),
            page: 100,
            calls_per_session: 8,
            guesses_per_identity: 10,
            guesses_per_meeting: 60,
            video_count_pace: Duration::from_secs(10),
            stays: 20_000,
        }
    }
}

/// Names one try to bring media up, so that a late answer is not taken for another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u64);

/// What meetings are told.
#[derive(Debug)]
pub enum Input {
    /// An endpoint asks for something.
    Ask(Box<Ask>),
    /// An identity has a new endpoint.
    SessionOpened {
        /// Which.
        session: SessionId,
        /// Whose.
        identity: Identifier,
        /// Whether people are asked on it to come.
        takes_calls: bool,
    },
    /// From now on people are asked on an endpoint to come.
    SessionTakesCalls(SessionId),
    /// An endpoint lost its socket, and may come back.
    SessionDetached(SessionId),
    /// It is back.
    SessionResumed(SessionId),
    /// It is over.
    SessionEnded(SessionId, Reason),
    /// Something about media.
    Media(CallId, MediaEvent),
    /// An operator or organiser wants something done, and is in no meeting.
    Order(CallId, Order),
    /// The directory is another: rules, roles and meetings may have changed.
    Changed,
    /// The instant of [`Output::Timeout`] has come.
    Timeout,
}

/// What is wanted from outside a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Let these in who wait.
    Admit(Vec<ParticipantId>),
    /// Let in all who wait.
    AdmitAll,
    /// Turn these away.
    Reject(Vec<ParticipantId>),
    /// Turn away all who wait.
    RejectAll,
    /// Put somebody out.
    Remove(ParticipantId),
    /// End it for everyone.
    End(Reason),
}

/// What happens to media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// The answer to [`MediaOrder::Join`] or [`MediaOrder::Restart`].
    Answered {
        /// Which try.
        attempt: Attempt,
        /// The answer, or why there is none.
        result: Result<String, MediaError>,
    },
    /// A participant's media is up: for the first time, or again.
    Up(ParticipantId),
    /// It is lost, and may come back.
    Lost(ParticipantId),
    /// It never came up.
    Failed(ParticipantId),
    /// Who is heard, the loudest first.
    Speakers(Vec<ParticipantId>),
    /// A participant's network carries so many cameras.
    Carries(ParticipantId, u16),
}

/// Why there is no answer to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MediaError {
    /// The offer cannot be answered.
    #[error("the offer cannot be answered")]
    Offer,
    /// There is no such participant, as far as media goes.
    #[error("the participant has no media")]
    Gone,
    /// It cannot be taken now.
    #[error("the media cannot be carried now")]
    Unavailable,
}

impl MediaError {
    /// The reason in the table.
    pub fn reason(self) -> Reason {
        match self {
            Self::Offer => Reason::OFFER_REFUSED,
            Self::Gone => Reason::WRONG_STATE,
            Self::Unavailable => Reason::MEDIA_UNAVAILABLE,
        }
    }
}

/// What of a participant's media passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Its sound reaches others.
    pub audio: bool,
    /// Its video reaches others.
    pub video: bool,
    /// Its screen reaches others.
    pub share: bool,
    /// What others send reaches it.
    pub receive: bool,
}

impl Rights {
    /// Nothing passes: before the door.
    pub const NONE: Self = Self {
        audio: false,
        video: false,
        share: false,
        receive: false,
    };
}

/// What is wanted of whoever carries the media. Orders of one call are carried out in their order.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaOrder {
    /// There will be participants.
    Open {
        /// So many at most, those before the door among them.
        participants: usize,
        /// How many voices each is sent at a time, where the meeting says so.
        voices: Option<u8>,
    },
    /// A participant: answer its offer by [`MediaEvent::Answered`].
    Join {
        /// The number, which forwarded media carries.
        participant: ParticipantId,
        /// Names the try.
        attempt: Attempt,
        /// The offer.
        offer: String,
        /// What passes at first.
        rights: Rights,
    },
    /// Its network changed: answer its offer by [`MediaEvent::Answered`].
    Restart {
        /// Whose.
        participant: ParticipantId,
        /// Names the try.
        attempt: Attempt,
        /// The offer.
        offer: String,
    },
    /// Something else passes from now on.
    SetRights {
        /// Whose.
        participant: ParticipantId,
        /// What.
        rights: Rights,
    },
    /// Whom everybody sees first, in this order.
    Spotlight {
        /// Who.
        participants: Vec<ParticipantId>,
    },
    /// What somebody wants to see, in place of what they wanted before.
    Watch {
        /// Who.
        participant: ParticipantId,
        /// What, the most important first.
        pictures: Vec<Picture>,
        /// How many cameras at most.
        cameras: Option<u8>,
    },
    /// Its media is no longer wanted.
    Leave {
        /// Whose.
        participant: ParticipantId,
    },
    /// All of it is over.
    Close,
}

impl std::fmt::Debug for MediaOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Offers hold addresses.
        match self {
            Self::Open { participants, voices } => write!(f, "Open({participants}, {voices:?})"),
            Self::Join {
                participant, rights, ..
            } => write!(f, "Join({participant}, {rights:?})"),
            Self::Restart { participant, .. } => write!(f, "Restart({participant})"),
            Self::SetRights { participant, rights } => write!(f, "SetRights({participant}, {rights:?})"),
            Self::Spotlight { participants } => write!(f, "Spotlight({participants:?})"),
            Self::Watch {
                participant,
                pictures,
                cameras,
            } => write!(f, "Watch({participant}, {}, {cameras:?})", pictures.len()),
            Self::Leave { participant } => write!(f, "Leave({participant})"),
            Self::Close => f.write_str("Close"),
        }
    }
}

/// What meetings want done.
#[derive(Debug)]
pub enum Output {
    /// Answer a request.
    Answer {
        /// Who asked.
        session: SessionId,
        /// The request's number.
        id: u64,
        /// The answer.
        result: Result<Value, Reason>,
    },
    /// Tell these endpoints.
    Tell {
        /// Which.
        sessions: Vec<SessionId>,
        /// What.
        event: Box<Event>,
    },
    /// A call between two is a group call from now on: the switchboard lets go of it.
    MoveCall(CallId),
    /// Whether this endpoint is in any call of more, in it or before its door: for whoever calls it meanwhile.
    Occupied(SessionId, bool),
    /// Something for whoever carries the media.
    Media(CallId, MediaOrder),
    /// A fact, for events, usage and records.
    Fact(Box<Fact>),
    /// Nothing more to do before this instant, or before the next input.
    Timeout(Option<Instant>),
}

/// Somebody in a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The number within the call.
    pub participant: ParticipantId,
    /// Who.
    pub identity: Identifier,
    /// On which endpoint, where it has one.
    pub session: Option<SessionId>,
    /// The name everyone sees.
    pub display_name: String,
    /// What they are in it.
    pub role: Role,
}

/// A fact, each told once, in the order in which things happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A meeting or group call began.
    Started {
        /// Which.
        call: CallId,
        /// What kind.
        kind: Kind,
        /// The meeting it is.
        meeting: Option<(OrganisationId, MeetingId)>,
        /// Whose meeting it is.
        host: Option<Identifier>,
        /// Who came first.
        by: Who,
    },
    /// A call between two became one of more.
    Escalated {
        /// Which.
        call: CallId,
    },
    /// Somebody is asked to come.
    Invited {
        /// To which call.
        call: CallId,
        /// Who.
        to: Identifier,
    },
    /// Somebody waits in the lobby.
    Waits {
        /// Of which call.
        call: CallId,
        /// Who.
        who: Who,
    },
    /// Somebody is in.
    Joined {
        /// Which call.
        call: CallId,
        /// Who.
        who: Who,
    },
    /// Somebody is in no longer, nor in the lobby; or goes on at another endpoint, where [`Fact::Joined`] follows.
    Left {
        /// Which call.
        call: CallId,
        /// Who.
        who: Who,
        /// Why.
        reason: Reason,
    },
    /// Somebody records or transcribes the call, interrupts that, or no longer does.
    Noticed {
        /// Which call.
        call: CallId,
        /// Who.
        who: Who,
        /// Names the recording or transcription.
        id: Uuid,
        /// What.
        kind: NoticeKind,
        /// Its state now.
        state: NoticeState,
        /// Whether everyone else must agree before they may speak.
        consent: bool,
    },
    /// Somebody agreed to being recorded and transcribed, or no longer does.
    Consented {
        /// In which call.
        call: CallId,
        /// Who.
        who: Who,
        /// Agrees?
        given: bool,
    },
    /// A poll was opened or closed.
    Polled {
        /// In which call.
        call: CallId,
        /// By whom.
        by: Who,
        /// The poll's number.
        poll: u32,
        /// Opened?
        open: bool,
        /// How many had voted.
        voted: u32,
    },
    /// Somebody asked a question for everyone to read.
    Asked {
        /// In which call.
        call: CallId,
        /// Who, where they did not ask anonymously.
        by: Option<Who>,
        /// The question's number.
        question: u32,
    },
    /// What is kept of what people did, just before it is over. Not told where nothing is.
    Minutes {
        /// Of which call.
        call: CallId,
        /// The meeting it was.
        meeting: Option<(OrganisationId, MeetingId)>,
        /// What.
        minutes: Box<Minutes>,
    },
    /// It is over.
    Ended {
        /// Which call.
        call: CallId,
        /// The meeting it was.
        meeting: Option<(OrganisationId, MeetingId)>,
        /// Why.
        reason: Reason,
        /// Everyone who was there.
        stays: Vec<Stay>,
    },
}

/// All of a meeting that runs that must outlive the service: see [`Meetings::restore`](crate::Meetings::restore).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The call.
    pub call: CallId,
    /// Whose meeting it is.
    pub organisation: OrganisationId,
    /// The meeting.
    pub meeting: MeetingId,
    /// The last number that was given to a participant.
    pub numbered: u32,
    /// Roles that were given in it.
    pub roles: BTreeMap<Identifier, Role>,
    /// Who was put out.
    pub put_out: BTreeSet<Identifier>,
    /// Nobody comes in who is not there.
    pub locked: bool,
    /// Attendees may switch their microphones on.
    pub attendee_audio: bool,
    /// Attendees may switch their cameras on.
    pub attendee_video: bool,
    /// Whose hands are up, the longest first.
    pub hands: Vec<ParticipantId>,
    /// Who is in front.
    pub spotlight: Vec<ParticipantId>,
    /// That it is recorded or transcribed.
    pub notices: Vec<KeptNotice>,
    /// Who has agreed to that.
    pub agreed: BTreeSet<ParticipantId>,
    /// Who is and was there.
    pub stays: Vec<Stay>,
}

/// A notice that everyone was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptNotice {
    /// As it was told.
    pub notice: Notice,
    /// Whoever records or transcribes.
    pub by: ParticipantId,
    /// Nobody speaks before they have agreed.
    pub consent: bool,
}

/// A piece of what people did in a meeting beside talking: polls, questions, the transcript, slides and the like.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Which piece of the meeting: of lower-case letters, digits and dots.
    pub name: String,
    /// What is to be handed to [`Meetings::restore`](crate::Meetings::restore). None: there is no such piece any more.
    pub value: Option<Vec<u8>>,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Piece({}, {:?} bytes)",
            self.name,
            self.value.as_ref().map(Vec::len)
        )
    }
}

/// Where somebody is, for whoever reads the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Rings.
    Ringing,
    /// Before the door.
    InLobby(LobbyReason),
    /// In.
    Inside,
    /// In, and its connection is lost.
    Reconnecting,
    /// Gone.
    Gone,
}

/// Somebody who is or was in a call or its lobby.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The number.
    pub participant: ParticipantId,
    /// Who.
    pub identity: Identifier,
    /// The name everyone saw.
    pub display_name: String,
    /// What kind of person.
    pub kind: PersonKind,
    /// What they were, at last.
    pub role: Role,
    /// Where they are.
    pub place: Place,
    /// When they began to wait, where they did.
    pub waited: Option<Instant>,
    /// When they came in, where they did.
    pub joined: Option<Instant>,
    /// When they went, and why.
    pub left: Option<(Instant, Reason)>,
}
