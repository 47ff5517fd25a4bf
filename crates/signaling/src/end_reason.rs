//! The closed table of reasons: why a call, a session or a request ended or was refused.
//!
//! Code classes follow SIP (RFC 3261 section 21); a subcode names exactly one cause. Subcodes below 20000 and from
//! 100000 on are those of the specification, 20000 to 20999 are this protocol's own.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose doing an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Category {
    /// It went as the people wanted.
    Success,
    /// It did not, for a reason that happens: nobody answered, not allowed, network lost.
    ExpectedError,
    /// The client did something wrong.
    UnexpectedClientError,
    /// The service failed.
    UnexpectedServerError,
}

/// Why something ended or was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Class, as in SIP: 4xx caller or policy, 5xx service, 6xx a person's decision, 0 an ordinary end.
    pub code: u16,
    /// The one cause.
    pub subcode: u32,
    /// Whose doing it is.
    pub category: Category,
    /// For people and logs. Not for programs: compare `code` and `subcode`.
    pub message: Cow<'static, str>,
}

impl Reason {
    const fn new(code: u16, subcode: u32, category: Category, message: &'static str) -> Self {
        Self {
            code,
            subcode,
            category,
            message: Cow::Borrowed(message),
        }
    }

    /// [`Reason::LIMIT_REACHED`], with the limit in its message.
    pub fn limit_reached(limit: u32) -> Self {
        Self {
            message: format!("the meeting is full: it holds {limit} participants").into(),
            ..Self::LIMIT_REACHED
        }
    }

    /// [`Reason::SCOPE_MISSING`], with the scope in its message, so that the developer knows what to ask for.
    pub fn scope_missing(scope: &str) -> Self {
        Self {
            message: format!("the token lacks the scope {scope}").into(),
            ..Self::SCOPE_MISSING
        }
    }

    /// Whether both name the same cause.
    pub fn is(&self, other: &Self) -> bool {
        self.code == other.code && self.subcode == other.subcode
    }

    /// Whether it says that there is no valid token: another one may help.
    pub fn is_about_token(&self) -> bool {
        self.is(&Self::INVALID_TOKEN) || self.is(&Self::NO_TOKEN)
    }

