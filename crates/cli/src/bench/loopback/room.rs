//! The rooms the two ends sit in: speaks into each microphone's sound card and records, on one clock and by the same
//! means, what goes into each microphone and what comes out of each speaker.
//!
//! It refuses to know calls. It runs in a process of its own, because the ALSA library reads once which cards there are.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use sidetone::media::device::headless::monotonic_nanos;
use sidetone::media::device::{
    CaptureStream, DeviceError, DeviceId, InputDevice, OutputDevice, PlayoutStream, StreamRequest, cpal,
};
use sidetone::media::voice::RATE;
use sidetone_pipeline::notifier;

use super::samples;
use super::wire::{Nanos, Notice, Order, Recorded, RoomConfig, Seat};

/// How often sound is moved. The rings hold a quarter of a second.
const TURN: Duration = Duration::from_millis(10);

/// A recording that falls this far behind its clock has lost sound. Less would take a busy machine for a loss.
const GAP: Nanos = 3_000_000;

/// Runs until told to leave or the conductor is gone.
pub fn run(config: &RoomConfig, orders: &Receiver<Order>, notices: &Sender<Notice>) {
    if let Err(message) = attend(config, orders, notices) {
        // A conductor that is gone is not interested.
        let _ = notices.send(Notice::Failed { message });
    }
}

fn attend(config: &RoomConfig, orders: &Receiver<Order>, notices: &Sender<Notice>) -> Result<(), String> {
    let mut places = config
        .seats
        .iter()
        .map(Place::open)
        .collect::<Result<Vec<_>, _>>()?;
    let _ = notices.send(Notice::Ready);
    loop {
        match orders.recv_timeout(TURN) {
            Ok(Order::Measure) => places.iter_mut().for_each(Place::restart),
            Ok(Order::Report) => {
                let recorded = places
                    .iter_mut()
                    .map(Place::write)
                    .collect::<Result<Vec<_>, _>>()?;
                let _ = notices.send(Notice::Recorded(recorded));
            }
            Ok(Order::Quit) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
        }
        places.iter_mut().for_each(Place::turn);
    }
}

/// One end's place: a voice, and an ear beside the microphone and the speaker.
struct Place {
    seat: Seat,
    voice: Voice,
    said: Recorder,
    heard: Recorder,
}

impl Place {
    fn open(seat: &Seat) -> Result<Self, String> {
        let speech = samples::read(&seat.speech).map_err(|error| format!("the recording: {error}"))?;
        if speech.is_empty() {
            return Err("the recording is empty".into());
        }
        Ok(Self {
            voice: Voice::open(&seat.mouth, speech)?,
            said: Recorder::open(&seat.microphone)?,
            heard: Recorder::open(&seat.speaker)?,
            seat: seat.clone(),
        })
    }

    fn turn(&mut self) {
        self.voice.speak();
        self.said.listen();
        self.heard.listen();
    }

    fn restart(&mut self) {
        self.said.restart();
        self.heard.restart();
    }

    fn write(&mut self) -> Result<[Recorded; 2], String> {
        let write = |recorder: &mut Recorder, path| {
            recorder.listen();
            recorder.settle();
            let from = recorder.epoch.ok_or("a sound card was silent")?;
            samples::write(path, &recorder.track).map_err(|error| format!("what was recorded: {error}"))?;
            Ok::<_, String>(Recorded {
                from,
                lost: recorder.filled + recorder.lost,
            })
        };
        Ok([
            write(&mut self.said, &self.seat.said)?,
            write(&mut self.heard, &self.seat.heard)?,
        ])
    }
}

fn card(id: &str) -> DeviceId {
    DeviceId(id.to_owned())
}

fn unusable(id: &str) -> impl Fn(DeviceError) -> String + '_ {
    move |error| format!("{id}: {error}")
}

/// A recording, spoken over and over.
struct Voice {
    stream: PlayoutStream,
    speech: Vec<f32>,
    position: usize,
    block: Vec<f32>,
}

impl Voice {
    fn open(id: &str, speech: Vec<f32>) -> Result<Self, String> {
        let mut device: Box<dyn OutputDevice> = cpal::output(Some(&card(id))).map_err(unusable(id))?;
        let stream = device
            .open(StreamRequest::default(), notifier().0)
            .map_err(unusable(id))?;
        if stream.format.sample_rate != RATE {
            return Err(format!("{id} does not play {RATE} Hz"));
        }
        let mut voice = Self {
            stream,
            speech,
            position: 0,
            block: Vec::new(),
        };
        voice.speak();
        Ok(voice)
    }

