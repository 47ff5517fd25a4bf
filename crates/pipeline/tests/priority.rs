//! What a promotion reports is what the system granted, and a refusal leaves the thread as it was.
#![cfg(target_os = "linux")]
#![allow(clippy::panic)] // in helpers, which the lint takes for production code

use std::time::Duration;

use sidetone_pipeline::{Priority, promote_current_thread};

/// Scheduling class and real-time priority of this thread.
fn scheduling() -> (i32, i32) {
    let mut parameters = libc::sched_param { sched_priority: -1 };
    // SAFETY: 0 names the calling thread; the structure is valid and filled by the call.
    unsafe {
        assert_eq!(libc::sched_getparam(0, &mut parameters), 0);
        (
            libc::sched_getscheduler(0) & !libc::SCHED_RESET_ON_FORK,
            parameters.sched_priority,
        )
    }
}

/// Gives up, on this thread only, the privilege to schedule as it likes.
fn drop_privilege() {
    const CAP_SYS_NICE: u32 = 23;
    #[repr(C)]
    struct Header(u32, i32);
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Data(u32, u32, u32);
    let header = Header(0x2008_0522, 0);
    let mut data = [Data(0, 0, 0); 2];
    // SAFETY: the structures of version 3 of capget(2), for the calling thread.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_capget, &header, data.as_mut_ptr()), 0);
        data[0].0 &= !(1 << CAP_SYS_NICE);
        assert_eq!(libc::syscall(libc::SYS_capset, &header, data.as_ptr()), 0);
    }
}

/// Sets soft and hard limit of the real-time priority; false where the system does not let us.
fn limit(soft: libc::rlim_t, hard: libc::rlim_t) -> bool {
    let limit = libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: the structure is valid for the length of the call.
    unsafe { libc::setrlimit(libc::RLIMIT_RTPRIO, &limit) == 0 }
}

fn check(period: Duration) -> Priority {
    let before = scheduling();
    let priority = promote_current_thread(period);
    match &priority {
        Priority::RealTime { policy, level } => {
            assert_eq!(*policy, "SCHED_FIFO");
            assert_eq!(scheduling(), (libc::SCHED_FIFO, *level));
        }
        Priority::Normal { reason } => {
            assert!(reason.contains("SCHED_FIFO refused"), "{reason}");
            assert_eq!(scheduling(), before);
        }
    }
    assert_eq!(
        priority.is_real_time(),
        !priority.to_string().starts_with("normal")
    );
    priority
}

fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(work)
        .join()
        .unwrap_or_else(|_| panic!("the thread failed"))
}

/// One test, because the limits belong to the whole process.
#[test]
fn promotion_takes_what_the_system_grants() {
    // Whatever this machine allows, told truly.
    on_a_thread(|| check(Duration::from_millis(20)));
    on_a_thread(|| check(Duration::from_millis(10)));

    // A limit grants less than was asked for, and only after the soft one is lifted.
    if limit(0, 3) {
        let granted = on_a_thread(|| {
            drop_privilege();
            check(Duration::from_millis(10))
        });
        assert_eq!(
            granted,
            Priority::RealTime {
                policy: "SCHED_FIFO",
                level: 3
            }
        );
    } else {
        eprintln!("SKIPPED: this user may not raise its limit of real-time priority");
    }

    // Nothing is granted, and the thread goes on.
    assert!(limit(0, 0));
    let refused = on_a_thread(|| {
        drop_privilege();
        check(Duration::from_millis(10))
    });
    assert!(!refused.is_real_time());
}
