//! Where pictures are handed in, on the thread that captures them: to the encoder where the port wants one, else kept until
//! it does or a newer one comes. Nobody waits here, and nothing is coded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidetone_pipeline::Notifier;
use sidetone_video::worker::EncoderWorker;
use sidetone_video::{Picture, Size};

use crate::transport::video::LocalVideo;
use crate::video::Wanted;

/// Takes the pictures of one source. Clones are the same one.
#[derive(Clone)]
pub struct Inlet {
    gate: Arc<Mutex<Gate>>,
    bell: Notifier,
}

/// Held for some atomic operations at a time, whoever holds it.
#[derive(Default)]
struct Gate {
    open: Option<Open>,
    /// The newest picture, and whether it waits to be coded.
    newest: Option<(Picture, bool)>,
    pictures: u64,
    dropped: u64,
    over: bool,
}

/// What pictures of this size are coded by.
struct Open {
    size: Size,
    worker: Arc<EncoderWorker>,
    layers: Vec<Arc<LocalVideo>>,
    /// Which of them are coded now.
    on: Vec<bool>,
}

impl Open {
    /// Asks the port, once for each layer. Whether a picture should be coded.
    fn is_wanted(&self) -> bool {
        let mut wanted = false;
        let layers = self.layers.iter().zip(&self.on).enumerate();
        for (layer, (local, _)) in layers.filter(|(_, (_, on))| **on) {
            match local.wanted() {
                Wanted::Nothing => {}
                Wanted::Frame => wanted = true,
                Wanted::KeyFrame => {
                    self.worker.ask_key(layer);
                    wanted = true;
                }
            }
        }
        wanted
    }
}

impl Gate {
    /// Passes on what waits, if the port wants it now.
    fn pass(&mut self) {
        let Some((picture, waits)) = self.newest.as_mut().filter(|(_, waits)| *waits) else {
            return;
        };
        let fits = |open: &&Open| open.size == picture.size();
        if let Some(open) = self.open.as_ref().filter(fits).filter(|open| open.is_wanted()) {
            open.worker.input().submit(picture.clone());
            *waits = false;
        }
    }
}

impl Inlet {
    pub(super) fn new(bell: Notifier) -> Self {
        Self {
            gate: Arc::default(),
            bell,
        }
    }

    /// Takes the next picture. Never waits.
    pub fn take(&self, picture: Picture) {
        let mut gate = self.gate();
        if gate.over {
            return;
        }
        gate.pictures += 1;
        gate.dropped += u64::from(gate.newest.as_ref().is_some_and(|(_, waits)| *waits));
        let ready = gate.open.as_ref().is_some_and(|open| open.size == picture.size());
        gate.newest = Some((picture, true));
        gate.pass();
        drop(gate);
        if !ready {
            // The engine has to make room for pictures of this size.
            self.bell.notify();
        }
    }

    /// Pictures that came, and those of them that made way for newer ones before the port wanted any.
    pub(super) fn counts(&self) -> (u64, u64) {
        let gate = self.gate();
        (gate.pictures, gate.dropped)
    }

    /// The newest picture's size.
    pub(super) fn size(&self) -> Option<Size> {
        self.gate().newest.as_ref().map(|(picture, _)| picture.size())
    }

    /// What its samples mean.
    pub(super) fn colour(&self) -> sidetone_video::picture::ColourSpace {
        let gate = self.gate();
        gate.newest
            .as_ref()
            .map(|(picture, _)| picture.colour())
            .unwrap_or_default()
    }

    /// Pictures of this size are coded from now on. `anew` is whether by an encoder that has seen none: then the newest
    /// counts as not coded.
    pub(super) fn open(
        &self,
        size: Size,
        worker: &Arc<EncoderWorker>,
        layers: &[Arc<LocalVideo>],
        on: &[bool],
        anew: bool,
    ) {
        let open = Open {
            size,
            worker: worker.clone(),
            layers: layers.to_vec(),
            on: on.to_vec(),
        };
        let mut gate = self.gate();
        let before = gate.open.replace(open);
        if let Some((_, waits)) = gate.newest.as_mut().filter(|_| anew) {
            *waits = true;
        }
        gate.pass();
        // Only now may the encoder before this one end, which takes as long as its last picture.
        drop(gate);
        drop(before);
    }

    /// Passes on what has waited, and asks for the key frame of a picture that stands still.
    pub(super) fn look_again(&self, still: bool) {
        let mut gate = self.gate();
        gate.pass();
        if still
            && gate.newest.as_ref().is_some_and(|(_, waits)| !waits)
            && let Some(open) = &gate.open
        {
            // What comes out is the picture that was coded last.
            open.is_wanted();
        }
    }

    /// Nothing is coded for now.
    pub(super) fn close(&self) {
        let before = self.gate().open.take();
        drop(before);
    }

    /// Nothing is taken any more.
    pub(super) fn end(&self) {
        let mut gate = self.gate();
        gate.over = true;
        let (open, newest) = (gate.open.take(), gate.newest.take());
        drop(gate);
        drop((open, newest));
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