    fn speak(&mut self) {
        let channels = usize::from(self.stream.format.channels.max(1));
        self.block.clear();
        for _ in 0..self.stream.samples.vacant() / channels {
            let sample = self.speech[self.position];
            self.position = (self.position + 1) % self.speech.len();
            self.block.extend(std::iter::repeat_n(sample, channels));
        }
        self.stream.samples.write(&self.block);
    }
}

/// A recording whose first sample's moment is known.
struct Recorder {
    stream: CaptureStream,
    track: Vec<f32>,
    /// Frames the card brought that were taken so far, and how many of them were when `track` began.
    taken: u64,
    first: u64,
    /// Frames among them that found the ring full.
    dropped: u64,
    /// Where the piece that is being recorded began, and when `track` began as far as this piece can tell.
    piece: usize,
    piece_epoch: Option<Nanos>,
    epoch: Option<Nanos>,
    /// Frames of silence in place of what the card never brought, and in place of what found the ring full.
    filled: u64,
    lost: u64,
    block: Vec<f32>,
}

impl Recorder {
    fn open(id: &str) -> Result<Self, String> {
        let mut device: Box<dyn InputDevice> = cpal::input(Some(&card(id))).map_err(unusable(id))?;
        let stream = device
            .open(StreamRequest::default(), notifier().0)
            .map_err(unusable(id))?;
        if stream.format.sample_rate != RATE {
            return Err(format!("{id} does not record {RATE} Hz"));
        }
        Ok(Self {
            stream,
            track: Vec::new(),
            taken: 0,
            first: 0,
            dropped: 0,
            piece: 0,
            piece_epoch: None,
            epoch: None,
            filled: 0,
            lost: 0,
            block: Vec::new(),
        })
    }

    fn restart(&mut self) {
        self.listen();
        self.track.clear();
        self.first = self.taken;
        self.piece = 0;
        (self.piece_epoch, self.epoch) = (None, None);
        (self.filled, self.lost) = (0, 0);
    }

    fn listen(&mut self) {
        let channels = usize::from(self.stream.format.channels.max(1));
        let frames = self.stream.samples.len() / channels;
        self.block.resize(frames * channels, 0.0);
        self.stream.samples.read(&mut self.block);
        let mono = self
            .block
            .chunks_exact(channels)
            .map(|frame| frame.iter().sum::<f32>() / channels as f32);
        self.track.extend(mono);
        // The card's clock counts these as well.
        let dropped = self.stream.samples.counters().overruns() / channels as u64;
        let missing = (dropped - self.dropped) as usize;
        self.track.extend(std::iter::repeat_n(0.0, missing));
        self.lost += missing as u64;
        self.dropped = dropped;
        self.taken += (frames + missing) as u64;

        let tick = self
            .stream
            .clock
            .last_tick()
            .filter(|(frames, _)| *frames > self.first);
        if let Some((frames, at)) = tick.and_then(|(frames, at)| Some((frames, monotonic_nanos(at)?))) {
            let epoch = at - nanos(frames - self.first + self.filled);
            self.piece_epoch = Some(self.piece_epoch.map_or(epoch, |earliest| earliest.min(epoch)));
        }
        if self.track.len() - self.piece >= RATE as usize {
            self.settle();
        }
    }

    /// Ends a piece. A thread that wakes late tells a sound later than it was, never earlier: the earliest of many
    /// moments is the one to believe. When even that is late, sound was lost before this piece, and silence takes its
    /// place.
    fn settle(&mut self) {
        let Some(found) = self.piece_epoch.take() else {
            return;
        };
        let epoch = self.epoch.map_or(found, |epoch| epoch.min(found));
        self.epoch = Some(epoch);
        if found - epoch > GAP {
            let missing = ((found - epoch) as f64 / 1e9 * f64::from(RATE)) as usize;
            self.track
                .splice(self.piece..self.piece, std::iter::repeat_n(0.0, missing));
            self.filled += missing as u64;
        }
        self.piece = self.track.len();
    }
}

fn nanos(frames: u64) -> Nanos {
    (frames as f64 / f64::from(RATE) * 1e9) as Nanos
}
