//! Where devices come from: the sound cards of the machine, or a rack of virtual ones.

use std::sync::Arc;

use super::{DeviceError, DeviceId, DeviceInfo, InputDevice, OutputDevice};

/// Called from any thread when devices may have come or gone.
pub type Changed = Arc<dyn Fn() + Send + Sync>;

/// A system that has sound devices. Each call may take as long as the system likes.
pub trait Platform: Send + Sync {
    /// Every device that can be used now, both directions, in the platform's order. A device with a microphone and a
    /// speaker comes twice.
    ///
    /// # Errors
    /// [`DeviceError::NotFound`] when the system does not answer. No devices is an empty list.
    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError>;

    /// The microphone with this id, or the platform's default one.
    ///
    /// # Errors
    /// [`DeviceError::NotFound`] when there is none. Whether it can be opened is known when it is opened.
    fn input(&self, id: Option<&DeviceId>) -> Result<Box<dyn InputDevice>, DeviceError>;

    /// The speaker with this id, or the platform's default one.
    ///
    /// # Errors
    /// As [`input`](Self::input).
    fn output(&self, id: Option<&DeviceId>) -> Result<Box<dyn OutputDevice>, DeviceError>;

    /// Has `changed` called whenever [`devices`](Self::devices) may have changed, until what is given back is dropped. `None`
    /// where the system tells nobody: then the list has to be looked at now and then.
    fn watch(&self, changed: Changed) -> Option<Box<dyn Send>> {
        drop(changed);
        None
    }
}
