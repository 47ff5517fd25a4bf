//! Who has a slot and who does not, and who dominates.

use crate::people::{Frame, Manner};
use crate::world::World;

fn talker(level: u8) -> Manner {
    Manner {
        speech: 100_000..100_001,
        pause: 20..21,
        level,
        ..Manner::default()
    }
}

/// The share of `talker`'s voice that `receiver` got, of what was said from `from` milliseconds on.
fn share(world: &World, receiver: u32, talker: u32, from: u64) -> f64 {
    let heard = world.heard(receiver, talker);
    let said = world.truth[&talker].iter().enumerate();
    let voice = said.filter(|(_, said)| said.frame == Frame::Voice && said.at >= from);
    let (mut all, mut got) = (0, 0);
    for (index, _) in voice {
        all += 1;
        got += usize::from(heard.contains(&(index as u32)));
    }
    f64::from(got as u32) / f64::from(all.max(1))
}

#[test]
fn a_cough_does_not_throw_out_a_talker() {
    let mut world = World::new(20);
    for number in 1..=3 {
        world.join(number, 3, talker(25));
    }
    for number in 4..=10 {
        world.join(
            number,
            3,
            Manner {
                level: 5,
                ..Manner::silent()
            },
        );
    }
    world.run(3000);
    for _ in 0..10 {
        world.say(4, 18);
        world.run(2000);
    }
    world.check();
    for number in 1..=3 {
        assert_eq!(share(&world, 10, number, 0), 1.0, "{number}");
    }
    assert_eq!(share(&world, 10, 4, 0), 0.0);
    // The talkers themselves have a slot free, where their own voice would be.
    assert!(share(&world, 1, 4, 0) > 0.99);
}

#[test]
fn talkers_of_equal_loudness_do_not_take_turns() {
    let mut world = World::new(21);
    for number in 1..=6 {
        world.join(number, 3, talker(25));
    }
    for number in 7..=9 {
        world.join(number, 3, Manner::silent());
    }
    world.run(20_000);
    world.check();
    let shares: Vec<f64> = (1..=6).map(|number| share(&world, 9, number, 1000)).collect();
    assert_eq!(
        shares.iter().filter(|share| **share == 1.0).count(),
        3,
        "{shares:?}"
    );
    assert_eq!(
        shares.iter().filter(|share| **share == 0.0).count(),
        3,
        "{shares:?}"
    );
}

#[test]
fn who_is_much_louder_and_keeps_talking_gets_a_slot() {
    let mut world = World::new(22);
    for number in 1..=3 {
        world.join(number, 3, talker(38));
    }
    world.join(
        4,
        3,
        Manner {
            level: 10,
            ..Manner::silent()
        },
    );
    world.join(5, 3, Manner::silent());
    world.run(3000);
    world.say(4, 250);
    world.run(5000);
    world.check();
    assert!(share(&world, 5, 4, 4500) > 0.99);
}

#[test]
fn a_liar_takes_one_slot_and_loses_it_where_slots_are_scarce() {
    let mut world = World::new(23);
    world.join(
        1,
        3,
        Manner {
            liar: true,
            ..talker(25)
        },
    );
    for number in 2..=3 {
        world.join(
            number,
            3,
            Manner {
                speech: 60..120,
                pause: 20..30,
                ..Manner::default()
            },
        );
    }
    for number in 4..=5 {
        world.join(number, 3, Manner::silent());
    }
    world.run(40_000);
    for number in 2..=3 {
        assert!(share(&world, 5, number, 0) > 0.99, "{number}");
    }
    assert!(share(&world, 5, 1, 0) > 0.99);
    let at = world.now;
    world.say(4, 250);
    world.say(2, 250);
    world.say(3, 250);
    world.run(5000);
    world.check();
    assert!(share(&world, 5, 4, at + 1000) > 0.95);
    assert!(share(&world, 5, 1, at + 1500) < 0.1);
}

#[test]
fn the_dominant_speaker_changes_slowly_and_only_then_is_told() {
    let mut world = World::new(24);
    for number in 1..=6 {
        world.join(number, 3, Manner::silent());
    }
    world.say(1, 250);
    world.run(2000);
    assert_eq!(world.room.speakers(), [1]);
    // A cough, and somebody who agrees.
    world.say(2, 10);
    world.run(1000);
    assert_eq!(world.room.speakers(), [1]);
    world.run(2000);
    world.say(3, 200);
    world.run(4000);
    assert_eq!(world.room.speakers(), [3, 1]);
    world.run(3000);
    assert_eq!(world.room.speakers(), [3, 1]);
    assert_eq!(world.orders.len(), 2, "{:?}", world.orders);
    world.leave(3);
    world.run(10);
    assert_eq!(world.room.speakers(), [1]);
    assert_eq!(world.orders.len(), 3);
}

#[test]
fn a_speaker_who_takes_the_floor_dominates_within_a_second() {
    let mut world = World::new(25);
    for number in 1..=6 {
        world.join(number, 3, Manner::silent());
    }
    for number in 1..=6 {
        let at = world.now;
        world.say(number, 150);
        world.run(3100);
        let (told, order) = world.orders.last().unwrap();
        assert_eq!(order[0], number);
        assert!(told - at < 1600, "{} ms", told - at);
    }
}

#[test]
fn nobody_looks_for_speakers_where_nobody_speaks() {
    let mut world = World::new(26);
    for number in 1..=6 {
        world.join(number, 3, Manner::silent());
    }
    world.say(1, 50);
    world.run(500);
    assert!(world.room.timeout().is_some());
    world.run(20_000);
    assert_eq!(world.room.timeout(), None);
}
