//! Writes the seeds of the target `video_decoders`: `cargo run --bin video_decoders_seeds` in `fuzz/`.

use sidetone_video::codec::{Settings, encoder};
use sidetone_video::picture::Size;
use sidetone_video::synthetic::{Camera, Clip, Screen};
use sidetone_video::{Codec, ContentHint};
use std::error::Error;
use std::fs;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/video_decoders");
    fs::create_dir_all(folder)?;
    let size = Size::new(96, 54)?;
    let clips: [(&str, Box<dyn Clip>, ContentHint); 2] = [
        ("camera", Box::new(Camera::new(size, 1)), ContentHint::Motion),
        ("screen", Box::new(Screen::new(size, 1)), ContentHint::Text),
    ];
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        for (name, clip, hint) in &clips {
            let settings = Settings {
                hint: *hint,
                temporal_layers: 2,
                ..Settings::new(size, 40_000, 15.0)
            };
            let Ok(mut encoder) = encoder(codec, settings) else {
                continue;
            };
            let mut seed = vec![number as u8];
            for step in 0..4 {
                let picture = clip.picture(Duration::from_millis(2900 + step * 66));
                if let Some(frame) = encoder.encode(&picture, false)? {
                    seed.extend_from_slice(&(frame.data.len() as u16).to_le_bytes());
                    seed.extend_from_slice(&frame.data);
                }
            }
            fs::write(
                format!("{folder}/seed-{}-{name}", codec.name().to_lowercase()),
                &seed,
            )?;
        }
    }
    Ok(())
}
