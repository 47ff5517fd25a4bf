//! Captures a screen or window for some seconds, says what it cost, and saves the last picture.
//!
//! ```text
//! cargo run --release -p sidetone-capture --example screen -- [--id ID] [--seconds 10] [--rate 30] [--no-cursor] [OUT.png]
//! ```
//! Without an id it takes the primary screen of `DISPLAY`; `--list` lists what there is. With the feature `wayland` and an
//! id of it (`wayland:ask`), it takes what the desktop of the session gives.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

#[cfg(all(feature = "x11", target_os = "linux"))]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(all(feature = "x11", target_os = "linux")))]
fn main() -> ExitCode {
    eprintln!("error: built without a system that has screens");
    ExitCode::FAILURE
}

struct Options {
    id: Option<String>,
    seconds: u64,
    rate: u32,
    cursor: bool,
    list: bool,
    out: Option<PathBuf>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        id: None,
        seconds: 10,
        rate: 30,
        cursor: true,
        list: false,
        out: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{argument} wants a value"))
        };
        match argument.as_str() {
            "--id" => options.id = Some(value()?),
            "--seconds" => options.seconds = value()?.parse()?,
            "--rate" => options.rate = value()?.parse()?,
            "--no-cursor" => options.cursor = false,
            "--list" => options.list = true,
            _ => options.out = Some(argument.into()),
        }
    }
    Ok(options)
}

#[cfg(all(feature = "x11", target_os = "linux"))]
fn run() -> Result<(), Box<dyn Error>> {
    use std::io::Write;
    use std::time::{Duration, Instant};

    #[cfg(feature = "wayland")]
    use sidetone_capture::screen::wayland;
    use sidetone_capture::screen::x11::Desktop;
    use sidetone_capture::{
        CaptureEvent, CaptureRequest, Capturer, FrameRate, PictureSource, SourceId, newest,
    };

    let options = options()?;
    let mut out = std::io::stdout();
    let desktop = Desktop::default();
    if options.list {
        for source in desktop.screens()?.into_iter().chain(desktop.windows()?) {
            writeln!(out, "{}\t{}", source.id.0, source.name)?;
        }
        return Ok(());
    }
    let id = options.id.map(SourceId);
    let mut source: Box<dyn PictureSource> = match &id {
        #[cfg(feature = "wayland")]
        Some(id) if wayland::is_ours(id) => Box::new(wayland::Desktop::default().source(Some(id))?),
        id => Box::new(desktop.source(id.as_ref())?),
    };
    let (sink, newest) = newest();
    let counters = newest.counters();
    let start = Instant::now();
    let mut capturer = Capturer::new(sink, start);
    let before = cpu()?;
    capturer.start(
        &mut *source,
        CaptureRequest {
            frame_rate: FrameRate::hz(options.rate),
            cursor: options.cursor,
            ..CaptureRequest::default()
        },
        start,
    )?;
    let mut last = None;
    while start.elapsed() < Duration::from_secs(options.seconds) {
        last = newest.wait(Duration::from_millis(500)).or(last);
        while let Some(event) = capturer.poll(Instant::now()) {
            writeln!(out, "{:.3} s: {event:?}", start.elapsed().as_secs_f64())?;
            if let CaptureEvent::Lost(_, error) = event {
                return Err(error.into());
            }
        }
    }
    let (wall, spent) = (start.elapsed(), cpu()? - before);
    let pictures = counters.pictures();
    writeln!(
        out,
        "{pictures} pictures in {:.1} s ({:.1} a second): {:.2} % of a core, {:.3} ms a picture",
        wall.as_secs_f64(),
        pictures as f64 / wall.as_secs_f64(),
        100.0 * spent.as_secs_f64() / wall.as_secs_f64(),
        1000.0 * spent.as_secs_f64() / pictures.max(1) as f64
    )?;
    match (options.out, last) {
        (Some(path), Some(picture)) => save(&path, &picture),
        (Some(_), None) => Err("there was no picture".into()),
        (None, _) => Ok(()),
    }
}

/// Time that the threads of this process have run, in user and kernel mode.
#[cfg(all(feature = "x11", target_os = "linux"))]
fn cpu() -> Result<std::time::Duration, Box<dyn Error>> {
    // Nanoseconds, for each thread.
    let mut nanos = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let status = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanos += status.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(std::time::Duration::from_nanos(nanos))
}

#[cfg(all(feature = "x11", target_os = "linux"))]
fn save(path: &std::path::Path, picture: &sidetone_video::Picture) -> Result<(), Box<dyn Error>> {
    use sidetone_video::colour::{self, PixelFormat};

    let size = picture.size();
    let stride = size.width() as usize * 4;
    let mut pixels = vec![0; stride * size.height() as usize];
    colour::read(picture, PixelFormat::Rgba, &mut pixels, stride)?;
    let mut encoder = png::Encoder::new(std::fs::File::create(path)?, size.width(), size.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(())
}
