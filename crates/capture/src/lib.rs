//! Where pictures come from: cameras, screens and windows, and files that stand in for them.
//!
//! A source gives [`Picture`](sidetone_video::picture::Picture)s to a sink on a thread of its own; a [`Capturer`] keeps
//! the sink while sources change, and tells what is wrong with them. It refuses to know codecs, RTP and networks.

#![deny(unsafe_code)]

pub mod camera;
mod capturer;
mod diagnostics;
pub mod mark;
mod pace;
pub mod screen;
mod sink;
pub mod source;
mod thread;

pub use capturer::{CaptureEvent, Capturer};
pub use diagnostics::{CaptureDiagnostic, DiagnosticChange, FREEZE, Monitor, START_TIME_OUT};
pub use pace::{FrameRate, Metronome, Throttle};
pub use sink::{Counters, Newest, NewestSink, PictureSink, newest};
pub use source::{
    CaptureError, CaptureRequest, CaptureStream, Feed, Lookout, Mode, PictureSource, SourceId, SourceInfo,
    SourceKind, SourcesUpdated,
};
