//! Sound that is shared with a screen in a meeting: one's own mute leaves it, that of others does not.

use serde_json::json;
use sidetone::media::pictures::Size;
use sidetone::{AudioInput, CallEvent, MediaStreamType, ScreenSharingOptions, SharedSound};

use crate::clinic::{Clinic, join};
use crate::support::pictures::film;
use crate::support::speech::MAN;
use crate::support::tone::{self, TONE};
use crate::support::{await_some, connected, until};

#[test]
fn who_shares_it_is_heard_muted_unless_others_want_silence() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, omar) = (clinic.member("nia", None), clinic.member("omar", Some(MAN)));
    let (at_nia, at_omar) = (join(&nia, &link), join(&omar, &link));
    connected(&[&at_nia, &at_omar]);
    until("both are there", || {
        at_nia.participants().len() == 1 && at_omar.participants().len() == 1
    });
    let shown_muted = || at_nia.participants()[0].is_muted;
    // Muted before the share, and muted in the middle of it.
    at_omar.mute().unwrap();
    until("Nia sees it", shown_muted);
    let options = ScreenSharingOptions {
        with_sound: Some(SharedSound::Input(AudioInput::Tone(TONE))),
    };
    let screen = film(MediaStreamType::ScreenSharing, Size::P180, 10);
    at_omar
        .start_screen_sharing_with(&screen, options.clone())
        .wait()
        .unwrap();
    tone::heard_alone(&nia);
    assert!(at_omar.is_muted() && !shown_muted(), "he is heard");
    at_omar.unmute().unwrap();
    at_omar.mute().unwrap();
    tone::heard_alone(&nia);
    at_omar.stop_screen_sharing().wait().unwrap();
    until("Nia sees that he is muted", shown_muted);
    nia.hears_nothing();

    at_omar.unmute().unwrap();
    at_omar
        .start_screen_sharing_with(&screen, options)
        .wait()
        .unwrap();
    tone::heard(&nia);
    let mut events = at_omar.events();
    let omars = at_omar.meeting().unwrap().participant;
    at_nia.mute_participants(&[omars]).wait().unwrap();
    await_some("Omar is told", || match events.try_next() {
        Some(CallEvent::MutedByOthers(by)) => Some(by),
        _ => None,
    });
    nia.hears_nothing();
    assert!(at_omar.is_muted() && shown_muted());
    assert!(at_omar.is_shared_sound_on() && at_omar.is_screen_sharing_on());
    at_omar.unmute().unwrap();
    tone::heard(&nia);
}
