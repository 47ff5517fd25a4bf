//! Starting and stopping pictures in a call, and looking at those of others.

use sidetone_media::video::Content;

use super::{LocalVideoStream, RemoteVideoStream, ScreenSharingOptions, SharedSound};
use crate::call::Call;
use crate::driver::Ask;
use crate::pending::Pending;

impl Call {
    /// Sends a camera, or pictures of the app's, from now on; in a call that is not answered yet, from then on.
    ///
    /// # Errors
    /// [`Error::Video`](crate::Error::Video) where one is sent already, or cannot be opened,
    /// [`Error::Refused`](crate::Error::Refused) to those who may not, and with
    /// [`Reason::CONSENT_NEEDED`](crate::Reason::CONSENT_NEEDED) to those who have not agreed to being recorded.
    pub fn start_video(&self, stream: &LocalVideoStream) -> Pending<()> {
        self.begin(Content::Camera, stream, None)
    }

    /// Sends no camera any more.
    ///
    /// # Errors
    /// [`VideoError::NotStarted`](crate::VideoError::NotStarted).
    pub fn stop_video(&self) -> Pending<()> {
        self.finish(Content::Camera)
    }

    /// Shows a screen, a window, or pictures of the app's from now on.
    ///
    /// # Errors
    /// [`Error::Video`](crate::Error::Video) where one is shared already, cannot be opened, or the call is not connected,
    /// [`Error::Refused`](crate::Error::Refused) as for a camera.
    pub fn start_screen_sharing(&self, stream: &LocalVideoStream) -> Pending<()> {
        self.begin(Content::Screen, stream, None)
    }

    /// The same, and sends the sound of it, where that is asked for: what other programs play, for those who show a film.
    ///
    /// The sound goes the way of the microphone's, which stays as it is. Muting the microphone leaves it; in a meeting the
    /// others see somebody who shares sound as not muted, since they are heard. Whoever is muted by others is not heard
    /// with it either, until they switch their microphone on or off themselves. When its source goes away the screen is
    /// shared without
    /// ([`CallEvent::IsSharedSoundOnChanged`](crate::CallEvent::IsSharedSoundOnChanged),
    /// [`Diagnostic::SharedSoundStoppedUnexpectedly`](crate::Diagnostic::SharedSoundStoppedUnexpectedly)). Of several calls
    /// the one that shared last has it. What loudspeakers play of it the microphone hears as well: headphones are better.
    ///
    /// # Errors
    /// As [`start_screen_sharing`](Self::start_screen_sharing), and [`Error::Device`](crate::Error::Device) where the sound
    /// is not to be had: then nothing is shared.
    pub fn start_screen_sharing_with(
        &self,
        stream: &LocalVideoStream,
        options: ScreenSharingOptions,
    ) -> Pending<()> {
        self.begin(Content::Screen, stream, options.with_sound)
    }

    /// Shows no screen any more, and sends no sound with it.
    ///
    /// # Errors
    /// [`VideoError::NotSharing`](crate::VideoError::NotSharing).
    pub fn stop_screen_sharing(&self) -> Pending<()> {
        self.finish(Content::Screen)
    }

    /// Whether a camera is sent, or pictures of the app's as one. It stays so while consent to being recorded is missing
    /// ([`Notices::consent_needed`](crate::Notices)): until then nobody sees it.
    pub fn is_local_video_started(&self) -> bool {
        self.shared.snapshot().sends.camera
    }

    /// Whether a screen is shown; with the same proviso.
    pub fn is_screen_sharing_on(&self) -> bool {
        self.shared.snapshot().sends.share
    }

    /// Whether sound is sent with the screen; with the same proviso.
    pub fn is_shared_sound_on(&self) -> bool {
        self.shared.snapshot().shares_sound
    }

    /// What others send. Changes come as
    /// [`CallEvent::VideoStreamsUpdated`](crate::CallEvent::VideoStreamsUpdated).
    pub fn remote_video_streams(&self) -> Vec<RemoteVideoStream> {
        self.shared.gallery.streams(self)
    }

    fn begin(&self, content: Content, stream: &LocalVideoStream, sound: Option<SharedSound>) -> Pending<()> {
        let (reply, pending) = Pending::new();
        // When the driver is gone, `reply` is dropped with the message, and the outcome is `Closed`.
        let _ = self.driver.send(Ask::StartPictures {
            call: self.id(),
            content,
            stream: stream.clone(),
            sound,
            reply: Some(reply),
        });
        pending
    }

    fn finish(&self, content: Content) -> Pending<()> {
        let (reply, pending) = Pending::new();
        // As above.
        let _ = self.driver.send(Ask::StopPictures {
            call: self.id(),
            content,
            reply,
        });
        pending
    }
}
