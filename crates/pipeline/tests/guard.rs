//! The guard sees what Rust and C do inside a section, and nothing outside of it.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(clippy::panic)] // in helpers, which the lint takes for production code

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use sidetone_pipeline::guard::{self, Kind, SectionReport};
use sidetone_pipeline::{Pool, device_clock, notifier, queue, samples};

fn section(name: &str) -> SectionReport {
    let sections = guard::report().sections;
    sections
        .into_iter()
        .find(|section| section.name == name)
        .unwrap_or_else(|| panic!("{name} was never entered"))
}

#[test]
fn a_clean_section_reports_zero() {
    let (mut writer, mut reader) = samples(4800);
    let (mut clock, _) = device_clock(48_000);
    let (notifier, waiter) = notifier();
    let mut block = [0.5_f32; 160];
    for _ in 0..100 {
        let outside = black_box(vec![1_u8; 64]);
        {
            let _section = guard::enter("clean");
            writer.write(&block);
            reader.read(&mut block);
            clock.tick(160, std::time::Instant::now());
            notifier.notify();
        }
        drop(outside);
    }
    assert!(waiter.wait(Duration::ZERO));
    guard::assert_clean("clean");
    let report = section("clean");
    assert_eq!((report.entries, report.kind), (100, Kind::Callback));
    assert!(report.is_clean() && report.traces.is_empty());
    assert!(report.p50 <= report.p99 && report.p99 <= report.max && report.max <= report.total);
    assert!(report.max > Duration::ZERO);
}

/// A callback may wake a worker that sleeps: waking is a system call, but not one that waits.
#[test]
fn waking_a_sleeping_worker_is_clean() {
    let (notifier, waiter) = notifier();
    let worker = std::thread::spawn(move || (0..20).all(|_| waiter.wait(Duration::from_secs(60))));
    while !worker.is_finished() {
        std::thread::sleep(Duration::from_millis(1));
        let _section = guard::enter("wake");
        notifier.notify();
    }
    assert!(worker.join().unwrap());
    guard::assert_clean("wake");
}

#[test]
fn pools_and_queues_are_clean() {
    let pool = Pool::new(4, || [0_u8; 1200]);
    let (sender, receiver) = queue(2);
    for _ in 0..100 {
        let _section = guard::enter("pool and queue");
        for _ in 0..3 {
            if let Some(item) = pool.take() {
                sender.push(item);
            }
        }
        drop(receiver.pop());
    }
    assert!(sender.dropped() > 0 && pool.exhausted() == 0);
    guard::assert_clean("pool and queue");
}

#[test]
fn rust_allocations_are_caught_with_a_backtrace() {
    {
        let _section = guard::enter("rust");
        drop(black_box(vec![0_u8; 100]));
        drop(black_box(vec![1_u64; 100]));
        let mut grown = Vec::with_capacity(1);
        grown.extend(black_box([1_u8; 100]));
    }
    let report = section("rust");
    assert_eq!((report.allocations, report.frees), (4, 3));
    assert!(report.traces[0].starts_with("Allocation"));
    assert!(
        report.traces[0].contains("rust_allocations_are_caught_with_a_backtrace"),
        "the backtrace names the culprit: {}",
        report.traces[0]
    );
}

/// The C library is a library of its own: `strdup`, `getline`, `open_memstream` call the allocator from there.
#[test]
fn allocations_in_c_are_caught() {
    let text = CString::new("a line\n").unwrap();
    // SAFETY: plain use of the C library on valid strings and blocks; everything is released once.
    unsafe {
        let file = libc::fmemopen(text.as_ptr() as *mut c_void, 7, c"r".as_ptr());
        let (mut line, mut size) = (std::ptr::null_mut::<c_char>(), 0);
        let copy;
        {
            let _section = guard::enter("strdup");
            copy = libc::strdup(text.as_ptr());
        }
        {
            let _section = guard::enter("getline");
            assert_eq!(libc::getline(&mut line, &mut size, file), 7);
        }
        {
            let _section = guard::enter("free in c");
            libc::fclose(file);
        }
        assert_eq!(CStr::from_ptr(copy), text.as_c_str());
        libc::free(copy.cast());
        libc::free(line.cast());
    }
    let strdup = section("strdup");
    assert_eq!((strdup.allocations, strdup.frees), (1, 0));
    assert!(strdup.traces[0].contains("strdup"), "{}", strdup.traces[0]);
    assert!(section("getline").allocations >= 1);
    assert!(section("free in c").frees >= 1);
}

