//! Nothing is allocated or freed after a coder is created, neither by Rust nor inside libopus: this test binary
//! brings its own `malloc`, which both use, and counts the calls of its thread.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used)] // Also in the helpers, which clippy does not count as tests.

mod common;

use common::{FRAME, RATE, VOICES, speech};
use sidetone_opus::{Application, Bitrate, Channels, Decoder, Dred, Encoder, Signal};
use std::cell::Cell;
use std::ffi::c_void;
use std::time::Duration;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_free(pointer: *mut c_void);
}

fn count() {
    // A constant-initialised `Cell` needs no allocation of its own; a thread that is ending is not counted.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    count();
    // SAFETY: the C library's own `malloc` under its second name.
    unsafe { __libc_malloc(size) }
}

#[unsafe(no_mangle)]
extern "C" fn calloc(items: usize, size: usize) -> *mut c_void {
    count();
    // SAFETY: the C library's own `calloc` under its second name.
    unsafe { __libc_calloc(items, size) }
}

/// # Safety
/// As C's `realloc`.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    count();
    // SAFETY: the caller keeps the contract of `realloc`.
    unsafe { __libc_realloc(pointer, size) }
}

/// # Safety
/// As C's `free`.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(pointer: *mut c_void) {
    count();
    // SAFETY: the caller keeps the contract of `free`.
    unsafe { __libc_free(pointer) }
}

/// Calls of the allocator on this thread while `work` runs.
fn calls<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = CALLS.get();
    let result = work();
    (CALLS.get() - before, result)
}

#[test]
fn coders_allocate_when_created_and_never_after() {
    let speech = speech(VOICES[0]);
    let (created, mut encoder) = calls(|| Encoder::new(RATE, Channels::Mono, Application::Voip).unwrap());
    assert!(created > 0, "the counter sees what libopus allocates");
    let (created, mut decoder) = calls(|| Decoder::new(RATE, Channels::Mono).unwrap());
    assert!(created > 0);
    let mut dred = Dred::new(RATE).unwrap();
    let mut coded = [0; 1275];
    let mut out = [0.0; FRAME];

    let (used, ()) = calls(|| {
        encoder.set_inband_fec(true).unwrap();
        encoder.set_packet_loss(20).unwrap();
        encoder.set_dred_duration(Duration::from_secs(1)).unwrap();
        encoder.set_signal(Signal::Voice).unwrap();
        encoder.set_dtx(true).unwrap();
        decoder.set_complexity(7).unwrap();
        decoder.set_bandwidth_extension(true).unwrap();
        for (index, frame) in speech.chunks_exact(FRAME).take(300).enumerate() {
            // Up and down the rates, so that every coding mode and the changes between them run.
            encoder
                .set_bitrate(Bitrate::kbps([12, 24, 40, 96][index / 20 % 4]))
                .unwrap();
            let bytes = encoder.encode(frame, &mut coded).unwrap();
            let packet = &coded[..bytes];
            match index % 10 {
                7 => drop(decoder.conceal(&mut out).unwrap()),
                8 => {
                    dred.parse(packet, 48_000).unwrap();
                    decoder.decode_dred(&dred, FRAME, &mut out).unwrap();
                    decoder.decode(packet, &mut out).unwrap();
                }
                9 => {
                    decoder.decode_fec(packet, &mut out).unwrap();
                    decoder.decode(packet, &mut out).unwrap();
                }
                _ => drop(decoder.decode(packet, &mut out).unwrap()),
            }
            assert!(sidetone_opus::packet::inspect(packet).is_ok());
            assert!(decoder.decode(&[0xFF, 0xFF, 0x01], &mut out).is_err());
        }
        encoder.reset();
        decoder.reset();
    });
    assert_eq!(used, 0);

    let (freed, ()) = calls(|| drop((encoder, decoder, dred)));
    assert!(freed > 0);
}
