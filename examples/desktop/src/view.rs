//! Where things are in the window, and how they look. It knows pixels only: any buffer will do.

use sidetone::media::pictures::Size;

use crate::canvas::{Brush, Canvas, Font, Rect};
use crate::scene::{Scene, Tile};

const BACKGROUND: u32 = 0x0f_1216;
const PANEL: u32 = 0x1b_2027;
const BUTTON: u32 = 0x2c_333d;
const OFF: u32 = 0xb3_4a3c;
const ON: u32 = 0x2f_7d5b;
const WHITE: u32 = 0xf2_f4f7;
const DIM: u32 = 0x93_9dab;
/// Behind people without a picture.
const SHADES: [u32; 5] = [0x3d_5a80, 0x6d_597a, 0x35_6d65, 0x8a_5a44, 0x4a_5899];

const GAP: i32 = 12;
const RADIUS: i32 = 10;
/// Height of the buttons' row.
const BAR: i32 = 60;
/// Height of the status line.
const LINE: i32 = 26;

/// What a person can ask for, with a key or a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    Mute,
    Camera,
    Share,
    Fill,
    HangUp,
}

impl Button {
    pub const ALL: [Self; 5] = [Self::Mute, Self::Camera, Self::Share, Self::Fill, Self::HangUp];

    /// The button of a key.
    pub fn of_key(key: &str) -> Option<Self> {
        Some(match key.to_lowercase().as_str() {
            "m" => Self::Mute,
            "v" => Self::Camera,
            "s" => Self::Share,
            "f" => Self::Fill,
            "q" => Self::HangUp,
            _ => return None,
        })
    }

    /// Its words, and its colour.
    fn face(self, scene: &Scene, fill: bool) -> (&'static str, u32) {
        match self {
            Self::Mute if scene.muted => ("M  Unmute", OFF),
            Self::Mute => ("M  Mute", BUTTON),
            Self::Camera if scene.camera => ("V  Camera off", BUTTON),
            Self::Camera => ("V  Camera on", OFF),
            Self::Share if scene.sharing => ("S  Stop sharing", ON),
            Self::Share => ("S  Share screen", BUTTON),
            Self::Fill if fill => ("F  Fit", BUTTON),
            Self::Fill => ("F  Fill", BUTTON),
            Self::HangUp => ("Q  Hang up", OFF),
        }
    }
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// A place for each tile of the scene, in its order. Those for which there is no room are empty.
    pub tiles: Vec<Rect>,
    pub preview: Rect,
    pub buttons: Vec<(Button, Rect)>,
    pub line: Rect,
}

impl Layout {
    /// Puts the first tile into the large place, the others into a column beside it, and the own camera in the corner.
    pub fn of(width: i32, height: i32, scene: &Scene, fill: bool) -> Self {
        let stage = Rect::new(GAP, GAP, width - 2 * GAP, height - BAR - LINE - 2 * GAP);
        let (small, low) = (width / 5, width / 5 * 9 / 16);
        let others = scene.tiles.len().saturating_sub(1);
        let column = if others > 0 { small + GAP } else { 0 };
        let large = Rect::new(stage.x, stage.y, stage.width - column, stage.height);
        // The camera at this end is in the lowest place of the column, or over the large picture.
        let margin = if others > 0 { 0 } else { GAP };
        let preview = Rect::new(
            stage.x + stage.width - small - margin,
            stage.y + stage.height - low - margin,
            small,
            low,
        );
        let mut tiles = Vec::with_capacity(scene.tiles.len());
        for index in 0..scene.tiles.len() {
            let above = index as i32 - 1;
            tiles.push(match above {
                ..0 => large,
                _ => Rect::new(
                    stage.x + stage.width - small,
                    stage.y + above * (low + GAP),
                    small,
                    low,
                ),
            });
            if above >= 0 && tiles[index].y + low > preview.y - GAP {
                tiles[index] = Rect::default();
            }
        }
        Self {
            tiles,
            preview,
            buttons: buttons(width, height - LINE - BAR, scene, fill),
            line: Rect::new(0, height - LINE, width, LINE),
        }
    }

    /// The button at a point.
    pub fn button_at(&self, x: i32, y: i32) -> Option<Button> {
        let mut buttons = self.buttons.iter();
        buttons
            .find(|(_, rect)| rect.contains(x, y))
            .map(|(button, _)| *button)
    }

    /// How large each stream is drawn, for their senders to know.
    pub fn looks(&self, scene: &Scene, fill: bool) -> Vec<(u32, Size)> {
        let tiles = scene.tiles.iter().zip(&self.tiles);
        let looks = tiles.filter_map(|(tile, place)| {
            let place = match &tile.picture {
                Some(picture) => place_of(tile, picture.size(), *place, fill),
                None => *place,
            };
            Some((tile.stream?, place.size()?))
        });
        looks.collect()
    }
}

/// Where a picture goes in its place. Of a screen nothing is ever cut off.
fn place_of(tile: &Tile, size: Size, place: Rect, fill: bool) -> Rect {
    if fill && !tile.is_screen {
        place
    } else {
        place.fit(size)
    }
}

/// All buttons in a row, in the middle.
fn buttons(width: i32, top: i32, scene: &Scene, fill: bool) -> Vec<(Button, Rect)> {
    let wide = |button: Button| Font::BOLD.width(button.face(scene, fill).0) + 28;
    let whole: i32 = Button::ALL
        .into_iter()
        .map(|button| wide(button) + GAP)
        .sum::<i32>()
        - GAP;
    let mut x = ((width - whole) / 2).max(GAP);
    let row = Button::ALL.into_iter().map(|button| {
        let rect = Rect::new(x, top + 10, wide(button), BAR - 20);
        x += rect.width + GAP;
        (button, rect)
    });
    row.collect()
}

