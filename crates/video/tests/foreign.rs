//! A foreign decoder makes of our frames what ours makes: ffmpeg, from an IVF file (H.264: a plain stream).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{available, coded, decoded, pictures, same_samples};
use sidetone_video::codec::Settings;
use sidetone_video::colour::{Image, PixelFormat};
use sidetone_video::picture::{Picture, Size};
use sidetone_video::synthetic::{Camera, Clip, Screen};
use sidetone_video::{Codec, ContentHint, EncodedFrame};
use std::fs;
use std::process::{Command, Stdio};

/// The container of the codecs' own tools: a header of 32 bytes, then 12 bytes before each frame.
fn ivf(codec: Codec, size: Size, frames: &[EncodedFrame]) -> Vec<u8> {
    let fourcc = match codec {
        Codec::Vp8 => b"VP80",
        Codec::Vp9 => b"VP90",
        Codec::Av1 => b"AV01",
        Codec::H264 => return frames.iter().flat_map(|frame| frame.data.clone()).collect(),
    };
    let mut file = b"DKIF\x00\x00\x20\x00".to_vec();
    file.extend(fourcc);
    file.extend((size.width() as u16).to_le_bytes());
    file.extend((size.height() as u16).to_le_bytes());
    file.extend(1000_u32.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend((frames.len() as u32).to_le_bytes());
    file.extend([0; 4]);
    for frame in frames {
        // A file begins each temporal unit with its delimiter; a transport does not.
        let delimiter: &[u8] = if codec == Codec::Av1 { &[0x12, 0x00] } else { &[] };
        file.extend(((frame.data.len() + delimiter.len()) as u32).to_le_bytes());
        file.extend((frame.time.as_millis() as u64).to_le_bytes());
        file.extend(delimiter);
        file.extend(&frame.data);
    }
    file
}

fn foreign(codec: Codec, size: Size, frames: &[EncodedFrame]) -> Vec<Picture> {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out.yuv"));
    fs::write(&input, ivf(codec, size, frames)).unwrap();
    let format = if codec == Codec::H264 { "h264" } else { "ivf" };
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", format, "-i"])
        .arg(&input)
        .args(["-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p"])
        .arg(&output)
        .stdin(Stdio::null())
        .status()
        .expect("ffmpeg is installed by tools/packages test");
    assert!(status.success(), "{codec}");
    let stride = size.width() as usize;
    fs::read(&output)
        .unwrap()
        .chunks_exact(PixelFormat::I420.bytes(size, stride))
        .map(|data| {
            let mut picture = Picture::black(size);
            let image = Image::new(PixelFormat::I420, size, data, stride).unwrap();
            image.write_to(&mut picture).unwrap();
            picture
        })
        .collect()
}

#[test]
fn ffmpeg_sees_the_same_pictures() {
    let camera = (
        Box::new(Camera::new(Size::P360, 4)) as Box<dyn Clip>,
        ContentHint::Motion,
    );
    let screen = (
        Box::new(Screen::new(Size::P360, 4)) as Box<dyn Clip>,
        ContentHint::Text,
    );
    for (clip, hint) in [camera, screen] {
        let drawn = pictures(clip.as_ref(), 15.0, 20);
        for codec in available() {
            for temporal_layers in [1, 3] {
                let settings = Settings {
                    hint,
                    temporal_layers,
                    ..Settings::new(Size::P360, 500_000, 15.0)
                };
                let frames = coded(codec, settings, &drawn);
                let (ours, theirs) = (decoded(codec, &frames), foreign(codec, Size::P360, &frames));
                assert_eq!(ours.len(), theirs.len(), "{codec} {hint:?}");
                for (ours, theirs) in ours.iter().zip(&theirs) {
                    assert!(
                        same_samples(ours, theirs),
                        "{codec} {hint:?} L{temporal_layers} {ours:?}"
                    );
                }
            }
        }
    }
}
