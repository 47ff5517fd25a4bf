//! What the book is told: by the switchboard, by clients at the end of a call, by the recorder. Plain values; what
//! follows from them is the [`Book`](crate::Book)'s business.

use serde::{Deserialize, Serialize};
use sidetone_signaling::protocol::{CallId, NoticeKind, NoticeState, SessionId};
use sidetone_signaling::{Identifier, Reason};

use crate::{CallKind, Client, FileReport, IssueReport, Party, Role, Seconds, StreamReport};

/// Something that happened. About a call that is not known, or is over, most of it is ignored.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// An endpoint opened a session.
    EndpointOpened {
        /// Which.
        endpoint: SessionId,
        /// The program it runs.
        client: Client,
    },
    /// Its session is over.
    EndpointClosed {
        /// Which.
        endpoint: SessionId,
    },
    /// A call was placed.
    Placed {
        /// Which.
        call: CallId,
        /// What kind.
        kind: CallKind,
        /// The call whose continuation it is, after forwarding or transfer. Itself where absent.
        correlation: Option<CallId>,
        /// The group, room or meeting it belongs to.
        place: Option<String>,
        /// Who placed it.
        by: End,
        /// Whom.
        to: Vec<Identifier>,
        /// Free text of the caller's application.
        context: Option<String>,
        /// The member as whom it was placed.
        on_behalf_of: Option<Identifier>,
        /// No events are raised for it (L24).
        quiet: bool,
    },
    /// A call between two became one of more.
    Grown {
        /// Which.
        call: CallId,
    },
    /// A call was refused at once, before it was one.
    Refused {
        /// Which.
        call: CallId,
        /// Who placed it.
        by: End,
        /// Whom.
        to: Identifier,
        /// Why.
        reason: Reason,
    },
    /// One more is called into a running call.
    Invited {
        /// Which call.
        call: CallId,
        /// Who is called.
        to: Identifier,
    },
    /// The first endpoint rings.
    Rang {
        /// Which call.
        call: CallId,
    },
    /// The first endpoint answered.
    Answered {
        /// Which call.
        call: CallId,
    },
    /// Someone waits in the lobby.
    Waits {
        /// Which call.
        call: CallId,
        /// Who.
        end: End,
    },
    /// Someone is in the call: at once, or from the lobby.
    Joined {
        /// Which call.
        call: CallId,
        /// Who.
        end: End,
    },
    /// Someone left the call or the lobby.
    Left {
        /// Which call.
        call: CallId,
        /// Who.
        end: End,
        /// Why, where it is another reason than the end of the call.
        reason: Option<Reason>,
    },
    /// Two calls crossed, and one is void.
    Merged {
        /// The call that goes on.
        call: CallId,
        /// The id that is void.
        void: CallId,
    },
    /// Someone sent messages in the call's chat.
    Messages {
        /// Which call.
        call: CallId,
        /// Who.
        by: End,
        /// How many.
        count: u32,
    },
    /// Someone records or transcribes the call, interrupts that, or no longer does.
    Noticed {
        /// Which call.
        call: CallId,
        /// Who.
        by: End,
        /// Names the recording or transcription.
        id: uuid::Uuid,
        /// What.
        kind: NoticeKind,
        /// Its state now.
        state: NoticeState,
        /// Whether everyone else must agree before they may speak.
        consent: bool,
    },
    /// Someone opened or closed a poll.
    Polled {
        /// In which call.
        call: CallId,
        /// Who.
        by: End,
        /// The poll's number within the call.
        poll: u32,
        /// Opened?
        open: bool,
        /// How many had voted.
        voted: u32,
    },
    /// Someone asked a question for everyone to read.
    Asked {
        /// In which call.
        call: CallId,
        /// Who, where they did not ask anonymously.
        by: Option<End>,
        /// The question's number within the call.
        question: u32,
    },
    /// Someone agreed to being recorded and transcribed, or no longer does.
    Consented {
        /// Which call.
        call: CallId,
        /// Who.
        end: End,
        /// Agrees?
        given: bool,
    },
    /// Somebody left a message. Also taken after the end of the call, and of a call that is not known any more: the
    /// message is there.
    VoicemailLeft {
        /// In which call.
        call: CallId,
        /// The message.
        message: VoiceMessage,
    },
    /// What an endpoint has to say of the call. Also taken for a while after the end of the call.
    Reported {
        /// Which call.
        call: CallId,
        /// Whose endpoint.
        end: End,
        /// One for each stream that it measured.
        streams: Vec<StreamReport>,
        /// One for each kind of trouble that it had.
        issues: Vec<IssueReport>,
        /// One for each file of a recording that it made.
        files: Vec<FileReport>,
    },
    /// The call is over. Of a call that was never placed: it was refused.
    Ended {
        /// Which.
        call: CallId,
        /// Why.
        reason: Reason,
    },
}

/// One end of a call as the switchboard knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Who.
    pub identity: Identifier,
    /// On which endpoint, where that is known.
    pub endpoint: Option<SessionId>,
    /// The name that it wants to be shown.
    pub name: Option<String>,
    /// Its role, where the call has roles.
    pub role: Option<Role>,
}

impl End {
    /// An end known by its identity alone.
    pub fn new(identity: Identifier) -> Self {
        Self {
            identity,
            endpoint: None,
            name: None,
            role: None,
        }
    }

    /// Whether this is the end of that party: by the endpoint where both are known, else by the identity.
    pub(crate) fn is(&self, party: &Party) -> bool {
        self.identity == party.identity
            && match (self.endpoint, party.endpoint) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            }
    }
}

/// A voice message, when it is in its mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoiceMessage {
    /// Its id within the mailbox.
    pub id: String,
    /// Whose mailbox.
    pub mailbox: Identifier,
    /// Who left it.
    pub from: Identifier,
    /// Their name as the service shows it.
    pub display_name: String,
    /// How long it is.
    pub duration: Seconds,
    /// How many unheard messages are in the mailbox now.
    pub unheard: u32,
}

/// The directory, as far as the book needs it.
pub trait People {
    /// How an identity is shown, which may want a name of its own.
    fn name(&self, identity: &Identifier, wanted: Option<&str>) -> Named;
}

/// How an identity is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name, suffix included.
    pub display_name: String,
    /// It says that it is a bot.
    pub bot: bool,
}
