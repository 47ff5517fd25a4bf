//! An open sound card: the platform's callback around ours.
//!
//! Every sample type runs the same two bodies of [`callback`](crate::device), with its conversion compiled in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ::cpal::traits::{DeviceTrait, StreamTrait};
use ::cpal::{
    BufferSize, Device, Error, ErrorKind, FromSample, I24, SampleFormat, SizedSample, Stream, StreamConfig,
    SupportedStreamConfig, U24,
};
use sidetone_pipeline::{ClockReader, Notifier};

use super::keeper::Keeper;

use super::super::{
    CaptureCallback, CaptureStream, EventSender, LatencyGauge, PlayoutCallback, PlayoutStream, StreamEvent,
    StreamEvents, StreamFormat, StreamRequest, stream_events,
};

/// Longest the platform may take to say that a device is silent, so that a vanished one is noticed.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Errors in a row, with no sound in between, after which a device counts as lost: half a second of them. Some
/// platforms never say that a device went: they only fail, again and again. Others fail for some milliseconds while
/// they start, such as a sound server that does not know its delay yet.
const FAILURES_UNTIL_LOST: u32 = 100;

/// Errors in a row that are tried again at once.
const FAILURES_WITHOUT_PAUSE: u32 = 3;

/// Pause after each error beyond.
const PAUSE_WHEN_FAILING: Duration = Duration::from_millis(5);

/// Largest value below full scale. 1.0 itself would wrap around in some integer formats.
const FULL_SCALE: f32 = 1.0 - f32::EPSILON / 2.0;

/// Runs `$open::<T>` for the sample type that `$format` names.
macro_rules! for_sample_type {
    ($format:expr, $open:ident, $($argument:expr),*) => {
        match $format {
            SampleFormat::F32 => $open::<f32>($($argument),*),
            SampleFormat::F64 => $open::<f64>($($argument),*),
            SampleFormat::I8 => $open::<i8>($($argument),*),
            SampleFormat::I16 => $open::<i16>($($argument),*),
            SampleFormat::I24 => $open::<I24>($($argument),*),
            SampleFormat::I32 => $open::<i32>($($argument),*),
            SampleFormat::I64 => $open::<i64>($($argument),*),
            SampleFormat::U8 => $open::<u8>($($argument),*),
            SampleFormat::U16 => $open::<u16>($($argument),*),
            SampleFormat::U24 => $open::<U24>($($argument),*),
            SampleFormat::U32 => $open::<u32>($($argument),*),
            SampleFormat::U64 => $open::<u64>($($argument),*),
            other => Err(Error::with_message(ErrorKind::UnsupportedConfig, format!("{other} is not PCM"))),
        }
    };
}

/// The stream configurations to try, in order: the wanted period, then the device's own.
fn attempts(config: SupportedStreamConfig, request: StreamRequest) -> [StreamConfig; 2] {
    let rate = u64::from(request.sample_rate.max(1));
    // The same time at another rate.
    let period = u64::from(request.period) * u64::from(config.sample_rate()) / rate;
    let period = period.clamp(1, u64::from(config.sample_rate())) as u32;
    let wanted = StreamConfig {
        buffer_size: BufferSize::Fixed(period),
        ..config.config()
    };
    [
        wanted,
        StreamConfig {
            buffer_size: BufferSize::Default,
            ..config.config()
        },
    ]
}

/// Opens with the first attempt that the device takes. Only a refused configuration is worth a second try.
fn first_accepted<T>(
    config: SupportedStreamConfig,
    request: StreamRequest,
    mut open: impl FnMut(StreamConfig) -> Result<T, Error>,
) -> Result<T, Error> {
    let [wanted, fallback] = attempts(config, request);
    match open(wanted) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::UnsupportedConfig | ErrorKind::InvalidInput
            ) =>
        {
            open(fallback)
        }
        result => result,
    }
}

pub(super) fn open_capture(
    device: &Device,
    config: SupportedStreamConfig,
    request: StreamRequest,
    wake: Notifier,
) -> Result<CaptureStream, Error> {
    first_accepted(config, request, |attempt| {
        for_sample_type!(
            config.sample_format(),
            capture,
            device,
            attempt,
            request.period,
            wake.clone()
        )
    })
}

fn capture<T>(
    device: &Device,
    config: StreamConfig,
    period: u32,
    wake: Notifier,
) -> Result<CaptureStream, Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let format = StreamFormat {
        sample_rate: config.sample_rate,
        channels: config.channels,
    };
    let (mut callback, samples, clock) = CaptureCallback::new(format, period, wake);
    let (failures, events) = Failures::new();
    let (alive, teller) = (failures.clone(), failures.events.clone());
    let hardware_latency = LatencyGauge::default();
    let latency = hardware_latency.clone();
    let stream = device.build_input_stream::<T, _, _>(
        config,
        move |data, info| {
            let times = info.timestamp();
            if let Some(age) = times.callback.checked_duration_since(times.capture) {
                latency.set(age);
            }
            callback.run(data, Instant::now(), f32::from_sample_);
            alive.clear();
        },
        move |error| failures.report(&error),
        Some(TIMEOUT),
    )?;
    stream.play()?;
    let period = stream.buffer_size().unwrap_or(period);
    let keep = keep(stream, clock.clone(), teller)?;
    Ok(CaptureStream {
        format,
        period,
        samples,
        clock,
        events,
        hardware_latency,
        keep,
    })
}

pub(super) fn open_playout(
    device: &Device,
    config: SupportedStreamConfig,
    request: StreamRequest,
    wake: Notifier,
) -> Result<PlayoutStream, Error> {
    first_accepted(config, request, |attempt| {
        for_sample_type!(
            config.sample_format(),
            playout,
            device,
            attempt,
            request.period,
            wake.clone()
        )
    })
}

