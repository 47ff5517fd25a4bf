//! Shows how long each workload takes. Run with `cargo bench -p sidetone-benches`; a word after `--` selects.
//! Nothing is asserted: machines are shared.

use std::time::Duration;

use criterion::Criterion;
use sidetone_benches::{Error, Meter, workloads};

fn main() -> Result<(), Error> {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args();
    for workload in workloads() {
        let mut step = (workload.make)()?;
        criterion.bench_function(workload.name, |bencher| {
            bencher.iter_custom(|operations| {
                let mut meter = Meter::Clock(Duration::ZERO);
                let steps = operations.div_ceil(workload.per_step);
                for _ in 0..steps {
                    step(&mut meter);
                }
                meter
                    .elapsed()
                    .mul_f64(operations as f64 / (steps * workload.per_step) as f64)
            });
        });
    }
    criterion.final_summary();
    Ok(())
}
