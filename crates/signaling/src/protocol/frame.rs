//! Frames: requests and acknowledgements one way, responses and events the other.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Accept, Accepted, CallEnded, Candidates, Close, Consent, Decline, HangUp, Hold, Incoming, LegEnded,
    MailboxChanged, MediaReport, Mute, Muted, Notices, Open, PeerHeld, PeerPresence, PickUp, PickupOffered,
    PickupWithdrawn, Ping, Refresh, Report, Restart, Resume, Ring, Ringing, SessionDescription, SetNotice,
    Show, Shown, Start, Transfer, TransferChanged, TransferRequested, Watch, Watched, chat, meeting,
};
use crate::end_reason::Reason;

/// What a client asks for: `method` and `params`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", content = "params")]
#[allow(
    missing_docs,
    reason = "each variant is one method, documented at its parameters"
)]
pub enum Request {
    #[serde(rename = "session.open")]
    Open(Open),
    #[serde(rename = "session.resume")]
    Resume(Resume),
    #[serde(rename = "session.refresh")]
    Refresh(Refresh),
    #[serde(rename = "session.ping")]
    Ping(Ping),
    #[serde(rename = "session.close")]
    Close(Close),
    #[serde(rename = "call.start")]
    Start(Start),
    #[serde(rename = "call.ring")]
    Ring(Ring),
    #[serde(rename = "call.accept")]
    Accept(Accept),
    #[serde(rename = "call.decline")]
    Decline(Decline),
    #[serde(rename = "call.hang_up")]
    HangUp(HangUp),
    #[serde(rename = "call.description")]
    Description(SessionDescription),
    #[serde(rename = "call.candidates")]
    Candidates(Candidates),
    #[serde(rename = "call.restart")]
    Restart(Restart),
    #[serde(rename = "call.media")]
    Media(MediaReport),
    #[serde(rename = "call.mute")]
    Mute(Mute),
    #[serde(rename = "call.show")]
    Show(Show),
    #[serde(rename = "call.watch")]
    Watch(Watch),
    #[serde(rename = "call.hold")]
    Hold(Hold),
    #[serde(rename = "call.report")]
    Report(Report),
    #[serde(rename = "call.pick_up")]
    PickUp(PickUp),
    #[serde(rename = "call.transfer")]
    Transfer(Transfer),
    #[serde(rename = "call.notice")]
    Notice(SetNotice),
    #[serde(rename = "call.consent")]
    Consent(Consent),
    #[serde(rename = "meeting.join")]
    MeetingJoin(meeting::Join),
    #[serde(rename = "meeting.restart")]
    MeetingRestart(meeting::Restart),
    #[serde(rename = "meeting.leave")]
    MeetingLeave(meeting::Call),
    #[serde(rename = "meeting.end")]
    MeetingEnd(meeting::Call),
    #[serde(rename = "meeting.decline")]
    MeetingDecline(meeting::Decline),
    #[serde(rename = "meeting.mute")]
    MeetingMute(meeting::Mute),
    #[serde(rename = "meeting.show")]
    MeetingShow(Show),
    #[serde(rename = "meeting.mute_others")]
    MeetingMuteOthers(meeting::MuteOthers),
    #[serde(rename = "meeting.remove")]
    MeetingRemove(meeting::Remove),
    #[serde(rename = "meeting.admit")]
    MeetingAdmit(meeting::Admit),
    #[serde(rename = "meeting.reject")]
    MeetingReject(meeting::Reject),
    #[serde(rename = "meeting.admit_all")]
    MeetingAdmitAll(meeting::Call),
    #[serde(rename = "meeting.set_role")]
    MeetingSetRole(meeting::SetRole),
    #[serde(rename = "meeting.lock")]
    MeetingLock(meeting::Lock),
    #[serde(rename = "meeting.spotlight")]
    MeetingSpotlight(meeting::SetSpotlight),
    #[serde(rename = "meeting.hand")]
    MeetingHand(meeting::SetHand),
    #[serde(rename = "meeting.lower_hands")]
    MeetingLowerHands(meeting::LowerHands),
    #[serde(rename = "meeting.react")]
    MeetingReact(meeting::React),
    #[serde(rename = "meeting.media_access")]
    MeetingMediaAccess(meeting::MediaAccess),
    #[serde(rename = "meeting.watch")]
    MeetingWatch(meeting::Watch),
    #[serde(rename = "meeting.add")]
    MeetingAdd(meeting::Add),
    #[serde(rename = "meeting.engage")]
    MeetingEngage(Box<meeting::Engage>),
}

