//! What a participant may do, and why not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that a participant may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Send sound.
    UnmuteMic,
    /// Send video.
    TurnVideoOn,
    /// Show a screen.
    ShareScreen,
    /// Raise a hand.
    RaiseHand,
    /// Send a reaction.
    Reaction,
    /// Take part in the conversation beside the meeting.
    Chat,
    /// See the names of those who only listen.
    ViewAttendeeNames,
    /// Switch off the microphones of others.
    MuteOthers,
    /// Put others out.
    RemoveParticipant,
    /// Ask members to come in.
    AddMember,
    /// Ask external users to come in.
    AddExternalUser,
    /// Ask telephones to come in.
    AddPhoneNumber,
    /// See who waits, let them in or turn them away.
    ManageLobby,
    /// Put somebody in front.
    Spotlight,
    /// Forbid and permit attendees their microphones and cameras.
    MediaAccess,
    /// Give others another role.
    SetRole,
    /// Close the meeting to those who are not in it.
    Lock,
    /// End it for everyone.
    EndForEveryone,
    /// Record it.
    Record,
    /// Have it written down.
    Transcribe,
    /// Send messages to other clients.
    SendMessage,
    /// Write text that others read as it is typed.
    RealTimeText,
    /// Switch captions on and off, and publish those of others.
    ManageCaptions,
    /// Read captions.
    ReceiveCaptions,
    /// Make, open and close polls.
    ManagePolls,
    /// Vote in polls.
    Vote,
    /// Open, look through and answer questions.
    ManageQuestions,
    /// Ask questions.
    AskQuestion,
    /// Seat people in a scene.
    SetScene,
    /// Present slides.
    PresentSlides,
    /// See slides.
    ViewSlides,
    /// Make breakout rooms, open and close them, and say who goes to which.
    ManageBreakouts,
    /// Go to breakout rooms.
    JoinBreakouts,
    /// One of a later version.
    #[serde(other)]
    Unknown,
}

/// Whether somebody may do something, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They may.
    Capable,
    /// Not with their role.
    RoleRestricted,
    /// Not by a policy of the organisation.
    PolicyRestricted,
    /// Not in this meeting as it is now.
    MeetingRestricted,
    /// Not in this kind of call.
    NotInThisCallType,
    /// Not here yet: they wait in the lobby.
    NotAdmitted,
    /// Not in this version.
    FeatureNotSupported,
}

impl Standing {
    /// Whether they may.
    pub fn is_capable(self) -> bool {
        self == Self::Capable
    }
}

/// All of what a participant may do, or why not. One that is not listed is not there.
pub type Capabilities = BTreeMap<Capability, Standing>;
