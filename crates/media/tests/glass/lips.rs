//! Sound and pictures of one person, from the same moment at the microphone and the camera to the ear and the eye.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sidetone_media::device::headless::{
    HeadlessInput, Recording, Silence, Source, TimelineHandle, memory_output,
};
use sidetone_media::pictures::Size;
use sidetone_media::transport::VoicePort;
use sidetone_media::video::Content::Camera;
use sidetone_media::voice::{Processing, RATE, VOICE_FORMAT, VoiceConfig, VoiceEngine};
use sidetone_pipeline::{guard, queue};

use crate::studio::{End, LINK, config, until};
use crate::support::{Peer, connected, run};

/// From one click to the next, in samples: half a second.
const APART: u64 = RATE as u64 / 2;

/// A voice that hums, and clicks on the half second.
#[derive(Default)]
struct Clicks(u64);

impl Source for Clicks {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        for sample in out {
            let at = self.0 as f32 / RATE as f32;
            let click = if self.0 % APART < 960 { 0.6 } else { 0.0 };
            *sample = (std::f32::consts::TAU * 1_000.0 * at).sin() * click
                + (std::f32::consts::TAU * 150.0 * at).sin() * 0.05;
            self.0 += 1;
        }
        true
    }
}

/// A path between two ends on which packets of pictures take longer than those of sound: those are told by their payload
/// type, which is in the clear.
struct Path {
    toward: [SocketAddr; 2],
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Path {
    fn start(ends: [SocketAddr; 2], late: u64) -> Self {
        let open = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let sockets = [open(), open()];
        let toward = [0, 1].map(|end: usize| sockets[end].local_addr().unwrap());
        let stop = Arc::<AtomicBool>::default();
        let ended = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut waiting: [VecDeque<(Instant, Vec<u8>)>; 2] = Default::default();
            let mut buffer = [0; 2048];
            while !ended.load(Relaxed) {
                let now = Instant::now();
                let mut idle = true;
                for end in [0, 1] {
                    // What comes to the socket before one end is from the other.
                    while let Ok((length, _)) = sockets[end].recv_from(&mut buffer) {
                        idle = false;
                        let datagram = &buffer[..length];
                        let is_picture = length > 12
                            && datagram[0] >> 6 == 2
                            && (96..=110).contains(&(datagram[1] & 0x7f));
                        if is_picture {
                            let due = now + Duration::from_millis(late);
                            waiting[end].push_back((due, datagram.to_vec()));
                        } else {
                            let _ = sockets[1 - end].send_to(datagram, ends[end]);
                        }
                    }
                    while waiting[end].front().is_some_and(|(due, _)| *due <= now)
                        && let Some((_, datagram)) = waiting[end].pop_front()
                    {
                        let _ = sockets[1 - end].send_to(&datagram, ends[end]);
                    }
                }
                if idle {
                    std::thread::sleep(Duration::from_micros(500));
                }
            }
        });
        Self {
            toward,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// What is heard, with the moments of its clicks.
struct Ear {
    engine: VoiceEngine,
    recording: Recording,
    spoken: TimelineHandle,
    samples: u64,
    quiet: u64,
    /// From the microphone to the ear, of each click.
    delays: Vec<(Instant, f64)>,
}

impl Ear {
    fn listen(&mut self) {
        let (Some(heard), Some(spoken)) = (self.recording.timeline().get(), self.spoken.get()) else {
            return;
        };
        for sample in self.recording.take() {
            if sample.abs() < 0.3 {
                self.quiet += 1;
            } else {
                if self.quiet > APART / 2 {
                    let at = heard.at(self.samples as i64);
                    // Of the last click before.
                    let said = spoken.sample_at(at).rem_euclid(APART as f64);
                    self.delays.push((at, said / f64::from(RATE)));
                }
                self.quiet = 0;
            }
            self.samples += 1;
        }
    }

    /// The median of so many clicks from now on.
    async fn heard(&mut self, count: usize) -> f64 {
        let then = Instant::now();
        let mut found = None;
        let listening = until(|| {
            self.listen();
            let recent = self.delays.iter().filter(|(at, _)| *at >= then);
            found = median(recent.map(|(_, delay)| *delay).collect(), count);
            found.is_some()
        });
        assert!(listening.await, "nothing is heard");
        found.unwrap()
    }

    /// How much longer than the network asks for the sound waits, in seconds, while so many clicks are heard.
    async fn waits(&mut self, clicks: usize) -> f64 {
        let stats = |ear: &Self| ear.engine.stats().inbound[0].jitter.clone();
        self.heard(1).await;
        let before = stats(self);
        self.heard(clicks).await;
        let after = stats(self);
        let target = after.jitter_buffer_target_delay - before.jitter_buffer_target_delay;
        let needed = after.jitter_buffer_minimum_delay - before.jitter_buffer_minimum_delay;
        let emitted = after.jitter_buffer_emitted_count - before.jitter_buffer_emitted_count;
        (target - needed) / emitted as f64
    }
}

fn median(mut values: Vec<f64>, count: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    (values.len() >= count).then(|| values[values.len() / 2])
}

fn voice(peer: &mut Peer, input: HeadlessInput) -> (VoiceEngine, Recording) {
    let (speaker, recording) = memory_output(VOICE_FORMAT, 4 * RATE as usize).unwrap();
    let config = VoiceConfig {
        processing: Processing::OFF,
        ..VoiceConfig::default()
    };
    let engine = VoiceEngine::start(
        config,
        peer.pool.clone(),
        Box::new(input),
        Box::new(speaker),
        || {},
    )
    .unwrap();
    let taken = VoicePort {
        outgoing: queue(1).0,
        incoming: queue(1).1,
        slots: 0,
        lips: None,
    };
    engine
        .connect(LINK, std::mem::replace(&mut peer.voice, taken))
        .unwrap();
    (engine, recording)
}

/// Half of the pictures that were seen since then took longer than this, if there are so many.
fn seen(end: &End, from: usize, count: usize) -> Option<f64> {
    end.eyes.sight(Camera, |sight| {
        let recent = sight.delays.get(from..)?;
        median(recent.iter().map(Duration::as_secs_f64).collect(), count)
    })
}

/// From a call's beginning to the end of its camera, whose packets are that much later than those of the sound.
async fn call(late: u64) {
    let free = || sidetone_netsim::relay::free_address().unwrap();
    let ends = [free(), free()];
    let path = Path::start(ends, late);
    let end = |n: usize| {
        let mut config = config();
        (config.bind, config.advertise) = (vec![ends[n]], Some(path.toward[n]));
        config
    };
    let (mut a, mut b) = connected(end(0), end(1)).await;
    let microphone = HeadlessInput::new("clicks", VOICE_FORMAT, Clicks::default()).unwrap();
    let spoken = microphone.timeline();
    let _talking = voice(&mut a, microphone);
    let (engine, recording) = voice(&mut b, Silence::input());
    let mut ear = Ear {
        engine,
        recording,
        spoken,
        samples: 0,
        quiet: 0,
        delays: Vec::new(),
    };
    let epoch = Instant::now();
    let (a, b) = (End::new(a, epoch), End::new(b, epoch));
    assert_eq!(ear.waits(4).await, 0.0, "there is nothing to wait for");
    println!("sound alone: {:.1} ms", ear.heard(3).await * 1e3);

    let camera = a.film(Camera, Size::P180, 30);
    // Together, and for a while.
    let mut since = Instant::now();
    let settled = until(|| {
        ear.listen();
        let behind = b.card().inbound[0].behind_sound;
        let now = Instant::now();
        if behind.is_none_or(|behind| behind.abs() > 0.012) {
            since = now;
        }
        now > since + Duration::from_secs(2)
    });
    assert!(settled.await, "{late} ms: {:#?}", b.card().inbound[0]);
    let from = b.eyes.count(Camera);
    let sound = ear.heard(9).await;
    let picture = seen(&b, from, 60).unwrap();
    println!(
        "pictures {late} ms late: sound {:.1} ms, pictures {:.1} ms, by the statistics {:.1} ms apart",
        sound * 1e3,
        picture * 1e3,
        b.card().inbound[0].behind_sound.unwrap() * 1e3,
    );
    assert!(
        (picture - sound).abs() <= 0.020,
        "{late} ms: {picture} s and {sound} s"
    );

    // No camera, nothing to wait for.
    a.engine.stop_source(Camera);
    drop(camera);
    let released = Instant::now();
    while ear.waits(3).await > 0.0005 {
        assert!(
            released.elapsed() < Duration::from_secs(60),
            "the sound still waits"
        );
    }
    println!("and without: {:.1} ms", ear.heard(3).await * 1e3);
    assert!(until(|| b.card().inbound[0].behind_sound.is_none()).await);
}

#[test]
fn sound_waits_for_the_camera_and_not_for_a_path_without_one() {
    run(async {
        for late in [0, 80, 140] {
            call(late).await;
        }
        let report = guard::report();
        assert!(
            report
                .section("playout worker")
                .is_some_and(|section| section.entries > 0)
        );
        guard::assert_clean("playout worker");
    });
}
