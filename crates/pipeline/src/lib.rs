//! The plumbing between a device callback and the threads behind it: rings of samples, drop-oldest queues,
//! preallocated pools, wake-ups, device clocks with their drift, thread priority, and the guard that proves a
//! real-time section neither allocates nor locks.
//!
//! Everything a callback touches here is wait-free or lock-free and allocates only when it is created. The
//! crate refuses to know what the samples mean, what a packet is, and that networks exist.

#![deny(unsafe_code)]

pub mod clock;
pub mod guard;
mod latch;
mod notify;
mod pool;
mod priority;
mod queue;
mod samples;
mod sync;

pub use clock::{ClockReader, ClockWriter, Drift, DriftEstimator, device_clock};
pub use latch::{LatchReader, LatchWriter, latch};
pub use notify::{Notifier, Waiter, notifier};
pub use pool::{Pool, Pooled};
pub use priority::{Priority, promote_current_thread};
pub use queue::{QueueReceiver, QueueSender, queue};
pub use samples::{RingCounters, SampleReader, SampleWriter, samples};
