//! From results to verdicts: what a kind of device must reach, and what to do where it does not.
//!
//! Each report of an analyser can be [`Judge`]d by the [`Limits`] of a [`Profile`]. Limits follow Recommendations of the
//! ITU-T where these speak of the same thing. They are limits for what software can measure, relative to full scale and
//! with the user's own devices: passing them is no proof of conformance, which needs a laboratory. Where no
//! Recommendation fits, a limit is our own, and its documentation says so.

mod advice;
mod judge;
mod limits;
mod verdict;

pub use judge::{Cancelled, Judge};
pub use limits::{Bound, Limits, Profile, UnknownProfile};
pub use verdict::{Check, Outcome, Verdict, worst};