impl Request {
    /// Every method this version knows.
    pub const METHODS: &[&str] = &[
        "session.open",
        "session.resume",
        "session.refresh",
        "session.ping",
        "session.close",
        "call.start",
        "call.ring",
        "call.accept",
        "call.decline",
        "call.hang_up",
        "call.description",
        "call.candidates",
        "call.restart",
        "call.media",
        "call.mute",
        "call.show",
        "call.watch",
        "call.hold",
        "call.report",
        "call.pick_up",
        "call.transfer",
        "call.notice",
        "call.consent",
        "meeting.join",
        "meeting.restart",
        "meeting.leave",
        "meeting.end",
        "meeting.decline",
        "meeting.mute",
        "meeting.show",
        "meeting.mute_others",
        "meeting.remove",
        "meeting.admit",
        "meeting.reject",
        "meeting.admit_all",
        "meeting.set_role",
        "meeting.lock",
        "meeting.spotlight",
        "meeting.hand",
        "meeting.lower_hands",
        "meeting.react",
        "meeting.media_access",
        "meeting.watch",
        "meeting.add",
        "meeting.engage",
    ];
}

/// What the server tells without being asked: `event` and `params`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", content = "params")]
#[allow(
    missing_docs,
    reason = "each variant is one event, documented at its parameters"
)]
pub enum Event {
    #[serde(rename = "call.incoming")]
    Incoming(Incoming),
    #[serde(rename = "call.ringing")]
    Ringing(Ringing),
    #[serde(rename = "call.description")]
    Description(SessionDescription),
    #[serde(rename = "call.candidates")]
    Candidates(Candidates),
    #[serde(rename = "call.restart")]
    Restart(Restart),
    #[serde(rename = "call.leg_ended")]
    LegEnded(LegEnded),
    #[serde(rename = "call.accepted")]
    Accepted(Accepted),
    #[serde(rename = "call.muted")]
    Muted(Muted),
    #[serde(rename = "call.shown")]
    Shown(Shown),
    #[serde(rename = "call.watched")]
    Watched(Watched),
    #[serde(rename = "call.held")]
    Held(PeerHeld),
    #[serde(rename = "call.peer")]
    Peer(PeerPresence),
    #[serde(rename = "call.ended")]
    Ended(CallEnded),
    #[serde(rename = "call.transfer_requested")]
    TransferRequested(TransferRequested),
    #[serde(rename = "call.transfer_changed")]
    TransferChanged(TransferChanged),
    #[serde(rename = "call.notices")]
    Notices(Notices),
    #[serde(rename = "pickup.offered")]
    PickupOffered(PickupOffered),
    #[serde(rename = "pickup.withdrawn")]
    PickupWithdrawn(PickupWithdrawn),
    #[serde(rename = "mailbox.changed")]
    MailboxChanged(MailboxChanged),
    #[serde(rename = "meeting.incoming")]
    MeetingIncoming(meeting::Incoming),
    #[serde(rename = "meeting.moved")]
    MeetingMoved(meeting::Moved),
    #[serde(rename = "meeting.state")]
    MeetingState(meeting::State),
    #[serde(rename = "meeting.roster")]
    MeetingRoster(meeting::Roster),
    #[serde(rename = "meeting.lobby")]
    MeetingLobby(meeting::Lobby),
    #[serde(rename = "meeting.speakers")]
    MeetingSpeakers(meeting::Speakers),
    #[serde(rename = "meeting.capabilities")]
    MeetingCapabilities(meeting::CapabilitiesChanged),
    #[serde(rename = "meeting.changed")]
    MeetingChanged(meeting::Changed),
    #[serde(rename = "meeting.hands")]
    MeetingHands(meeting::Hands),
    #[serde(rename = "meeting.reactions")]
    MeetingReactions(meeting::Reactions),
    #[serde(rename = "meeting.spotlight")]
    MeetingSpotlight(meeting::Spotlight),
    #[serde(rename = "meeting.optimal_video_count")]
    MeetingOptimalVideoCount(meeting::OptimalVideoCount),
    #[serde(rename = "meeting.muted_by")]
    MeetingMutedBy(meeting::MutedBy),
    #[serde(rename = "meeting.engagement")]
    MeetingEngagement(Box<meeting::Engagement>),
    #[serde(rename = "meeting.ended")]
    MeetingEnded(meeting::Ended),
    #[serde(rename = "chat.message_received")]
    ChatMessageReceived(Box<chat::MessageEvent>),
    #[serde(rename = "chat.message_edited")]
    ChatMessageEdited(Box<chat::MessageEvent>),
    #[serde(rename = "chat.message_deleted")]
    ChatMessageDeleted(chat::MessageDeleted),
    #[serde(rename = "chat.typing_received")]
    ChatTypingReceived(chat::TypingReceived),
    #[serde(rename = "chat.read_receipt_received")]
    ChatReadReceiptReceived(chat::ReadReceiptReceived),
    #[serde(rename = "chat.thread_created")]
    ChatThreadCreated(Box<chat::ThreadCreated>),
    #[serde(rename = "chat.thread_deleted")]
    ChatThreadDeleted(chat::ThreadDeleted),
    #[serde(rename = "chat.thread_updated")]
    ChatThreadUpdated(Box<chat::ThreadUpdated>),
    #[serde(rename = "chat.participants_added")]
    ChatParticipantsAdded(chat::ParticipantsAdded),
    #[serde(rename = "chat.participants_removed")]
    ChatParticipantsRemoved(chat::ParticipantsRemoved),
    #[serde(rename = "chat.card_answered")]
    ChatCardAnswered(chat::CardAnswer),
}

