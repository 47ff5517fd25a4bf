//! What everyone looks at together: people seated in one scene, and slides that somebody presents. The service knows who
//! sits where and which page is shown; what a scene or a page looks like is the clients' to know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::ParticipantId;
use super::is_false;

/// People seated in one scene.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scene {
    /// A name that clients know. Absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<String>,
    /// Who sits where, the first on the first seat; `null` is an empty one. Whoever is not named is not in the scene.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<Option<ParticipantId>>,
}

/// Presents slides, in place of whatever was presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Present {
    /// What they are about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// How many pages: 1 to 1000.
    pub pages: u32,
    /// A picture of each page: the attachment of each in the conversation beside the meeting. None, or one for each page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Everyone sees the presenter's page. Otherwise they may turn pages themselves.
    #[serde(default, skip_serializing_if = "is_false")]
    pub follow: bool,
}

/// Shows another page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TurnPage {
    /// Which, from 0 on.
    pub page: u32,
}

/// Whether everyone sees the presenter's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetFollow {
    /// They do.
    pub follow: bool,
}

/// Draws on a page, or wipes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Annotate {
    /// On which, from 0 on.
    pub page: u32,
    /// The presenter's number of it: one of a number that is there is replaced.
    pub id: u32,
    /// What, as clients agree on. Absent: it is wiped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// The slides that are presented.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slides {
    /// Who presents them. Absent: nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presenter: Option<ParticipantId>,
    /// What they are about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// How many pages.
    #[serde(default)]
    pub pages: u32,
    /// Which the presenter shows, from 0 on.
    #[serde(default)]
    pub page: u32,
    /// Everyone sees that one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub follow: bool,
    /// A picture of each page, where there are pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

/// Something on a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Annotation {
    /// On which page.
    pub page: u32,
    /// The presenter's number of it.
    pub id: u32,
    /// What. Absent: it was wiped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}
