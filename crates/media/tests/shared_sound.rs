//! Sound shared with a screen: the real engine on its real threads, in real time, with a microphone that is spoken into
//! and processed, a film of another clock, and the packets that leave decoded again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::time::{Duration, Instant};

use sidetone_media::device::headless::{AfterEnd, Pacing, Silence, file_input, tone_input};
use sidetone_media::device::{
    CaptureStream, DeviceError, DeviceInfo, EventSender, InputDevice, StreamEvent, StreamFormat,
    StreamRequest, stream_events,
};
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::VoicePort;
use sidetone_media::voice::{
    Coding, LinkId, Processing, Profile, SharedSound, SharedSoundKeeper, VOICE_FORMAT, VoiceConfig,
    VoiceEngine, VoiceEvent,
};
use sidetone_opus::{Channels, Decoder, SampleRate};
use sidetone_pipeline::{Notifier, Pool, Pooled, QueueReceiver, guard, queue};

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/speech/man-it.flac");
const PATIENCE: Duration = Duration::from_secs(60);
const TONE: f64 = 5000.0;

fn film() -> StreamFormat {
    StreamFormat {
        sample_rate: 44_100,
        channels: 2,
    }
}

/// Level of the film's tone and of all the rest, in dB below full scale: of a twentieth of a second at a time, for its pitch
/// may be off by what clocks are.
fn levels(of: &[f32]) -> (f64, f64) {
    let (mut tones, mut rests) = (0.0, 0.0);
    let parts = of.chunks_exact(2400);
    let count = parts.len().max(1) as f64;
    for part in parts {
        let (mut re, mut im, mut all) = (0.0, 0.0, 0.0);
        for (n, sample) in part.iter().enumerate() {
            let window = 1.0 - (std::f64::consts::TAU * n as f64 / part.len() as f64).cos();
            let phase = std::f64::consts::TAU * TONE * n as f64 / 48_000.0;
            let sample = f64::from(*sample);
            re += sample * window * phase.cos();
            im += sample * window * phase.sin();
            all += sample * sample;
        }
        let tone = 2.0 * re.hypot(im) / part.len() as f64;
        tones += tone;
        rests += (2.0 * all / part.len() as f64 - tone * tone).max(0.0).sqrt();
    }
    let db = |sum: f64| 20.0 * (sum / count).max(1e-6).log10();
    (db(tones), db(rests))
}

/// The far end of a link.
struct Far {
    queue: QueueReceiver<Pooled<VoicePacket>>,
    decoder: Decoder,
    heard: Vec<f32>,
    next: Option<u32>,
}

impl Far {
    fn of(engine: &VoiceEngine, link: LinkId) -> Self {
        let (outgoing, sent) = queue(256);
        let (_, incoming) = queue(4);
        let port = VoicePort {
            outgoing,
            incoming,
            slots: 0,
            lips: None,
        };
        engine.connect(link, port).unwrap();
        Self {
            queue: sent,
            decoder: Decoder::new(SampleRate::Hz48000, Channels::Mono).unwrap(),
            heard: Vec::new(),
            next: None,
        }
    }

    /// Hears a quarter of a second.
    fn hear(&mut self) -> Vec<f32> {
        let patience = Instant::now() + PATIENCE;
        while self.heard.len() < 12_000 {
            assert!(Instant::now() < patience, "nothing is sent");
            std::thread::sleep(Duration::from_millis(5));
            while let Some(packet) = self.queue.pop() {
                let mut frame = [0.0; 2880];
                // What was left out as silence is silence.
                let missing = self.next.map_or(0, |next| packet.timestamp.0.wrapping_sub(next));
                self.heard
                    .extend(std::iter::repeat_n(0.0, missing.min(48_000) as usize));
                let samples = self.decoder.decode(packet.payload(), &mut frame).unwrap();
                self.heard.extend_from_slice(&frame[..samples]);
                self.next = Some(packet.timestamp.0.wrapping_add(samples as u32));
            }
        }
        self.heard.drain(..12_000).collect()
    }

    /// Hears until it is so, and three quarters of a second more, of which it must be so on the whole.
    fn hears(&mut self, what: &str, wanted: impl Fn(f64, f64) -> bool) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let (tone, rest) = levels(&self.hear());
            println!("{what}: tone {tone:.1} dB, rest {rest:.1} dB");
            if wanted(tone, rest) {
                break;
            }
            assert!(Instant::now() < patience, "{what}: it never came to that");
        }
        let more = [self.hear(), self.hear(), self.hear()].map(|heard| levels(&heard));
        println!("{what}, then: {more:.1?}");
        let so = more.iter().filter(|(tone, rest)| wanted(*tone, *rest)).count();
        assert!(so >= 2, "{what}: it did not stay so");
    }
}

fn start(processing: Processing) -> VoiceEngine {
    let now = Instant::now();
    let pool = Pool::new(512, || VoicePacket::empty(now));
    let speech = file_input(Path::new(SPEECH), VOICE_FORMAT, AfterEnd::Repeat).unwrap();
    let config = VoiceConfig {
        processing,
        ..VoiceConfig::default()
    };
    VoiceEngine::start(config, pool, Box::new(speech), Box::new(Silence::output()), || {}).unwrap()
}

