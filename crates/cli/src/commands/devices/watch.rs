//! `sidetone devices watch`: microphones and speakers as they come and go.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sidetone::{CallClient, DeviceEvent};
use sidetone_media::device::DeviceInfo;
use tokio::time::{Instant, sleep_until};

use super::super::journal::Journal;
use super::super::runtime;
use super::list::sound_kind;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;

/// Tells what comes and goes until it is interrupted, or for so long.
pub fn watch(as_json: bool, length: Option<Duration>) -> Result<Exit, Failure> {
    runtime()?.block_on(follow(as_json, length))
}

async fn follow(as_json: bool, length: Option<Duration>) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::new()?;
    let manager = CallClient::new()?.device_manager();
    let mut events = manager.events();
    let journal = Journal::new(as_json);
    let mut present = manager.microphones()?;
    present.extend(manager.speakers()?);
    for device in &present {
        tell("present", device, &journal);
    }
    let end = length.map(|length| Instant::now() + length);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = interrupt.raised() => return Ok(Exit::Done),
            () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => return Ok(Exit::Done),
        };
        match event {
            Some(DeviceEvent::AudioDevicesUpdated { added, removed }) => {
                // One that is merely different has neither come nor gone.
                let ids = |list: &[DeviceInfo]| -> BTreeSet<_> {
                    list.iter()
                        .map(|device| (device.id.0.clone(), device.direction as u8))
                        .collect()
                };
                let (new, old) = (ids(&added), ids(&removed));
                let key = |device: &DeviceInfo| (device.id.0.clone(), device.direction as u8);
                for device in removed.iter().filter(|device| !new.contains(&key(device))) {
                    tell("removed", device, &journal);
                }
                for device in &added {
                    let name = if old.contains(&key(device)) {
                        "changed"
                    } else {
                        "added"
                    };
                    tell(name, device, &journal);
                }
            }
            Some(_) => {}
            None => return Ok(Exit::Done),
        }
    }
}

fn tell(name: &str, device: &DeviceInfo, journal: &Journal) {
    let kind = sound_kind(device);
    let default = if device.is_default { ", the default" } else { "" };
    let format = device
        .default_format
        .as_ref()
        .map_or_else(String::new, |(format, sample)| {
            format!(", {} Hz, {} ch, {sample}", format.sample_rate, format.channels)
        });
    let words = format!(
        "{name:8}{kind} {} ({}{format}{default})",
        device.name, device.id.0
    );
    let mut fields = json!(device);
    fields["kind"] = json!(kind);
    journal.event(name, &words, fields);
}
