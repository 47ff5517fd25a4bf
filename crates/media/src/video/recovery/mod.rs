//! What is done about packets that were lost. The receiver asks for them (NACK, RFC 4585) or for a key frame (PLI), and
//! unwraps what was sent again (RTX, RFC 4588); the sender keeps what it has sent, and sends it again as far as that is
//! worth it.

mod history;
mod key_frames;
mod nack;
pub mod rtx;

pub use history::{History, Resent};
pub use key_frames::{KeyFrameDemand, KeyFrameRequests};
pub use nack::{Nack, NackGenerator};
