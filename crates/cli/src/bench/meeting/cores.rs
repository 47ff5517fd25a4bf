//! Keeps threads on one core each, so that the service and the participants do not take turns on one.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of this process: one for the service, one for all participants.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    service: usize,
    crowd: usize,
}

impl Cores {
    /// None where there are fewer than two.
    pub fn find() -> Option<Self> {
        let all = sched_getaffinity(None).ok()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        Some(Self {
            service: cores.next()?,
            crowd: cores.next()?,
        })
    }

    /// Puts the current thread, and what it starts from now on, where the service is.
    pub fn with_service(self) {
        put(self.service);
    }

    /// Puts the current thread, and what it starts from now on, where the participants are.
    pub fn with_crowd(self) {
        put(self.crowd);
    }
}

/// Where the system refuses, threads stay where they are: figures are noisier, not wrong.
fn put(core: usize) {
    let mut one = CpuSet::new();
    one.set(core);
    let _ = sched_setaffinity(None, &one);
}
