//! Sound that is shared with a screen: a second input beside the microphone, with a clock of its own, that comes and goes
//! while the engine runs. It refuses to know where the sound comes from.

use std::time::Duration;

use sidetone_pipeline::notifier;

use super::blocks::request;
use super::engine::VoiceError;
use super::{BLOCK, LinkId};
use crate::device::elastic::{ElasticReader, fade};
use crate::device::{CaptureStream, Direction, InputDevice, StreamEvent, StreamEvents};

/// How late shared sound may come and not be missed. It is heard as much later: less than a film's pictures take to be
/// captured and coded.
const MARGIN: Duration = Duration::from_millis(30);

/// An open source of sound, to be given to an engine.
pub struct SharedSound {
    reader: ElasticReader,
    events: StreamEvents,
}

/// Keeps a source of shared sound open. Dropping it takes as long as the platform takes to close it.
pub struct SharedSoundKeeper(#[expect(dead_code, reason = "kept to be dropped")] Box<dyn Send>);

impl SharedSound {
    /// Opens `device`, as long as the platform takes for that.
    ///
    /// # Errors
    /// [`VoiceError`] when it cannot be opened, or has a format that cannot be converted.
    pub fn open(mut device: Box<dyn InputDevice>) -> Result<(Self, SharedSoundKeeper), VoiceError> {
        // Nobody is woken by it: it is taken at the microphone's pace.
        let (wake, _) = notifier();
        let CaptureStream {
            format,
            samples,
            events,
            keep,
            ..
        } = device
            .open(request(BLOCK as u32), wake)
            .map_err(|error| VoiceError::Device(Direction::Input, error))?;
        let reader = ElasticReader::new(samples, format, MARGIN)?;
        Ok((Self { reader, events }, SharedSoundKeeper(keep)))
    }
}

/// Shared sound in the capture worker.
pub(super) struct Sharing {
    pub link: LinkId,
    sound: SharedSound,
    /// Its owner lets it be heard.
    pub open: bool,
    /// It is to end.
    ends: bool,
    gain: f32,
}

impl Sharing {
    pub fn new(link: LinkId, sound: SharedSound, open: bool) -> Self {
        Self {
            link,
            sound,
            open,
            ends: false,
            gain: 0.0,
        }
    }

    /// The next block, to be sent to that link; `None` where there is nothing for it. Allocates nothing.
    pub fn next(&mut self, to: Option<LinkId>) -> Option<[f32; BLOCK]> {
        let mut block = [0.0; BLOCK];
        // Also while nobody hears it: it is to be what sounds now.
        let flows = self.sound.reader.next(&mut block);
        let wanted = self.open && !self.ends && to == Some(self.link);
        let before = std::mem::replace(&mut self.gain, if wanted { 1.0 } else { 0.0 });
        // What is meant for one call is not for another, not even while it fades.
        let here = to == Some(self.link) && self.gain.max(before) > 0.0;
        if !here || !flows {
            return None;
        }
        fade(&mut block, before, self.gain);
        Some(block)
    }

    pub fn end(&mut self) {
        self.ends = true;
    }

    /// Whether it has faded out, and can be dropped.
    pub fn is_over(&self) -> bool {
        self.ends && self.gain == 0.0
    }

    /// What happened to the source.
    pub fn poll(&mut self) -> Option<StreamEvent> {
        self.sound.events.poll()
    }
}
