//! Real speech, coded, through a room and into real jitter buffers, in virtual time: what is made up where nothing was
//! lost, and whether words begin as they were said.

use std::path::Path;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_media::device::headless::SoundFile;
use sidetone_media::jitter::{JitterConfig, JitterStats};
use sidetone_media::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_media::voice::{BLOCK, Downlink, Processing, Profile, RATE, Uplink};
use sidetone_pipeline::Pool;
use sidetone_sfu::room::{
    AudioLevel, Format, Formats, Forwarded, Joining, Media, Packet, ParticipantKey, Publication, Rights, Room,
};

use crate::ear::OPUS;
use crate::world::audio_slots;

fn speech(name: &str) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../cli/speech")
        .join(name);
    SoundFile::read(&path).unwrap().resampled(RATE).unwrap().samples
}

/// So many seconds of silence, as a microphone hears it.
fn pause(seconds: f32) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let samples = 0..(seconds * RATE as f32) as usize;
    samples.map(|_| rng.random_range(-1e-4..1e-4)).collect()
}

/// What is heard of `voices`, who all speak at once as they are written down, by one who listens: in slot by slot, with its
/// counters. `passes` says of the forwarded packets, with their lengths, which come through.
fn listen(voices: &[Vec<f32>], passes: impl FnMut(usize) -> bool) -> Vec<(Vec<f32>, JitterStats)> {
    listen_until(voices, None, passes)
}

/// The same, where the first of them is `gone` after so many blocks.
fn listen_until(
    voices: &[Vec<f32>],
    gone: Option<usize>,
    mut passes: impl FnMut(usize) -> bool,
) -> Vec<(Vec<f32>, JitterStats)> {
    let epoch = Instant::now();
    let mut room = Room::new(epoch);
    let pool = Pool::new(256, || VoicePacket::empty(epoch));
    let profile = Profile::BALANCED;
    let mut join = |number: u32, ssrc: u32| -> ParticipantKey {
        let joining = Joining {
            number,
            rights: Rights::ALL,
            receive: audio_slots(voices.len().min(3), number, false),
        };
        let key = room.join(epoch, &joining).unwrap();
        let publication = Publication {
            media: Media::Audio,
            layer: 0,
            ssrc,
            formats: Formats::new().with(Format::Opus, OPUS),
            height: 0,
        };
        room.publish(epoch, key, &publication).unwrap();
        key
    };
    let listener = join(100, 1);
    let talkers: Vec<_> = (0..voices.len() as u32)
        .map(|n| {
            (
                join(n, 7),
                Uplink::new(&profile, Processing::OFF, pool.clone(), u64::from(n)).unwrap(),
            )
        })
        .collect();
    let mut talkers = talkers;
    let mut ears: Vec<_> = (0..voices.len().min(3))
        .map(|_| {
            (
                Downlink::new(&profile, JitterConfig::default(), epoch).unwrap(),
                Vec::new(),
            )
        })
        .collect();
    let blocks = voices.iter().map(|voice| voice.len() / BLOCK).max().unwrap();
    for block in 0..blocks {
        let now = epoch + Duration::from_millis(10) * block as u32;
        let mut deliver = |forwarded: &Forwarded<'_>| {
            if forwarded.to != listener || !passes(forwarded.body.len()) {
                return;
            }
            let mut packet = pool.take().unwrap();
            packet.sequence = SequenceNumber(forwarded.header.sequence as u16);
            packet.timestamp = RtpTimestamp(forwarded.header.timestamp);
            packet.source = Some(forwarded.header.csrc);
            packet.ssrc = forwarded.header.ssrc;
            packet.at = now;
            assert!(packet.set_payload(forwarded.body));
            ears[usize::from(forwarded.slot.number)].0.insert(packet);
        };
        if gone == Some(block) {
            room.leave(now, talkers[0].0, &mut deliver);
        }
        for ((key, uplink), voice) in talkers.iter_mut().zip(voices) {
            let mut samples = [0.0; BLOCK];
            if let Some(said) = voice.get(block * BLOCK..(block + 1) * BLOCK) {
                samples.copy_from_slice(said);
            }
            let Some(said) = uplink.push(&samples, now) else {
                continue;
            };
            let packet = Packet {
                captured: None,
                playout: None,
                ssrc: 7,
                sequence: said.sequence.0,
                timestamp: said.timestamp.0,
                marker: said.marker,
                payload_type: OPUS,
                level: said.level.map(|level| AudioLevel {
                    minus_dbov: level.minus_dbov,
                    voice: level.voice,
                }),
                payload: said.payload(),
            };
            room.packet(now, *key, &packet, &mut deliver);
        }
        for (downlink, heard) in &mut ears {
            let mut out = [0.0; BLOCK];
            for quarter in out.chunks_exact_mut(BLOCK / 4) {
                downlink.pull(quarter, now);
            }
            heard.extend(out);
        }
    }
    let end = |(downlink, heard): (Downlink, Vec<f32>)| (heard, downlink.stats().jitter);
    ears.into_iter().map(end).collect()
}

