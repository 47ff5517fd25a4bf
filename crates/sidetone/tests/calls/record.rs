//! A call is recorded while it goes on, and what is in the file is what was said.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use sidetone::{
    CallEvent, Error, RecordingContent, RecordingError, RecordingFormat, RecordingNotice, RecordingOptions,
    RecordingState, Track,
};

use crate::support::speech::{MAN, WOMAN, level, likeness};
use crate::support::{Phone, Service, await_some, call_between, end_of, phone, talker};

fn wav(path: &Path) -> Vec<Vec<f32>> {
    let file = sidetone::media::device::headless::SoundFile::read(path).unwrap();
    assert_eq!(file.sample_rate, 48_000);
    // What is read is mixed: take the channels apart here.
    let bytes = std::fs::read(path).unwrap();
    let channels = usize::from(u16::from_le_bytes([bytes[22], bytes[23]]));
    let data = bytes.windows(4).position(|at| at == b"data").unwrap() + 8;
    let samples: Vec<f32> = bytes[data..]
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    (0..channels)
        .map(|channel| samples.iter().skip(channel).step_by(channels).copied().collect())
        .collect()
}

fn talk(phone: &Phone, seconds: u64) {
    phone.listen(Duration::from_secs(seconds));
}

#[test]
fn each_end_is_in_its_track() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.wav");
    let options = RecordingOptions {
        content: RecordingContent::Separate,
        ..RecordingOptions::new(&path)
    };
    let recording = call.record(options, RecordingNotice::default()).wait().unwrap();
    assert_eq!(recording.state(), RecordingState::Active);
    talk(&ann, 5);
    let file = recording.stop().wait().unwrap();
    assert_eq!((&file.path, file.lost), (&path, Duration::ZERO));
    assert_eq!(file.tracks, [Track::ThisEnd, Track::FarEnd]);
    assert!(file.duration > Duration::from_secs(4), "{file:?}");
    let tracks = wav(&path);
    assert_eq!(tracks[0].len(), tracks[1].len(), "aligned to the end");
    // Four seconds in the middle: both talk all the time.
    for (track, said, not_said) in [(&tracks[0], WOMAN, MAN), (&tracks[1], MAN, WOMAN)] {
        let heard = &track[9_600..9_600 + 3 * 48_000];
        let like = likeness(heard, said);
        assert!(
            like > 0.8 && like > likeness(heard, not_said) + 0.1,
            "{said}: {like}"
        );
    }
    // The call goes on, and can be recorded again.
    let again = call
        .record(
            RecordingOptions::new(folder.path().join("again.ogg")),
            RecordingNotice::default(),
        )
        .wait()
        .unwrap();
    talk(&ann, 1);
    call.hang_up().unwrap();
    end_of(&answered);
    let file = again.stop().wait().unwrap();
    assert!(
        file.duration > Duration::from_millis(500),
        "ended with the call: {file:?}"
    );
    let gone = call
        .record(
            RecordingOptions::new(folder.path().join("late.ogg")),
            RecordingNotice::default(),
        )
        .wait();
    assert!(matches!(gone, Err(Error::State(_))), "{gone:?}");
    assert!(!folder.path().join("late.ogg").exists());
}

#[test]
fn muted_held_and_paused_is_not_recorded() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.wav");
    let mut events = call.events();
    let options = RecordingOptions {
        content: RecordingContent::Separate,
        format: RecordingFormat::Wav,
        path: path.clone(),
    };
    call.mute().unwrap();
    talk(&ann, 1);
    let recording = call.record(options, RecordingNotice::default()).wait().unwrap();
    // Muting one's own speaker is no reason to miss what the other says.
    call.mute_incoming_audio(true).unwrap();
    talk(&ann, 3);
    recording.pause();
    await_some("the pause", || {
        (recording.state() == RecordingState::Paused).then_some(())
    });
    call.unmute().unwrap();
    talk(&ann, 2);
    answered.hold().unwrap();
    talk(&ann, 1);
    recording.resume();
    talk(&ann, 2);
    let file = recording.stop().wait().unwrap();
    assert!(
        (Duration::from_secs(4)..Duration::from_secs(8)).contains(&file.duration),
        "the pause is left out: {file:?}"
    );
    let tracks = wav(&path);
    assert!(
        level(&tracks[0]) < 1e-3,
        "muted, paused, held: {}",
        level(&tracks[0])
    );
    assert!(level(&tracks[1][..2 * 48_000]) > 0.01);
    let end = tracks[1].len();
    assert!(level(&tracks[1][end - 48_000..]) < 1e-3, "on hold");
    let mut states = Vec::new();
    while let Some(event) = events.try_next() {
        if let CallEvent::RecordingStateChanged(state) = event {
            states.push(state);
        }
    }
    assert_eq!(states[..2], [RecordingState::Paused, RecordingState::Active]);
    assert!(matches!(states[2..], [RecordingState::Finished(_)]), "{states:?}");
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_call_alone() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = phone(&service, "bob");
    let (call, _answered) = call_between(&ann, &mut bob);
    let nowhere = call
        .record(
            RecordingOptions::new("/nonexistent/call.ogg"),
            RecordingNotice::default(),
        )
        .wait()
        .unwrap_err();
    let kind = |error: &Error| match error {
        Error::Recording(RecordingError::File { kind, .. }) => Some(*kind),
        _ => None,
    };
    assert_eq!(kind(&nowhere), Some(ErrorKind::NotFound), "{nowhere:?}");
    if Path::new("/dev/full").exists() {
        let options = RecordingOptions {
            format: RecordingFormat::Wav,
            ..RecordingOptions::new("/dev/full")
        };
        // Full at once, or as soon as it is written.
        let failed = match call.record(options, RecordingNotice::default()).wait() {
            Err(error) => error,
            Ok(recording) => {
                talk(&bob, 2);
                recording.stop().wait().unwrap_err()
            }
        };
        assert_eq!(kind(&failed), Some(ErrorKind::StorageFull), "{failed:?}");
    }
    bob.hears(WOMAN);
}
