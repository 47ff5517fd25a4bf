//! Payload formats against those of others: GStreamer's for VP8, VP9 and H.264, another library's for AV1, for which
//! GStreamer has none. The frames are of real encoders.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidetone_media::packet::{RtpTimestamp, SequenceNumber};
use sidetone_media::video::payload::{Mtu, Outgoing, Packetizer, Payload, TemporalLayers};
use sidetone_media::video::{Codec, ReceiverOutput, VideoPacket, VideoReceiver};

const FRAMES: usize = 40;
const MTU: usize = 500;

/// Runs a pipeline to its end. A tool that is missing is an error: `tools/packages test` installs it.
fn launch(directory: &Path, pipeline: &str) {
    let output = Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .current_dir(directory)
        .output()
        .expect("gst-launch-1.0");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !errors.contains("ERROR"),
        "{pipeline}: {errors}"
    );
}

/// A picture in which much moves, and the encoder.
fn source(encoder: &str) -> String {
    format!(
        "videotestsrc num-buffers={FRAMES} pattern=smpte75 horizontal-speed=7 \
         ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! {encoder}"
    )
}

/// The files whose names begin so, in order.
fn files(directory: &Path, prefix: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// RTP packets behind each other, each with its length before it (RFC 4571).
fn read_stream(bytes: &[u8]) -> Vec<VideoPacket> {
    let (mut rest, mut packets) = (bytes, Vec::new());
    while let Some((length, tail)) = rest.split_first_chunk() {
        let (packet, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)));
        rest = tail;
        assert_eq!(packet[0], 0x80, "neither extensions nor padding");
        packets.push(VideoPacket {
            sequence: SequenceNumber(u16::from_be_bytes([packet[2], packet[3]])),
            timestamp: RtpTimestamp(u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]])),
            marker: packet[1] & 0x80 != 0,
            payload: Bytes::copy_from_slice(&packet[12..]),
            dependency: None,
        });
    }
    packets
}

fn write_stream(frames: &[Vec<Payload>]) -> Vec<u8> {
    let (mut stream, mut sequence) = (Vec::new(), 65_530u16);
    for (n, payloads) in frames.iter().enumerate() {
        for payload in payloads {
            stream.extend((12 + payload.bytes.len() as u16).to_be_bytes());
            stream.extend([0x80, 96 | u8::from(payload.marker) << 7]);
            stream.extend(sequence.to_be_bytes());
            stream.extend((n as u32 * 3_000).to_be_bytes());
            stream.extend(7u32.to_be_bytes());
            stream.extend_from_slice(&payload.bytes);
            sequence = sequence.wrapping_add(1);
        }
    }
    stream
}

/// What a receiver gives for packets of which each pair has changed places.
fn receive(codec: Codec, mut packets: Vec<VideoPacket>) -> Vec<(bool, Bytes)> {
    let mut now = Instant::now();
    let mut receiver = VideoReceiver::new(codec, now);
    for pair in packets[1..].chunks_exact_mut(2) {
        pair.swap(0, 1);
    }
    let mut frames = Vec::new();
    for packet in packets {
        now += Duration::from_millis(3);
        receiver.packet(packet, now);
        while let Some(output) = receiver.poll(now) {
            if let ReceiverOutput::Frame(frame) = output {
                frames.push((frame.key, frame.data));
            }
        }
    }
    now += Duration::from_secs(2);
    while let Some(output) = receiver.poll(now) {
        if let ReceiverOutput::Frame(frame) = output {
            frames.push((frame.key, frame.data));
        }
    }
    frames
}

fn packetize(codec: Codec, frames: &[Vec<u8>], key: impl Fn(&[u8]) -> bool) -> Vec<Vec<Payload>> {
    let mut packetizer = Packetizer::new(codec, Mtu::new(MTU).unwrap(), TemporalLayers::ONE, 0x7ffe);
    let packetize = |data: &Vec<u8>| {
        let frame = Outgoing {
            data,
            key: key(data),
            temporal: None,
            discardable: false,
        };
        let mut payloads = Vec::new();
        packetizer.packetize(&frame, &mut payloads).unwrap();
        payloads
    };
    frames.iter().map(packetize).collect()
}

/// Both directions between us and GStreamer. `same` brings a frame to the form in which it is compared.
fn against_gstreamer(
    codec: Codec,
    encoder: &str,
    (pay, depay, caps): (&str, &str, &str),
    key: impl Fn(&[u8]) -> bool,
    same: impl Fn(&[u8]) -> Vec<u8>,
) {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    launch(
        directory,
        &format!(
            "{} ! tee name=t ! queue ! multifilesink location=frame-%05d \
             t. ! queue ! {pay} mtu={MTU} ! rtpstreampay ! filesink location=theirs",
            source(encoder)
        ),
    );
    let frames = files(directory, "frame-");
    assert_eq!(frames.len(), FRAMES);
    assert!(
        frames.iter().filter(|frame| key(frame)).count() >= 2,
        "key frames"
    );

    let theirs = read_stream(&std::fs::read(directory.join("theirs")).unwrap());
    let received = receive(codec, theirs);
    assert_eq!(received.len(), FRAMES);
    for (n, ((is_key, data), frame)) in received.iter().zip(&frames).enumerate() {
        assert_eq!(*is_key, key(frame), "frame {n}");
        assert!(
            same(data) == same(frame),
            "frame {n}: {} of {} bytes",
            data.len(),
            frame.len()
        );
    }

    let ours = packetize(codec, &frames, &key);
    assert!(
        ours.iter().any(|payloads| payloads.len() > 2),
        "frames of many packets"
    );
    std::fs::write(directory.join("ours"), write_stream(&ours)).unwrap();
    launch(
        directory,
        &format!(
            "filesrc location=ours ! application/x-rtp-stream,media=video,clock-rate=90000,payload=96,{caps} \
             ! rtpstreamdepay ! {depay} ! multifilesink location=back-%05d"
        ),
    );
    let back = files(directory, "back-");
    assert_eq!(back.len(), FRAMES);
    for (n, (back, frame)) in back.iter().zip(&frames).enumerate() {
        assert!(
            same(back) == same(frame),
            "frame {n}: {} of {} bytes",
            back.len(),
            frame.len()
        );
    }
}

