//! In abort mode the first violation ends the process, with its backtrace on standard error: for a debugger.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use sidetone_pipeline::guard;

/// Set in the process that is to end.
const CHILD: &str = "SIDETONE_GUARD_ABORT_CHILD";

#[test]
fn a_violation_aborts_with_a_backtrace() {
    if std::env::var_os(CHILD).is_some() {
        guard::set_mode(guard::Mode::Abort);
        {
            let _section = guard::enter_worker("worker");
            drop(std::hint::black_box(vec![0_u8; 10]));
        }
        eprintln!("a worker may allocate");
        let _section = guard::enter("callback");
        drop(std::hint::black_box(vec![0_u8; 10]));
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_violation_aborts_with_a_backtrace", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&child.stderr);
    assert_eq!(child.status.signal(), Some(libc::SIGABRT), "{stderr}");
    assert!(stderr.contains("a worker may allocate"), "{stderr}");
    assert!(
        stderr.contains("real-time section \"callback\": Allocation"),
        "{stderr}"
    );
    assert!(
        stderr.contains("a_violation_aborts_with_a_backtrace"),
        "the culprit is named: {stderr}"
    );
}