    /// The table's entry for this code and subcode, if it has one.
    pub fn known(code: u16, subcode: u32) -> Option<&'static Self> {
        TABLE
            .iter()
            .find(|reason| reason.code == code && reason.subcode == subcode)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.code, self.subcode, self.message)
    }
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = $code:literal / $subcode:literal $category:ident $message:literal;)*) => {
        impl Reason {
            $($(#[$doc])* pub const $name: Reason = Reason::new($code, $subcode, Category::$category, $message);)*
        }

        /// Every reason there is.
        pub const TABLE: &[Reason] = &[$(Reason::$name),*];
    };
}

table! {
    // Calls that ended as people wanted.
    /// Someone in the call hung up.
    HUNG_UP = 0 / 0 Success "the call was ended by a participant";
    /// The caller gave up before an answer.
    CANCELLED = 487 / 0 Success "the caller cancelled";
    /// The callee said no.
    DECLINED = 603 / 0 Success "the callee declined";
    /// Another endpoint of the same identity accepted.
    ANSWERED_ELSEWHERE = 487 / 10003 Success "accepted on another endpoint";
    /// Each of several endpoints said no.
    DECLINED_EVERYWHERE = 487 / 10024 Success "declined by all endpoints";
    /// The organiser ended it for all.
    ENDED_FOR_ALL = 0 / 4097 Success "ended for all by the organiser";
    /// Another participant removed this one.
    REMOVED = 0 / 5000 Success "removed by another participant";
    /// It was handed over, and goes on as another call.
    TRANSFERRED = 0 / 20050 Success "the call was transferred";
    /// The operator or an automation ended it.
    ENDED_BY_SERVICE = 0 / 7000 Success "ended by server-side automation";

    // Calls that did not come about.
    /// Nobody answered in time.
    NO_ANSWER = 487 / 10004 ExpectedError "no endpoint accepted in time";
    /// Every endpoint is in another call and wants no second one.
    BUSY = 486 / 20486 ExpectedError "the callee is in another call";
    /// The identity has no endpoint.
    NO_ENDPOINT = 480 / 10037 ExpectedError "the callee has no endpoint registered";
    /// It has endpoints, none of them online.
    OFFLINE = 480 / 10076 ExpectedError "the callee is registered but not online";
    /// The callee has push endpoints only.
    PUSH_ONLY = 480 / 10077 ExpectedError "the callee can only be reached by push";
    /// The callee's endpoints could not be reached.
    UNREACHABLE = 480 / 10078 ExpectedError "the callee's endpoints are unreachable";
    /// The callee's endpoint was lost, or never got ready.
    CALLEE_LOST = 408 / 10057 ExpectedError "the callee could not finish the set-up";
    /// The call took too long to set up.
    SETUP_TIMEOUT = 408 / 4506 ExpectedError "the call timed out";
    /// There is no such identity, or it cannot be called.
    NO_SUCH_CALLEE = 404 / 20404 ExpectedError "no such callee";
    /// Policy forbids it.
    NOT_ALLOWED = 403 / 5223 ExpectedError "calling this identity is not allowed";

    // The gates between an organisation and the world outside, in the order in which they are asked (spec table 1.1).
    /// Gate 0: the two live in different clouds that do not trust each other.
    CLOUD_INCOMPATIBLE = 403 / 5230 ExpectedError "the clouds do not trust each other";
    /// Gate 1: the operator has not approved the organisation.
    ORGANISATION_NOT_APPROVED = 403 / 5231 ExpectedError "the organisation is not approved";
    /// Gate 2: the organisation is a personal one.
    PERSONAL_ORGANISATION = 403 / 5232 ExpectedError "the organisation is personal";
    /// Gate 3: the organisation's federation configuration has external users off.
    TENANT_FEDERATION_DISABLED = 403 / 5233 ExpectedError "the organisation does not allow external users";
    /// Gate 4: the external user's resource is not on the organisation's allow-list.
    RESOURCE_NOT_ALLOWED = 403 / 5234 ExpectedError "the organisation does not allow the resource";
    /// Gate 5: the member's external-access policy denies.
    POLICY_DENIED = 403 / 5235 ExpectedError "the member's policy does not allow external users";
    /// Gate 6: the member is in legacy mode.
    USER_MODE_INCOMPATIBLE = 403 / 5236 ExpectedError "the member is in legacy mode";

    // Limits that an organisation or a resource chose.
    /// The caller's organisation, resource or identity does not exist here.
    UNKNOWN_CALLER = 403 / 5240 ExpectedError "the caller is not known to the service";
    /// The organisation lets its members call no external users.
    OUTGOING_CALLS_DISABLED = 403 / 5241 ExpectedError "the organisation does not allow calls to external users";
    /// One of the two organisations deals with no other.
    OTHER_ORGANISATIONS_DISABLED = 403 / 5242 ExpectedError "calls between the organisations are not allowed";
    /// One of the two resources deals with no other.
    OTHER_RESOURCES_DISABLED = 403 / 5243 ExpectedError "calls between the resources are not allowed";
    /// An external user cannot be the target of forwarding or transfer.
    EXTERNAL_TARGET_DISABLED = 403 / 5244 ExpectedError "an external user cannot be the target";
    /// A 1:1 call with an external user stays one.
    ESCALATION_DISABLED = 403 / 5245 ExpectedError "the call cannot become a group call";
    /// A 1:1 call with an external user is not recorded.
    RECORDING_DISABLED = 403 / 5246 ExpectedError "the call cannot be recorded";
    /// The feature does not work in a call with an external user.
    FEATURE_DISABLED = 403 / 5247 ExpectedError "not available in a call with an external user";
    /// Nobody acts for a member of the organisation.
    DELEGATION_DISABLED = 403 / 5248 ExpectedError "the organisation does not allow calls on behalf of members";
    /// The member has not let this identity act for them.
    NOT_DELEGATED = 403 / 5249 ExpectedError "the member has not allowed calls on their behalf";

    // Where calls go.
    /// The callee wants no calls now.
    DO_NOT_DISTURB = 480 / 20040 ExpectedError "the callee does not want to be disturbed";
    /// A forwarding rule leads back to someone the call has been at.
    FORWARDING_LOOP = 482 / 20041 ExpectedError "the forwarding rules lead in a circle";
    /// The call was forwarded as often as it may be.
    TOO_MANY_FORWARDS = 483 / 20042 ExpectedError "the call was forwarded too often";
    /// There is no voicemail to speak to.
    NO_VOICEMAIL = 480 / 20043 ExpectedError "the callee has no voicemail";
    /// Only members of a pickup group of the callee may take the call.
    NOT_IN_PICKUP_GROUP = 403 / 20044 ExpectedError "not in a pickup group of the callee";

    // Handing calls over, recording and transcribing them.
    /// The call is being handed over already.
    TRANSFER_PENDING = 409 / 20051 ExpectedError "the call is being transferred already";
    /// The client that was to place the new call did not, or could not.
    TRANSFER_FAILED = 408 / 20052 ExpectedError "the other end did not carry out the transfer";
    /// Sound is not sent before this participant has agreed.
    CONSENT_NEEDED = 403 / 20053 ExpectedError "the participant has not agreed to being recorded";

    // Meetings and group calls.
    /// Somebody who may let people in turned this one away. It may try again.
    LOBBY_DENIED = 403 / 20060 ExpectedError "turned away from the lobby";
    /// Nobody let it in in time.
    LOBBY_TIMEOUT = 408 / 20061 ExpectedError "waited in the lobby for too long";
    /// The meeting ended while it waited, or has ended for good.
    MEETING_ENDED = 410 / 20062 ExpectedError "the meeting has ended";
    /// The organisation lets nobody in who is not a member of one.
    ANONYMOUS_JOIN_DISABLED = 403 / 20063 ExpectedError "external and anonymous people cannot join";
    /// The meeting is locked.
    MEETING_LOCKED = 423 / 20064 ExpectedError "the meeting is locked";
    /// As many are in it as it holds; [`Reason::limit_reached`] says how many.
    LIMIT_REACHED = 403 / 20065 ExpectedError "the meeting is full";
    /// No meeting has this link, or this number with this passcode.
    NO_SUCH_MEETING = 404 / 20066 ExpectedError "no such meeting";
    /// Wrong links or passcodes came too fast.
    TOO_MANY_GUESSES = 429 / 20067 ExpectedError "too many wrong links or passcodes";
    /// External people cannot join town halls of the organisation.
    TOWN_HALL_EXTERNAL_DISABLED = 403 / 20068 ExpectedError "external people cannot join a town hall";
    /// The organisation's members join no group calls that an application's users start.
    GROUP_CALL_MEMBERS_DISABLED = 403 / 20069 ExpectedError "members cannot join a call that an application started";
    /// The identity was not asked to this call.
    NOT_INVITED = 403 / 20070 ExpectedError "not invited to this call";
    /// The participant's role does not allow it.
    ROLE_RESTRICTED = 403 / 20071 ExpectedError "the role does not allow this";
    /// The organisation's policy does not allow it to people of this kind.
    POLICY_RESTRICTED = 403 / 20072 ExpectedError "the organisation does not allow this";
    /// The meeting's settings do not allow it.
    MEETING_RESTRICTED = 403 / 20073 ExpectedError "the meeting's settings do not allow this";
    /// It is nothing that this kind of call has.
    NOT_IN_THIS_CALL_TYPE = 403 / 20074 ExpectedError "not possible in this kind of call";
    /// Who waits in the lobby is not in the meeting.
    NOT_ADMITTED = 403 / 20075 ExpectedError "not in the meeting yet";
    /// Nobody in the meeting has this number.
    NO_SUCH_PARTICIPANT = 404 / 20076 ExpectedError "no such participant";
    /// This endpoint is in the meeting already.
    ALREADY_JOINED = 409 / 20077 UnexpectedClientError "this endpoint is in the meeting already";
    /// The same participant goes on at another endpoint.
    JOINED_ELSEWHERE = 0 / 20078 ExpectedError "the participant goes on at another endpoint";
    /// The service cannot take the media now.
    MEDIA_UNAVAILABLE = 503 / 20079 UnexpectedServerError "the service cannot carry the media now";
    /// The offer asks for something that cannot be answered.
    OFFER_REFUSED = 488 / 20080 UnexpectedClientError "the media offer cannot be answered";
    /// More people than may be rung at once.
    TOO_MANY_INVITATIONS = 429 / 20081 UnexpectedClientError "too many invitations";
    /// The person is in the call, or rings, already.
    ALREADY_INVITED = 409 / 20082 ExpectedError "the person is in the call already";
    /// Reactions come faster than allowed.
    TOO_MANY_REACTIONS = 429 / 20083 ExpectedError "too many reactions";

    /// The breakout room was closed. The participant is in the meeting.
    BREAKOUT_CLOSED = 0 / 20084 Success "the breakout room was closed";
    /// The participant went to another breakout room.
    BREAKOUT_MOVED = 0 / 20085 Success "the participant goes on in another breakout room";
    /// The participant came back from the breakout room to the meeting.
    BREAKOUT_LEFT = 0 / 20086 Success "the participant came back to the meeting";

    // What people do in a meeting beside talking.
    /// Messages, text, captions, questions or drawings come faster than allowed.
    ENGAGED_TOO_FAST = 429 / 20090 ExpectedError "faster than the meeting takes it";
    /// There is no such poll, question, page or breakout room.
    NO_SUCH_OBJECT = 404 / 20091 ExpectedError "no such poll, question, page or breakout room";
    /// The poll, the questions or the captions are closed.
    NOT_OPEN = 409 / 20092 ExpectedError "not open";
    /// A vote in this poll cannot be changed.
    ALREADY_VOTED = 409 / 20093 ExpectedError "voted already";
    /// The meeting holds as many of these as it may.
    TOO_MANY_OBJECTS = 409 / 20094 ExpectedError "the meeting holds as many of these as it may";

    // Chat: limits that an organisation chose.
    /// The organisation's members begin no chats with external users.
    CHAT_INITIATION_DISABLED = 403 / 5280 ExpectedError "only external users begin chats";
    /// External users send no files or images to members.
    CHAT_ATTACHMENTS_DISABLED = 403 / 5281 ExpectedError "external users cannot send files or images";
    /// Of the ways to delete a thread, this one is not offered.
    CHAT_DELETION_DISABLED = 403 / 5282 ExpectedError "this way of deleting a chat is not available";
    /// There are no read receipts of members.
    READ_RECEIPTS_DISABLED = 403 / 5283 ExpectedError "members have no read receipts";
    /// Members place no calls out of a chat with external users.
    CHAT_CALLS_DISABLED = 403 / 5284 ExpectedError "the chat cannot become a call";
    /// Members change none of their messages to external users.
    MEMBER_EDITS_DISABLED = 403 / 5285 ExpectedError "members cannot edit messages";
    /// Replies, reactions and the like do not work for external users.
    CHAT_FEATURES_DISABLED = 403 / 5286 ExpectedError "not available in a chat with external users";
    /// External users have no chat in meetings of channels.
    CHANNEL_CHAT_DISABLED = 403 / 5287 ExpectedError "external users have no chat in channel meetings";
    /// Files, replies and reactions do not work for external users in the chat of a meeting.
    MEETING_CHAT_FEATURES_DISABLED = 403 / 5288 ExpectedError "not available in the chat of a meeting";
    /// The external user has left the meeting, or it is over.
    MEETING_CHAT_CLOSED = 403 / 5289 ExpectedError "the chat of the meeting is closed to the external user";
    /// Members chat through the native client only.
    MEMBER_CHAT_DISABLED = 403 / 5290 ExpectedError "members chat through the native client only";

    // Chat: everything else.
    /// There is no such thread, for this identity.
    NO_SUCH_THREAD = 404 / 20100 ExpectedError "no such thread";
    /// There is no such message, for this identity.
    NO_SUCH_MESSAGE = 404 / 20101 ExpectedError "no such message";
    /// Who is to be removed does not take part.
    NO_SUCH_THREAD_PARTICIPANT = 404 / 20102 ExpectedError "no such participant";
    /// There is no such attachment, or it has expired.
    NO_SUCH_ATTACHMENT = 404 / 20103 ExpectedError "no such attachment";
    /// The identity has left the thread or was removed.
    NOT_IN_THREAD = 403 / 20104 ExpectedError "no longer a participant of the thread";
    /// Only its sender changes a message.
    NOT_THE_SENDER = 403 / 20105 ExpectedError "only the sender can change a message";
    /// Only who began the thread, or somebody from outside, deletes it for all.
    NOT_THE_OWNER = 403 / 20106 ExpectedError "only who began the thread can delete it for all";
    /// Who takes part in the chat of a meeting is decided in the meeting.
    FOLLOWS_MEETING = 403 / 20107 ExpectedError "the thread follows its meeting";
    /// The thread has as many participants as it may.
    THREAD_FULL = 409 / 20108 ExpectedError "the thread has as many participants as it may";
    /// A message is longer than it may be.
    MESSAGE_TOO_LARGE = 413 / 20109 UnexpectedClientError "message too large";
    /// A message, topic or list that cannot be taken.
    BAD_CONTENT = 422 / 20110 UnexpectedClientError "content against the rules";
    /// Too much in too short a time in this thread.
    CHAT_TOO_FAST = 429 / 20111 ExpectedError "too many operations in this thread";
    /// The service takes no files of this type.
    ATTACHMENT_TYPE = 415 / 20112 ExpectedError "files of this type are not taken";
    /// The file is longer than the organisation takes.
    ATTACHMENT_TOO_LARGE = 413 / 20113 ExpectedError "the file is too large";
    /// Nothing left of the message can be changed.
    MESSAGE_DELETED = 409 / 20114 ExpectedError "the message is deleted";
    /// Whoever looks through files for the operator found something in this one.
    ATTACHMENT_REFUSED = 403 / 20115 ExpectedError "the file was looked through and is not given out";
    /// Whoever looks through files for the operator has not said yet that this one is clean.
    ATTACHMENT_UNSCANNED = 409 / 20116 ExpectedError "the file was not looked through yet";
    /// The operator has nobody who translates.
    TRANSLATION_NOT_OFFERED = 501 / 20117 ExpectedError "messages are not translated here";
    /// Whoever translates for the operator gave no answer that could be used.
    TRANSLATION_FAILED = 503 / 20118 UnexpectedServerError "the message could not be translated now";
    /// The message has no card, or its card no such button.
    NO_SUCH_ACTION = 404 / 20119 UnexpectedClientError "no such button on a card of this message";

    // Calls that broke.
    /// The peer's program or machine is gone.
    PEER_GONE = 0 / 4521 ExpectedError "a participant was disconnected abruptly";
    /// Media never came up.
    MEDIA_SETUP_FAILED = 410 / 3100 ExpectedError "network problem at set-up";
    /// Media was lost and did not come back.
    MEDIA_DROPPED = 410 / 3101 ExpectedError "network problem during the call";
    /// A description could not be used.
    OFFER_FAILED = 410 / 3111 UnexpectedClientError "the media offer could not be processed";
    /// The signaling connection was lost for too long.
    NETWORK_LOST = 496 / 7 ExpectedError "the network was lost and retries failed";

    // Identity.
    /// The token is malformed, expired or revoked.
    INVALID_TOKEN = 401 / 10009 ExpectedError "the token is invalid or expired";
    /// The application gave no token in time.
    NO_TOKEN = 495 / 4507 ExpectedError "the application supplied no valid token";

    // Sessions and requests: this protocol's own.
    /// Not a `sidetone.v1` frame.
    BAD_FRAME = 400 / 20001 UnexpectedClientError "malformed frame";
    /// Frame longer than the limit.
    FRAME_TOO_LARGE = 413 / 20002 UnexpectedClientError "frame too large";
    /// No such request.
    UNKNOWN_REQUEST = 501 / 20003 UnexpectedClientError "unknown request";
    /// The request's parameters do not fit.
    BAD_PARAMETERS = 400 / 20004 UnexpectedClientError "bad parameters";
    /// Requests come faster than allowed.
    TOO_MANY_REQUESTS = 429 / 20005 UnexpectedClientError "too many requests";
    /// A text is longer than its limit.
    TEXT_TOO_LONG = 413 / 20006 UnexpectedClientError "text too long";
    /// A description is longer than its limit.
    DESCRIPTION_TOO_LARGE = 413 / 20007 UnexpectedClientError "session description too large";
    /// A leg has more candidates than allowed.
    TOO_MANY_CANDIDATES = 429 / 20008 UnexpectedClientError "too many candidates";
    /// A session must be opened first.
    NOT_AUTHENTICATED = 401 / 20009 UnexpectedClientError "open a session first";
    /// No session was opened in time.
    OPEN_TIMEOUT = 408 / 20010 UnexpectedClientError "no session was opened in time";
    /// The connection has a session already.
    ALREADY_OPEN = 409 / 20011 UnexpectedClientError "the session is already open";
    /// The session is over, or never was, or the resume token is wrong.
    NO_SUCH_SESSION = 404 / 20012 ExpectedError "no such session";
    /// The events asked for are no longer kept, or never were sent.
    EVENTS_GONE = 410 / 20013 UnexpectedClientError "the missed events are not available";
    /// The session was resumed on another connection.
    SESSION_REPLACED = 409 / 20014 ExpectedError "the session continues on another connection";
    /// Events were not acknowledged for too long.
    TOO_SLOW = 429 / 20015 UnexpectedClientError "too many events not acknowledged";
    /// The service is stopping.
    GOING_AWAY = 503 / 20016 ExpectedError "the service is going away";
    /// The call is over, or never was, or is someone else's.
    NO_SUCH_CALL = 481 / 20017 ExpectedError "no such call";
    /// The leg is over, or never was, or is someone else's.
    NO_SUCH_LEG = 481 / 20018 ExpectedError "no such leg";
    /// The call's state does not allow it.
    WRONG_STATE = 409 / 20019 ExpectedError "not possible in the call's state";
    /// The call id is taken.
    CALL_EXISTS = 409 / 20020 UnexpectedClientError "the call id is in use";
    /// The endpoint has as many calls as it may.
    TOO_MANY_CALLS = 429 / 20021 ExpectedError "too many calls on this endpoint";
    /// The identity has as many sessions as it may.
    TOO_MANY_SESSIONS = 429 / 20022 ExpectedError "too many sessions for this identity";
    /// The new token is for someone else.
    IDENTITY_CHANGED = 403 / 20023 UnexpectedClientError "the token is for another identity";
    /// The request id was used before and its response is no longer kept.
    STALE_REQUEST = 409 / 20024 UnexpectedClientError "the request id is not new";
    /// The client ended its session.
    SESSION_CLOSED = 0 / 20025 Success "the session was closed";
    /// The service has as many sessions as it can hold.
    SERVICE_FULL = 503 / 20026 UnexpectedServerError "the service is full";
    /// The token's scopes do not cover it.
    SCOPE_MISSING = 403 / 20027 ExpectedError "the token does not allow this";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn one_refusal_one_subcode() {
        let keys: BTreeSet<_> = TABLE.iter().map(|r| (r.code, r.subcode)).collect();
        assert_eq!(keys.len(), TABLE.len());
        let own: Vec<_> = TABLE.iter().map(|r| r.subcode).filter(|s| *s != 0).collect();
        assert_eq!(
            own.iter().collect::<BTreeSet<_>>().len(),
            own.len(),
            "a subcode is used twice"
        );
    }

    #[test]
    fn reasons_cross_the_wire() {
        for reason in TABLE {
            let text = serde_json::to_string(reason).unwrap();
            assert_eq!(&serde_json::from_str::<Reason>(&text).unwrap(), reason);
        }
        let unknown: Reason =
            serde_json::from_str(r#"{"code":499,"subcode":7,"category":"ExpectedError","message":"later"}"#)
                .unwrap();
        assert!(Reason::known(unknown.code, unknown.subcode).is_none());
    }
}
