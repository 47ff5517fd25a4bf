//! Call records: one line for a call, one summary for each participant, one diagnostic for each stream (spec 3.8), and
//! the view of the calls that run. Made from facts in full; what a tenant may see of them is in [`view`].

mod diagnostic;
mod line;
mod live;
mod stream;
mod summary;
mod view;

pub use diagnostic::{CallDiagnostic, diagnostics};
pub use line::CallLine;
pub use live::{LiveCall, LiveParticipant, live};
pub use stream::{Direction, MediaType, ReportError, StreamReport, Transport};
pub use summary::{CallSummary, CallType, ParticipantType, PhoneCallType, summaries};
pub use view::{ANONYMOUS, Viewer};
