//! Polls: questions with a few answers to choose from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_false;
use crate::identifier::Identifier;

/// Makes a poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreatePoll {
    /// What is asked.
    pub question: String,
    /// What can be answered: 2 to 20.
    pub options: Vec<String>,
    /// More than one can be chosen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub multiple: bool,
    /// Nobody is told who chose what, also later.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anonymous: bool,
    /// A vote can be changed while the poll is open.
    #[serde(default, skip_serializing_if = "is_false")]
    pub changeable: bool,
    /// Who sees the results, and when.
    #[serde(default)]
    pub results: Results,
    /// People can vote at once. Otherwise only those who manage polls see it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
}

/// When those who do not manage polls see the results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Results {
    /// As they come.
    Always,
    /// When they have voted, or it is closed.
    #[default]
    Voted,
    /// When it is closed.
    Closed,
    /// Never.
    Hidden,
}

/// Votes, or changes a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vote {
    /// The poll.
    pub poll: u32,
    /// The places of what is chosen among the options, from 0 on.
    pub choices: Vec<u8>,
}

/// What a poll is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PollState {
    /// Not open yet.
    Draft,
    /// People can vote.
    Open,
    /// They no longer can.
    Closed,
}

/// A poll, as far as somebody may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Poll {
    /// Its number within the call.
    pub id: u32,
    /// What is asked.
    pub question: String,
    /// What can be answered.
    pub options: Vec<PollOption>,
    /// What it is at.
    pub state: PollState,
    /// More than one can be chosen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub multiple: bool,
    /// Nobody is told who chose what.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anonymous: bool,
    /// A vote can be changed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub changeable: bool,
    /// How many have voted, for those who see the results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voted: Option<u32>,
    /// What this identity chose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mine: Vec<u8>,
}

/// One answer to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PollOption {
    /// What it says.
    pub text: String,
    /// How often it was chosen, for those who see the results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<u32>,
    /// Who chose it, for those who manage polls, where they are few and the poll is not anonymous.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voters: Vec<Voter>,
}

/// Somebody who voted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Voter {
    /// Who.
    pub identity: Identifier,
    /// The name they were shown under.
    pub display_name: String,
}
