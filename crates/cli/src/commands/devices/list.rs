//! `sidetone devices list`: the microphones, speakers, cameras, screens and windows there are.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};
use sidetone::CallClient;
use sidetone::capture::{SourceInfo, SourceKind};
use sidetone_media::device::{DeviceInfo, Direction};

use super::super::name;
use crate::exit::{Exit, Failure};
use crate::output;

/// Prints every device.
pub fn list(as_json: bool) -> Result<Exit, Failure> {
    let manager = CallClient::new()?.device_manager();
    let mut devices = manager.microphones()?;
    devices.extend(manager.speakers()?);
    let mut sources = manager.cameras();
    // A machine without a desktop has sound, too.
    let desktop = manager.screens().and_then(|mut screens| {
        screens.extend(manager.windows()?);
        Ok(screens)
    });
    let no_desktop = desktop.as_ref().err().map(ToString::to_string);
    sources.extend(desktop.unwrap_or_default());
    if as_json {
        let sounds = devices.iter().map(|device| {
            let mut told = json!(device);
            told["kind"] = json!(sound_kind(device));
            told
        });
        let all: Vec<Value> = sounds.chain(sources.iter().map(source)).collect();
        output::json(&all);
        return Ok(Exit::Done);
    }
    if devices.is_empty() {
        output::line("no microphone and no speaker found (calls work without: --input speech --output null)");
    }
    if !(devices.is_empty() && sources.is_empty()) {
        output::line(&table(&devices, &sources).to_string());
        output::line(
            "* the system's default. Use one by --input device:ID, --output device:ID, --camera device:ID,",
        );
        output::line("  --share screen:NAME or --share window:ID.");
    }
    if let Some(error) = no_desktop {
        output::line(&format!("no screen to share: {error}"));
    }
    Ok(Exit::Done)
}

pub(super) fn sound_kind(device: &DeviceInfo) -> &'static str {
    match device.direction {
        Direction::Input => "microphone",
        Direction::Output => "speaker",
    }
}

fn source_kind(source: &SourceInfo) -> &'static str {
    match source.kind {
        SourceKind::Screen => "screen",
        SourceKind::Window => "window",
        _ => "camera",
    }
}

fn source(source: &SourceInfo) -> Value {
    let modes = source.modes.iter().map(|mode| {
        json!({
            "width": mode.size.width(),
            "height": mode.size.height(),
            "framesPerSecond": mode.frame_rate.as_f64(),
        })
    });
    json!({
        "id": source.id.0,
        "name": source.name,
        "host": source.host,
        "kind": source_kind(source),
        "isDefault": source.is_default,
        "modes": modes.collect::<Vec<_>>(),
    })
}

fn table(devices: &[DeviceInfo], sources: &[SourceInfo]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "kind", "name", "id", "host", "format"]);
    let mark = |is_default: bool| if is_default { "*" } else { "" };
    for device in devices {
        let format = device.default_format.as_ref().map_or_else(
            || "unknown".to_owned(),
            |(format, sample)| format!("{} Hz, {} ch, {sample}", format.sample_rate, format.channels),
        );
        table.add_row([
            mark(device.is_default),
            sound_kind(device),
            &device.name,
            &device.id.0,
            &device.host,
            &format,
        ]);
    }
    for source in sources {
        // The largest says enough; programs read them all.
        let largest = source.modes.iter().max_by_key(|mode| mode.size.pixels());
        let format = largest.map_or_else(|| "unknown".to_owned(), |mode| mode.size.to_string());
        table.add_row([
            mark(source.is_default),
            source_kind(source),
            &name::plain(&source.name),
            &source.id.0,
            source.host,
            &format,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use sidetone::capture::{FrameRate, Mode, SourceId};
    use sidetone::media::pictures::Size;
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
        let window = SourceInfo {
            id: SourceId("x11:window:0x2a".into()),
            name: "Minutes\u{1b}[2J".into(),
            kind: SourceKind::Window,
            host: "x11",
            is_default: false,
            modes: vec![Mode {
                size: Size::P360,
                frame_rate: FrameRate::hz(60),
            }],
        };
        let shown = table(&[device], &[window]).to_string();
        for part in [
            "*",
            "speaker",
            "Front speakers",
            "alsa:front",
            "48000 Hz, 2 ch, i16",
            "window",
            "Minutes[2J",
            "x11:window:0x2a",
            "640x360",
        ] {
            assert!(shown.contains(part), "{part} is missing:\n{shown}");
        }
    }
}