/// A library that is loaded while the program runs, as sound systems load their plug-ins.
#[test]
fn allocations_in_a_loaded_library_are_caught() {
    // SAFETY: the names are those of ALSA's interface, the types those of its header.
    unsafe {
        let library = libc::dlopen(c"libasound.so.2".as_ptr(), libc::RTLD_NOW);
        if library.is_null() {
            eprintln!("SKIPPED: libasound.so.2 is not on this machine");
            return;
        }
        type New = unsafe extern "C" fn(*mut *mut c_void) -> c_int;
        type Delete = unsafe extern "C" fn(*mut c_void);
        let new: New = std::mem::transmute(libc::dlsym(library, c"snd_pcm_hw_params_malloc".as_ptr()));
        let delete: Delete = std::mem::transmute(libc::dlsym(library, c"snd_pcm_hw_params_free".as_ptr()));
        let mut parameters = std::ptr::null_mut();
        let _section = guard::enter("alsa");
        assert_eq!(new(&mut parameters), 0);
        delete(parameters);
    }
    let report = section("alsa");
    assert_eq!((report.allocations, report.frees), (1, 1));
}

#[test]
fn every_way_to_allocate_is_caught_and_works() {
    // The compiler knows these functions and would drop unused pairs; the black boxes keep them.
    // SAFETY: blocks are used within their size and released once.
    unsafe {
        let mut block = std::ptr::null_mut();
        let _section = guard::enter("allocators");
        assert_eq!(libc::posix_memalign(&mut block, 256, 1000), 0);
        assert_eq!(block as usize % 256, 0);
        libc::free(black_box(block));
        let block = black_box(libc::aligned_alloc(4096, 8192));
        assert_eq!(block as usize % 4096, 0);
        libc::free(black_box(block));
        let block = black_box(libc::memalign(64, 100));
        assert_eq!(block as usize % 64, 0);
        let block = black_box(libc::realloc(block, 100_000)).cast::<u8>();
        block.add(99_999).write(1);
        libc::free(black_box(block).cast());
        let block = black_box(libc::calloc(10, 100)).cast::<u8>();
        assert!((0..1000).all(|i| *block.add(i) == 0));
        libc::free(black_box(block).cast());
        libc::free(std::ptr::null_mut());
        let mut none = std::ptr::null_mut();
        assert_eq!(libc::posix_memalign(&mut none, 3, 10), libc::EINVAL);
    }
    let report = section("allocators");
    assert_eq!((report.allocations, report.frees), (5, 4));
}

#[test]
fn locks_of_c_are_caught_even_without_contention() {
    // SAFETY: initialised locks, taken and released in pairs on this thread.
    unsafe {
        let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
        let mut rwlock = libc::PTHREAD_RWLOCK_INITIALIZER;
        let _section = guard::enter("c locks");
        libc::pthread_mutex_lock(&mut mutex);
        libc::pthread_mutex_unlock(&mut mutex);
        libc::pthread_rwlock_rdlock(&mut rwlock);
        libc::pthread_rwlock_unlock(&mut rwlock);
        libc::pthread_rwlock_wrlock(&mut rwlock);
        libc::pthread_rwlock_unlock(&mut rwlock);
    }
    let report = section("c locks");
    assert_eq!((report.locks, report.waits), (3, 0));
    assert!(report.traces[0].starts_with("Lock"));
}

#[test]
fn waits_of_c_are_caught() {
    // SAFETY: initialised objects; the wait has a deadline in the past, so it returns with the mutex held.
    unsafe {
        let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
        let mut condition = libc::PTHREAD_COND_INITIALIZER;
        let past = libc::timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        libc::pthread_mutex_lock(&mut mutex);
        {
            let _section = guard::enter("c waits");
            let result = libc::pthread_cond_timedwait(&mut condition, &mut mutex, &past);
            assert_eq!(result, libc::ETIMEDOUT);
            libc::poll(std::ptr::null_mut(), 0, 0);
            let now = libc::timespec {
                tv_sec: 0,
                tv_nsec: 1,
            };
            libc::nanosleep(&now, std::ptr::null_mut());
        }
        libc::pthread_mutex_unlock(&mut mutex);
    }
    assert_eq!(section("c waits").waits, 3);
}

