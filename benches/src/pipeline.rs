//! The plumbing between the threads.

use std::hint::black_box;

use sidetone_media::voice::BLOCK;
use sidetone_pipeline::{Pool, queue, samples};

use crate::{Error, Step, Workload};

/// Operations in a step, so that looking at the meter costs next to nothing.
const BATCH: u64 = 100;

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "ring_write_read",
        operation: "block of 10 ms through the sample ring",
        per_step: BATCH,
        warm_up: 10,
        counted: 100,
        make: ring,
    },
    Workload {
        name: "queue_push_pop",
        operation: "item through the drop-oldest queue",
        per_step: BATCH,
        warm_up: 10,
        counted: 100,
        make: through_queue,
    },
    Workload {
        name: "queue_push_full",
        operation: "push that displaces the oldest item",
        per_step: BATCH,
        warm_up: 10,
        counted: 100,
        make: full_queue,
    },
    Workload {
        name: "pool_take_return",
        operation: "box out of the pool and back",
        per_step: BATCH,
        warm_up: 10,
        counted: 100,
        make: pool,
    },
];

fn ring() -> Result<Step, Error> {
    // Not a multiple of a block, so that the wrap moves through it.
    let (mut writer, mut reader) = samples(4 * BLOCK + 100);
    let (block, mut out) = ([0.5; BLOCK], [0.0; BLOCK]);
    Ok(Box::new(move |meter| {
        meter.measure(|| {
            for _ in 0..BATCH {
                writer.write(black_box(&block));
                reader.read(black_box(&mut out));
            }
        });
        assert_eq!((writer.overruns(), reader.underruns()), (0, 0));
    }))
}

fn through_queue() -> Result<Step, Error> {
    let (sender, receiver) = queue(64);
    Ok(Box::new(move |meter| {
        meter.measure(|| {
            for item in 0..BATCH {
                sender.push(black_box(item));
                black_box(receiver.pop());
            }
        });
        assert_eq!(sender.dropped(), 0);
    }))
}

fn full_queue() -> Result<Step, Error> {
    let (sender, receiver) = queue(64);
    for item in 0..64 {
        sender.push(item);
    }
    Ok(Box::new(move |meter| {
        meter.measure(|| {
            for item in 0..BATCH {
                black_box(sender.push(black_box(item)));
            }
        });
        assert_eq!(receiver.len(), 64);
    }))
}

fn pool() -> Result<Step, Error> {
    let pool = Pool::new(64, || [0_u8; 1500]);
    Ok(Box::new(move |meter| {
        meter.measure(|| {
            for _ in 0..BATCH {
                drop(black_box(pool.take()));
            }
        });
        assert_eq!(pool.exhausted(), 0);
    }))
}
