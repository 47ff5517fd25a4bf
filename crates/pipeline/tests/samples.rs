//! Every sample written to a ring is read, skipped, still there, or counted as dropped; every sample asked for
//! is real or counted as silence.

use proptest::prelude::*;
use sidetone_pipeline::samples;

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Read(usize),
    Skip(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_usize..700).prop_map(Step::Write),
        (0_usize..700).prop_map(Step::Read),
        (0_usize..200).prop_map(Step::Skip),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn the_ring_behaves_as_a_bounded_list(capacity in 1_usize..1500, steps in steps()) {
        let (mut writer, mut reader) = samples(capacity);
        let mut model = std::collections::VecDeque::new();
        let (mut next, mut overruns, mut underruns) = (1.0_f32, 0_u64, 0_u64);
        for step in steps {
            match step {
                Step::Write(n) => {
                    let block: Vec<f32> = (0..n).map(|i| next + i as f32).collect();
                    next += n as f32;
                    let fits = n.min(capacity - model.len());
                    prop_assert_eq!(writer.write(&block), fits);
                    model.extend(&block[..fits]);
                    overruns += (n - fits) as u64;
                }
                Step::Read(n) => {
                    let mut out = vec![f32::NAN; n];
                    let there = n.min(model.len());
                    prop_assert_eq!(reader.read(&mut out), there);
                    let expected: Vec<f32> = model.drain(..there).chain(std::iter::repeat_n(0.0, n - there)).collect();
                    prop_assert_eq!(out, expected);
                    underruns += (n - there) as u64;
                }
                Step::Skip(n) => {
                    let there = n.min(model.len());
                    prop_assert_eq!(reader.skip(n), there);
                    model.drain(..there);
                }
            }
            prop_assert_eq!(writer.len(), model.len());
            prop_assert_eq!(reader.len(), model.len());
            prop_assert_eq!(writer.vacant(), capacity - model.len());
        }
        prop_assert_eq!(writer.overruns(), overruns);
        prop_assert_eq!(reader.underruns(), underruns);
        let counters = writer.counters();
        prop_assert_eq!(counters.written(), counters.read() + counters.skipped() + model.len() as u64);
    }
}

#[test]
fn two_threads_lose_nothing_they_do_not_count() {
    const TOTAL: u32 = 2_000_000;
    let (mut writer, mut reader) = samples(960);
    let counters = reader.counters();
    let producer = std::thread::spawn(move || {
        let mut next = 1_u32;
        let mut size = 1;
        while next <= TOTAL {
            // Sizes a device may choose, whole numbers that `f32` holds exactly.
            size = size % 331 + 7;
            let block: Vec<f32> = (next..(next + size).min(TOTAL + 1)).map(|n| n as f32).collect();
            let written = writer.write(&block);
            next += block.len() as u32;
            if written < block.len() {
                std::thread::yield_now();
            }
        }
    });
    let (mut last, mut real) = (0.0_f32, 0_u64);
    let mut out = [0.0_f32; 480];
    loop {
        let finished = producer.is_finished();
        let read = reader.read(&mut out);
        for sample in &out[..read] {
            assert!(*sample > last, "{sample} came after {last}");
            last = *sample;
        }
        real += read as u64;
        if read == 0 && finished {
            break;
        }
    }
    producer.join().unwrap();
    assert_eq!(real, counters.read());
    assert_eq!(counters.written(), counters.read());
    assert_eq!(counters.written() + counters.overruns(), u64::from(TOTAL));
}

#[test]
fn a_ring_of_no_capacity_still_works() {
    let (mut writer, mut reader) = samples(0);
    assert_eq!(writer.capacity(), 1);
    assert_eq!(writer.write(&[1.0, 2.0]), 1);
    let mut out = [9.0; 2];
    assert_eq!(reader.read(&mut out), 1);
    assert_eq!(out, [1.0, 0.0]);
    assert!(reader.is_empty() && writer.is_empty());
}
