//! What is measured: one list of [`Workload`]s, each a small piece of the engine at its real work, fed with real
//! speech. `cargo bench -p sidetone-benches` shows their time; `tools/count` counts their instructions and compares
//! them with `counts.json`. It refuses to know which of the two is looking.

#![forbid(unsafe_code)]

mod codec;
mod jitter;
mod meter;
mod pipeline;
mod rtp;
mod signaling;
mod speech;
mod voice;

pub use meter::{COUNTED, Meter};

/// Why a workload cannot be set up.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Does the work once and lets the meter see the part that counts.
pub type Step = Box<dyn FnMut(&mut Meter)>;

/// A piece of the engine at work.
pub struct Workload {
    /// Name on the command line and in `counts.json`.
    pub name: &'static str,
    /// What one operation is.
    pub operation: &'static str,
    /// Operations in a step.
    pub per_step: u64,
    /// Steps until the caches, estimators and codecs have settled.
    pub warm_up: u64,
    /// Steps whose instructions are counted; enough that the content of the speech averages out.
    pub counted: u64,
    /// Sets it up.
    pub make: fn() -> Result<Step, Error>,
}

/// Every workload, from the device inwards.
pub fn workloads() -> impl Iterator<Item = &'static Workload> {
    [
        pipeline::WORKLOADS,
        codec::WORKLOADS,
        jitter::WORKLOADS,
        voice::WORKLOADS,
        rtp::WORKLOADS,
        signaling::WORKLOADS,
    ]
    .into_iter()
    .flatten()
}

/// The workload of this name.
pub fn workload(name: &str) -> Option<&'static Workload> {
    workloads().find(|workload| workload.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_has_its_own_name_and_works() {
        for workload in workloads() {
            assert!(
                std::ptr::eq(super::workload(workload.name).unwrap(), workload),
                "{} is there twice",
                workload.name
            );
            let mut step = (workload.make)().unwrap();
            let mut meter = Meter::Clock(std::time::Duration::ZERO);
            for _ in 0..10 {
                step(&mut meter);
            }
            assert!(
                meter.elapsed() > std::time::Duration::ZERO,
                "{} measures nothing",
                workload.name
            );
        }
    }
}
