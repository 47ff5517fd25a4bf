//! Call records: one line for a call, one summary for each participant, one diagnostic for each stream and
//! one issue for each thing that went wrong at an end (spec 3.8), files of recordings, and the view of the calls that run. Made from facts in full; what a tenant may see of them is in [`view`].

mod diagnostic;
mod file;
mod issue;
mod line;
mod live;
mod stream;
mod summary;
mod view;

pub use diagnostic::{CallDiagnostic, diagnostics};
pub use file::{FileReport, RecordingChunk, RecordingEnd, RecordingFile};
pub use issue::{CallIssue, IssueReport, IssueValue, issues};
pub use line::{CallLine, CalledParty};
pub use live::{LiveCall, LiveParticipant, live};
pub use stream::{Direction, MediaType, ReportError, StreamReport, Transport};
pub use summary::{CallSummary, CallType, ParticipantType, PhoneCallType, summaries};
pub use view::{ANONYMOUS, Viewer};
