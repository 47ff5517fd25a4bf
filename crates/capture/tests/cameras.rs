//! Cameras without hardware, through a capturer: films, test pictures, and changes from one to the other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_capture::camera::file::{AfterEnd, file_camera};
use sidetone_capture::camera::pattern::{Stamp, pattern_camera};
use sidetone_capture::camera::{Film, HeadlessCamera, Shown, drawn_camera};
use sidetone_capture::{
    CaptureDiagnostic, CaptureError, CaptureEvent, CaptureRequest, Capturer, DiagnosticChange, FrameRate,
    Mode, Newest, PictureSource, SourceId, newest,
};
use sidetone_video::picture::{Picture, Size};

const PATIENCE: Duration = Duration::from_secs(30);

fn capturer() -> (Capturer, Newest) {
    let (sink, newest) = newest();
    (Capturer::new(sink, Instant::now()), newest)
}

fn fast() -> CaptureRequest {
    CaptureRequest {
        frame_rate: FrameRate::hz(1000),
        ..CaptureRequest::default()
    }
}

fn start(capturer: &mut Capturer, camera: &mut dyn PictureSource, request: CaptureRequest) {
    capturer.start(camera, request, Instant::now()).unwrap();
}

fn event(capturer: &mut Capturer, expected: &CaptureEvent) {
    let patience = Instant::now() + PATIENCE;
    loop {
        let now = Instant::now();
        match capturer.poll(now) {
            Some(event) if event == *expected => return,
            Some(_) => {}
            None => {
                assert!(now < patience, "never told: {expected:?}");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

fn diagnostic(diagnostic: CaptureDiagnostic, value: bool) -> CaptureEvent {
    CaptureEvent::Diagnostic(DiagnosticChange { diagnostic, value })
}

/// A film in which picture `n` has luma `lumas[n]`.
fn y4m(folder: &Path, rate: &str, (width, height): (usize, usize), lumas: &[u8]) -> PathBuf {
    let path = folder.join("film.y4m");
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(
        file,
        "YUV4MPEG2 W{width} H{height} F{rate} Ip A1:1 C420jpeg XNOTE"
    )
    .unwrap();
    for &luma in lumas {
        file.write_all(b"FRAME\n").unwrap();
        file.write_all(&vec![luma; width * height]).unwrap();
        file.write_all(&vec![128; 2 * width.div_ceil(2) * height.div_ceil(2)])
            .unwrap();
    }
    path
}

fn luma(picture: &Picture) -> u8 {
    picture.y().row(0)[0]
}

#[test]
fn a_film_is_seen_in_order_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = y4m(folder.path(), "200:1", (33, 17), &[20, 30, 40, 50]);
    let mut camera = file_camera(&path, AfterEnd::Repeat).unwrap();
    let info = camera.info();
    assert_eq!((info.name.as_str(), info.host), ("film.y4m", "headless"));
    assert_eq!(info.modes[0].frame_rate, FrameRate::hz(200));
    let (mut capturer, newest) = capturer();
    start(&mut capturer, &mut camera, fast());
    let mut last: Option<Picture> = None;
    let mut rounds = 0;
    while rounds < 3 {
        let picture = newest.wait(PATIENCE).expect("a picture");
        assert_eq!((picture.size().width(), picture.size().height()), (33, 17));
        assert!([20, 30, 40, 50].contains(&luma(&picture)));
        if let Some(last) = last {
            assert!(picture.time() > last.time());
            rounds += u32::from(luma(&picture) < luma(&last));
        }
        last = Some(picture);
    }
    // A camera can be opened once.
    let error = self::capturer()
        .0
        .start(&mut camera, fast(), Instant::now())
        .unwrap_err();
    assert!(matches!(error, CaptureError::Unavailable { .. }), "{error:?}");
    capturer.stop();
    // Closed, and opened again.
    start(&mut capturer, &mut camera, fast());
    while newest.take().is_some() {}
    newest
        .wait(PATIENCE)
        .expect("a picture after it was opened again");
}

#[test]
fn a_film_ends_when_it_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let mut path = y4m(folder.path(), "200:1", (32, 16), &[20, 30, 40]);
    // Half a picture more: a film that was cut off.
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"FRAME\n\x10\x10\x10").unwrap();
    let mut camera = file_camera(&path, AfterEnd::Stop).unwrap();
    let (mut capturer, newest) = capturer();
    start(&mut capturer, &mut camera, fast());
    event(&mut capturer, &CaptureEvent::Ended(camera.info().id));
    assert_eq!(luma(&newest.take().unwrap()), 40);
    assert_eq!(newest.counters().pictures(), 3);
    assert_eq!(
        capturer.poll(Instant::now() + Duration::from_secs(60)),
        None,
        "an end is no freeze"
    );
    path.pop();
}

#[test]
fn a_lower_rate_leaves_pictures_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = y4m(folder.path(), "400:1", (32, 16), &(0..200).collect::<Vec<u8>>());
    let mut camera = file_camera(&path, AfterEnd::Stop).unwrap();
    let (mut capturer, newest) = capturer();
    let request = CaptureRequest {
        frame_rate: FrameRate::hz(40),
        ..CaptureRequest::default()
    };
    start(&mut capturer, &mut camera, request);
    event(&mut capturer, &CaptureEvent::Ended(camera.info().id));
    // Every tenth, however slow the machine was: picture n is the one of its time.
    assert!(newest.counters().pictures() <= 20);
    assert_eq!(luma(&newest.take().unwrap()) % 10, 0);
}