fn playout<T>(
    device: &Device,
    config: StreamConfig,
    period: u32,
    wake: Notifier,
) -> Result<PlayoutStream, Error>
where
    T: SizedSample + FromSample<f32>,
{
    let format = StreamFormat {
        sample_rate: config.sample_rate,
        channels: config.channels,
    };
    let (mut callback, samples, clock) = PlayoutCallback::new(format, period, wake);
    let (failures, events) = Failures::new();
    let (alive, teller) = (failures.clone(), failures.events.clone());
    let hardware_latency = LatencyGauge::default();
    let latency = hardware_latency.clone();
    let stream = device.build_output_stream::<T, _, _>(
        config,
        move |data, info| {
            let times = info.timestamp();
            if let Some(ahead) = times.playback.checked_duration_since(times.callback) {
                latency.set(ahead);
            }
            callback.run(data, Instant::now(), |sample| {
                T::from_sample_(sample.clamp(-1.0, FULL_SCALE))
            });
            alive.clear();
        },
        move |error| failures.report(&error),
        Some(TIMEOUT),
    )?;
    stream.play()?;
    let period = stream.buffer_size().unwrap_or(period);
    let keep = keep(stream, clock.clone(), teller)?;
    Ok(PlayoutStream {
        format,
        period,
        samples,
        clock,
        events,
        hardware_latency,
        keep,
    })
}

/// Hands a running stream to its keeper.
fn keep(stream: Stream, clock: ClockReader, events: EventSender) -> Result<Box<dyn Send>, Error> {
    let keeper = Keeper::new(stream, clock, events)
        .map_err(|error| Error::with_message(ErrorKind::ResourceExhausted, format!("no thread: {error}")))?;
    Ok(Box::new(keeper))
}

/// Judges the platform's errors: which of them mean that the device is gone.
#[derive(Clone)]
struct Failures {
    in_a_row: Arc<AtomicU32>,
    events: EventSender,
}

impl Failures {
    fn new() -> (Self, StreamEvents) {
        let (sender, events) = stream_events();
        (
            Self {
                in_a_row: Arc::default(),
                events: sender,
            },
            events,
        )
    }

    /// Sound flows again. Safe in a real-time callback.
    fn clear(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    /// Takes one error of the platform. Not called from a data callback; may wait.
    fn report(&self, error: &Error) {
        let failures = self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        match error.kind() {
            ErrorKind::DeviceNotAvailable | ErrorKind::StreamInvalidated | ErrorKind::HostUnavailable => {
                tracing::warn!(%error, "a sound card is gone");
                self.events.send(StreamEvent::Lost);
            }
            // The stream goes on, on another device or at another priority.
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => self.clear(),
            ErrorKind::Xrun => self.events.send(StreamEvent::Xrun),
            _ => {}
        }
        if failures >= FAILURES_UNTIL_LOST {
            if failures == FAILURES_UNTIL_LOST {
                tracing::warn!(%error, "a sound card only fails");
            }
            self.events.send(StreamEvent::Lost);
        }
        if failures > FAILURES_WITHOUT_PAUSE {
            // A dead device fails at once, every time: without a pause its thread would take a whole core until the
            // stream is closed, and one that needs some milliseconds to start over would be given up before it has.
            std::thread::sleep(PAUSE_WHEN_FAILING);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events_after(errors: &[ErrorKind]) -> Vec<StreamEvent> {
        let (failures, mut events) = Failures::new();
        errors.iter().for_each(|&kind| failures.report(&kind.into()));
        std::iter::from_fn(|| events.poll()).collect()
    }

    #[test]
    fn a_device_that_went_is_lost_at_once() {
        assert_eq!(
            events_after(&[ErrorKind::DeviceNotAvailable]),
            [StreamEvent::Lost]
        );
        assert_eq!(events_after(&[ErrorKind::StreamInvalidated]), [StreamEvent::Lost]);
    }

    #[test]
    fn a_device_that_only_fails_is_lost_after_a_while() {
        let failures = vec![ErrorKind::BackendError; FAILURES_UNTIL_LOST as usize];
        assert_eq!(events_after(&failures[1..]), []);
        assert_eq!(events_after(&failures), [StreamEvent::Lost]);
    }

    #[test]
    fn sound_in_between_means_it_is_alive() {
        let (failures, mut events) = Failures::new();
        for _ in 0..10 * FAILURES_UNTIL_LOST {
            failures.report(&ErrorKind::BackendError.into());
            failures.clear();
        }
        assert_eq!(events.poll(), None);
    }

    #[test]
    fn a_new_route_or_priority_is_no_failure() {
        let kinds = vec![ErrorKind::DeviceChanged; 2 * FAILURES_UNTIL_LOST as usize];
        assert_eq!(events_after(&kinds), []);
    }

    #[test]
    fn full_scale_does_not_wrap_in_any_integer_format() {
        let top = 1.0_f32.clamp(-1.0, FULL_SCALE);
        assert_eq!(i16::from_sample_(top), i16::MAX);
        assert_eq!(I24::from_sample_(top).inner(), (1 << 23) - 1);
        assert!(i32::from_sample_(top) > i32::MAX - 256);
        assert_eq!(u16::from_sample_(top), u16::MAX);
        assert!(u32::from_sample_(top) > u32::MAX - 256);
        assert_eq!(u8::from_sample_(top), u8::MAX);
        assert_eq!(i16::from_sample_(-1.0_f32), i16::MIN);
    }
}
