//! Who speaks is heard, from the first sound on.

use crate::ear::FRAME;
use crate::people::{Frame, Manner};
use crate::world::{Network, World};

/// Of the packets with a voice or the beginning of one: said by somebody who had a slot for the taking, and not heard by
/// `receiver`.
fn clipped(world: &World, receiver: u32, others: usize) -> (usize, usize) {
    let (mut said, mut missed) = (0, 0);
    for (&talker, truth) in world.truth.iter().filter(|(talker, _)| **talker != receiver) {
        let heard = world.heard(receiver, talker);
        for (index, packet) in truth.iter().enumerate() {
            if packet.frame == Frame::Quiet || packet.lost || packet.others > others {
                continue;
            }
            said += 1;
            missed += usize::from(!heard.contains(&(index as u32)));
        }
    }
    (said, missed)
}

#[test]
fn who_speaks_alone_is_heard_from_the_first_syllable() {
    let mut world = World::new(1);
    for number in 1..=40 {
        world.join(number, 3, Manner::silent());
    }
    world.run(1000);
    // Everybody says a few words in turn, with hardly a pause between them.
    for round in 0..5 {
        for number in 1..=40 {
            world.say(number, 15 + (number * 7 + round) % 40);
            world.run(20 * u64::from(15 + (number * 7 + round) % 40) + 40);
        }
    }
    world.check();
    for receiver in [1, 20, 40] {
        let (said, missed) = clipped(&world, receiver, 0);
        assert!(said > 5000);
        assert_eq!(missed, 0, "of {said}");
    }
}

#[test]
fn a_conversation_with_interruptions_loses_hardly_a_sound() {
    let mut world = World::new(2);
    let manner = Manner {
        speech: 10..150,
        pause: 100..600,
        ..Manner::default()
    };
    for number in 1..=8 {
        world.join(number, 3, manner.clone());
    }
    for number in 9..=60 {
        world.join(number, 3, Manner::silent());
    }
    world.run(120_000);
    world.check();
    let (said, missed) = clipped(&world, 60, 2);
    println!("of {said} packets said by one of at most three at once {missed} were not heard");
    assert!(said > 2000);
    // A fourth who began before the others stopped may still have a slot.
    assert!(missed * 100 <= said, "{missed} of {said}");
}

#[test]
fn everybody_hears_everybody_when_there_are_slots() {
    let mut world = World::new(3);
    world.network = Network {
        loss: 0.02,
        jitter: 30,
    };
    for number in 1..=30 {
        world.join(
            number,
            30,
            Manner {
                red: number % 2 == 0,
                dtx: number % 5 == 0,
                ..Manner::default()
            },
        );
    }
    world.run(20_000);
    world.check();
    let (said, missed) = clipped(&world, 7, 100);
    assert!(said > 10_000 && missed * 1000 < said, "{missed} of {said}");
}

#[test]
fn without_levels_the_size_tells() {
    let mut world = World::new(4);
    for number in 1..=10 {
        world.join(
            number,
            3,
            Manner {
                levels: number > 5,
                ..Manner::silent()
            },
        );
    }
    for number in 1..=10 {
        world.say(number, 50);
        world.run(1100);
    }
    world.check();
    let (said, missed) = clipped(&world, 10, 0);
    assert!(said >= 450 && missed == 0, "{missed} of {said}");
}

#[test]
fn a_pause_is_announced_wherever_silence_is_held_back() {
    let mut world = World::new(6);
    for number in 1..=8 {
        world.join(
            number,
            8,
            Manner {
                red: number % 2 == 0,
                dtx: number % 3 == 0,
                levels: number != 5,
                ..Manner::default()
            },
        );
    }
    world.run(60_000);
    world.check();
    let mut pauses = 0;
    for (whose, ear) in &world.ears {
        for ((before, a), (after, b)) in ear.got.iter().zip(ear.got.iter().skip(1)) {
            let nothing = b.timestamp.wrapping_sub(a.timestamp) - FRAME;
            let announced = ear.pauses.range(before..after).count();
            // At its beginning, and again each 800 ms.
            let wanted = ((nothing / FRAME).min(2) + nothing / (42 * FRAME)) as usize;
            assert!(
                (wanted..wanted + 2).contains(&announced),
                "{announced} for {nothing}, {whose:?}: {a:?} {b:?}"
            );
            pauses += usize::from(announced > 0);
        }
    }
    assert!(pauses > 500, "{pauses}");
}

#[test]
fn silence_is_not_sent() {
    let mut world = World::new(5);
    for number in 1..=20 {
        world.join(number, 20, Manner::silent());
    }
    world.run(10_000);
    assert!(world.copies < 20 * 19 * 8, "{}", world.copies);
}
