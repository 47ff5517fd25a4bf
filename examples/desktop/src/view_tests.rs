//! The window on a buffer, without a window.

use sidetone::media::pictures::coding::colour::{Image, PixelFormat};
use sidetone::media::pictures::{Picture, Size};

use crate::canvas::{Brush, Rect};
use crate::scene::{Scene, Tile};
use crate::view::{Button, Layout, draw};

const RED: u32 = 0xe0_2020;
const BLUE: u32 = 0x20_20e0;

fn plain(size: Size, colour: u32) -> Picture {
    let pixels = colour.to_le_bytes().repeat(size.pixels() as usize);
    let mut picture = Picture::black(size);
    let image = Image::new(PixelFormat::Bgra, size, &pixels, size.width() as usize * 4).unwrap();
    image.write_to(&mut picture).unwrap();
    picture
}

fn tile(stream: u32, picture: Option<Picture>) -> Tile {
    Tile {
        stream: Some(stream),
        name: "Ann Zoë".into(),
        muted: true,
        picture,
        ..Tile::default()
    }
}

fn scene(tiles: Vec<Tile>) -> Scene {
    Scene {
        tiles,
        me: "member:acme:bob".into(),
        state: "Connected".into(),
        numbers: "in 640x360 30 fps".into(),
        ..Scene::default()
    }
}

fn near(pixel: u32, colour: u32) -> bool {
    let parts = |colour: u32| [16, 8, 0].map(|shift| (colour >> shift & 255) as i32);
    let both = parts(pixel).into_iter().zip(parts(colour));
    both.into_iter().all(|(one, other)| (one - other).abs() < 12)
}

/// The smallest rectangle around all pixels of a colour.
fn extent(pixels: &[u32], width: i32, colour: u32) -> Rect {
    let found = (0..).zip(pixels).filter(|(_, pixel)| near(**pixel, colour));
    let places: Vec<(i32, i32)> = found.map(|(index, _)| (index % width, index / width)).collect();
    let (left, right) = (
        places.iter().map(|at| at.0).min().unwrap(),
        places.iter().map(|at| at.0).max().unwrap(),
    );
    let (top, bottom) = (
        places.iter().map(|at| at.1).min().unwrap(),
        places.iter().map(|at| at.1).max().unwrap(),
    );
    Rect::new(left, top, right - left + 1, bottom - top + 1)
}

#[test]
fn a_picture_keeps_its_shape_when_it_is_fit_and_covers_its_place_when_it_fills_it() {
    let (width, height) = (900, 700);
    let scene = scene(vec![tile(1, Some(plain(Size::P360, RED)))]);
    let mut pixels = vec![0; 900 * 700];
    let layout = draw(&mut pixels, (width, height), &scene, false, &mut Brush::default());
    let seen = extent(&pixels, width, RED);
    assert_eq!(seen, layout.tiles[0].fit(Size::P360));
    assert!((seen.width * 9 - seen.height * 16).abs() <= 16, "{seen:?}");
    assert_eq!(layout.looks(&scene, false), [(1, seen.size().unwrap())]);

    draw(&mut pixels, (width, height), &scene, true, &mut Brush::default());
    assert_eq!(extent(&pixels, width, RED), layout.tiles[0]);
}

#[test]
fn of_a_screen_nothing_is_cut_off() {
    let screen = Tile {
        is_screen: true,
        ..tile(1, Some(plain(Size::P720, RED)))
    };
    let scene = scene(vec![screen, tile(2, Some(plain(Size::P360, BLUE)))]);
    let mut pixels = vec![0; 900 * 700];
    let layout = draw(&mut pixels, (900, 700), &scene, true, &mut Brush::default());
    assert_eq!(extent(&pixels, 900, RED), layout.tiles[0].fit(Size::P720));
    assert_eq!(extent(&pixels, 900, BLUE), layout.tiles[1]);
    assert!(layout.tiles[0].width > 3 * layout.tiles[1].width);
}

#[test]
fn the_own_camera_is_in_the_corner() {
    let mut scene = scene(vec![tile(1, Some(plain(Size::P360, RED)))]);
    scene.preview = Some(plain(Size::P360, BLUE));
    let mut pixels = vec![0; 900 * 700];
    let layout = draw(&mut pixels, (900, 700), &scene, true, &mut Brush::default());
    assert_eq!(extent(&pixels, 900, BLUE), layout.preview);
    let (seen, large) = (layout.preview, layout.tiles[0]);
    assert!(seen.x > large.x + large.width / 2 && seen.y > large.y + large.height / 2);
}

#[test]
fn any_window_will_do() {
    let tiles = (0..40).map(|n| tile(n, (n % 2 == 0).then(|| plain(Size::P180, RED))));
    let mut crowd = scene(tiles.collect());
    crowd.preview = Some(plain(Size::P180, BLUE));
    let mut brush = Brush::default();
    for (width, height) in [(1, 1), (2, 900), (900, 2), (40, 40), (320, 240), (4000, 3000)] {
        for scene in [&crowd, &scene(vec![tile(1, None)]), &Scene::default()] {
            let mut pixels = vec![0; (width * height) as usize];
            let layout = draw(&mut pixels, (width, height), scene, false, &mut brush);
            assert!(
                pixels.iter().all(|pixel| *pixel <= 0xff_ffff && *pixel != 0),
                "all of it is drawn"
            );
            for place in layout.tiles.iter().filter(|place| !place.is_empty()) {
                let (right, bottom) = (place.x + place.width, place.y + place.height);
                assert!(
                    right <= width && bottom <= height,
                    "{place:?} in {width}x{height}"
                );
            }
            // What has no room is not asked for.
            assert!(
                layout.looks(scene, false).len()
                    <= layout.tiles.iter().filter(|place| !place.is_empty()).count()
            );
        }
    }
    // A buffer of another size than was said is left alone.
    let mut short = [7; 5];
    draw(&mut short, (3, 3), &crowd, false, &mut brush);
    assert_eq!(short, [7; 5]);
}

#[test]
fn keys_and_clicks_mean_the_same() {
    let layout = Layout::of(1120, 720, &Scene::default(), false);
    let keys = ["M", "v", "s", "F", "q"].map(|key| Button::of_key(key).unwrap());
    assert_eq!(keys, Button::ALL);
    for (button, rect) in &layout.buttons {
        assert_eq!(layout.button_at(rect.x + 3, rect.y + 3), Some(*button));
    }
    assert_eq!((layout.button_at(0, 0), Button::of_key("x")), (None, None));
}
