//! Which sound cards a call uses, as that changes.

use serde_json::json;
use sidetone::DeviceManager;
use sidetone_media::device::{DeviceInfo, headless};

use super::super::journal::Journal;

/// What was told last: microphone and speaker.
#[derive(Default)]
pub struct InUse([Side; 2]);

#[derive(Default)]
struct Side {
    device: Option<DeviceInfo>,
    /// Whether there was any.
    begun: bool,
}

impl InUse {
    /// Tells what is used now, where that is something else.
    pub fn tell(&mut self, devices: &DeviceManager, journal: &Journal) {
        let now = [
            ("microphone", devices.selected_microphone()),
            ("speaker", devices.selected_speaker()),
        ];
        for ((kind, now), side) in now.into_iter().zip(&mut self.0) {
            // Nobody pulls out a file.
            let now = now.filter(|device| device.host != headless::HOST);
            if now == side.device {
                continue;
            }
            // What a call begins with was asked for, and that a device went is told by the call.
            let words = match &now {
                Some(device) if side.begun => format!("{kind}: {}", device.name),
                _ => String::new(),
            };
            journal.event("deviceInUse", &words, json!({ "kind": kind, "device": now }));
            side.begun |= now.is_some();
            side.device = now;
        }
    }
}
