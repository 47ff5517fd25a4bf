//! What the voice path measures, named as in W3C webrtc-stats where a name exists there.
//!
//! Times are seconds, as in the W3C dictionaries; counters only grow.

use serde::{Deserialize, Serialize};

use super::{Level, MicrophoneStats};
use crate::jitter::JitterStats;

/// The sending side (W3C `media-source` and `outbound-rtp`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboundStats {
    /// Level of what is sent: the microphone after processing, and what is shared with a screen.
    #[serde(flatten)]
    pub level: Level,
    /// Packets handed to the transport.
    pub packets_sent: u64,
    /// Codec bytes handed to the transport.
    pub bytes_sent: u64,
    /// Frames not sent because the codec heard only silence.
    pub frames_discontinued: u64,
    /// Frames lost because every packet buffer was in use, or the codec failed.
    pub frames_dropped: u64,
    /// Packets that waited so long that newer ones pushed them out.
    pub packets_discarded_on_send: u64,
    /// Loss the encoder plans for, in percent.
    pub planned_loss_percent: u8,
}

/// One received stream (W3C `inbound-rtp`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundStats {
    /// Which of its link's streams it is.
    #[serde(default)]
    pub slot: u8,
    /// Who is heard in it, or was last: the participant's number in a meeting.
    #[serde(default)]
    pub source: Option<u32>,
    /// Level after decoding.
    #[serde(flatten)]
    pub level: Level,
    /// The jitter buffer's own counters.
    #[serde(flatten)]
    pub jitter: JitterStats,
}

/// One device's stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceStats {
    /// Name of the device in use.
    pub name: String,
    /// Rate in Hz.
    pub sample_rate: u32,
    /// Frames a callback moves.
    pub period: u32,
    /// Samples the device brought that found the ring full.
    pub overruns: u64,
    /// Samples the device wanted that were not there.
    pub underruns: u64,
    /// Clock of the device against the system clock, in parts per million, once known.
    pub drift_ppm: Option<f64>,
    /// Times the device was lost or replaced.
    pub restarts: u64,
}

/// The playing side (W3C `media-playout`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlayoutStats {
    /// Samples written to the device.
    pub total_samples_count: u64,
    /// How long before the device needs a block it is made ready, in seconds.
    pub lead: f64,
    /// Sum over blocks of the time from being pulled to being heard, in seconds.
    pub total_playout_delay: f64,
    /// Blocks in that sum.
    pub blocks: u64,
}

/// Where the time from mouth to ear goes on this machine, in seconds. The way through the network is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencyBudget {
    /// Filling a packet.
    pub frame: f64,
    /// Look-ahead of the codec and resamplers.
    pub look_ahead: f64,
    /// Waiting in the jitter buffer, mean of the last seconds.
    pub jitter_buffer: f64,
    /// From the pull to the device's callback, mean.
    pub playout: f64,
    /// From the callback to the air, as the device tells.
    pub device: f64,
}

/// Everything an engine knows about its voice path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoiceStats {
    /// Sending.
    pub outbound: OutboundStats,
    /// Receiving, one for each stream that ever had a packet, by link and slot; a link without slots has one at once.
    pub inbound: Vec<InboundStats>,
    /// Playing.
    pub playout: PlayoutStats,
    /// The microphone.
    pub input: DeviceStats,
    /// What the microphone brings.
    #[serde(default)]
    pub microphone: MicrophoneStats,
    /// The speaker.
    pub output: DeviceStats,
    /// Whether both workers were granted real-time priority.
    pub real_time: bool,
    /// The parts of the delay.
    pub latency: LatencyBudget,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flattened parts must not share a name.
    #[test]
    fn what_is_written_can_be_read() {
        let stats = VoiceStats {
            inbound: vec![InboundStats::default()],
            ..VoiceStats::default()
        };
        let json = serde_json::to_string(&stats).unwrap();
        assert_eq!(serde_json::from_str::<VoiceStats>(&json).unwrap(), stats);
    }
}
