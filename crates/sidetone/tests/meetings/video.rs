//! Cameras and screens in a meeting: forwarded by the service, in the size that each looks at; who loses the right stops.

use serde_json::json;
use sidetone::media::pictures::Size;
use sidetone::{Call, Error, MediaStreamType, ParticipantId, Reason, RemoteVideoStream};

use crate::clinic::{Clinic, join};
use crate::support::pictures::{Eyes, camera, film};
use crate::support::{await_some, call_between, connected, end_of, until};

fn number(call: &Call) -> ParticipantId {
    call.meeting().unwrap().participant
}

fn stream_of(call: &Call, whose: ParticipantId, kind: MediaStreamType) -> RemoteVideoStream {
    await_some("a stream", || {
        let mut streams = call.remote_video_streams().into_iter();
        streams.find(|stream| stream.participant() == Some(whose) && stream.media_stream_type() == kind)
    })
}

#[test]
fn three_see_each_other_and_a_screen_in_the_size_that_they_look_at() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, omar) = (clinic.member("nia", None), clinic.member("omar", None));
    let pat = clinic.outsider("pat", "Pat", None);
    let (at_nia, at_omar, at_pat) = (join(&nia, &link), join(&omar, &link), join(&pat, &link));
    connected(&[&at_nia, &at_omar, &at_pat]);
    until("all are there", || {
        [&at_nia, &at_omar, &at_pat]
            .iter()
            .all(|call| call.participants().len() == 2)
    });
    at_nia.start_video(&camera(Size::P720)).wait().unwrap();
    at_omar.start_video(&camera(Size::P180)).wait().unwrap();
    let nias = stream_of(&at_pat, number(&at_nia), MediaStreamType::Video);
    let large = Eyes::on(&nias);
    let omars = Eyes::on(&stream_of(&at_pat, number(&at_omar), MediaStreamType::Video));
    let at_the_other = stream_of(&at_omar, number(&at_nia), MediaStreamType::Video);
    at_the_other.show_at(Some(Size::P180));
    let small = Eyes::on(&at_the_other);
    large.see();
    omars.see();
    small.see();
    assert_eq!(omars.size(), Some(Size::P180));
    until("who looks at a small picture is sent one", || {
        small.size() == Some(Size::P180)
    });
    until("who looks at a large one is sent that", || {
        large.size().is_some_and(|size| size.height() >= 360)
    });

    let shown = film(MediaStreamType::ScreenSharing, Size::P720, 5);
    let refused = at_pat.start_screen_sharing(&shown).wait();
    assert!(
        matches!(&refused, Err(Error::Refused(reason)) if reason.is(&Reason::ROLE_RESTRICTED)),
        "{refused:?}"
    );
    at_omar.start_screen_sharing(&shown).wait().unwrap();
    let kind = MediaStreamType::ScreenSharing;
    let screen = Eyes::on(&stream_of(&at_pat, number(&at_omar), kind));
    screen.see();
    assert_eq!(screen.size(), Some(Size::P720));

    // Who leaves is seen no more.
    at_nia.hang_up().unwrap();
    end_of(&at_nia);
    until("she is gone", || !nias.is_available());
    assert_eq!(at_pat.remote_video_streams().len(), 2);
    omars.see();
}

#[test]
fn a_camera_stops_when_the_right_to_it_is_taken() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, pat) = (clinic.member("nia", None), clinic.outsider("pat", "Pat", None));
    let (at_nia, at_pat) = (join(&nia, &link), join(&pat, &link));
    connected(&[&at_nia, &at_pat]);
    until("both are there", || {
        at_nia.participants().len() == 1 && at_pat.participants().len() == 1
    });
    at_pat.start_video(&camera(Size::P180)).wait().unwrap();
    let stream = stream_of(&at_nia, number(&at_pat), MediaStreamType::Video);
    Eyes::on(&stream).see();
    at_nia
        .set_media_access(&[number(&at_pat)], None, Some(false))
        .wait()
        .unwrap();
    until("the camera is off", || !at_pat.is_local_video_started());
    until("nobody is shown with it", || !stream.is_available());
    let refused = at_pat.start_video(&camera(Size::P180)).wait();
    assert!(
        matches!(&refused, Err(Error::Refused(reason)) if reason.is(&Reason::MEETING_RESTRICTED)),
        "{refused:?}"
    );
}

#[test]
fn a_camera_goes_on_when_a_call_of_two_becomes_a_group_call() {
    let clinic = Clinic::open();
    let pat = clinic.outsider("pat", "Pat", None);
    let mut nia = clinic.member("nia", None);
    let _omar = clinic.member("omar", None);
    let (at_pat, at_nia) = call_between(&pat, &mut nia);
    at_pat.start_video(&camera(Size::P360)).wait().unwrap();
    let before = await_some("a stream", || at_nia.remote_video_streams().into_iter().next());
    before.show_at(Some(Size::P180));
    let eyes = Eyes::on(&before);
    until("it is as large as it is shown", || {
        eyes.size() == Some(Size::P180)
    });
    let omars = sidetone::Identifier::member("acme", "omar").unwrap();
    at_nia.add_participant(omars).wait().unwrap();
    until("both are in the group call", || {
        at_pat.meeting().is_some() && at_nia.meeting().is_some()
    });
    until("it is the same stream, with a number", || {
        before.participant() == Some(number(&at_pat))
    });
    assert!(before.is_available() && at_pat.is_local_video_started());
    eyes.see();
    eyes.see();
    until("what she said of its size still holds", || {
        eyes.size() == Some(Size::P180)
    });
    before.show_at(Some(Size::P360));
    until("and the larger picture is there for her", || {
        eyes.size() == Some(Size::P360)
    });
}