fn tone() -> (SharedSound, SharedSoundKeeper) {
    let tone = tone_input(film(), TONE, 0.25)
        .unwrap()
        .paced(Pacing::skewed(200.0));
    SharedSound::open(Box::new(tone)).unwrap()
}

fn loud(tone: f64, _: f64) -> bool {
    tone > -13.5
}

fn quiet(tone: f64, _: f64) -> bool {
    tone < -50.0
}

#[test]
fn a_film_is_heard_as_it_is_whatever_becomes_of_the_microphone() {
    let engine = start(Processing::default());
    let link = LinkId(1);
    let mut far = Far::of(&engine, link);
    far.hears("before", quiet);

    let (sound, keeper) = tone();
    engine.share_sound(link, sound);
    engine.set_coding(Coding::plain(&Profile::BALANCED.with_sound()));
    // The tone as loud as it was played, no part of it taken for noise or an echo; and the voice beside it.
    far.hears("shared", loud);
    far.hears("voice and film", |tone, rest| loud(tone, rest) && rest > -40.0);

    engine.set_muted(true);
    far.hears("muted", |tone, rest| loud(tone, rest) && rest < -45.0);
    engine.set_muted(false);
    far.hears("spoken again", |tone, rest| loud(tone, rest) && rest > -40.0);

    // Its owner has yet to agree to being recorded.
    engine.pass_shared_sound(false);
    far.hears("held back", quiet);
    engine.pass_shared_sound(true);
    far.hears("passed again", loud);

    // Another call is spoken in: the film is none of its business.
    engine.set_sending(link, false);
    let mut other = Far::of(&engine, LinkId(2));
    other.hears("another call", quiet);
    engine.disconnect(LinkId(2));
    engine.set_sending(link, true);
    far.hears("back from hold", loud);

    engine.unshare_sound();
    drop(keeper);
    engine.set_coding(Coding::plain(&Profile::BALANCED));
    far.hears("over", quiet);

    // And again, as a second share.
    let (sound, _keeper) = tone();
    engine.share_sound(link, sound);
    far.hears("a second one", loud);
    assert_eq!(engine.poll_event(), None);
}

#[test]
fn the_film_goes_along_when_the_call_moves_and_nothing_allocates() {
    // Of the processing's own allocations the guard knows nothing good.
    let engine = start(Processing::OFF);
    let mut before = Far::of(&engine, LinkId(1));
    let (sound, keeper) = tone();
    engine.share_sound(LinkId(1), sound);
    engine.set_coding(Coding::plain(&Profile::BALANCED.with_sound()));
    before.hears("first link", loud);
    let (outgoing, sent) = queue(256);
    let (_, incoming) = queue(4);
    let port = VoicePort {
        outgoing,
        incoming,
        slots: 0,
        lips: None,
    };
    engine.hand_over(LinkId(1), LinkId(2), port, None).unwrap();
    engine.share_sound_to(LinkId(2));
    engine.disconnect(LinkId(1));
    before.queue = sent;
    before.next = None;
    before.hears("second link", loud);
    engine.unshare_sound();
    drop(keeper);
    engine.set_coding(Coding::plain(&Profile::BALANCED));
    before.hears("over", quiet);
    drop(engine);
    guard::assert_clean("capture worker");
    guard::assert_clean("capture callback");
}

/// A source that is pulled out after a while.
struct Fragile {
    inner: Box<dyn InputDevice>,
    pull: std::sync::Arc<std::sync::Mutex<Option<EventSender>>>,
}

impl InputDevice for Fragile {
    fn info(&self) -> DeviceInfo {
        self.inner.info()
    }

    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<CaptureStream, DeviceError> {
        let (sender, events) = stream_events();
        *self.pull.lock().unwrap() = Some(sender);
        Ok(CaptureStream {
            events,
            ..self.inner.open(request, wake)?
        })
    }
}

fn wait_for(engine: &VoiceEngine, wanted: &VoiceEvent) {
    let patience = Instant::now() + PATIENCE;
    while engine.poll_event().as_ref() != Some(wanted) {
        assert!(Instant::now() < patience, "{wanted:?} was never told");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_source_that_goes_or_ends_is_told_and_the_voice_goes_on() {
    let engine = start(Processing::default());
    let mut far = Far::of(&engine, LinkId(1));
    let pull = std::sync::Arc::default();
    let fragile = Fragile {
        inner: Box::new(tone_input(film(), TONE, 0.25).unwrap()),
        pull: std::sync::Arc::clone(&pull),
    };
    let (sound, keeper) = SharedSound::open(Box::new(fragile)).unwrap();
    engine.share_sound(LinkId(1), sound);
    far.hears("shared", loud);
    // The platform calls no more.
    drop(keeper);
    pull.lock().unwrap().take().unwrap().send(StreamEvent::Lost);
    wait_for(&engine, &VoiceEvent::SharedSoundLost);
    far.hears("lost", |tone, rest| quiet(tone, rest) && rest > -60.0);
    engine.unshare_sound();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).unwrap();
    (0..24_000_i16).for_each(|n| file.write_sample(n % 100 * 30).unwrap());
    file.finalize().unwrap();
    let short = file_input(&path, VOICE_FORMAT, AfterEnd::Silence).unwrap();
    let (sound, _keeper) = SharedSound::open(Box::new(short)).unwrap();
    engine.share_sound(LinkId(1), sound);
    wait_for(&engine, &VoiceEvent::SharedSoundEnded);
}
