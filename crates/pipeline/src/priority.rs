//! Asks the system to run this thread before ordinary ones. It refuses to insist: where the system says no,
//! the thread stays as it is and the answer says why, because everything must work without.

use std::time::Duration;

/// What the system granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Priority {
    /// The thread runs before every ordinary thread.
    RealTime {
        /// The scheduling class, in the platform's words.
        policy: &'static str,
        /// Priority within that class, in the platform's numbers.
        level: i32,
    },
    /// The thread competes with ordinary ones.
    Normal {
        /// Why it was not real time, and what was granted instead, if anything.
        reason: String,
    },
}

impl Priority {
    /// Whether the thread runs before ordinary ones.
    pub fn is_real_time(&self) -> bool {
        matches!(self, Self::RealTime { .. })
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RealTime { policy, level } => write!(f, "{policy} {level}"),
            Self::Normal { reason } => write!(f, "normal ({reason})"),
        }
    }
}

/// Raises the calling thread for work that comes every `period`; the shorter the period, the higher it is put
/// among real-time threads. Never fails: read what was granted.
pub fn promote_current_thread(period: Duration) -> Priority {
    platform::promote(period)
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod platform {
    use std::io::Error;
    use std::time::Duration;

    use super::Priority;

    /// Below the kernel's interrupt threads (50) and the sound servers (PipeWire 88, JACK 10 to 20 by default
    /// for clients): a worker must never delay the device that feeds it.
    const SLOW: i32 = 5;
    const FAST: i32 = 9;
    /// Nice value tried when real time is refused; what rtkit grants to sound programs.
    const NICE: i32 = -11;

    pub(super) fn promote(period: Duration) -> Priority {
        let wanted = if period < Duration::from_millis(15) {
            FAST
        } else {
            SLOW
        };
        let refused = match real_time(wanted) {
            Ok(level) => {
                return Priority::RealTime {
                    policy: "SCHED_FIFO",
                    level,
                };
            }
            Err(refused) => refused,
        };
        let reason = match nice(NICE) {
            Ok(()) => format!("SCHED_FIFO refused: {refused}; nice {NICE} granted"),
            Err(also) => format!("SCHED_FIFO refused: {refused}; nice {NICE} refused: {also}"),
        };
        Priority::Normal { reason }
    }

    fn real_time(wanted: i32) -> Result<i32, Error> {
        match set_fifo(wanted) {
            Ok(()) => Ok(wanted),
            Err(refused) => {
                // Without the privilege the limit decides: raise the soft one as far as the hard one allows.
                let allowed = i32::try_from(raise_limit()).unwrap_or(i32::MAX).min(wanted);
                if allowed < 1 {
                    return Err(refused);
                }
                set_fifo(allowed).map(|()| allowed)
            }
        }
    }

    fn set_fifo(level: i32) -> Result<(), Error> {
        let parameters = libc::sched_param {
            sched_priority: level,
        };
        // Children must not inherit it: a helper process at real time could starve the machine.
        let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
        // SAFETY: 0 names the calling thread, and `parameters` is a valid structure for the length of the call.
        check(unsafe { libc::sched_setscheduler(0, policy, &parameters) })
    }

    /// The highest real-time priority this process may ask for, after lifting the soft limit to the hard one.
    fn raise_limit() -> libc::rlim_t {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `limit` is a valid structure that the call fills.
        if unsafe { libc::getrlimit(libc::RLIMIT_RTPRIO, &mut limit) } != 0 {
            return 0;
        }
        if limit.rlim_cur < limit.rlim_max {
            let raised = libc::rlimit {
                rlim_cur: limit.rlim_max,
                ..limit
            };
            // SAFETY: `raised` is a valid structure for the length of the call.
            if unsafe { libc::setrlimit(libc::RLIMIT_RTPRIO, &raised) } == 0 {
                return raised.rlim_cur;
            }
        }
        limit.rlim_cur
    }

    fn nice(value: i32) -> Result<(), Error> {
        // SAFETY: plain numbers; on Linux 0 names the calling thread, not its process.
        check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) })
    }

    fn check(result: libc::c_int) -> Result<(), Error> {
        if result == 0 {
            Ok(())
        } else {
            Err(Error::last_os_error())
        }
    }
}

#[cfg(target_os = "macos")]
#[allow(unsafe_code)]
mod platform {
    use std::time::Duration;

    use super::Priority;

    /// The highest class of service a thread may choose by itself. Not the time-constraint policy: a thread that
    /// overruns the computation time it declared there is demoted without a word.
    pub(super) fn promote(_: Duration) -> Priority {
        // SAFETY: plain numbers, for the calling thread.
        let result =
            unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_USER_INTERACTIVE, 0) };
        let reason = match result {
            0 => "QOS_CLASS_USER_INTERACTIVE granted".to_owned(),
            error => format!(
                "QOS_CLASS_USER_INTERACTIVE refused: {}",
                std::io::Error::from_raw_os_error(error)
            ),
        };
        Priority::Normal { reason }
    }
}

#[cfg(windows)]
#[allow(unsafe_code)]
mod platform {
    use std::ffi::c_void;
    use std::time::Duration;

    use super::Priority;

    const THREAD_PRIORITY_TIME_CRITICAL: i32 = 15;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetCurrentThread() -> *mut c_void;
        fn SetThreadPriority(thread: *mut c_void, priority: i32) -> i32;
    }

    pub(super) fn promote(_: Duration) -> Priority {
        // SAFETY: the handle is the constant that stands for the calling thread and needs no closing.
        let granted = unsafe { SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_TIME_CRITICAL) };
        if granted != 0 {
            return Priority::RealTime {
                policy: "THREAD_PRIORITY_TIME_CRITICAL",
                level: THREAD_PRIORITY_TIME_CRITICAL,
            };
        }
        Priority::Normal {
            reason: format!(
                "THREAD_PRIORITY_TIME_CRITICAL refused: {}",
                std::io::Error::last_os_error()
            ),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod platform {
    use std::time::Duration;

    use super::Priority;

    pub(super) fn promote(_: Duration) -> Priority {
        Priority::Normal {
            reason: format!("no real-time class is asked for on {}", std::env::consts::OS),
        }
    }
}