/// What another program made: the colours of its test picture are where they should be.
#[test]
fn films_of_another_program_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.y4m", "film.mjpeg"] {
        let path = folder.path().join(name);
        let made = Command::new("ffmpeg")
            .args([
                "-loglevel",
                "error",
                "-f",
                "lavfi",
                "-i",
                "color=c=red:s=322x182:r=25:d=0.2",
            ])
            .args([
                "-pix_fmt",
                if name.ends_with("y4m") {
                    "yuv420p"
                } else {
                    "yuvj420p"
                },
            ])
            .args(["-q:v", "3"])
            .arg(&path)
            .stdin(Stdio::null())
            .status()
            .expect("ffmpeg is needed: tools/packages test");
        assert!(made.success());
        let mut camera = file_camera(&path, AfterEnd::Repeat).unwrap();
        let (mut capturer, newest) = capturer();
        start(&mut capturer, &mut camera, fast());
        let picture = newest.wait(PATIENCE).expect("a picture");
        assert_eq!((picture.size().width(), picture.size().height()), (322, 182));
        let [y, u, v] = picture.planes().map(|plane| plane.row(40)[40]);
        assert!(
            y.abs_diff(81) < 4 && u.abs_diff(90) < 4 && v.abs_diff(240) < 4,
            "{name}: {y} {u} {v}"
        );
    }
}

#[test]
fn a_torn_picture_is_counted_and_the_film_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mjpeg");
    let made = Command::new("ffmpeg")
        .args([
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=64x48:r=25:d=0.2",
            "-f",
            "mjpeg",
            "pipe:1",
        ])
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg is needed: tools/packages test");
    let ranges = sidetone_capture::camera::file::pictures(&made.stdout);
    assert_eq!(ranges.len(), 5);
    let torn = [&b"\xFF\xD8\xFF\xE0\x00\x60"[..], &[0; 94], b"\xFF\xD9"].concat();
    let [first, second] = [&made.stdout[ranges[0].clone()], &made.stdout[ranges[1].clone()]];
    // One that is no picture at all, one that breaks off, and noise between them.
    let cut = &second[..second.len() / 2];
    std::fs::write(&path, [first, &torn, b"noise", cut, second].concat()).unwrap();
    let mut camera = file_camera(&path, AfterEnd::Repeat).unwrap();
    let (mut capturer, newest) = capturer();
    start(&mut capturer, &mut camera, fast());
    for _ in 0..5 {
        newest.wait(PATIENCE).expect("a picture");
    }
    assert!(capturer.skipped() > 0);
}

