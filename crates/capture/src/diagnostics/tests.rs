use super::CaptureDiagnostic::*;
use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn changes(monitor: &mut Monitor) -> Vec<(CaptureDiagnostic, bool)> {
    std::iter::from_fn(|| monitor.poll())
        .map(|change| (change.diagnostic, change.value))
        .collect()
}

fn unavailable() -> CaptureError {
    CaptureError::Unavailable {
        id: "camera".into(),
        reason: "in use".into(),
    }
}

fn denied() -> CaptureError {
    CaptureError::Denied {
        id: "camera".into(),
        reason: "no".into(),
    }
}

fn lost() -> CaptureError {
    CaptureError::Lost {
        id: "camera".into(),
        reason: "unplugged".into(),
    }
}

#[test]
fn a_camera_freezes_after_five_seconds_and_thaws_with_a_picture() {
    let start = Instant::now();
    let mut monitor = Monitor::default();
    monitor.started(SourceKind::Camera, start);
    monitor.picture(start + SECOND);
    monitor.tick(start + 6 * SECOND);
    assert_eq!(changes(&mut monitor), []);
    assert_eq!(
        monitor.deadline(),
        Some(start + 6 * SECOND + Duration::from_nanos(1))
    );
    monitor.tick(start + 6 * SECOND + Duration::from_nanos(1));
    monitor.tick(start + 7 * SECOND);
    assert_eq!(changes(&mut monitor), [(CameraFreeze, true)]);
    assert_eq!(monitor.deadline(), None);
    // Told again of the picture it had: that is no thaw.
    monitor.picture(start + SECOND);
    assert_eq!(changes(&mut monitor), []);
    monitor.picture(start + 8 * SECOND);
    assert_eq!(changes(&mut monitor), [(CameraFreeze, false)]);
    assert!(monitor.deadline().is_some());
}

#[test]
fn a_camera_without_a_picture_has_timed_out_until_it_has_one() {
    let start = Instant::now();
    let mut monitor = Monitor::default();
    monitor.started(SourceKind::Camera, start);
    monitor.tick(start + START_TIME_OUT - SECOND);
    assert_eq!(changes(&mut monitor), []);
    monitor.tick(start + START_TIME_OUT);
    assert_eq!(changes(&mut monitor), [(CameraStartTimedOut, true)]);
    monitor.picture(start + 20 * SECOND);
    assert_eq!(changes(&mut monitor), [(CameraStartTimedOut, false)]);
}

#[test]
fn a_screen_on_which_nothing_moves_is_not_frozen() {
    let start = Instant::now();
    let mut monitor = Monitor::default();
    monitor.started(SourceKind::Screen, start);
    assert_eq!(monitor.deadline(), None);
    monitor.picture(start);
    monitor.tick(start + 3600 * SECOND);
    assert_eq!(monitor.deadline(), None);
    assert_eq!(changes(&mut monitor), []);
}

#[test]
fn a_failed_start_is_over_when_another_works_not_when_the_camera_before_goes_on() {
    let start = Instant::now();
    let mut monitor = Monitor::default();
    monitor.started(SourceKind::Camera, start);
    monitor.picture(start);
    monitor.start_failed(SourceKind::Camera, &unavailable());
    monitor.picture(start + SECOND);
    assert_eq!(changes(&mut monitor), [(CameraStartFailed, true)]);
    monitor.started(SourceKind::Camera, start + 2 * SECOND);
    assert_eq!(changes(&mut monitor), []);
    monitor.picture(start + 3 * SECOND);
    assert_eq!(changes(&mut monitor), [(CameraStartFailed, false)]);
}

#[test]
fn each_failure_has_its_name_and_ends_when_nobody_wants_pictures() {
    let start = Instant::now();
    for (kind, error, expected) in [
        (SourceKind::Camera, unavailable(), CameraStartFailed),
        (SourceKind::Camera, denied(), CameraPermissionDenied),
        (SourceKind::Screen, unavailable(), CapturerStartFailed),
        (SourceKind::Window, unavailable(), CapturerStartFailed),
        (SourceKind::Screen, denied(), ScreenshareRecordingDisabled),
    ] {
        let mut monitor = Monitor::default();
        monitor.start_failed(kind, &error);
        monitor.stopped();
        assert_eq!(changes(&mut monitor), [(expected, true), (expected, false)]);
        // The same, told by a source that opened well.
        monitor.started(kind, start);
        monitor.lost(&error);
        monitor.stopped();
        assert_eq!(changes(&mut monitor), [(expected, true), (expected, false)]);
    }
    for (kind, expected) in [
        (SourceKind::Camera, CameraStoppedUnexpectedly),
        (SourceKind::Screen, CapturerStoppedUnexpectedly),
        (SourceKind::Window, CapturerStoppedUnexpectedly),
    ] {
        let mut monitor = Monitor::default();
        monitor.started(kind, start);
        monitor.picture(start);
        monitor.lost(&lost());
        monitor.lost(&lost());
        assert_eq!(changes(&mut monitor), [(expected, true)]);
        monitor.started(kind, start);
        monitor.picture(start);
        assert_eq!(changes(&mut monitor), [(expected, false)]);
    }
}

#[test]
fn a_frozen_camera_that_goes_away_is_no_longer_frozen() {
    let start = Instant::now();
    let mut monitor = Monitor::default();
    monitor.started(SourceKind::Camera, start);
    monitor.picture(start);
    monitor.tick(start + 6 * SECOND);
    monitor.lost(&lost());
    assert_eq!(
        changes(&mut monitor),
        [
            (CameraFreeze, true),
            (CameraStoppedUnexpectedly, true),
            (CameraFreeze, false)
        ]
    );
}

proptest! {
    /// Whatever happens: a flag changes at each change, only a frozen camera is frozen, and nothing is left at the end.
    #[test]
    fn flags_alternate_and_all_end(steps in prop::collection::vec((0u8..8, 0u64..12), 0..100)) {
        let mut now = Instant::now();
        let mut monitor = Monitor::default();
        let mut flags = BTreeSet::new();
        let apply = |monitor: &mut Monitor, flags: &mut BTreeSet<CaptureDiagnostic>| {
            for (diagnostic, value) in changes(monitor) {
                let changed = if value { flags.insert(diagnostic) } else { flags.remove(&diagnostic) };
                assert!(changed, "{diagnostic:?} told twice");
            }
        };
        for (step, seconds) in steps {
            now += SECOND * seconds as u32;
            match step {
                0 => monitor.started(SourceKind::Camera, now),
                1 => monitor.started(SourceKind::Window, now),
                2 => monitor.start_failed(SourceKind::Camera, &unavailable()),
                3 => monitor.lost(&lost()),
                4 => monitor.stopped(),
                5 => monitor.ended(),
                _ => monitor.picture(now),
            }
            monitor.tick(now);
            prop_assert!(monitor.deadline().is_none_or(|deadline| deadline > now));
            apply(&mut monitor, &mut flags);
            if matches!(monitor.state, State::Idle | State::Starting { .. }) {
                prop_assert!(!flags.contains(&CameraFreeze));
            }
        }
        monitor.stopped();
        apply(&mut monitor, &mut flags);
        prop_assert!(flags.is_empty());
    }
}
