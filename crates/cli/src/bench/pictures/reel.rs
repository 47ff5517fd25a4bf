//! The pictures of a call, drawn before it begins, so that drawing costs nothing while it is measured. They are shown
//! forwards and backwards, and a mark in each says which it is and when it was shown to the camera.

use std::time::Duration;

use sidetone_capture::camera::pattern::Stamp;
use sidetone_media::pictures::coding::synthetic::{Act, Camera, Clip, Screen};
use sidetone_media::pictures::{Picture, Size};

use super::case::Scene;

/// Seconds of pictures that are drawn.
const SECONDS: f32 = 1.5;

/// Seed of the clips.
const SEED: u64 = 1;

/// All that is shown.
pub struct Reel {
    pictures: Vec<Picture>,
}

impl Reel {
    pub fn draw(scene: Scene, size: Size, frame_rate: u32) -> Self {
        let clip: Box<dyn Clip> = match scene {
            Scene::Face => Box::new(Camera::new(size, SEED)),
            Scene::Page => Box::new(Screen::with_script(size, SEED, Vec::new())),
            Scene::Scroll => {
                let script = vec![(Act::Scrolling, Duration::from_secs(1))];
                Box::new(Screen::with_script(size, SEED, script))
            }
        };
        let count = if scene.is_still() {
            1
        } else {
            ((frame_rate as f32 * SECONDS) as u32).max(2)
        };
        let pictures = (0..count).map(|index| clip.picture(Duration::from_secs(index.into()) / frame_rate));
        Self {
            pictures: pictures.collect(),
        }
    }

    /// Picture number `frame`, without a mark.
    pub fn picture(&self, frame: u64) -> &Picture {
        let last = self.pictures.len() as u64 - 1;
        let phase = frame % (2 * last).max(1);
        &self.pictures[phase.min(2 * last - phase) as usize]
    }

    /// The picture that was sent with this mark.
    pub fn sent(&self, stamp: Stamp) -> Picture {
        let picture = self.picture(stamp.frame.into());
        let mut marked = Picture::black(picture.size());
        // Of one size, and nobody else has it.
        let _infallible = marked.copy_from(picture);
        stamp.write(&mut marked);
        marked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_there_and_back_without_a_jump() {
        let reel = Reel::draw(Scene::Scroll, Size::P180, 4);
        let row = |frame| reel.picture(frame).y().data.to_vec();
        assert_eq!(reel.pictures.len(), 6);
        for back in 1..=5 {
            assert_eq!(row(5 - back), row(5 + back), "{back}");
        }
        assert_eq!(row(0), row(10));
        assert_ne!(row(0), row(1));
        let stamp = Stamp::new(7, Duration::from_millis(1_234));
        assert_eq!(Stamp::read(&reel.sent(stamp)), Some(stamp));
    }

    #[test]
    fn a_page_is_one_picture() {
        let reel = Reel::draw(Scene::Page, Size::P180, 30);
        assert_eq!(reel.pictures.len(), 1);
        assert_eq!(reel.picture(0).y().data, reel.picture(9).y().data);
    }
}
