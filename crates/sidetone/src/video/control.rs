//! Starting and stopping pictures in a call, and looking at those of others.

use sidetone_media::video::Content;

use super::{LocalVideoStream, RemoteVideoStream};
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
        self.begin(Content::Camera, stream)
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
        self.begin(Content::Screen, stream)
    }

    /// Shows no screen any more.
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

    /// What others send. Changes come as
    /// [`CallEvent::VideoStreamsUpdated`](crate::CallEvent::VideoStreamsUpdated).
    pub fn remote_video_streams(&self) -> Vec<RemoteVideoStream> {
        self.shared.gallery.streams(self)
    }

    fn begin(&self, content: Content, stream: &LocalVideoStream) -> Pending<()> {
        let (reply, pending) = Pending::new();
        // When the driver is gone, `reply` is dropped with the message, and the outcome is `Closed`.
        let _ = self.driver.send(Ask::StartPictures {
            call: self.id(),
            content,
            stream: stream.clone(),
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
