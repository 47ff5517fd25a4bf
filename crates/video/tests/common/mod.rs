//! What the tests of the codecs share.
#![allow(dead_code)] // Each test binary uses a part.

use sidetone_video::codec::{self, Limits, Settings};
use sidetone_video::picture::{Picture, Pool, Size};
use sidetone_video::synthetic::Clip;
use sidetone_video::{Codec, EncodedFrame, VideoEncoder, quality};
use std::time::Duration;

pub fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

pub fn available() -> impl Iterator<Item = Codec> {
    Codec::ALL.into_iter().filter(|codec| codec.is_available())
}

/// The first pictures of a clip.
pub fn pictures(clip: &dyn Clip, rate: f32, count: usize) -> Vec<Picture> {
    (0..count)
        .map(|number| clip.picture(Duration::from_secs_f64(number as f64 / f64::from(rate))))
        .collect()
}

pub fn encode_all(encoder: &mut dyn VideoEncoder, pictures: &[Picture]) -> Vec<EncodedFrame> {
    pictures
        .iter()
        .filter_map(|picture| encoder.encode(picture, false).unwrap())
        .collect()
}

/// Codes pictures from the start.
pub fn coded(codec: Codec, settings: Settings, pictures: &[Picture]) -> Vec<EncodedFrame> {
    encode_all(codec::encoder(codec, settings).unwrap().as_mut(), pictures)
}

/// Decodes frames of one stream from its start.
pub fn decoded<'a>(codec: Codec, frames: impl IntoIterator<Item = &'a EncodedFrame>) -> Vec<Picture> {
    let pool = Pool::new(1000);
    let mut decoder = codec::decoder(codec, Limits::default()).unwrap();
    frames
        .into_iter()
        .filter_map(|frame| decoder.decode(&frame.data, frame.time, &pool).unwrap())
        .collect()
}

/// Mean PSNR of what was shown against what was drawn at the same time, over all planes.
pub fn mean_psnr(drawn: &[Picture], shown: &[Picture]) -> f64 {
    assert!(!shown.is_empty());
    let sum: f64 = shown
        .iter()
        .map(|picture| {
            let original = drawn
                .iter()
                .find(|original| original.time() == picture.time())
                .unwrap();
            quality::psnr_all(original, picture).unwrap()
        })
        .sum();
    sum / shown.len() as f64
}

pub fn same_samples(one: &Picture, two: &Picture) -> bool {
    one.size() == two.size()
        && one
            .planes()
            .into_iter()
            .zip(two.planes())
            .all(|(one, two)| one.rows().eq(two.rows()))
}

/// Bits a second over the given frames.
pub fn bitrate(frames: &[EncodedFrame], duration: Duration) -> f64 {
    frames.iter().map(|frame| frame.data.len()).sum::<usize>() as f64 * 8.0 / duration.as_secs_f64()
}
