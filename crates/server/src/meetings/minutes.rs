//! What people did in a meeting beside talking, kept when it is over as long as who was in it: polls, questions, and what
//! was transcribed.

use sidetone_meeting::Minutes;
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::protocol::CallId;
use sidetone_store::{Key, Kv, Revision, StoreError, WallTime};

use super::attendance::{Ended, under};

/// What the keys begin with.
const PREFIX: &str = "minutes.";
/// Bytes in one value: an hour's transcript is more than a value may hold.
const SHEET: usize = 32 * 1024;

/// Keeps what is to be kept of a meeting that is over.
pub(super) async fn put(
    kv: &dyn Kv,
    ended: &Ended,
    (now, until): (WallTime, WallTime),
) -> Result<(), StoreError> {
    if ended.minutes.is_empty() {
        return Ok(());
    }
    let storage = |error: serde_json::Error| StoreError::Storage {
        message: error.to_string(),
    };
    let whole = serde_json::to_vec(&(ended.call, &ended.minutes)).map_err(storage)?;
    let prefix = prefix(&ended.organisation, Some(&ended.meeting));
    for (number, sheet) in whole.chunks(SHEET).enumerate() {
        // In the order in which they were held.
        let key = Key::new(format!(
            "{prefix}{:013}.{}.{number:05}",
            now.as_millis(),
            ended.call
        ))?;
        kv.put(&key, sheet.to_vec().into(), Revision::ABSENT, Some(until), now)
            .await?;
    }
    Ok(())
}

/// What was kept of a meeting, each time it was held, the oldest first.
pub(super) async fn of(
    kv: &dyn Kv,
    organisation: &OrganisationId,
    meeting: &MeetingId,
    now: WallTime,
) -> Result<Vec<(CallId, Minutes)>, StoreError> {
    let entries = kv.list(&prefix(organisation, Some(meeting)), now).await?;
    let mut held: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in entries {
        let key = entry.key.to_string();
        let time = key.rsplit_once('.').map_or("", |(time, _)| time);
        match held.last_mut().filter(|(known, _)| known == time) {
            Some((_, whole)) => whole.extend_from_slice(&entry.value),
            None => held.push((time.to_owned(), entry.value.to_vec())),
        }
    }
    let read = |(key, whole): (String, Vec<u8>)| -> Option<(CallId, Minutes)> {
        match serde_json::from_slice(&whole) {
            Ok(minutes) => Some(minutes),
            Err(error) => {
                tracing::error!(%key, %error, "the minutes of a meeting cannot be read");
                None
            }
        }
    };
    Ok(held.into_iter().filter_map(read).collect())
}

/// What the keys of a meeting, or of all of an organisation's, begin with.
pub(super) fn prefix(organisation: &OrganisationId, meeting: Option<&MeetingId>) -> String {
    under(PREFIX, organisation, meeting)
}
