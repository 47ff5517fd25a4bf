//! Cameras: those of the machine, and those without hardware that show films and test pictures at the pace of a real one.

mod drawn;
pub mod file;
mod headless;
#[cfg(all(feature = "camera", any(target_os = "linux", target_os = "macos", windows)))]
pub mod native;
pub mod pattern;
pub mod raw;

pub use drawn::drawn_camera;
pub use headless::{Film, HeadlessCamera, Shown};

/// The system that cameras without hardware name.
pub const HEADLESS: &str = "headless";
