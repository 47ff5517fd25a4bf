//! Breakout rooms: rooms beside the meeting to which some of its people go for a while. Each that is open is a call of its
//! own, joined by its id, in which they have the number that they have in the meeting; they stay in the meeting, which they
//! neither hear nor are heard in meanwhile. All that is told of them is told in the meeting.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::ParticipantId;
use super::is_false;
use crate::identifier::Identifier;
use crate::protocol::{CallId, Millis};

/// Makes breakout rooms, closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateBreakouts {
    /// Which: at most 50 in all.
    pub rooms: Vec<NewBreakout>,
    /// Everyone who is there and manages no rooms is assigned to one of these, as evenly as can be.
    #[serde(default, skip_serializing_if = "is_false")]
    pub distribute: bool,
}

/// A new breakout room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewBreakout {
    /// Its name.
    pub display_name: String,
    /// Who is assigned to it; they leave the room to which they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invitees: Vec<Identifier>,
    /// Whoever is assigned to it joins by their own hand when it opens. Otherwise their client does at once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_hand: bool,
}

/// Changes a breakout room. What is absent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeBreakout {
    /// Which.
    pub room: u32,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// People join it by their own hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<bool>,
}

/// Assigns people to a breakout room. Those who are in another that is open are moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssignBreakout {
    /// To which. Absent: to none, and back to the meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<u32>,
    /// Whom. They need not have come yet.
    pub identities: Vec<Identifier>,
}

/// Names some breakout rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SomeBreakouts {
    /// Which. None: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<u32>,
}

/// Changes what holds for all breakout rooms. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetBreakouts {
    /// They close by themselves in so long, at most a day. 0: they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_in_ms: Option<Millis>,
    /// Who is in a room that is open does not come back to the meeting before it closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_forbidden: Option<bool>,
    /// Everyone chooses a room themselves, among those that are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_select: Option<bool>,
    /// Presenters who manage the rooms besides those who organise the meeting, who alone say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managers: Option<Vec<Identifier>>,
}

/// Says something to everyone in breakout rooms that are open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announce {
    /// What, at most 1024 bytes.
    pub text: String,
    /// In which. None: in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<u32>,
}

/// Asks those who manage breakout rooms to come, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallForHelp {
    /// They are wanted.
    pub wanted: bool,
}

/// A breakout room, as far as this endpoint may see it: those who manage rooms see all of each, everyone else the one that
/// they are assigned to, and those that they may choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Breakout {
    /// Its number within the meeting, which never means another.
    pub id: u32,
    /// Its name.
    pub display_name: String,
    /// The conversation beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The call that it is while it is open: join it by its id. Absent: it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// Whoever is assigned joins by their own hand.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_hand: bool,
    /// This endpoint's identity is assigned to it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub assigned: bool,
    /// Who is assigned to it, for those who manage rooms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invitees: Vec<Identifier>,
    /// Who is in it, for those who manage rooms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub present: Vec<ParticipantId>,
    /// Who in it asks for help, for those who manage rooms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<ParticipantId>,
}

/// What holds for all breakout rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BreakoutSettings {
    /// They close by themselves in so long, from when this is told: when it is set, to whoever comes, and again a minute and
    /// ten seconds before. Absent: they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_in_ms: Option<Millis>,
    /// Who is in a room that is open does not come back to the meeting before it closes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub return_forbidden: bool,
    /// Everyone chooses a room themselves.
    #[serde(default, skip_serializing_if = "is_false")]
    pub self_select: bool,
    /// Presenters who manage the rooms, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managers: Vec<Identifier>,
}

/// This endpoint is to go to a breakout room: its room has opened, or it was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoToBreakout {
    /// Which.
    pub id: u32,
    /// The call to join.
    pub call: CallId,
}

/// Something that is said to everyone in breakout rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announcement {
    /// Who says it.
    pub from: ParticipantId,
    /// Their name: nobody else of the meeting is on the roster of a breakout room.
    pub display_name: String,
    /// What.
    pub text: String,
}