impl Event {
    /// Every event this version knows.
    pub const EVENTS: &[&str] = &[
        "call.incoming",
        "call.ringing",
        "call.description",
        "call.candidates",
        "call.restart",
        "call.leg_ended",
        "call.accepted",
        "call.muted",
        "call.shown",
        "call.watched",
        "call.held",
        "call.peer",
        "call.ended",
        "call.transfer_requested",
        "call.transfer_changed",
        "call.notices",
        "pickup.offered",
        "pickup.withdrawn",
        "mailbox.changed",
        "meeting.incoming",
        "meeting.moved",
        "meeting.state",
        "meeting.roster",
        "meeting.lobby",
        "meeting.speakers",
        "meeting.capabilities",
        "meeting.changed",
        "meeting.hands",
        "meeting.reactions",
        "meeting.spotlight",
        "meeting.optimal_video_count",
        "meeting.muted_by",
        "meeting.engagement",
        "meeting.ended",
        "chat.message_received",
        "chat.message_edited",
        "chat.message_deleted",
        "chat.typing_received",
        "chat.read_receipt_received",
        "chat.thread_created",
        "chat.thread_deleted",
        "chat.thread_updated",
        "chat.participants_added",
        "chat.participants_removed",
        "chat.card_answered",
    ];
}

/// From client to server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// A request. Which methods there are, and their parameters, says [`Request`].
    Request {
        /// Counts up from 1 in each session, `session.open` and `session.resume` aside: those use 0.
        id: u64,
        /// What is asked.
        method: String,
        /// The method's parameters.
        #[serde(default)]
        params: Value,
    },
    /// Every event up to this one was handled and may be forgotten.
    Ack {
        /// Its sequence number.
        seq: u64,
    },
}

