//! Recording and transcription are known to both ends; who must agree first is not heard before.

use sidetone::media::pictures::Size;
use sidetone::{Error, MediaStreamType, NoticeKind, NoticeState, Reason};

use crate::support::pictures::{Eyes, camera, film};
use crate::support::speech::{MAN, WOMAN};
use crate::support::{Service, await_some, call_between, phone, talker, until};

#[test]
fn the_far_end_knows_of_a_recording() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    let say = |kind, state| at_ann.set_notice(kind, state, false).wait().unwrap();
    say(NoticeKind::Recording, NoticeState::Active);
    say(NoticeKind::Transcription, NoticeState::Active);
    until("Bob knows", || {
        let notices = at_bob.notices();
        notices.is_recording_active() && notices.is_transcription_active()
    });
    let notice = at_bob.notices().list[0].clone();
    assert_eq!(
        (Some(notice.by), notice.display_name.as_str()),
        (ann.agent.identity(), "ann")
    );
    say(NoticeKind::Recording, NoticeState::Paused);
    until("Bob knows", || !at_bob.notices().is_recording_active());
    assert_eq!(at_bob.notices().list.len(), 2, "it is interrupted, not over");
    say(NoticeKind::Recording, NoticeState::Inactive);
    say(NoticeKind::Transcription, NoticeState::Inactive);
    until("Bob knows", || at_bob.notices().list.is_empty());
    at_ann.hang_up().unwrap();
    until("it is over", || at_ann.end_reason().is_some());
    let late = at_ann
        .set_notice(NoticeKind::Recording, NoticeState::Active, false)
        .wait();
    assert!(matches!(late, Err(Error::State(_))), "{late:?}");
}

#[test]
fn who_must_agree_is_not_heard_before() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    ann.hears(MAN);
    at_ann
        .set_notice(NoticeKind::Recording, NoticeState::Active, true)
        .wait()
        .unwrap();
    until("Bob is asked", || at_bob.notices().consent_needed);
    assert!(!at_ann.notices().consent_needed, "who records agrees to that");
    assert_eq!(at_ann.notices().consent_missing, [bob.agent.identity().unwrap()]);
    ann.hears_nothing();
    assert!(at_ann.remote_participant().is_muted);
    assert!(!at_bob.is_muted(), "it is not his doing");
    let refused = at_bob.unmute();
    assert!(matches!(&refused, Err(Error::Refused(reason)) if reason.is(&Reason::CONSENT_NEEDED)));
    bob.hears(WOMAN);
    at_bob.consent(true).unwrap();
    ann.hears(MAN);
    until("Ann knows", || at_ann.notices().consent_missing.is_empty());
    // Muted meanwhile stays muted, and the end of the recording gives nobody's word back.
    at_bob.mute().unwrap();
    at_bob.consent(false).unwrap();
    until("Bob is asked", || at_bob.notices().consent_needed);
    at_ann
        .set_notice(NoticeKind::Recording, NoticeState::Inactive, true)
        .wait()
        .unwrap();
    until("Bob is asked no more", || !at_bob.notices().consent_needed);
    ann.hears_nothing();
    at_bob.unmute().unwrap();
    ann.hears(MAN);
}

#[test]
fn who_must_agree_is_not_seen_before() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    let record = |state| at_ann.set_notice(NoticeKind::Recording, state, true).wait();
    let seen = |kind| {
        let stream = await_some("a stream", || {
            let mut streams = at_ann.remote_video_streams().into_iter();
            streams.find(|stream| stream.media_stream_type() == kind)
        });
        Eyes::on(&stream)
    };
    let screen = film(MediaStreamType::ScreenSharing, Size::P180, 20);
    at_bob.start_video(&camera(Size::P180)).wait().unwrap();
    at_bob.start_screen_sharing(&screen).wait().unwrap();
    at_ann.start_video(&camera(Size::P180)).wait().unwrap();
    let (face, desk) = (seen(MediaStreamType::Video), seen(MediaStreamType::ScreenSharing));
    face.see();
    desk.see();
    record(NoticeState::Active).unwrap();
    until("Bob is asked", || at_bob.notices().consent_needed);
    until("nobody sees Bob", || at_ann.remote_video_streams().is_empty());
    assert!(
        at_bob.is_local_video_started() && at_bob.is_screen_sharing_on(),
        "it is not his doing"
    );
    // The face that is shown is sent on, the one that is not is not.
    let anns = await_some("Ann's", || at_bob.remote_video_streams().into_iter().next());
    let before = (face.count(), desk.count());
    Eyes::on(&anns).see();
    assert_eq!((face.count(), desk.count()), before);
    at_bob.stop_video().wait().unwrap();
    let refused = at_bob.start_video(&camera(Size::P180)).wait();
    assert!(
        matches!(&refused, Err(Error::Refused(reason)) if reason.is(&Reason::CONSENT_NEEDED)),
        "{refused:?}"
    );
    at_bob.consent(true).unwrap();
    seen(MediaStreamType::ScreenSharing).see();
    assert_eq!(
        at_ann.remote_video_streams().len(),
        1,
        "the camera was switched off meanwhile"
    );
    at_bob.start_video(&camera(Size::P180)).wait().unwrap();
    seen(MediaStreamType::Video).see();
    // Held again, and let go by the end of the recording.
    at_bob.consent(false).unwrap();
    until("nobody sees Bob", || at_ann.remote_video_streams().is_empty());
    record(NoticeState::Inactive).unwrap();
    seen(MediaStreamType::Video).see();
    seen(MediaStreamType::ScreenSharing).see();
}