#[test]
fn what_is_no_film_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    for (bytes, reason) in [
        (&b""[..], "neither"),
        (b"Y", "neither"),
        (b"RIFF....AVI ", "neither"),
        (b"YUV4MPEG2", "neither"),
        (b"YUV4MPEG2 W16 H16 F25:1 C420\n", "no picture"),
        (b"YUV4MPEG2 W16 H16 F25:1 C420\nFRAME\n1234", "no picture"),
        (b"YUV4MPEG2 W16 H16 F25:1 C420\nFOO\n", "bad frame header"),
        (b"YUV4MPEG2 W16 F25:1\n", "no size"),
        (b"YUV4MPEG2 W0 H16\n", "0x16"),
        (b"YUV4MPEG2 W99999999 H99999999\n", "99999999x99999999"),
        (b"YUV4MPEG2 W-1 H16\n", "bad width"),
        (b"YUV4MPEG2 W16 H16 C444\n", "444"),
        (b"YUV4MPEG2 W16 H16 C420p10\n", "420p10"),
        (b"YUV4MPEG2 W16 H16 It\n", "interlaced"),
        (b"YUV4MPEG2 \xFF\n", "bad header"),
        (&[b'Y', b'U'].repeat(2000), "too long"),
        (b"\xFF\xD8\xFF\xD9", "no picture"),
        (
            &[&b"\xFF\xD8\xFF\xE0\x00\x60"[..], &[0; 94], b"\xFF\xD9"].concat(),
            "does not decode",
        ),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = file_camera(&path, AfterEnd::Repeat).map(|_| ()).unwrap_err();
        assert!(matches!(error, CaptureError::File { .. }), "{error:?}");
        assert!(
            error.to_string().contains(reason),
            "{error} does not say {reason:?}"
        );
    }
    let missing = file_camera(&folder.path().join("none"), AfterEnd::Repeat).map(|_| ());
    assert!(matches!(missing, Err(CaptureError::File { .. })));
}

#[test]
fn a_film_that_is_deleted_under_way_or_cut_is_lost_not_hung() {
    let folder = tempfile::tempdir().unwrap();
    let path = y4m(folder.path(), "200:1", (32, 16), &[20, 30, 40]);
    let mut camera = file_camera(&path, AfterEnd::Repeat).unwrap();
    let (mut capturer, newest) = capturer();
    start(&mut capturer, &mut camera, fast());
    newest.wait(PATIENCE).expect("a picture");
    event(&mut capturer, &CaptureEvent::Started(camera.info().id));
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(40)
        .unwrap();
    // What it reads is over, again and again, or half a picture.
    let patience = Instant::now() + PATIENCE;
    loop {
        match capturer.poll(Instant::now()) {
            Some(CaptureEvent::Ended(_) | CaptureEvent::Lost(..)) => break,
            _ => std::thread::sleep(Duration::from_millis(2)),
        }
        assert!(Instant::now() < patience);
    }
}

#[test]
fn a_pattern_says_when_it_was_taken_and_two_sinks_see_the_same() {
    let mut camera = pattern_camera();
    let (mut capturer, newest) = capturer();
    let (sink, preview) = sidetone_capture::newest();
    capturer.set_preview(Some(Arc::new(sink)));
    let size = Size::new(400, 300).unwrap();
    start(
        &mut capturer,
        &mut camera,
        CaptureRequest {
            size: Some(size),
            ..fast()
        },
    );
    let picture = newest.wait(PATIENCE).unwrap();
    assert_eq!(picture.size(), size);
    let stamp = Stamp::read(&picture).unwrap();
    assert_eq!(u128::from(stamp.micros), picture.time().as_micros());
    assert!(Stamp::read(&preview.wait(PATIENCE).unwrap()).is_some());
}

#[test]
fn a_generated_clip_is_seen_with_the_time_on_it() {
    let clip = sidetone_video::synthetic::Camera::new(Size::P180, 1);
    let mode = Mode {
        size: Size::P180,
        frame_rate: FrameRate::hz(100),
    };
    let draw = move |time, picture: &mut Picture| sidetone_video::synthetic::Clip::draw(&clip, time, picture);
    let mut camera = drawn_camera("face", mode, draw, true);
    let (mut capturer, newest) = capturer();
    start(&mut capturer, &mut camera, fast());
    let mut last = None;
    for _ in 0..5 {
        let picture = newest.wait(PATIENCE).expect("a picture");
        let stamp = Stamp::read(&picture).unwrap();
        assert_eq!(u128::from(stamp.micros), picture.time().as_micros());
        assert!(last.is_none_or(|last| stamp.frame > last));
        last = Some(stamp.frame);
    }
}

#[test]
fn a_camera_that_runs_can_be_asked_for_something_else() {
    let mut camera = pattern_camera();
    let (mut capturer, newest) = capturer();
    for size in [Size::P180, Size::P360, Size::P180] {
        start(
            &mut capturer,
            &mut camera,
            CaptureRequest {
                size: Some(size),
                ..fast()
            },
        );
        let patience = Instant::now() + PATIENCE;
        while newest.wait(PATIENCE).expect("a picture").size() != size {
            assert!(Instant::now() < patience, "never {size}");
        }
    }
    event(&mut capturer, &CaptureEvent::Started(camera.info().id));
}

