//! Pictures in the terms of W3C webrtc-stats: what encoders, the transport and decoders count, put together.

use serde::{Deserialize, Serialize};
use sidetone_video::Size;
use sidetone_video::worker::EncoderStats;

use super::viewer::Decoding;
use crate::transport::video::VideoReport;
use crate::video::{Codec, Content, VideoStats};

/// One stream that is sent: `outbound-rtp`, and of it what `media-source` and `remote-inbound-rtp` add. Times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutboundStream {
    /// `camera` or `screen`.
    pub content_type: String,
    /// Layer of simulcast, 0 the smallest.
    pub layer: usize,
    /// Codec, as in SDP; empty while none is negotiated.
    pub codec: String,
    /// Whether anything is coded for it.
    pub active: bool,
    /// Width of the newest frame.
    pub frame_width: u32,
    /// Height of the newest frame.
    pub frame_height: u32,
    /// Width of the newest picture of the source.
    pub source_width: u32,
    /// Height of the newest picture of the source.
    pub source_height: u32,
    /// Pictures that came from the source.
    pub frames: u64,
    /// Pictures that made way for newer ones, since the network or the encoder had no room.
    pub frames_dropped: u64,
    /// Frames coded.
    pub frames_encoded: u64,
    /// Those of them that need no other.
    pub key_frames_encoded: u64,
    /// Sum of their quantizers, in the units of the codec.
    pub qp_sum: u64,
    /// Time spent coding.
    pub total_encode_time: f64,
    /// Pictures that stood still and were coded again.
    pub frames_repeated: u64,
    /// What the encoder is to keep to, in bit/s.
    pub target_bitrate: u32,
    /// Frames sent.
    pub frames_sent: u64,
    /// Packets sent, retransmissions included.
    pub packets_sent: u64,
    /// Their payload bytes.
    pub bytes_sent: u64,
    /// Retransmissions.
    pub retransmitted_packets_sent: u64,
    /// Requests for packets received.
    pub nack_count: u64,
    /// Requests for key frames received.
    pub pli_count: u64,
    /// Loss that the other end reports, 0 to 1.
    pub remote_fraction_lost: f64,
}

/// One stream that is received: `inbound-rtp`. Times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InboundStream {
    /// `camera` or `screen`.
    pub content_type: String,
    /// Whose it is, in a meeting.
    pub participant: Option<u32>,
    /// Codec, as in SDP; empty before the first packet.
    pub codec: String,
    /// Width of the newest picture.
    pub frame_width: u32,
    /// Height of the newest picture.
    pub frame_height: u32,
    /// Time spent decoding.
    pub total_decode_time: f64,
    /// Which library decodes.
    pub decoder_implementation: String,
    /// Frames that could not be decoded.
    pub frames_corrupted: u64,
    /// By how many seconds a camera was behind the sound of the same person when both were played last, less than nothing
    /// where it was ahead; `None` before that.
    pub behind_sound: Option<f64>,
    /// The counters of what came and was shown.
    #[serde(flatten)]
    pub counters: VideoStats,
}

/// All streams of pictures of a link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoReportCard {
    /// The camera's layers, the smallest first, then the screen.
    pub outbound: Vec<OutboundStream>,
    /// The cameras, then the screen.
    pub inbound: Vec<InboundStream>,
}

fn name(content: Content) -> String {
    match content {
        Content::Camera => "camera".into(),
        Content::Screen => "screen".into(),
    }
}

fn codec(codec: Option<Codec>) -> String {
    codec.map_or_else(String::new, |codec| super::of(codec).name().into())
}

/// What is known of a source and its encoders.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceStats {
    pub encoders: EncoderStats,
    /// Pictures that it gave, and those of them that made way for newer ones.
    pub pictures: u64,
    pub dropped: u64,
    /// Size of its newest picture.
    pub size: Option<Size>,
}

/// Puts together what is known of each stream.
pub(super) fn card(
    report: &VideoReport,
    sources: &[SourceStats; 2],
    decodings: &[Decoding],
) -> VideoReportCard {
    let outbound = report.outbound.iter().map(|sent| {
        let source = &sources[usize::from(sent.content == Content::Screen)];
        let encoder = &source.encoders;
        let layer = encoder.layers.get(sent.layer).copied().unwrap_or_default();
        OutboundStream {
            content_type: name(sent.content),
            layer: sent.layer,
            codec: codec(sent.codec),
            active: sent.target_bitrate.0 > 0,
            frame_width: layer.size.map_or(0, |size| size.width()),
            frame_height: layer.size.map_or(0, |size| size.height()),
            source_width: source.size.map_or(0, |size| size.width()),
            source_height: source.size.map_or(0, |size| size.height()),
            frames: source.pictures,
            frames_dropped: source.dropped + encoder.frames_dropped,
            frames_encoded: layer.frames_encoded,
            key_frames_encoded: layer.key_frames_encoded,
            qp_sum: layer.qp_sum,
            total_encode_time: layer.total_encode_time.as_secs_f64(),
            frames_repeated: encoder.frames_repeated,
            target_bitrate: sent.target_bitrate.0,
            frames_sent: sent.counters.frames_sent,
            packets_sent: sent.counters.packets_sent,
            bytes_sent: sent.counters.bytes_sent,
            retransmitted_packets_sent: sent.counters.retransmitted_packets_sent,
            nack_count: sent.counters.nack_count,
            pli_count: sent.counters.pli_count,
            remote_fraction_lost: sent.remote_fraction_lost,
        }
    });
    let inbound = report.inbound.iter().enumerate().map(|(index, seen)| {
        let decoding = decodings.get(index).copied().unwrap_or_default();
        InboundStream {
            content_type: name(seen.content),
            participant: seen.participant,
            codec: codec(seen.codec),
            frame_width: decoding.size.map_or(0, |size| size.width()),
            frame_height: decoding.size.map_or(0, |size| size.height()),
            total_decode_time: decoding.decode_time.as_secs_f64(),
            decoder_implementation: decoding.implementation.unwrap_or_default().into(),
            frames_corrupted: decoding.corrupt,
            behind_sound: seen.behind_sound,
            counters: seen.counters.clone(),
        }
    });
    VideoReportCard {
        outbound: outbound.collect(),
        inbound: inbound.collect(),
    }
}
