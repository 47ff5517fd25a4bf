//! Pictures to look at: what was sent above what was seen of it, as PNG inside the page.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sidetone_media::pictures::coding::colour::{self, PixelFormat};
use sidetone_media::pictures::coding::picture::Rect;
use sidetone_media::pictures::coding::scale::Scaler;
use sidetone_media::pictures::{Picture, Size};

use super::case::Scene;
use crate::bench::svg::escape;

/// Most pixels of a picture in a strip, either way.
const ROOM: (u32, u32) = (480, 270);

/// One place of a strip.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What is said of it.
    pub caption: String,
    /// Data URIs of what was sent and what was seen.
    pub images: [String; 2],
    /// Pixels of either.
    pub size: Size,
}

impl Pair {
    /// Both pictures are of one size. Faces are shown whole, of text a part is shown pixel by pixel: made smaller, all text is
    /// blurred.
    pub fn new(scene: Scene, caption: String, sent: &Picture, seen: &Picture) -> Option<Self> {
        let cut = |picture: &Picture| match scene {
            Scene::Face => whole(picture),
            Scene::Page | Scene::Scroll => part(picture),
        };
        let (sent, seen) = (cut(sent)?, cut(seen)?);
        Some(Self {
            caption,
            size: sent.size(),
            images: [uri(&sent)?, uri(&seen)?],
        })
    }
}

/// All of it, as small as there is room.
fn whole(picture: &Picture) -> Option<Picture> {
    let room = Size::new(ROOM.0, ROOM.1).ok()?;
    let size = picture.size();
    if size.fit(room) == size {
        return Some(picture.clone());
    }
    let mut small = Picture::black(size.fit(room));
    Scaler::new().scale(picture, &mut small).ok()?;
    Some(small)
}

/// A part below the mark, which is in the upper left corner.
fn part(picture: &Picture) -> Option<Picture> {
    let size = picture.size();
    let (width, height) = (ROOM.0.min(size.width()), ROOM.1.min(size.height()));
    picture
        .crop(Rect {
            left: 0,
            top: ((size.height() - height) / 2) & !1,
            width,
            height,
        })
        .ok()
}

/// As a data URI.
fn uri(picture: &Picture) -> Option<String> {
    let size = picture.size();
    let stride = PixelFormat::Rgba.row_bytes(size.width());
    let mut pixels = vec![255; PixelFormat::Rgba.bytes(size, stride)];
    colour::read(picture, PixelFormat::Rgba, &mut pixels, stride).ok()?;
    let rgb: Vec<u8> = pixels
        .chunks_exact(4)
        .flat_map(|pixel| &pixel[..3])
        .copied()
        .collect();
    let mut data = Vec::new();
    let mut encoder = png::Encoder::new(&mut data, size.width(), size.height());
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&rgb).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(data)))
}

/// A strip as HTML.
pub fn html(pairs: &[Pair]) -> String {
    let mut html = String::from("<div class=\"strip\">\n");
    for pair in pairs {
        let (width, height) = (pair.size.width(), pair.size.height());
        let [sent, seen] = &pair.images;
        let image = |source: &str, what: &str| {
            format!("<img src=\"{source}\" width=\"{width}\" height=\"{height}\" alt=\"{what}\">")
        };
        // Writing into a String cannot fail.
        let _infallible = writeln!(
            html,
            "<figure>{}{}<figcaption>{}</figcaption></figure>",
            image(sent, "sent"),
            image(seen, "seen"),
            escape(&pair.caption)
        );
    }
    html.push_str("</div>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_media::pictures::coding::synthetic::{Camera, Clip, Screen};

    fn pixels(uri: &str) -> (u32, u32, Vec<u8>) {
        let data = STANDARD
            .decode(uri.strip_prefix("data:image/png;base64,").unwrap())
            .unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(data)).read_info().unwrap();
        let mut out = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut out).unwrap();
        (info.width, info.height, out)
    }

    #[test]
    fn faces_are_whole_and_text_is_a_part() {
        let face = Camera::new(Size::P720, 1).picture(Default::default());
        let text = Screen::new(Size::P1080, 1).picture(Default::default());
        for (scene, picture) in [(Scene::Face, face), (Scene::Page, text)] {
            let black = Picture::black(picture.size());
            let pair = Pair::new(scene, "one < two".into(), &picture, &black).unwrap();
            assert_eq!(pair.size, Size::new(480, 270).unwrap());
            let (width, height, sent) = pixels(&pair.images[0]);
            assert_eq!((width, height), (480, 270));
            let (.., seen) = pixels(&pair.images[1]);
            assert!(seen.iter().all(|&sample| sample == 0), "black");
            assert!(sent.iter().max() > sent.iter().min(), "{scene:?}");
            assert!(html(&[pair]).contains("one &lt; two"));
        }
    }
}