/// From server to client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The one answer to a request: `result` or `error`.
    Response {
        /// The request's.
        id: u64,
        /// Present when it was carried out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// Present when it was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Reason>,
    },
    /// An event. Which there are, and their parameters, says [`Event`].
    Event {
        /// Counts up from 1 in each session.
        seq: u64,
        /// What happened.
        event: String,
        /// The event's parameters.
        #[serde(default)]
        params: Value,
    },
    /// The last frame on this socket: why the server closes it.
    Bye {
        /// Why.
        reason: Reason,
    },
}

/// Why a frame cannot be used. The sender is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not a frame at all.
    #[error("malformed frame: {0}")]
    Malformed(String),
    /// A frame of a kind this version does not know.
    #[error("unknown method or event")]
    Unknown,
    /// Known, with parameters that do not fit.
    #[error("bad parameters: {0}")]
    Parameters(String),
}

impl ClientFrame {
    /// Writes a request.
    pub fn request(id: u64, request: &Request) -> String {
        #[derive(Serialize)]
        struct Frame<'a> {
            r#type: &'static str,
            id: u64,
            #[serde(flatten)]
            request: &'a Request,
        }
        to_text(&Frame {
            r#type: "request",
            id,
            request,
        })
    }

    /// Writes an acknowledgement.
    pub fn ack(seq: u64) -> String {
        to_text(&Self::Ack { seq })
    }

    /// Reads a frame; its parameters are read by [`Request::parse`].
    ///
    /// # Errors
    /// [`FrameError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        from_text(text)
    }
}

impl Request {
    /// Reads a method and its parameters.
    ///
    /// # Errors
    /// [`FrameError::Unknown`] or [`FrameError::Parameters`].
    pub fn parse(method: &str, params: Value) -> Result<Self, FrameError> {
        tagged("method", method, params, Self::METHODS)
    }
}

impl Event {
    /// Whether it is of the moment only: whoever lags behind rather misses it than that it costs them their session.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::MeetingEngagement(engagement) if engagement.news.is_passing())
    }

    /// Reads an event and its parameters.
    ///
    /// # Errors
    /// [`FrameError::Unknown`] or [`FrameError::Parameters`].
    pub fn parse(event: &str, params: Value) -> Result<Self, FrameError> {
        tagged("event", event, params, Self::EVENTS)
    }
}

impl ServerFrame {
    /// Writes the response to a request that was carried out.
    pub fn response<T: Serialize>(id: u64, result: &T) -> String {
        #[derive(Serialize)]
        struct Frame<'a, T> {
            r#type: &'static str,
            id: u64,
            result: &'a T,
        }
        to_text(&Frame {
            r#type: "response",
            id,
            result,
        })
    }

    /// Writes the response to a request that was refused.
    pub fn error(id: u64, reason: &Reason) -> String {
        #[derive(Serialize)]
        struct Frame<'a> {
            r#type: &'static str,
            id: u64,
            error: &'a Reason,
        }
        to_text(&Frame {
            r#type: "response",
            id,
            error: reason,
        })
    }

    /// Writes an event.
    pub fn event(seq: u64, event: &Event) -> String {
        Self::numbered_event(seq, &Self::event_body(event))
    }

    /// Writes what an event says, the same for everyone who is told of it.
    pub fn event_body(event: &Event) -> String {
        to_text(event)
    }

    /// Writes an event of which [`ServerFrame::event_body`] is there already.
    pub fn numbered_event(seq: u64, body: &str) -> String {
        // A body is an object with at least one key.
        let rest = body.strip_prefix('{').unwrap_or(body);
        format!(r#"{{"type":"event","seq":{seq},{rest}"#)
    }

    /// Writes the last frame of a socket.
    pub fn bye(reason: &Reason) -> String {
        to_text(&Self::Bye {
            reason: reason.clone(),
        })
    }

    /// Reads a frame; an event's parameters are read by [`Event::parse`].
    ///
    /// # Errors
    /// [`FrameError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        from_text(text)
    }
}

