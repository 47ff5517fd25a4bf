//! Pictures: two ends see each other's cameras and screens, as they were taken; who misuses them is told how.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use sidetone::capture::{
    CaptureError, CaptureRequest, CaptureStream, Feed, PictureSource, SourceId, SourceInfo, SourceKind,
};
use sidetone::media::pictures::{ContentHint, Picture, Size};
use sidetone::{
    AcceptOptions, Call, CallEvent, Diagnostic, DiagnosticValue, Error, LocalVideoStream, MediaStreamType,
    RemoteVideoStream, StartCallOptions, VideoError, VideoInput,
};

use crate::support::pictures::{Eyes, camera, film};
use crate::support::{Service, await_some, call_between, connected, identifier, phone, until};

fn stream_of(call: &Call, kind: MediaStreamType) -> RemoteVideoStream {
    await_some("a stream", || {
        let mut streams = call.remote_video_streams().into_iter();
        streams.find(|stream| stream.media_stream_type() == kind)
    })
}

#[test]
fn two_ends_see_each_other_and_a_screen() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    let (mut told_ann, mut told_bob) = (at_ann.events(), at_bob.events());
    at_ann.start_video(&camera(Size::P360)).wait().unwrap();
    assert!(at_ann.is_local_video_started());
    at_bob.start_video(&camera(Size::P180)).wait().unwrap();
    let anns = stream_of(&at_bob, MediaStreamType::Video);
    assert!(anns.is_available());
    assert_eq!((anns.identifier(), anns.participant()), (identifier("ann"), None));
    let (bob_sees, ann_sees) = (
        Eyes::on(&anns),
        Eyes::on(&stream_of(&at_ann, MediaStreamType::Video)),
    );
    bob_sees.see();
    ann_sees.see();
    until("its size is known", || {
        anns.is_receiving() && anns.size() == bob_sees.size()
    });
    assert_eq!(ann_sees.size(), Some(Size::P180));

    at_bob
        .start_screen_sharing(&film(MediaStreamType::ScreenSharing, Size::P720, 10))
        .wait()
        .unwrap();
    assert!(at_bob.is_screen_sharing_on());
    let screen = stream_of(&at_ann, MediaStreamType::ScreenSharing);
    let ann_reads = Eyes::on(&screen);
    ann_reads.see();
    assert_eq!(ann_reads.size(), Some(Size::P720), "every pixel of it");

    let stats = at_ann.stats().wait().unwrap();
    let (sent, seen) = (&stats.video.outbound[0], &stats.video.inbound[0]);
    assert!(sent.frames_encoded > 20 && sent.codec == "VP8", "{sent:?}");
    assert!(seen.counters.frames_decoded > 20, "{seen:?}");
    until("sound and camera are together", || {
        let stats = at_ann.stats().wait().unwrap();
        let behind = stats.video.inbound[0].behind_sound;
        behind.is_some_and(|seconds| seconds.abs() <= 0.020)
    });

    at_bob.stop_screen_sharing().wait().unwrap();
    until("the screen is gone", || !screen.is_available());
    assert_eq!(at_ann.remote_video_streams().len(), 1);
    at_ann.stop_video().wait().unwrap();
    until("so is the camera", || at_bob.remote_video_streams().is_empty());
    assert!(!at_ann.is_local_video_started());
    ann_sees.see();
    at_ann.start_video(&camera(Size::P180)).wait().unwrap();
    let again = stream_of(&at_bob, MediaStreamType::Video);
    assert_ne!(again.id(), anns.id());
    Eyes::on(&again).see();

    let mine: Vec<bool> = std::iter::from_fn(|| told_ann.try_next())
        .filter_map(|event| match event {
            CallEvent::IsLocalVideoStartedChanged(on) => Some(on),
            _ => None,
        })
        .collect();
    assert_eq!(mine, [true, false, true]);
    let updates = std::iter::from_fn(|| told_bob.try_next()).filter_map(|event| match event {
        CallEvent::VideoStreamsUpdated { added, removed } => Some((added.len(), removed.len())),
        _ => None,
    });
    assert_eq!(updates.collect::<Vec<_>>(), [(1, 0), (0, 1), (1, 0)]);
}

