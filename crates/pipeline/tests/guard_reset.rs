//! Resetting the guard, which touches every section of the process and so has a process of its own.

use sidetone_pipeline::guard;

#[test]
fn reset_begins_a_new_period() {
    let dirty = || {
        let _section = guard::enter("callback");
        drop(std::hint::black_box(vec![0_u8; 10]));
    };
    dirty();
    dirty();
    assert_eq!(guard::report().section("callback").map(|s| s.entries), Some(2));
    guard::reset();
    let report = guard::report();
    let section = report.section("callback").unwrap();
    assert_eq!((section.entries, section.allocations, section.frees), (0, 0, 0));
    assert!(
        section.is_clean() && section.traces.is_empty() && section.total.is_zero() && section.p99.is_zero()
    );
    dirty();
    let report = guard::report();
    assert_eq!(report.section("callback").map(|s| s.entries), Some(1));
    if report.available() {
        assert_eq!(
            (
                report.allocations(),
                report.frees(),
                report.locks(),
                report.waits()
            ),
            (1, 1, 0, 0)
        );
        assert_eq!(report.section("callback").map(|s| s.traces.len()), Some(2));
    }
}