/// Draws the scene into a buffer of `width` by `height` pixels (`0x00RRGGBB`), and says where everything is.
pub fn draw(
    pixels: &mut [u32],
    (width, height): (i32, i32),
    scene: &Scene,
    fill: bool,
    brush: &mut Brush,
) -> Layout {
    let layout = Layout::of(width, height, scene, fill);
    let Some(mut canvas) = Canvas::new(pixels, width, height) else {
        return layout;
    };
    canvas.clear(BACKGROUND);
    if scene.tiles.is_empty() {
        let stage = Rect::new(0, 0, width, height - BAR - LINE);
        waiting(&mut canvas, stage, scene);
    }
    for (tile, &place) in scene.tiles.iter().zip(&layout.tiles) {
        draw_tile(&mut canvas, brush, tile, place, fill);
    }
    if let Some(picture) = &scene.preview {
        canvas.rounded(layout.preview.inset(-2), RADIUS + 2, WHITE, 210);
        canvas.picture(brush, picture, layout.preview, RADIUS);
        label(&mut canvas, layout.preview, "You", scene.muted);
    }
    for &(button, rect) in &layout.buttons {
        let (words, colour) = button.face(scene, fill);
        canvas.rounded(rect, rect.height / 2, colour, 255);
        let y = rect.y + (rect.height - Font::BOLD.height()) / 2;
        canvas.text(rect.x + 14, y, words, Font::BOLD, WHITE);
    }
    status(&mut canvas, layout.line, scene);
    layout
}

/// Nobody is there yet, or no longer.
fn waiting(canvas: &mut Canvas<'_>, stage: Rect, scene: &Scene) {
    let middle = stage.y + stage.height / 2;
    let mut centred = |y: i32, text: &str, font: Font, colour: u32| {
        let x = stage.x + (stage.width - font.width(text)) / 2;
        canvas.text(x, y, text, font, colour);
    };
    centred(middle - 40, &scene.title, Font::LARGE, WHITE);
    centred(middle + 6, &scene.state, Font::SMALL, DIM);
}

fn draw_tile(canvas: &mut Canvas<'_>, brush: &mut Brush, tile: &Tile, place: Rect, fill: bool) {
    if place.is_empty() {
        return;
    }
    let around = match &tile.picture {
        Some(picture) => {
            let rect = place_of(tile, picture.size(), place, fill);
            canvas.picture(brush, picture, rect, RADIUS);
            rect
        }
        None => {
            canvas.rounded(place, RADIUS, PANEL, 255);
            initials(canvas, place, &tile.name);
            place
        }
    };
    let words = match tile.is_screen {
        true => format!("{}'s screen", tile.name),
        false => tile.name.clone(),
    };
    label(canvas, around, &words, tile.muted);
}

/// A disc with the first letters of a name.
fn initials(canvas: &mut Canvas<'_>, place: Rect, name: &str) {
    let side = (place.width.min(place.height) / 3).clamp(0, 160);
    let (x, y) = (
        place.x + (place.width - side) / 2,
        place.y + (place.height - side) / 2,
    );
    let shade = SHADES[name.bytes().map(usize::from).sum::<usize>() % SHADES.len()];
    canvas.rounded(Rect::new(x, y, side, side), side / 2, shade, 255);
    let words = name.split_whitespace().filter_map(|word| word.chars().next());
    let letters: String = words.take(2).flat_map(char::to_uppercase).collect();
    let font = if side < 70 { Font::BOLD } else { Font::LARGE };
    canvas.text(
        x + (side - font.width(&letters)) / 2,
        y + (side - font.height()) / 2,
        &letters,
        font,
        WHITE,
    );
}

/// A name in the lower left corner of `around`, as far as there is room.
fn label(canvas: &mut Canvas<'_>, around: Rect, name: &str, muted: bool) {
    let mark = if muted { " muted" } else { "" };
    let letter = Font::SMALL.width("x");
    let room = (around.width - 36) / letter - mark.len() as i32;
    if room < 1 || around.height < 60 {
        return;
    }
    let name: String = name.chars().take(room as usize).collect();
    let width = Font::SMALL.width(&name) + Font::SMALL.width(mark);
    let pill = Rect::new(around.x + 8, around.y + around.height - 34, width + 20, 26);
    canvas.rounded(pill, 13, 0, 160);
    canvas.text(pill.x + 10, pill.y + 5, &name, Font::SMALL, WHITE);
    let x = pill.x + 10 + Font::SMALL.width(&name);
    canvas.text(x, pill.y + 5, mark, Font::SMALL, 0xff_9a8a);
}

/// How the call is doing on the left, its numbers on the right.
fn status(canvas: &mut Canvas<'_>, line: Rect, scene: &Scene) {
    canvas.rounded(line, 0, PANEL, 255);
    let y = line.y + (line.height - Font::SMALL.height()) / 2;
    let (words, colour) = match &scene.trouble {
        Some(trouble) => (trouble.clone(), 0xff_9a8a),
        None => (format!("{}  {}", scene.me, scene.state), DIM),
    };
    canvas.text(line.x + GAP, y, &words, Font::SMALL, colour);
    let x = line.x + line.width - GAP - Font::SMALL.width(&scene.numbers);
    // Not over the words: where there is too little room they are worth more.
    if x > line.x + 2 * GAP + Font::SMALL.width(&words) {
        canvas.text(x, y, &scene.numbers, Font::SMALL, DIM);
    }
}
