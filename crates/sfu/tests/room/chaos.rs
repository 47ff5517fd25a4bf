//! Hundreds of people who come, go, are muted, lose rights, restart, over a bad network; whatever happens, no receiver
//! finds a gap or a wrong time.

use rand::RngExt;
use sidetone_sfu::room::Rights;

use crate::people::Manner;
use crate::world::{Network, World};

fn manner(world: &mut World) -> Manner {
    let rng = &mut world.rng;
    let mut manner = if rng.random_bool(0.15) {
        Manner::default()
    } else {
        Manner::silent()
    };
    manner.level = rng.random_range(10..40);
    manner.levels = rng.random_bool(0.8);
    manner.red = rng.random_bool(0.5);
    manner.dtx = rng.random_bool(0.3);
    manner.liar = rng.random_bool(0.01);
    manner
}

fn chaos(seed: u64, people: u32, seconds: u64) {
    let mut world = World::new(seed);
    world.network = Network {
        loss: world.rng.random_range(0.0..0.1),
        jitter: world.rng.random_range(1..80),
    };
    world.listeners = (1..=people).step_by(people as usize / 8).collect();
    let slots = world.rng.random_range(1..6);
    for number in 1..=people {
        let manner = manner(&mut world);
        world.join(number, slots, manner);
    }
    for _ in 0..seconds * 10 {
        world.run(world.now % 2 * 20 + 100);
        for _ in 0..people / 20 + 1 {
            let number = world.rng.random_range(1..=people);
            let here = world.people.contains_key(&number);
            match world.rng.random_range(0..8) {
                _ if !here => {
                    let slots = if world.rng.random_bool(0.1) {
                        world.rng.random_range(0..8)
                    } else {
                        slots
                    };
                    let manner = manner(&mut world);
                    world.join(number, slots, manner);
                }
                0 => world.leave(number),
                1 => world.restart(number),
                2 => {
                    let person = world.people.get_mut(&number).unwrap();
                    person.muted = !person.muted;
                }
                3 => {
                    let rights = Rights {
                        audio: world.rng.random(),
                        receive: world.rng.random(),
                        ..Rights::ALL
                    };
                    world.set_rights(number, rights);
                }
                4 => world.set_rights(number, Rights::ALL),
                5 => world.say(number, 40),
                _ => {}
            }
        }
    }
    world.check();
    assert!(world.copies > 0);
    for number in world.people.keys().copied().collect::<Vec<_>>() {
        world.leave(number);
    }
    assert_eq!(world.room.population(), 0);
}

#[test]
fn nobody_finds_a_gap_or_a_wrong_time_among_hundreds() {
    chaos(11, 300, 20);
}

#[test]
fn nor_in_many_small_rooms() {
    for seed in 100..160 {
        let hint = format!("seed {seed}");
        let result = std::panic::catch_unwind(|| chaos(seed, 3 + (seed % 20) as u32 * 2 + 8, 8));
        if let Err(panic) = result {
            eprintln!("{hint}");
            std::panic::resume_unwind(panic);
        }
    }
}
