//! What there is to see of a call, shared between the thread that leads the call and the window.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sidetone::media::pictures::Picture;

/// Everything that the window shows. Cheap to clone: pictures share their samples.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Who this end is.
    pub me: String,
    /// Who is called, or what is waited for.
    pub title: String,
    /// How the call is doing, in a few words.
    pub state: String,
    /// The others: the first of them is large.
    pub tiles: Vec<Tile>,
    /// What this end's camera sees.
    pub preview: Option<Picture>,
    pub muted: bool,
    pub camera: bool,
    pub sharing: bool,
    /// Bit rates, sizes and losses, in words.
    pub numbers: String,
    /// What went wrong last.
    pub trouble: Option<String>,
}

/// A place for somebody, or for the screen that they show.
#[derive(Clone, Debug, Default)]
pub struct Tile {
    /// The stream it shows, by its number; without one there is only a name.
    pub stream: Option<u32>,
    pub name: String,
    pub muted: bool,
    pub is_screen: bool,
    pub picture: Option<Picture>,
}

/// A scene that both threads hold, and how the window is told that it changed.
pub struct Board {
    scene: Mutex<Scene>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Board {
    /// An empty scene. `wake` is called after each change, on whichever thread made it, and must not wait.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (scene, wake) = (Mutex::default(), Box::new(wake));
        Self { scene, wake }
    }

    pub fn scene(&self) -> Scene {
        self.lock().clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Scene)) {
        change(&mut self.lock());
        (self.wake)();
    }

    /// Shows the newest picture of a stream, if that has a place.
    pub fn show(&self, stream: u32, picture: Picture) {
        self.change(|scene| {
            let mut tiles = scene.tiles.iter_mut();
            if let Some(tile) = tiles.find(|tile| tile.stream == Some(stream)) {
                tile.picture = Some(picture);
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
