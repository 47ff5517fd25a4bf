//! What differs between the systems behind the one library.

use xcap::{Monitor, Window, XCapResult};

/// The system that these sources name.
pub const HOST: &str = if cfg!(target_os = "macos") {
    "macos"
} else if cfg!(windows) {
    "windows"
} else {
    "portable"
};

/// What a screen is called as long as it stays plugged in, and where the system can tell also after that.
pub(super) fn key(monitor: &Monitor) -> XCapResult<String> {
    if cfg!(target_os = "macos") {
        // Its names there are those of models, which two screens may share.
        return monitor.id().map(|number| number.to_string());
    }
    let name = monitor.name()?;
    Ok(name.strip_prefix(r"\\.\").map(str::to_owned).unwrap_or(name))
}

/// What a person would call the screen that is listed as `number`, from 1 on.
pub(super) fn name(monitor: &Monitor, number: usize) -> XCapResult<String> {
    if cfg!(target_os = "macos") {
        // Names of products are to be had on the main thread only.
        let is_builtin = monitor.is_builtin()?;
        return Ok(if is_builtin {
            "Built-in screen".into()
        } else {
            format!("Screen {number}")
        });
    }
    monitor.friendly_name()
}

/// Pixels along one unit of the lengths that the library tells.
pub(super) fn pixels(monitor: &Monitor) -> f32 {
    if cfg!(windows) {
        return 1.0;
    }
    monitor.scale_factor().unwrap_or(1.0)
}

/// Whether screens are recorded where the pointer is wanted.
///
/// macOS tells of each change by itself then. On Windows the library's recorder holds the screen for ever, so that it
/// could be shared only once; and on X servers, where it asks again and again, it is there to be tested.
pub(super) const RECORDS: bool = !cfg!(windows);

/// Whether this program may look at the screen. Where the person was not asked yet, this asks, and is a no.
#[cfg(target_os = "macos")]
pub(super) fn ask() -> bool {
    use objc2_core_graphics::{CGPreflightScreenCaptureAccess, CGRequestScreenCaptureAccess};

    CGPreflightScreenCaptureAccess() || CGRequestScreenCaptureAccess()
}

/// Whether this program may look at the screen: it always may.
#[cfg(not(target_os = "macos"))]
pub(super) fn ask() -> bool {
    true
}

/// Whether this window is there, shown or not.
#[cfg(target_os = "macos")]
pub(super) fn exists(window: &Window) -> bool {
    use objc2_core_graphics::{CGWindowListCopyWindowInfo, CGWindowListOption};

    // The library knows only those that are shown.
    let described = |number| CGWindowListCopyWindowInfo(CGWindowListOption::OptionIncludingWindow, number);
    window
        .id()
        .ok()
        .and_then(described)
        .is_some_and(|found| found.count() > 0)
}

/// Whether this window is there, shown or not.
#[cfg(not(target_os = "macos"))]
pub(super) fn exists(window: &Window) -> bool {
    window.width().is_ok()
}

/// Has this thread see every pixel of a screen whose contents are enlarged, whatever the program says of itself.
#[cfg(windows)]
#[allow(unsafe_code)]
pub(super) fn see_all_pixels() {
    use windows_sys::Win32::UI::HiDpi::{
        DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2, SetThreadDpiAwarenessContext,
    };

    // SAFETY: this is one of the system's own contexts, and nothing but this thread changes.
    unsafe { SetThreadDpiAwarenessContext(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2) };
}

/// Has this thread see every pixel: it does.
#[cfg(not(windows))]
pub(super) fn see_all_pixels() {}
