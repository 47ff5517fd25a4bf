//! A microphone at which somebody is expected, and that can be unplugged.

use std::sync::{Arc, Mutex, PoisonError};

use sidetone::AudioInput;
use sidetone::media::device::headless::Silence;
use sidetone::media::device::{
    CaptureStream, DeviceError, DeviceInfo, EventSender, InputDevice, StreamEvent, StreamRequest,
    stream_events,
};

/// The plug of a microphone that brings digital silence.
#[derive(Clone, Default)]
pub struct Microphone {
    plug: Arc<Mutex<Option<EventSender>>>,
}

struct Pluggable {
    inner: Box<dyn InputDevice>,
    plug: Arc<Mutex<Option<EventSender>>>,
}

impl Microphone {
    /// The microphone, for an app to pick.
    pub fn input(&self) -> AudioInput {
        let plug = self.plug.clone();
        AudioInput::custom(move || {
            let (inner, plug) = (Box::new(Silence::input()), plug.clone());
            Ok(Box::new(Pluggable { inner, plug }) as Box<dyn InputDevice>)
        })
    }

    /// What a list of devices would show.
    pub fn info() -> DeviceInfo {
        DeviceInfo {
            host: "test".to_owned(),
            ..Silence::input().info()
        }
    }

    pub fn unplug(&self) {
        let plug = self.plug.lock().unwrap_or_else(PoisonError::into_inner).take();
        plug.unwrap().send(StreamEvent::Lost);
    }
}

impl InputDevice for Pluggable {
    fn info(&self) -> DeviceInfo {
        Microphone::info()
    }

    fn open(
        &mut self,
        request: StreamRequest,
        wake: sidetone_pipeline::Notifier,
    ) -> Result<CaptureStream, DeviceError> {
        let mut stream = self.inner.open(request, wake)?;
        let (sender, events) = stream_events();
        stream.events = events;
        *self.plug.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        Ok(stream)
    }
}
