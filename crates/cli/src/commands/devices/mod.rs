//! `sidetone devices`: what there is, and what comes and goes.

mod in_use;
mod list;
mod watch;

pub use in_use::InUse;
pub use list::list;
pub use watch::watch;
