//! Takes the place of the C library's allocator, locks and waits in the whole process.
//!
//! A program's own definition of a symbol wins over that of a shared library, and the linker exports it because
//! the C library defines it too; so every library the program loads calls these functions instead. Each tells
//! the guard, which outside a section is one load, and passes on to the real one: the allocator under its second
//! name in glibc, the others by what the dynamic linker finds next.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_long, c_uint, c_void};
use std::mem::transmute_copy;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::*};

use libc::{
    clockid_t, iovec, nfds_t, pollfd, pthread_cond_t, pthread_mutex_t, pthread_rwlock_t, pthread_t, sem_t,
    sigset_t, size_t, ssize_t, timespec,
};

use super::table::Slot;
use super::{CURRENT, Event, trace};

unsafe extern "C" {
    fn __libc_malloc(size: size_t) -> *mut c_void;
    fn __libc_calloc(count: size_t, size: size_t) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: size_t) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
    fn __libc_memalign(alignment: size_t, size: size_t) -> *mut c_void;
}

/// Tells the guard. Outside a section this is one load.
#[inline(always)]
fn note(event: Event) {
    if let Some(slot) = CURRENT.get() {
        note_in(slot, event);
    }
}

#[cold]
fn note_in(slot: &'static Slot, event: Event) {
    slot.count(event);
    if slot.wants_trace() {
        // Capturing allocates and locks; it must neither be seen nor see itself.
        CURRENT.set(None);
        // SAFETY: the C library's place for this thread's `errno`, which functions like free(3) leave alone.
        let errno = unsafe { *libc::__errno_location() };
        trace::capture(slot, event);
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
        CURRENT.set(Some(slot));
    }
}

// SAFETY, for all of these: the contract is that of the C function of the same name, and it is passed on whole.

/// See malloc(3).
///
/// # Safety
/// As malloc(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: size_t) -> *mut c_void {
    note(Event::Allocation);
    // SAFETY: see above.
    unsafe { __libc_malloc(size) }
}

/// See calloc(3).
///
/// # Safety
/// As calloc(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: size_t, size: size_t) -> *mut c_void {
    note(Event::Allocation);
    // SAFETY: see above.
    unsafe { __libc_calloc(count, size) }
}

/// See realloc(3).
///
/// # Safety
/// As realloc(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, size: size_t) -> *mut c_void {
    note(Event::Allocation);
    // SAFETY: see above.
    unsafe { __libc_realloc(block, size) }
}

/// See free(3).
///
/// # Safety
/// As free(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    if !block.is_null() {
        note(Event::Free);
    }
    // SAFETY: see above.
    unsafe { __libc_free(block) }
}

/// See memalign(3).
///
/// # Safety
/// As memalign(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memalign(alignment: size_t, size: size_t) -> *mut c_void {
    note(Event::Allocation);
    // SAFETY: see above.
    unsafe { __libc_memalign(alignment, size) }
}

/// See aligned_alloc(3).
///
/// # Safety
/// As aligned_alloc(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aligned_alloc(alignment: size_t, size: size_t) -> *mut c_void {
    note(Event::Allocation);
    // SAFETY: see above.
    unsafe { __libc_memalign(alignment, size) }
}

/// See posix_memalign(3).
///
/// # Safety
/// As posix_memalign(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, alignment: size_t, size: size_t) -> c_int {
    if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<*mut c_void>()) {
        return libc::EINVAL;
    }
    note(Event::Allocation);
    // SAFETY: see above; `out` is the caller's place for the result.
    unsafe {
        let block = __libc_memalign(alignment, size);
        if block.is_null() {
            return libc::ENOMEM;
        }
        out.write(block);
    }
    0
}

/// A function of the C library that ours hides.
struct Next {
    address: AtomicPtr<c_void>,
    name: &'static CStr,
    /// The version to ask for where the unversioned look-up finds an outdated one.
    version: Option<&'static CStr>,
}

impl Next {
    const fn new(name: &'static CStr, version: Option<&'static CStr>) -> Self {
        Self {
            address: AtomicPtr::new(null_mut()),
            name,
            version,
        }
    }

    #[inline(always)]
    fn address(&self) -> *mut c_void {
        let known = self.address.load(Relaxed);
        if known.is_null() { self.find() } else { known }
    }

    #[cold]
    fn find(&self) -> *mut c_void {
        // SAFETY: the names are null-terminated.
        let mut found = unsafe {
            match self.version {
                Some(version) => libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr()),
                None => null_mut(),
            }
        };
        if found.is_null() {
            // SAFETY: as above.
            found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        }
        if found.is_null() {
            // A C library without this function cannot have called it. Nothing to go on with.
            std::process::abort();
        }
        self.address.store(found, Relaxed);
        found
    }
}

