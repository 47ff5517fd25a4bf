//! The threads: newest picture kept, still ones refined and then left alone, key frames asked for when needed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "vp8")]

mod common;

use common::{coded, pictures};
use sidetone_video::codec::{ContentHint, Error, Limits, Settings, Simulcast};
use sidetone_video::picture::{Pool, Size};
use sidetone_video::synthetic::{Act, Camera, Clip, Screen};
use sidetone_video::worker::{CodedFrame, Decoded, DecoderWorker, Encoded, EncoderWorker, Reason};
use sidetone_video::{Codec, EncodedFrame};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// Long enough for any machine: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

fn frame(output: &Receiver<Encoded>) -> EncodedFrame {
    match output.recv_timeout(PATIENCE).expect("a frame") {
        Encoded::Frame(frame) => frame,
        Encoded::Failed(error) => panic!("{error}"),
    }
}

fn text(size: Size) -> Settings {
    Settings {
        hint: ContentHint::Text,
        ..Settings::new(size, 1_000_000, 15.0)
    }
}

fn worker(settings: &[Settings]) -> (EncoderWorker, Receiver<Encoded>) {
    let (send, output) = mpsc::channel();
    let simulcast = Simulcast::new(Codec::Vp8, settings).unwrap();
    let worker = EncoderWorker::spawn(simulcast, move |encoded| {
        let _ = send.send(encoded);
    });
    (worker.unwrap(), output)
}

#[test]
fn the_newest_picture_is_coded_and_those_overtaken_are_counted() {
    let (send, output) = mpsc::sync_channel(0);
    let simulcast = Simulcast::new(Codec::Vp8, &[Settings::new(Size::P180, 300_000, 240.0)]).unwrap();
    // The thread is at its frame until somebody takes it.
    let worker = EncoderWorker::spawn(simulcast, move |encoded| {
        let _ = send.send(encoded);
    })
    .unwrap();
    let drawn = pictures(&Camera::new(Size::P180, 1), 30.0, 10);
    let input = worker.input();
    input.submit(drawn[0].clone());
    // The first one is in work as soon as its place is free.
    while worker.stats().frames_received < 1 || !taken(&worker, &drawn[1]) {
        std::thread::yield_now();
    }
    for picture in &drawn[2..] {
        input.submit(picture.clone());
    }
    let mut times = Vec::new();
    while times.last() != Some(&drawn[9].time()) {
        match output.recv_timeout(PATIENCE).expect("a frame") {
            Encoded::Frame(frame) => times.push(frame.time),
            Encoded::Failed(error) => panic!("{error}"),
        }
    }
    assert!(times.is_sorted() && times.len() <= 3, "{times:?}");
    drop(output);
    let stats = worker.stats();
    assert!(stats.frames_dropped + stats.frames_thinned >= 7, "{stats:?}");
}

/// Hands a picture in, and says whether the thread is busy with an earlier one.
fn taken(worker: &EncoderWorker, picture: &sidetone_video::Picture) -> bool {
    let before = worker.stats().frames_dropped;
    worker.input().submit(picture.clone());
    worker.input().submit(picture.clone());
    worker.stats().frames_dropped > before
}

#[test]
fn a_still_picture_is_refined_until_it_is_lossless_to_the_eye_and_then_costs_nothing() {
    let (worker, output) = worker(&[text(Size::P360)]);
    let clip = Screen::with_script(Size::P360, 1, vec![(Act::Still, Duration::from_secs(1))]);
    worker.input().submit(clip.picture(Duration::ZERO));
    let first = frame(&output);
    assert!(first.key);
    let mut last = first.clone();
    // 49 dB and more.
    while last.quantizer > 20 {
        let next = frame(&output);
        assert!(!next.key && next.time > last.time);
        last = next;
    }
    assert!(last.quantizer < first.quantizer);
    let quiet = output.recv_timeout(Duration::from_millis(500));
    assert!(matches!(quiet, Err(RecvTimeoutError::Timeout)), "{quiet:?}");
    let stats = worker.stats();
    assert!(stats.frames_repeated > 0);
    assert_eq!(
        stats.layers[0].frames_encoded + stats.frames_skipped,
        1 + stats.frames_repeated
    );
    assert_eq!(stats.layers[0].key_frames_encoded, 1);
    assert!(stats.layers[0].qp_sum > 0 && stats.layers[0].bytes > 0 && stats.encode_time.is_some());

    // Whoever comes in now gets a key frame of what stands there.
    worker.ask_key(0);
    assert!(frame(&output).key);
}

#[test]
fn a_plan_takes_effect_on_a_still_picture_too() {
    let small = Settings::new(Size::P180, 200_000, 30.0);
    let large = Settings::new(Size::P360, 500_000, 30.0);
    let (worker, output) = worker(&[small, large]);
    worker
        .input()
        .submit(Camera::new(Size::P360, 1).picture(Duration::ZERO));
    let sizes = [frame(&output).size, frame(&output).size];
    assert_eq!(sizes, [Size::P360, Size::P180]);
    worker.configure(vec![Some(small), None]);
    worker.ask_key(0);
    let only = frame(&output);
    assert_eq!((only.size, only.key), (Size::P180, true));
    // On again, and another size.
    let medium = Settings::new(Size::new(480, 270).unwrap(), 400_000, 30.0);
    worker.configure(vec![Some(small), Some(medium)]);
    let back = frame(&output);
    assert_eq!((back.size, back.key, back.layer), (medium.size, true, 1));
}