fn with_pauses() -> Vec<f32> {
    let woman = speech("woman-en.flac");
    let second = RATE as usize;
    [
        &woman[..3 * second],
        &pause(2.0),
        &woman[3 * second..5 * second],
        &pause(0.4),
        &woman[5 * second..7 * second],
        &pause(5.0),
        &woman[7 * second..9 * second],
        &pause(1.0),
    ]
    .concat()
}

#[test]
fn pauses_are_not_made_up_for() {
    let heard = listen(&[with_pauses()], |_| true);
    let stats = &heard[0].1;
    println!("{stats:?}");
    assert_eq!((stats.packets_lost, stats.packets_late), (0, 0), "{stats:?}");
    assert!(stats.comfort_samples > 4 * 48_000, "{stats:?}");
    assert!(stats.concealed_ratio() < 0.005, "{stats:?}");
}

#[test]
fn a_pause_whose_announcement_is_lost_once_is_still_one() {
    let mut announced = 0;
    let passes = |length: usize| {
        announced += usize::from(length == 1);
        length != 1 || announced % 2 == 0
    };
    let heard = listen(&[with_pauses()], passes);
    let stats = &heard[0].1;
    assert!(stats.packets_lost > 2, "{stats:?}");
    assert!(stats.comfort_samples > 4 * 48_000, "{stats:?}");
    assert!(stats.concealed_ratio() < 0.02, "{stats:?}");
}

#[test]
fn whoever_leaves_in_the_middle_of_a_word_is_not_made_up_for() {
    let said = [&speech("woman-en.flac")[..9 * RATE as usize], &pause(4.0)].concat();
    for gone in [305, 417, 612, 803] {
        let heard = listen_until(std::slice::from_ref(&said), Some(gone), |_| true);
        let stats = &heard[0].1;
        println!("{stats:?}");
        assert_eq!((stats.packets_lost, stats.packets_late), (0, 0), "{stats:?}");
        assert!(stats.comfort_samples > 9_600, "{stats:?}");
        assert!(stats.concealed_samples < 2_400, "{stats:?}");
    }
    // One of the two may be lost.
    let mut announced = 0;
    let passes = |length: usize| {
        announced += usize::from(length == 1);
        length != 1 || announced == 2
    };
    let heard = listen_until(&[said[..4 * RATE as usize].to_vec()], Some(305), passes);
    assert!(heard[0].1.concealed_samples < 4_800, "{:?}", heard[0].1);
}

#[test]
fn a_conversation_among_four_is_heard_whole() {
    let (woman, man) = (speech("woman-en.flac"), speech("man-it.flac"));
    let second = RATE as usize;
    let voice = |from: f32, said: &[f32], rest: f32| [&pause(from), said, &pause(rest)].concat();
    let voices = [
        voice(0.5, &woman[..3 * second], 9.0),
        voice(3.2, &man[..3 * second], 6.0),
        voice(6.0, &woman[4 * second..7 * second], 3.0),
        voice(8.5, &man[4 * second..7 * second], 2.0),
    ];
    for (_, stats) in listen(&voices, |_| true) {
        println!("{stats:?}");
        assert_eq!(stats.packets_lost, 0, "{stats:?}");
        assert!(stats.concealed_ratio() < 0.005, "{stats:?}");
    }
}

#[test]
fn words_begin_and_end_as_they_were_said() {
    let said = with_pauses();
    let heard = &listen(std::slice::from_ref(&said), |_| true)[0].0;
    // Envelopes in pieces of 20 ms; what is heard lies up to 200 ms later.
    let power = |sound: &[f32]| -> Vec<f32> {
        let pieces = sound.chunks_exact(960);
        pieces
            .map(|piece| piece.iter().map(|s| s * s).sum::<f32>() / 960.0)
            .collect()
    };
    let (said, heard) = (power(&said), power(heard));
    for (at, &before) in said.iter().enumerate() {
        let later = &heard[at.min(heard.len() - 1)..(at + 10).min(heard.len())];
        let loudest = later.iter().copied().fold(0.0, f32::max);
        if at + 10 < said.len() {
            // No sound is swallowed...
            assert!(
                before < 1e-5 || loudest > before / 8.0,
                "{at}: {before} {later:?}"
            );
        }
    }
    for (at, &after) in heard.iter().enumerate() {
        let earlier = said[at.saturating_sub(12)..=at.min(said.len() - 1)].iter();
        let loudest = earlier.copied().fold(0.0, f32::max);
        // ... and none is made.
        assert!(
            after < 1e-6 || after < 8.0 * loudest,
            "{at}: {after} after {loudest}"
        );
    }
}