/// Another thread holds the lock until this one is seen waiting for it.
#[test]
fn a_contended_std_mutex_is_caught_by_its_futex() {
    let mutex = Arc::new(Mutex::new(()));
    let held = Arc::new(AtomicBool::new(false));
    let holder = {
        let (mutex, held) = (Arc::clone(&mutex), Arc::clone(&held));
        std::thread::spawn(move || {
            let _guard = mutex.lock().unwrap();
            held.store(true, Ordering::SeqCst);
            // The section below was entered long ago, or the count stays zero and the test runs into its limit.
            while guard::report()
                .section("std mutex")
                .is_none_or(|section| section.waits == 0)
            {
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    };
    while !held.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    {
        let _section = guard::enter("std mutex");
        drop(mutex.lock().unwrap());
    }
    holder.join().unwrap();
    let report = section("std mutex");
    assert!(report.waits >= 1);
    assert_eq!((report.allocations, report.locks), (0, 0));
}

#[test]
fn std_waits_are_caught() {
    let (mutex, condition) = (Mutex::new(()), Condvar::new());
    let held = mutex.lock().unwrap();
    {
        let _section = guard::enter("std condvar");
        drop(condition.wait_timeout(held, Duration::from_millis(1)).unwrap());
    }
    {
        let _section = guard::enter("std sleep");
        std::thread::sleep(Duration::from_micros(1));
    }
    let (_notifier, waiter) = notifier();
    waiter.wait(Duration::ZERO);
    {
        let _section = guard::enter("waiter");
        waiter.wait(Duration::from_micros(10));
    }
    for name in ["std condvar", "std sleep", "waiter"] {
        assert!(section(name).waits >= 1, "{name}");
    }
}

#[test]
fn logging_is_caught_by_its_write() {
    {
        let _section = guard::enter("log");
        eprintln!("a callback that talks");
        // A test harness may keep the line above to itself.
        use std::io::Write;
        std::io::stderr().write_all(b"").unwrap();
        std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/null")
            .unwrap()
            .write_all(b"x")
            .unwrap();
    }
    assert!(section("log").io >= 1);
}

#[test]
fn sections_nest_and_end() {
    {
        let _outer = guard::enter_worker("outer");
        drop(black_box(vec![0_u8; 10]));
        {
            let _inner = guard::enter("inner");
            drop(black_box(vec![0_u8; 10]));
            drop(black_box(vec![0_u8; 10]));
        }
        drop(black_box(vec![0_u8; 10]));
    }
    drop(black_box(vec![0_u8; 10]));
    assert_eq!(
        (section("outer").allocations, section("inner").allocations),
        (2, 2)
    );
    assert_eq!(section("outer").kind, Kind::Worker);
    assert!(
        section("outer").traces.is_empty(),
        "workers are counted, not traced"
    );
}

#[test]
fn threads_share_a_section_and_keep_their_own_place() {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                for _ in 0..1000 {
                    {
                        let _section = guard::enter_worker("shared");
                        drop(black_box(Box::new(1_u64)));
                    }
                    drop(black_box(Box::new(2_u64)));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let report = section("shared");
    assert_eq!(
        (report.entries, report.allocations, report.frees),
        (4000, 4000, 4000)
    );
}

#[test]
fn a_panic_in_a_section_leaves_it() {
    let caught = std::panic::catch_unwind(|| {
        let _section = guard::enter("panic");
        panic!("on purpose");
    });
    assert!(caught.is_err());
    let before = section("panic").allocations;
    drop(black_box(vec![0_u8; 10]));
    assert_eq!(section("panic").allocations, before);
    assert_eq!(section("panic").entries, 1);
}

#[test]
fn assert_clean_fails_on_a_dirty_or_absent_section() {
    {
        let _section = guard::enter("dirty");
        drop(black_box(vec![0_u8; 10]));
    }
    let message = |name: &'static str| {
        let failure = std::panic::catch_unwind(|| guard::assert_clean(name)).unwrap_err();
        failure.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    assert!(
        message("dirty").contains("1 allocations, 1 frees"),
        "{}",
        message("dirty")
    );
    assert!(
        message("dirty").contains("assert_clean_fails_on_a_dirty"),
        "with the backtrace"
    );
    assert!(message("never").contains("never ran"));
}
