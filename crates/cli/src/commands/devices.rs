//! `sidetone devices list`: the microphones and speakers there are.

use comfy_table::{ContentArrangement, Table, presets};
use sidetone::CallClient;
use sidetone_media::device::{DeviceInfo, Direction};

use crate::exit::{Exit, Failure};
use crate::output;

/// Prints every device.
pub fn list(json: bool) -> Result<Exit, Failure> {
    let manager = CallClient::new()?.device_manager();
    let mut devices = manager.microphones()?;
    devices.extend(manager.speakers()?);
    if json {
        output::json(&devices);
    } else if devices.is_empty() {
        output::line("no microphone and no speaker found (calls work without: --input speech --output null)");
    } else {
        output::line(&table(&devices).to_string());
        output::line("* the system's default. Use one by --input device:ID or --output device:ID.");
    }
    Ok(Exit::Done)
}

fn table(devices: &[DeviceInfo]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "kind", "name", "id", "host", "format"]);
    for device in devices {
        let kind = match device.direction {
            Direction::Input => "microphone",
            Direction::Output => "speaker",
        };
        let format = device.default_format.as_ref().map_or_else(
            || "unknown".to_owned(),
            |(format, sample)| format!("{} Hz, {} ch, {sample}", format.sample_rate, format.channels),
        );
        let mark = if device.is_default { "*" } else { "" };
        table.add_row([mark, kind, &device.name, &device.id.0, &device.host, &format]);
    }
    table
}

#[cfg(test)]
mod tests {
    use sidetone_media::device::{DeviceId, StreamFormat};

    use super::*;

    #[test]
    fn a_row_has_what_a_person_needs_to_pick() {
        let device = DeviceInfo {
            id: DeviceId("alsa:front".into()),
            name: "Front speakers".into(),
            host: "alsa".into(),
            direction: Direction::Output,
            is_default: true,
            default_format: Some((
                StreamFormat {
                    sample_rate: 48_000,
                    channels: 2,
                },
                "i16".into(),
            )),
        };
        let shown = table(&[device]).to_string();
        for part in [
            "*",
            "speaker",
            "Front speakers",
            "alsa:front",
            "48000 Hz, 2 ch, i16",
        ] {
            assert!(shown.contains(part), "{part} is missing:\n{shown}");
        }
    }
}
