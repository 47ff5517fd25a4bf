//! A meeting is recorded by one who is in it: everyone knows, also who comes late, and in the file is what was said.

use serde_json::json;
use sidetone::media::pictures::Size;
use sidetone::{Error, NoticeKind, NoticeState, Reason, RecordingNotice, RecordingOptions};
use std::time::Duration;

use crate::clinic::{Clinic, join};
use crate::support::pictures::{Eyes, camera};
use crate::support::speech::{MAN, WOMAN, likeness};
use crate::support::{await_some, connected, until};

#[test]
fn a_meeting_is_recorded_and_everyone_knows() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, pat) = (
        clinic.member("nia", None),
        clinic.outsider("pat", "Pat", Some(MAN)),
    );
    let (at_nia, at_pat) = (join(&nia, &link), join(&pat, &link));
    connected(&[&at_nia, &at_pat]);
    nia.hears(MAN);
    // R78.
    let refused = at_pat
        .set_notice(NoticeKind::Recording, NoticeState::Active, false)
        .wait();
    assert!(
        matches!(&refused, Err(Error::Refused(reason)) if reason.is(&Reason::ROLE_RESTRICTED)),
        "{refused:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meeting.wav");
    let recording = at_nia
        .record(RecordingOptions::new(&path), RecordingNotice::default())
        .wait()
        .unwrap();
    until("Pat knows", || at_pat.notices().is_recording_active());
    assert_eq!(at_pat.notices().list[0].display_name, "Nia Nurse");
    let omar = clinic.member("omar", None);
    let at_omar = join(&omar, &link);
    connected(&[&at_omar]);
    until("who comes late knows", || at_omar.notices().is_recording_active());
    nia.listen(Duration::from_secs(4));
    recording.pause();
    until("Pat knows", || !at_pat.notices().is_recording_active());
    recording.resume();
    until("Pat knows", || at_pat.notices().is_recording_active());
    let file = recording.stop().wait().unwrap();
    until("nobody is recorded any more", || {
        at_pat.notices().list.is_empty() && at_omar.notices().list.is_empty()
    });
    assert!(file.duration > Duration::from_secs(3), "{file:?}");
    let heard = sidetone::media::device::headless::SoundFile::read(&path).unwrap();
    let said = &heard.samples[9_600..9_600 + 3 * 48_000];
    let (like, unlike) = (likeness(said, MAN), likeness(said, WOMAN));
    assert!(like > 0.5 && like > unlike + 0.1, "{like} {unlike}");
}

#[test]
fn who_must_agree_is_not_heard_before() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, pat) = (
        clinic.member("nia", Some(WOMAN)),
        clinic.outsider("pat", "Pat", Some(MAN)),
    );
    let (at_nia, at_pat) = (join(&nia, &link), join(&pat, &link));
    connected(&[&at_nia, &at_pat]);
    nia.hears(MAN);
    at_nia
        .set_notice(NoticeKind::Recording, NoticeState::Active, true)
        .wait()
        .unwrap();
    until("Pat is asked", || at_pat.notices().consent_needed);
    assert_eq!(at_nia.notices().consent_missing, [clinic.external("pat")]);
    nia.hears_nothing();
    assert!(!at_pat.is_muted(), "it is not Pat's doing");
    let refused = at_pat.unmute();
    assert!(matches!(&refused, Err(Error::Refused(reason)) if reason.is(&Reason::CONSENT_NEEDED)));
    pat.hears(WOMAN);
    at_pat.consent(true).unwrap();
    nia.hears(MAN);
    until("Nia knows", || at_nia.notices().consent_missing.is_empty());
}

#[test]
fn who_must_agree_is_not_seen_before() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, pat) = (clinic.member("nia", None), clinic.outsider("pat", "Pat", None));
    let (at_nia, at_pat) = (join(&nia, &link), join(&pat, &link));
    connected(&[&at_nia, &at_pat]);
    at_pat.start_video(&camera(Size::P180)).wait().unwrap();
    let seen = || {
        Eyes::on(&await_some("Pat's camera", || {
            at_nia.remote_video_streams().into_iter().next()
        }))
    };
    seen().see();
    at_nia
        .set_notice(NoticeKind::Recording, NoticeState::Active, true)
        .wait()
        .unwrap();
    until("Pat is asked", || at_pat.notices().consent_needed);
    until("nobody sees Pat", || at_nia.remote_video_streams().is_empty());
    assert!(at_pat.is_local_video_started(), "it is not Pat's doing");
    at_pat.consent(true).unwrap();
    seen().see();

    // Who comes late with a camera agrees first as well.
    let omar = clinic.member("omar", None);
    let options = sidetone::JoinOptions {
        video: Some(camera(Size::P180)),
        ..Default::default()
    };
    let at_omar = omar.agent.join(link, options).wait().unwrap();
    connected(&[&at_omar]);
    until("Omar is asked", || at_omar.notices().consent_needed);
    until("Omar is there", || at_nia.participants().len() == 2);
    assert!(at_omar.is_local_video_started());
    assert_eq!(at_nia.remote_video_streams().len(), 1);
    at_omar.consent(true).unwrap();
    let omars = await_some("Omar's camera", || {
        at_nia.remote_video_streams().into_iter().nth(1)
    });
    Eyes::on(&omars).see();
}
