//! What everyone in a call must be shown: that it is recorded or transcribed, and that it is handed over.

use serde_json::json;
use sidetone::{NoticeKind, Notices, TransferState};

use super::journal::Journal;

/// Tells what is recorded and transcribed now.
pub fn tell(notices: &Notices, journal: &Journal) {
    let list: Vec<_> = notices
        .list
        .iter()
        .map(|notice| {
            json!({
                "id": notice.id,
                "kind": notice.kind,
                "by": notice.by,
                "displayName": notice.display_name,
                "paused": notice.paused,
            })
        })
        .collect();
    let fields = json!({
        "isRecordingActive": notices.is_recording_active(),
        "isTranscriptionActive": notices.is_transcription_active(),
        "consentNeeded": notices.consent_needed,
        "consentMissing": notices.consent_missing,
        "notices": list,
    });
    journal.event("notices", &words(notices), fields);
}

fn words(notices: &Notices) -> String {
    let mut sentences: Vec<String> = notices
        .list
        .iter()
        .map(|notice| {
            let what = match notice.kind {
                NoticeKind::Recording => "recorded",
                NoticeKind::Transcription => "transcribed",
            };
            let by = if notice.display_name.is_empty() {
                notice.by.to_string()
            } else {
                notice.display_name.clone()
            };
            let paused = if notice.paused {
                ", interrupted just now"
            } else {
                ""
            };
            format!("THIS CALL IS {what} by {by}{paused}", what = what.to_uppercase())
        })
        .collect();
    if sentences.is_empty() {
        sentences.push("nothing of this call is recorded or transcribed".to_owned());
    }
    if notices.consent_needed {
        sentences.push("your microphone is off until you agree".to_owned());
    }
    if !notices.consent_missing.is_empty() && !notices.consent_needed {
        sentences.push("the other end has not agreed yet".to_owned());
    }
    sentences.join("; ")
}

/// Tells how handing the call over stands.
pub fn tell_transfer(state: &TransferState, journal: &Journal) {
    let (name, words, reason) = match state {
        TransferState::None => return,
        TransferState::Transferring => ("transferring", "handing the call over".to_owned(), None),
        TransferState::Transferred => ("transferred", "the call is handed over".to_owned(), None),
        TransferState::Failed(reason) => ("failed", format!("not handed over: {reason}"), Some(reason)),
    };
    let fields = json!({
        "state": name,
        "code": reason.map(|reason| reason.code),
        "subcode": reason.map(|reason| reason.subcode),
    });
    journal.event("transfer", &words, fields);
}

#[cfg(test)]
mod tests {
    use sidetone::Notice;

    use super::*;

    #[test]
    fn people_read_what_is_done_and_by_whom() {
        let notice = |kind, paused| Notice {
            id: uuid::Uuid::nil(),
            kind,
            by: "member:acme:ann".parse().unwrap(),
            display_name: "Ann".to_owned(),
            paused,
        };
        let mut notices = Notices {
            list: vec![
                notice(NoticeKind::Recording, false),
                notice(NoticeKind::Transcription, true),
            ],
            ..Notices::default()
        };
        assert_eq!(
            words(&notices),
            "THIS CALL IS RECORDED by Ann; THIS CALL IS TRANSCRIBED by Ann, interrupted just now"
        );
        notices.consent_needed = true;
        assert!(words(&notices).ends_with("your microphone is off until you agree"));
        assert_eq!(
            words(&Notices::default()),
            "nothing of this call is recorded or transcribed"
        );
    }
}