#[test]
fn a_faster_source_is_thinned_out() {
    let (worker, output) = worker(&[Settings {
        frame_rate: 0.1,
        ..Settings::new(Size::P180, 100_000, 1.0)
    }]);
    for picture in pictures(&Camera::new(Size::P180, 1), 30.0, 5) {
        worker.input().submit(picture);
    }
    let first = frame(&output);
    assert!(first.key);
    // The next one is due in ten seconds.
    assert!(matches!(
        output.recv_timeout(Duration::from_millis(300)),
        Err(RecvTimeoutError::Timeout)
    ));
    let stats = worker.stats();
    assert_eq!(stats.frames_received, 5);
    assert_eq!(stats.layers[0].frames_encoded, 1);
}

fn decoder(pool: Pool) -> (DecoderWorker, Receiver<Decoded>) {
    let (send, output) = mpsc::channel();
    let worker = DecoderWorker::spawn(Limits::default(), pool, move |decoded| {
        let _ = send.send(decoded);
    });
    (worker.unwrap(), output)
}

fn assembled(frame: &EncodedFrame) -> CodedFrame {
    CodedFrame {
        codec: frame.codec,
        data: frame.data.clone(),
        key: frame.key,
        time: frame.time,
    }
}

#[test]
fn a_damaged_frame_asks_for_a_key_frame_once_and_the_stream_goes_on() {
    let drawn = pictures(&Camera::new(Size::P180, 1), 30.0, 6);
    let settings = Settings::new(Size::P180, 300_000, 30.0);
    let frames = coded(Codec::Vp8, settings, &drawn);
    let again = coded(Codec::Vp8, settings, &drawn);
    let (worker, output) = decoder(Pool::new(20));
    worker.submit(assembled(&frames[0]));
    let mut broken = assembled(&frames[1]);
    broken.data.truncate(5);
    worker.submit(broken);
    for frame in &frames[2..] {
        worker.submit(assembled(frame));
    }
    for frame in &again {
        worker.submit(assembled(frame));
    }
    let mut shown = Vec::new();
    let mut wanted = Vec::new();
    while shown.len() < 1 + again.len() {
        match output.recv_timeout(PATIENCE).expect("a picture") {
            Decoded::Picture(picture) => shown.push(picture.time()),
            Decoded::KeyFrameWanted(reason) => wanted.push(reason),
        }
    }
    assert_eq!(wanted, [Reason::Failed(Error::Corrupt)]);
    let times: Vec<Duration> = again.iter().map(|frame| frame.time).collect();
    assert_eq!(shown[1..], times);
    drop(output);
    let stats = worker.stats();
    assert_eq!(stats.frames_received, (frames.len() + again.len()) as u64);
    assert_eq!(stats.frames_corrupt, 1);
    assert_eq!(stats.size, Some(Size::P180));
}

#[test]
fn a_stream_without_a_beginning_asks_for_one() {
    let frames = coded(
        Codec::Vp8,
        Settings::new(Size::P180, 300_000, 30.0),
        &pictures(&Camera::new(Size::P180, 1), 30.0, 3),
    );
    let (worker, output) = decoder(Pool::new(4));
    worker.submit(assembled(&frames[1]));
    assert!(matches!(
        output.recv_timeout(PATIENCE),
        Ok(Decoded::KeyFrameWanted(Reason::Begun))
    ));
    worker.submit(assembled(&frames[0]));
    assert!(matches!(output.recv_timeout(PATIENCE), Ok(Decoded::Picture(_))));
}

#[test]
fn a_decoder_that_does_not_keep_up_drops_and_asks() {
    let frames = coded(
        Codec::Vp8,
        Settings::new(Size::P180, 300_000, 30.0),
        &pictures(&Camera::new(Size::P180, 1), 30.0, 5),
    );
    let (send, output) = mpsc::sync_channel(0);
    let worker = DecoderWorker::spawn(Limits::default(), Pool::new(8), move |decoded| {
        let _ = send.send(decoded);
    })
    .unwrap();
    // The thread stands at its first picture; nobody takes it.
    worker.submit(assembled(&frames[0]));
    for _ in 0..200 {
        worker.submit(assembled(&frames[1]));
    }
    loop {
        match output.recv_timeout(PATIENCE).expect("asks") {
            Decoded::Picture(_) => {}
            Decoded::KeyFrameWanted(reason) => {
                assert_eq!(reason, Reason::Late);
                break;
            }
        }
    }
    worker.submit(assembled(&frames[0]));
    assert!(matches!(output.recv_timeout(PATIENCE), Ok(Decoded::Picture(_))));
    drop(output);
    let stats = worker.stats();
    assert!(stats.frames_dropped >= 136, "{stats:?}");
}
