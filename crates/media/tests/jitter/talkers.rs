//! One stream, several talkers: what a slot of a meeting brings. The numbers go on, the encoder behind them is another.

use std::time::{Duration, Instant};

use sidetone_media::jitter::{JitterBuffer, JitterConfig, JitterStats, OpusDecoder};

use crate::support::*;

const FRAME: usize = 960;
/// Frames from one change of the talker to the next: long and short, and not at the ends of words.
const TURNS: [usize; 7] = [37, 11, 53, 24, 5, 61, 29];

/// Who has the slot in each frame, by number.
fn turns(frames: usize) -> Vec<u32> {
    let ends = TURNS.iter().cycle().scan(0, |end, turn| {
        *end += turn;
        Some(*end)
    });
    let mut talker = 1;
    let mut who = Vec::new();
    for end in ends {
        who.resize(end.min(frames), talker);
        talker = 3 - talker;
        if who.len() == frames {
            return who;
        }
    }
    who
}

struct Heard {
    sound: Vec<f32>,
    /// Who was said to be heard, at every 10 ms.
    labels: Vec<Option<u32>>,
    stats: JitterStats,
    /// Samples left at the end.
    ready: u64,
}

/// Plays the frames of whoever has the slot, except those that `lost` picks.
fn play(talkers: &[Vec<Sent>; 2], who: &[u32], coding: Coding, lost: impl Fn(usize) -> bool) -> Heard {
    let start = Instant::now();
    let pool = pool(300);
    let mut buffer = JitterBuffer::new(JitterConfig::default(), opus(), start);
    let mut heard = Heard {
        sound: Vec::new(),
        labels: Vec::new(),
        stats: JitterStats::default(),
        ready: 0,
    };
    let mut copies: Vec<&[u8]> = Vec::new();
    for tick in 0..who.len() * 2 {
        let now = start + Duration::from_millis(tick as u64 * 10);
        let frame = tick / 2;
        if tick % 2 == 0 {
            let payload = &talkers[who[frame] as usize - 1][frame].payload;
            if !lost(frame) {
                let mut packet = packet(&pool, frame as u16, (frame * FRAME) as u32, payload);
                packet.source = Some(who[frame]);
                // A forwarder takes out copies of what it did not forward.
                if coding.fec && frame > 0 && who[frame - 1] == who[frame] {
                    packet.add_copy(FRAME as u16, copies[frame - 1]);
                }
                buffer.insert(packet, now);
            }
            copies.push(payload);
        }
        let mut out = [0.0; 480];
        for quarter in 0..4 {
            let at = now + Duration::from_micros(quarter * 2500);
            buffer.pull(&mut out[quarter as usize * 120..][..120], at);
        }
        heard.sound.extend(out);
        heard.labels.push(buffer.talker());
    }
    heard.stats = buffer.stats();
    heard.ready = buffer.decoded() as u64;
    heard
}

/// How sharp the sharpest edge is: what a click has and speech has little of.
fn edge(sound: &[f32]) -> f32 {
    sound
        .windows(5)
        .map(|w| (w[0] - 4.0 * w[1] + 6.0 * w[2] - 4.0 * w[3] + w[4]).abs())
        .fold(0.0, f32::max)
}

fn decoded(packets: &[Sent]) -> Vec<f32> {
    use sidetone_media::jitter::VoiceDecoder;
    let mut decoder = opus();
    let mut sound = vec![0.0; packets.len() * FRAME];
    for (packet, out) in packets.iter().zip(sound.chunks_mut(FRAME)) {
        OpusDecoder::decode(&mut decoder, &packet.payload, out).unwrap();
    }
    sound
}

/// Samples that `sound` comes after `reference`.
fn delay(sound: &[f32], reference: &[f32]) -> usize {
    let part = &reference[48_000..96_000];
    let likeness = |by: usize| {
        let there = &sound[48_000 + by..96_000 + by];
        part.iter().zip(there).map(|(a, b)| a * b).sum::<f32>()
    };
    (0..9_600)
        .max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)))
        .unwrap()
}

fn energy(sound: impl Iterator<Item = f32>) -> f64 {
    sound.map(|s| f64::from(s * s)).sum()
}

#[test]
fn another_talker_in_the_same_slot_is_heard_from_the_first_packet_on_and_does_not_click() {
    let coding = Coding {
        loss: 10,
        fec: true,
        ..Coding::default()
    };
    let talkers = [woman(), man()].map(|sound| opus_packets(sound, FRAME, coding));
    let frames = talkers[0].len().min(talkers[1].len());
    let who = turns(frames);
    let changes: Vec<usize> = (1..frames).filter(|&i| who[i] != who[i - 1]).collect();
    assert!(changes.len() > 8);
    let references = [decoded(&talkers[0]), decoded(&talkers[1])];
    let expected: Vec<f32> = who
        .iter()
        .enumerate()
        .flat_map(|(i, who)| references[*who as usize - 1][i * FRAME..(i + 1) * FRAME].to_vec())
        .collect();
    let usual = references.iter().map(|sound| edge(sound)).fold(0.0, f32::max);

    let around = |frame: usize, back: usize| changes.contains(&(frame + back));
    type Lost<'a> = Box<dyn Fn(usize) -> bool + 'a>;
    let cases: [(&str, Lost<'_>); 4] = [
        ("nothing lost", Box::new(|_| false)),
        ("the last packet before lost", Box::new(|i| around(i, 1))),
        ("the first packet after lost", Box::new(|i| around(i, 0))),
        (
            "three packets before lost",
            Box::new(|i| (1..=3).any(|back| around(i, back))),
        ),
    ];
    for (what, lost) in cases {
        let heard = play(&talkers, &who, coding, lost);
        assert_eq!(heard.stats.resets, 0, "{what}");
        assert_accounted(&heard.stats, heard.ready);
        let late = delay(&heard.sound, &expected);
        let mut worst = 0.0_f32;
        let mut likeness = Vec::new();
        for &change in &changes {
            let at = change * FRAME + late;
            let Some(there) = heard.sound.get(at - 240..at + 7_200) else {
                continue;
            };
            worst = worst.max(edge(&there[..2_400]));
            // From two frames after the change on it is the new talker's own sound, a little earlier or later where
            // the change cost something.
            let mine = &expected[change * FRAME + 1_920..][..2_400];
            let loudness = energy(mine.iter().copied());
            let error = (0..1_500)
                .map(|by| energy(mine.iter().zip(&there[1_500 + by..]).map(|(a, b)| a - b)))
                .fold(f64::MAX, f64::min);
            if loudness > 0.5 {
                likeness.push(10.0 * (loudness / error.max(1e-9)).log10());
            }
            // The label changes with the sound, to within the block that is being decoded.
            let block = at / 480;
            assert_eq!(heard.labels[block - 4], Some(who[change - 1]), "{what}");
            assert_eq!(heard.labels[block + 4], Some(who[change]), "{what}");
        }
        likeness.sort_by(f64::total_cmp);
        println!(
            "{what}: edge {worst:.4}, usual {usual:.4}; likeness {:.1} dB median, {:.1} least; {:?}",
            likeness[likeness.len() / 2],
            likeness[0],
            heard.stats.concealed_samples,
        );
        assert!(worst < usual, "{what}: {worst} is a click, {usual} is speech");
        // With the state of the decoder before it would be 16 dB.
        assert!(likeness[likeness.len() / 2] > 20.0, "{what}: {likeness:?}");
    }
}