/// A camera that hangs: it shows as many pictures as it is allowed to, and then nothing.
struct Hanging(u64);

impl Film for Hanging {
    fn mode(&self) -> Mode {
        Mode {
            size: Size::P180,
            frame_rate: FrameRate::hz(200),
        }
    }

    fn rewind(&mut self, _: Option<Size>) -> Result<(), CaptureError> {
        Ok(())
    }

    fn show(&mut self, _: Duration, _: Duration) -> Shown {
        if self.0 == 0 {
            return Shown::Nothing;
        }
        self.0 -= 1;
        Shown::Picture(Picture::black(Size::P180))
    }
}

#[test]
fn a_camera_that_hangs_is_told_and_another_makes_it_right() {
    let (mut capturer, newest) = capturer();
    let mut hanging = HeadlessCamera::new("hanging", Hanging(1));
    start(&mut capturer, &mut hanging, fast());
    event(&mut capturer, &CaptureEvent::Started(hanging.info().id));
    // Nobody waits: the capturer takes our word for the time.
    let later = Instant::now() + Duration::from_secs(6);
    let frozen = diagnostic(CaptureDiagnostic::CameraFreeze, true);
    assert_eq!(capturer.poll(later), Some(frozen));
    let mut dead = HeadlessCamera::new("dead", Hanging(0));
    start(&mut capturer, &mut dead, fast());
    let timed_out = diagnostic(CaptureDiagnostic::CameraStartTimedOut, true);
    event(&mut capturer, &diagnostic(CaptureDiagnostic::CameraFreeze, false));
    assert_eq!(
        capturer.poll(Instant::now() + Duration::from_secs(11)),
        Some(timed_out)
    );
    let mut pattern = pattern_camera();
    start(&mut capturer, &mut pattern, fast());
    event(&mut capturer, &CaptureEvent::Started(pattern.info().id));
    event(
        &mut capturer,
        &diagnostic(CaptureDiagnostic::CameraStartTimedOut, false),
    );
    assert!(newest.wait(PATIENCE).is_some());
}

/// A source that does not open, or says later that it never will.
struct Refusing {
    at_once: bool,
}

impl PictureSource for Refusing {
    fn info(&self) -> sidetone_capture::SourceInfo {
        sidetone_capture::SourceInfo {
            id: SourceId("refusing".into()),
            ..pattern_camera().info()
        }
    }

    fn open(
        &mut self,
        _: CaptureRequest,
        feed: sidetone_capture::Feed,
    ) -> Result<Box<dyn sidetone_capture::CaptureStream>, CaptureError> {
        struct Nothing;
        impl sidetone_capture::CaptureStream for Nothing {}
        let error = CaptureError::Denied {
            id: "refusing".into(),
            reason: "not today".into(),
        };
        if self.at_once {
            return Err(error);
        }
        feed.lost(error);
        Ok(Box::new(Nothing))
    }
}

#[test]
fn a_camera_that_is_refused_leaves_the_one_before_alone() {
    for at_once in [true, false] {
        let (mut capturer, newest) = capturer();
        let mut pattern = pattern_camera();
        start(&mut capturer, &mut pattern, fast());
        event(&mut capturer, &CaptureEvent::Started(pattern.info().id));
        let started = capturer.start(&mut Refusing { at_once }, fast(), Instant::now());
        assert_eq!(started.is_err(), at_once);
        event(
            &mut capturer,
            &diagnostic(CaptureDiagnostic::CameraPermissionDenied, true),
        );
        assert_eq!(capturer.source().unwrap().id, pattern.info().id);
        while newest.take().is_some() {}
        assert!(newest.wait(PATIENCE).is_some(), "the one before goes on");
        // Still denied, and still watched.
        assert_eq!(capturer.poll(Instant::now()), None);
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(
            capturer.poll(later),
            Some(diagnostic(CaptureDiagnostic::CameraFreeze, true))
        );
        capturer.stop();
        event(
            &mut capturer,
            &diagnostic(CaptureDiagnostic::CameraPermissionDenied, false),
        );
        assert_eq!(capturer.source(), None);
    }
}
