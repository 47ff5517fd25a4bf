//! Files of recordings: what an endpoint says of one, and what is told of it (spec 3.8, `RecordingFileStatusUpdated`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::stream::{MAX_LOCATION, ReportError, is_visible};
use crate::{Seconds, Timestamp};

/// A file of a recording that is complete, as the endpoint that made it says. Which recording it is of is known: that
/// which this endpoint announced last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileReport {
    /// How long it plays, in milliseconds.
    pub duration_in_ms: u64,
    /// Why it ended.
    pub end_reason: RecordingEnd,
    /// Where the application keeps it, where it wants that known: everybody who is sent the event can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_location: Option<String>,
}

impl FileReport {
    /// Whether the report can be true.
    ///
    /// # Errors
    /// [`ReportError`]: the first field that cannot.
    pub fn check(&self) -> Result<(), ReportError> {
        let location = self.content_location.as_ref();
        if location.is_none_or(|text| is_visible(text, MAX_LOCATION)) {
            Ok(())
        } else {
            Err(ReportError::Location("contentLocation"))
        }
    }
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RecordingEnd {
    /// Whoever made it stopped it.
    Stopped,
    /// The call was over, or had a new one in its place.
    CallEnded,
}

/// A file of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingFile {
    /// The recording, as it was announced.
    pub recording: uuid::Uuid,
    /// When it was announced.
    pub started: Timestamp,
    /// How long the file plays.
    pub duration: Seconds,
    /// Why the recording ended.
    pub session_end_reason: RecordingEnd,
    /// Its parts, in order.
    pub chunks: Vec<RecordingChunk>,
}

/// A part of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingChunk {
    /// Its id.
    pub document_id: String,
    /// Its place in the recording, from 0.
    pub index: u32,
    /// Why it ended.
    pub end_reason: RecordingEnd,
    /// Where its content is, where whoever made it told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_location: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_cannot_be_is_refused() {
        let at = |place: &str| {
            let report = FileReport {
                duration_in_ms: 4_000,
                end_reason: RecordingEnd::Stopped,
                content_location: Some(place.to_owned()),
            };
            report.check()
        };
        assert_eq!(at("https://files.example/1.ogg"), Ok(()));
        for place in ["", "https://files.example/a b", "h\u{fc}", &"x".repeat(1025)] {
            assert_eq!(
                at(place),
                Err(ReportError::Location("contentLocation")),
                "{place:?}"
            );
        }
    }
}