#[test]
fn no_more_is_sent_than_the_other_end_shows() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    at_ann.start_video(&camera(Size::P360)).wait().unwrap();
    let stream = stream_of(&at_bob, MediaStreamType::Video);
    let eyes = Eyes::on(&stream);
    until("it is seen whole", || eyes.size() == Some(Size::P360));
    stream.show_at(Some(Size::P180));
    until("it is as small as it is shown", || {
        eyes.size() == Some(Size::P180)
    });
    // A window that is dragged: what counts is where it ends.
    for width in 200..640 {
        stream.show_at(Size::new(width, width * 9 / 16).ok());
    }
    until("it is as large as it is shown", || {
        eyes.size() == Some(Size::P360)
    });

    let coded = || at_ann.stats().wait().unwrap().video.outbound[0].frames_encoded;
    stream.set_sink(None);
    until("nothing comes where nobody looks", || !stream.is_receiving());
    assert!(stream.is_available() && at_ann.is_local_video_started());
    let (before, came) = (coded(), eyes.count());
    // Whoever sees the screen has been sent over a second of it, and of nothing else.
    let screen = film(MediaStreamType::ScreenSharing, Size::P180, 20);
    at_ann.start_screen_sharing(&screen).wait().unwrap();
    Eyes::on(&stream_of(&at_bob, MediaStreamType::ScreenSharing)).see();
    assert_eq!((coded(), eyes.count()), (before, came));

    let again = Eyes::on(&stream);
    again.see();
    assert_eq!(again.size(), Some(Size::P360));
    // The next camera is not taken for the one that was hidden.
    stream.set_sink(None);
    until("nothing comes again", || !stream.is_receiving());
    at_ann.stop_video().wait().unwrap();
    until("it is gone", || !stream.is_available());
    at_ann.start_video(&camera(Size::P180)).wait().unwrap();
    Eyes::on(&stream_of(&at_bob, MediaStreamType::Video)).see();
}

#[test]
fn a_camera_is_there_from_the_answer_on() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let options = StartCallOptions {
        video: Some(camera(Size::P180)),
        ..StartCallOptions::default()
    };
    let at_ann = ann.agent.start_call(identifier("bob"), options).wait().unwrap();
    let answer = AcceptOptions {
        video: Some(camera(Size::P180)),
        ..AcceptOptions::default()
    };
    let at_bob = bob.rings().accept(answer).wait().unwrap();
    connected(&[&at_ann, &at_bob]);
    Eyes::on(&stream_of(&at_bob, MediaStreamType::Video)).see();
    Eyes::on(&stream_of(&at_ann, MediaStreamType::Video)).see();
}

#[test]
fn another_source_takes_the_place_of_one_and_an_app_sends_its_own() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    let stream = camera(Size::P180);
    at_ann.start_video(&stream).wait().unwrap();
    let eyes = Eyes::on(&stream_of(&at_bob, MediaStreamType::Video));
    eyes.see();
    let nowhere = VideoInput::custom(|| Err(CaptureError::NotFound("none".into())));
    let refused = stream.switch_source(nowhere).wait();
    assert!(
        matches!(&refused, Err(Error::Video(error)) if error.code() == (412, 43_013)),
        "{refused:?}"
    );
    eyes.see();
    stream.switch_source(VideoInput::Pattern).wait().unwrap();
    eyes.see();
    at_ann.stop_video().wait().unwrap();
    until("it is gone", || at_bob.remote_video_streams().is_empty());

    let (own, feed) = LocalVideoStream::raw(ContentHint::Motion, CaptureRequest::default());
    at_ann.start_video(&own).wait().unwrap();
    let stream = stream_of(&at_bob, MediaStreamType::Video);
    let eyes = Eyes::on(&stream);
    let began = Instant::now();
    until("what the app draws is seen", || {
        let mut picture = Picture::black(Size::P180);
        let frame = began.elapsed().as_millis() as u64 / 33;
        sidetone::capture::camera::pattern::draw(&mut picture, frame, began.elapsed());
        feed.send(picture);
        std::thread::sleep(std::time::Duration::from_millis(30));
        eyes.count() > 20
    });
    assert!(matches!(
        own.switch_source(VideoInput::Pattern).wait(),
        Err(Error::Video(VideoError::NoSwitch))
    ));
}