fn tagged<T: DeserializeOwned>(
    tag: &str,
    name: &str,
    params: Value,
    known: &[&str],
) -> Result<T, FrameError> {
    if !known.contains(&name) {
        return Err(FrameError::Unknown);
    }
    let params = if params.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        params
    };
    let mut whole = serde_json::Map::with_capacity(2);
    whole.insert(tag.to_owned(), name.into());
    whole.insert("params".to_owned(), params);
    serde_json::from_value(Value::Object(whole)).map_err(|error| FrameError::Parameters(error.to_string()))
}

fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, FrameError> {
    serde_json::from_str(text).map_err(|error| FrameError::Malformed(error.to_string()))
}

fn to_text<T: Serialize>(frame: &T) -> String {
    // Our frames have string keys and no foreign Serialize code, the only two ways that writing JSON can fail.
    serde_json::to_string(frame).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{CallId, LegId};
    use uuid::Uuid;

    #[test]
    fn a_request_reads_back() {
        let request = Request::Accept(Accept {
            call: CallId(Uuid::nil()),
            leg: LegId(3),
        });
        let text = ClientFrame::request(7, &request);
        let ClientFrame::Request { id, method, params } = ClientFrame::parse(&text).unwrap() else {
            unreachable!("wrote a request")
        };
        assert_eq!((id, method.as_str()), (7, "call.accept"));
        assert_eq!(Request::parse(&method, params).unwrap(), request);
    }

    #[test]
    fn parameters_may_be_absent_and_have_unknown_fields() {
        let text = r#"{"type":"request","id":1,"method":"session.ping","later":[1]}"#;
        let ClientFrame::Request { method, params, .. } = ClientFrame::parse(text).unwrap() else {
            unreachable!("is a request")
        };
        assert_eq!(Request::parse(&method, params).unwrap(), Request::Ping(Ping {}));
        let params = serde_json::json!({"call": Uuid::nil(), "leg": 1, "colour": "blue"});
        assert!(matches!(
            Request::parse("call.accept", params),
            Ok(Request::Accept(_))
        ));
    }

    #[test]
    fn errors_name_the_fault() {
        assert!(matches!(ClientFrame::parse("[]"), Err(FrameError::Malformed(_))));
        assert!(matches!(
            ClientFrame::parse(&"[".repeat(9000)),
            Err(FrameError::Malformed(_))
        ));
        assert_eq!(Request::parse("call.sing", Value::Null), Err(FrameError::Unknown));
        assert!(matches!(
            Request::parse("call.accept", Value::Null),
            Err(FrameError::Parameters(_))
        ));
    }

    #[test]
    fn an_event_reads_back() {
        let event = Event::Ringing(Ringing {
            call: CallId(Uuid::nil()),
        });
        let ServerFrame::Event {
            seq,
            event: name,
            params,
        } = ServerFrame::parse(&ServerFrame::event(9, &event)).unwrap()
        else {
            unreachable!("wrote an event")
        };
        assert_eq!((seq, name.as_str()), (9, "call.ringing"));
        assert_eq!(Event::parse(&name, params).unwrap(), event);
    }

    #[test]
    fn the_lists_of_names_are_complete() {
        let names = |schema: &schemars::Schema, tag: &str| -> Vec<String> {
            let variants = schema.as_value()["oneOf"].as_array().unwrap();
            variants
                .iter()
                .map(|v| v["properties"][tag]["const"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(&schemars::schema_for!(Request), "method"), Request::METHODS);
        assert_eq!(names(&schemars::schema_for!(Event), "event"), Event::EVENTS);
    }
}