static SYSCALL: Next = Next::new(c"syscall", None);

/// Condition variables changed their layout in glibc 2.3.2, before any other architecture existed.
const COND_VERSION: Option<&CStr> = if cfg!(target_arch = "x86_64") {
    Some(c"GLIBC_2.3.2")
} else {
    None
};

/// Defines functions that tell the guard of `$event` and go on to the next definition of the same name.
macro_rules! forward {
    ($($event:ident $version:expr, fn $name:ident($($arg:ident: $type:ty),*) -> $ret:ty;)*) => {
        mod next {
            use super::*;
            $(#[allow(non_upper_case_globals)]
            pub(super) static $name: Next = Next::new(
                // The literal ends in exactly one null.
                match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"",
                },
                $version,
            );)*
        }

        /// Looks every function up, so that no look-up happens inside a section.
        pub(super) fn prepare() {
            $(next::$name.address();)*
            SYSCALL.address();
        }

        $(
        /// See the manual page of that name.
        ///
        /// # Safety
        /// As its manual page says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $type),*) -> $ret {
            note(Event::$event);
            // SAFETY: the address is that of the C library's function of this name and so of this type; the
            // contract is passed on whole.
            unsafe {
                let next: unsafe extern "C" fn($($type),*) -> $ret = transmute_copy(&next::$name.address());
                next($($arg),*)
            }
        }
        )*
    };
}

forward! {
    Lock None, fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int;
    Lock None, fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, until: *const timespec) -> c_int;
    Lock None, fn pthread_rwlock_rdlock(lock: *mut pthread_rwlock_t) -> c_int;
    Lock None, fn pthread_rwlock_wrlock(lock: *mut pthread_rwlock_t) -> c_int;
    Wait COND_VERSION, fn pthread_cond_wait(cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int;
    Wait COND_VERSION, fn pthread_cond_timedwait(
        cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, until: *const timespec) -> c_int;
    Wait None, fn pthread_cond_clockwait(
        cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, clock: clockid_t, until: *const timespec) -> c_int;
    Wait None, fn pthread_join(thread: pthread_t, value: *mut *mut c_void) -> c_int;
    Wait None, fn sem_wait(semaphore: *mut sem_t) -> c_int;
    Wait None, fn sem_timedwait(semaphore: *mut sem_t, until: *const timespec) -> c_int;
    Wait None, fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int;
    Wait None, fn clock_nanosleep(
        clock: clockid_t, flags: c_int, time: *const timespec, left: *mut timespec) -> c_int;
    Wait None, fn usleep(time: c_uint) -> c_int;
    Wait None, fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int;
    Wait None, fn ppoll(
        fds: *mut pollfd, count: nfds_t, timeout: *const timespec, signals: *const sigset_t) -> c_int;
    Io None, fn read(fd: c_int, buffer: *mut c_void, count: size_t) -> ssize_t;
    Io None, fn write(fd: c_int, buffer: *const c_void, count: size_t) -> ssize_t;
    Io None, fn writev(fd: c_int, buffers: *const iovec, count: c_int) -> ssize_t;
}

/// The standard library and other languages reach the kernel's futexes through syscall(2). Waiting is told to
/// the guard; waking is allowed, it is how a callback wakes its worker.
///
/// In C this is variadic; on every architecture of this module a variadic call passes integers as any other
/// call does, and the kernel ignores those a call does not have.
///
/// # Safety
/// As syscall(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_futex && futex_waits(b as c_int) || number == SYS_FUTEX_WAITV {
        note(Event::Wait);
    }
    type Syscall = unsafe extern "C" fn(c_long, c_long, c_long, c_long, c_long, c_long, c_long) -> c_long;
    // SAFETY: the address is that of the C library's syscall(2), which reads its arguments from the places this
    // type puts them; the contract is passed on whole.
    unsafe {
        let next: Syscall = transmute_copy(&SYSCALL.address());
        next(number, a, b, c, d, e, f)
    }
}

/// The same number on all architectures (it is newer than their common table).
const SYS_FUTEX_WAITV: c_long = 449;

fn futex_waits(operation: c_int) -> bool {
    let command = operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    matches!(
        command,
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET | libc::FUTEX_LOCK_PI | libc::FUTEX_WAIT_REQUEUE_PI
    )
}
