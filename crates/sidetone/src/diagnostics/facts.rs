//! What the driver knows that diagnostics are made of.

use sidetone_media::jitter::JitterStats;
use sidetone_media::transport::TransportStats;
use sidetone_media::voice::MicrophoneStats;

/// Everything at one moment. Of what is not there, such as media while it rings, nothing can be wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The connection to the service is being made or recovered.
    pub offline: bool,
    /// The way to the other end, once it was there.
    pub media: Option<Media>,
    /// A relay is configured, and none was found.
    pub no_relay: bool,
    /// The system lists no microphone.
    pub no_microphone: bool,
    /// The system lists no speaker.
    pub no_speaker: bool,
    /// The system lets nobody listen.
    pub denied: bool,
    /// The microphone in use went away.
    pub lost: bool,
    /// The microphone in use.
    pub microphone: Option<MicrophoneStats>,
    /// The microphone is off in this call, in which it would be spoken.
    pub muted: bool,
}

/// The way to the other end.
#[derive(Clone, Debug)]
pub(crate) enum Media {
    /// It is being recovered.
    Lost,
    /// It is there, and nothing is sent over it: the call is on hold.
    Quiet,
    /// It carries sound.
    Flowing {
        transport: Box<TransportStats>,
        jitter: Option<Box<JitterStats>>,
        /// It comes from a forwarding unit, which sends nothing while nobody speaks.
        forwarded: bool,
    },
}