/// A camera that can be pulled out.
#[derive(Clone, Default)]
struct Plug(Arc<Mutex<Option<Feed>>>);

struct Running;

impl CaptureStream for Running {}

impl PictureSource for Plug {
    fn info(&self) -> SourceInfo {
        SourceInfo {
            id: SourceId("plug".into()),
            name: "Plug".into(),
            kind: SourceKind::Camera,
            host: "headless",
            is_default: false,
            modes: Vec::new(),
        }
    }

    fn open(&mut self, _: CaptureRequest, feed: Feed) -> Result<Box<dyn CaptureStream>, CaptureError> {
        feed.picture(Picture::black(Size::P180), Instant::now());
        *self.0.lock().unwrap() = Some(feed);
        Ok(Box::new(Running))
    }
}

#[test]
fn a_camera_that_is_pulled_out_is_sent_no_more() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    let plug = Plug::default();
    let made = plug.clone();
    let stream = LocalVideoStream::new(VideoInput::custom(move || Ok(Box::new(made.clone()))));
    at_ann.start_video(&stream).wait().unwrap();
    let seen = stream_of(&at_bob, MediaStreamType::Video);
    let eyes = Eyes::on(&seen);
    until("its one picture is seen", || eyes.count() > 0);
    let feed = plug.0.lock().unwrap().take().unwrap();
    feed.lost(CaptureError::Lost {
        id: "plug".into(),
        reason: "pulled out".into(),
    });
    until("it is sent no more", || !at_ann.is_local_video_started());
    until("and nobody shows it", || !seen.is_available());
    let flag = || at_ann.diagnostics().latest(Diagnostic::CameraStoppedUnexpectedly);
    assert_eq!(flag(), DiagnosticValue::Flag(true));
    // Another one is as good as the first.
    at_ann.start_video(&camera(Size::P180)).wait().unwrap();
    until("all is well again", || flag() == DiagnosticValue::Flag(false));
    Eyes::on(&stream_of(&at_bob, MediaStreamType::Video)).see();
}

#[test]
fn misuse_is_told_as_such() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let at_ann = ann.call("bob");
    let ringing = bob.rings();
    let code = |pending: sidetone::Pending<()>| match pending.wait() {
        Err(Error::Video(error)) => error.code(),
        other => panic!("{other:?}"),
    };
    let screen = film(MediaStreamType::ScreenSharing, Size::P360, 5);
    assert_eq!(code(at_ann.start_screen_sharing(&screen)), (412, 41_071));
    let at_bob = ringing.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&at_ann, &at_bob]);
    assert_eq!(code(at_ann.stop_video()), (400, 41_027));
    assert_eq!(code(at_ann.stop_screen_sharing()), (400, 41_041));
    assert_eq!(code(at_ann.start_video(&screen)), (400, 41_028));
    at_ann.start_video(&camera(Size::P180)).wait().unwrap();
    assert_eq!(code(at_ann.start_video(&camera(Size::P180))), (400, 41_025));
    at_ann.start_screen_sharing(&screen).wait().unwrap();
    assert_eq!(code(at_ann.start_screen_sharing(&screen)), (400, 41_035));
    at_ann.stop_video().wait().unwrap();

    // A camera that nobody may use: told to who asked, and as a diagnostic until one opens.
    let denied = LocalVideoStream::new(VideoInput::custom(|| {
        Err(CaptureError::Denied {
            id: "camera".into(),
            reason: "the system says no".into(),
        })
    }));
    assert_eq!(code(at_ann.start_video(&denied)), (403, 43_001));
    let flag = || at_ann.diagnostics().latest(Diagnostic::CameraPermissionDenied);
    assert_eq!(flag(), DiagnosticValue::Flag(true));
    assert!(!at_ann.is_local_video_started());
    at_ann.start_video(&camera(Size::P180)).wait().unwrap();
    assert_eq!(flag(), DiagnosticValue::Flag(false));
    at_ann.hang_up().unwrap();
    crate::support::end_of(&at_ann);
    assert!(!at_ann.is_local_video_started() && !at_ann.is_screen_sharing_on());
    assert!(matches!(at_ann.stop_video().wait(), Err(Error::State(_))));
}
