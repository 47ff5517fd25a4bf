//! Sound that is shared with a screen: heard as it is, by those who see the screen, for as long as they do.

use std::path::PathBuf;

use sidetone::media::device::DeviceError;
use sidetone::media::pictures::Size;
use sidetone::{
    AudioInput, Call, CallEvent, Diagnostic, DiagnosticValue, Error, LocalVideoStream, MediaStreamType,
    NoticeKind, NoticeState, ScreenSharingOptions, SharedSound, VideoError,
};

use crate::support::pictures::film;
use crate::support::speech::MAN;
use crate::support::tone::{self, TONE};
use crate::support::{Microphone, Service, call_between, phone, talker, until};

fn screen() -> LocalVideoStream {
    film(MediaStreamType::ScreenSharing, Size::P180, 10)
}

fn with(sound: AudioInput) -> ScreenSharingOptions {
    ScreenSharingOptions {
        with_sound: Some(SharedSound::Input(sound)),
    }
}

fn share(call: &Call) {
    call.start_screen_sharing_with(&screen(), with(AudioInput::Tone(TONE)))
        .wait()
        .unwrap();
    assert!(call.is_shared_sound_on() && call.is_screen_sharing_on());
}

/// What was told of shared sound.
fn told(events: &mut sidetone::Events<CallEvent>) -> Vec<bool> {
    let events = std::iter::from_fn(|| events.try_next());
    let events = events.filter_map(|event| match event {
        CallEvent::IsSharedSoundOnChanged(on) => Some(on),
        _ => None,
    });
    events.collect()
}

#[test]
fn it_is_heard_with_the_voice_and_without_and_ends_with_the_share() {
    let service = Service::start();
    let ann = talker(&service, "ann", MAN);
    let mut bob = phone(&service, "bob");
    let (at_ann, _at_bob) = call_between(&ann, &mut bob);
    let mut events = at_ann.events();
    bob.hears(MAN);
    share(&at_ann);
    tone::heard_with_a_voice(&bob);
    at_ann.mute().unwrap();
    tone::heard_alone(&bob);
    at_ann.unmute().unwrap();
    at_ann.hold().unwrap();
    bob.hears_nothing();
    at_ann.resume().unwrap();
    tone::heard(&bob);
    at_ann.stop_screen_sharing().wait().unwrap();
    assert!(!at_ann.is_shared_sound_on());
    bob.hears(MAN);
    tone::not_heard(&bob);
    assert_eq!(told(&mut events), [true, false]);
    // Without being asked for it is not sent.
    at_ann.start_screen_sharing(&screen()).wait().unwrap();
    assert!(!at_ann.is_shared_sound_on());
    at_ann.stop_screen_sharing().wait().unwrap();
    share(&at_ann);
    tone::heard(&bob);
}

#[test]
fn another_call_hears_nothing_of_it() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let (mut bob, mut cid) = (phone(&service, "bob"), phone(&service, "cid"));
    let (with_bob, _at_bob) = call_between(&ann, &mut bob);
    share(&with_bob);
    tone::heard(&bob);
    with_bob.hold().unwrap();
    let (with_cid, _at_cid) = call_between(&ann, &mut cid);
    cid.hears_nothing();
    // Who shares last has it.
    share(&with_cid);
    tone::heard(&cid);
    assert!(!with_bob.is_shared_sound_on() && with_bob.is_screen_sharing_on());
    with_cid.hang_up().unwrap();
    with_bob.resume().unwrap();
    bob.hears_nothing();
}

#[test]
fn when_its_source_goes_away_the_screen_is_shared_without() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (at_ann, _at_bob) = call_between(&ann, &mut bob);
    let mut events = at_ann.events();
    let source = Microphone::default();
    at_ann
        .start_screen_sharing_with(&screen(), with(source.input()))
        .wait()
        .unwrap();
    assert!(at_ann.is_shared_sound_on());
    source.unplug();
    until("it ends", || !at_ann.is_shared_sound_on());
    assert!(at_ann.is_screen_sharing_on());
    let name = Diagnostic::SharedSoundStoppedUnexpectedly;
    assert_eq!(at_ann.diagnostics().latest(name), DiagnosticValue::Flag(true));
    assert_eq!(told(&mut events), [true, false]);
    at_ann.stop_screen_sharing().wait().unwrap();
    assert_eq!(at_ann.diagnostics().latest(name), DiagnosticValue::Flag(false));
    share(&at_ann);
    tone::heard(&bob);
}

#[test]
fn what_is_not_there_is_not_shared() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (at_ann, _at_bob) = call_between(&ann, &mut bob);
    let missing = AudioInput::File {
        path: PathBuf::from("no such film.wav"),
        repeat: false,
    };
    let refused = at_ann.start_screen_sharing_with(&screen(), with(missing)).wait();
    assert!(
        matches!(refused, Err(Error::Device(DeviceError::File { .. }))),
        "{refused:?}"
    );
    assert!(!at_ann.is_screen_sharing_on() && !at_ann.is_shared_sound_on());
    // The same stream can be shared afterwards.
    share(&at_ann);
    let again = at_ann
        .start_screen_sharing_with(&screen(), with(AudioInput::Tone(TONE)))
        .wait();
    assert!(
        matches!(again, Err(Error::Video(VideoError::AlreadySharing))),
        "{again:?}"
    );
    tone::heard(&bob);
    at_ann.hang_up().unwrap();
    until("it is over", || !at_ann.is_shared_sound_on());
}

#[test]
fn whoever_must_agree_to_a_recording_is_not_heard_with_it_before() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    share(&at_bob);
    tone::heard(&ann);
    at_ann
        .set_notice(NoticeKind::Recording, NoticeState::Active, true)
        .wait()
        .unwrap();
    until("Bob is asked", || at_bob.notices().consent_needed);
    ann.hears_nothing();
    assert!(at_bob.is_shared_sound_on(), "it is not his doing");
    at_bob.consent(true).unwrap();
    tone::heard(&ann);
}