#[test]
fn vp8_is_understood_both_ways() {
    against_gstreamer(
        Codec::Vp8,
        "vp8enc deadline=1 keyframe-max-dist=15 target-bitrate=1000000",
        ("rtpvp8pay picture-id-mode=2", "rtpvp8depay", "encoding-name=VP8"),
        |frame| frame[0] & 1 == 0,
        <[u8]>::to_vec,
    );
}

#[test]
fn vp9_is_understood_both_ways() {
    against_gstreamer(
        Codec::Vp9,
        "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=15 target-bitrate=1000000",
        ("rtpvp9pay picture-id-mode=2", "rtpvp9depay", "encoding-name=VP9"),
        // Frame marker 2, profile 0, not shown again; then the type.
        |frame| frame[0] & 0b1100_1100 == 0b1000_0000 && frame[0] & 0b100 == 0,
        <[u8]>::to_vec,
    );
}

#[test]
fn h264_is_understood_both_ways() {
    /// The units, whatever start codes they have, without delimiters.
    fn units(stream: &[u8]) -> Vec<u8> {
        let starts: Vec<usize> = (0..stream.len().saturating_sub(2))
            .filter(|at| stream[*at..*at + 3] == [0, 0, 1])
            .collect();
        let ends = starts.iter().skip(1).copied().chain([stream.len() + 1]);
        let mut all = Vec::new();
        for (start, end) in starts.iter().zip(ends) {
            let end = end.min(stream.len());
            let unit = &stream[start + 3..end];
            let used = unit
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
            if unit[0] & 0x1f != 9 {
                all.extend([&[0, 0, 1], &unit[..used]].concat());
            }
        }
        all
    }
    let is_key = |frame: &[u8]| {
        frame
            .windows(4)
            .any(|at| at[..3] == [0, 0, 1] && at[3] & 0x1f == 5)
    };
    for aggregate in ["aggregate-mode=none", "aggregate-mode=max-stap"] {
        against_gstreamer(
            Codec::H264,
            "x264enc tune=zerolatency key-int-max=15 bitrate=1000 sliced-threads=false \
             ! video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline",
            (
                &format!("rtph264pay {aggregate}"),
                "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au",
                "encoding-name=H264,packetization-mode=(string)1",
            ),
            is_key,
            units,
        );
    }
}

#[cfg(feature = "rtp")]
#[test]
fn av1_is_understood_both_ways() {
    use rtp::codec::av1::{Av1Depacketizer, Av1Payloader};
    use rtp::packetizer::{Depacketizer, Payloader};

    /// Those that travel, with their sizes.
    fn units(mut stream: &[u8]) -> Vec<Vec<u8>> {
        let mut units = Vec::new();
        while let [head, rest @ ..] = stream {
            assert_eq!(head & 0x06, 0x02, "a size and no extension");
            let (mut size, mut used) = (0usize, 0);
            while let Some(byte) = rest.get(used) {
                size |= usize::from(byte & 0x7f) << (7 * used);
                used += 1;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if head >> 3 != 2 {
                units.push([&[*head], &rest[used..used + size]].concat());
            }
            stream = &rest[used + size..];
        }
        units
    }

    let directory = tempfile::tempdir().unwrap();
    launch(
        directory.path(),
        &format!(
            "{} ! video/x-av1,stream-format=obu-stream,alignment=tu ! multifilesink location=frame-%05d",
            source("av1enc cpu-used=8 usage-profile=realtime keyframe-max-dist=15 target-bitrate=1000")
        ),
    );
    let frames = files(directory.path(), "frame-");
    assert_eq!(frames.len(), FRAMES);
    let is_key = |frame: &[u8]| units(frame).iter().any(|unit| unit[0] >> 3 == 1);

    for (frame, payloads) in frames.iter().zip(packetize(Codec::Av1, &frames, is_key)) {
        let mut depacketizer = Av1Depacketizer::new();
        let mut back = Vec::new();
        for payload in payloads {
            back.extend_from_slice(&depacketizer.depacketize(&payload.bytes).unwrap());
        }
        assert!(units(&back) == units(frame));
    }

    let mut packets = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        let payloads = Av1Payloader::default()
            .payload(MTU, &Bytes::copy_from_slice(frame))
            .unwrap();
        let last = payloads.len() - 1;
        for (at, payload) in payloads.into_iter().enumerate() {
            packets.push(VideoPacket {
                sequence: SequenceNumber((65_530 + packets.len()) as u16),
                timestamp: RtpTimestamp(n as u32 * 3_000),
                marker: at == last,
                payload,
                dependency: None,
            });
        }
    }
    let received = receive(Codec::Av1, packets);
    assert_eq!(received.len(), FRAMES);
    for ((key, data), frame) in received.iter().zip(&frames) {
        assert_eq!(*key, is_key(frame));
        assert!(units(data) == units(frame));
    }
}
