//! The wall clock, read here and nowhere else in the crate.

use std::time::SystemTime;

use sidetone_store::WallTime;

/// The time of day.
pub(crate) fn wall_now() -> WallTime {
    SystemTime::now().into()
}
