//! Media statistics of a call over time: a sample each second, and summaries of many.
//!
//! The names are those that other calling SDKs use. Cumulative counters under the names of W3C webrtc-stats are in
//! [`CallStats`](crate::CallStats).

mod aggregate;
pub(crate) mod collector;

use std::time::Duration;

use serde::Serialize;

pub use aggregate::Aggregate;

/// How a collector sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorOptions {
    /// Length of a data point. At least a second, which is the time between samples.
    pub aggregation_interval: Duration,
    /// Data points of a summary. At least one.
    pub data_points_per_aggregation: usize,
}

impl Default for CollectorOptions {
    /// Six points of ten seconds: a summary a minute.
    fn default() -> Self {
        Self {
            aggregation_interval: Duration::from_secs(10),
            data_points_per_aggregation: 6,
        }
    }
}

/// What a collector reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
#[non_exhaustive]
pub enum MediaStatisticsEvent {
    /// A second of the call.
    SampleReported(Box<MediaSample>),
    /// Many seconds. The last one comes at the end of the call, with what there is.
    SummaryReported(MediaSummary),
}

/// A second of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MediaSample {
    /// Time from the first look at the call to the end of this second, in milliseconds.
    pub elapsed_in_ms: f64,
    /// Its sound.
    pub audio: Audio<Option<f64>>,
}

/// Data points of a call, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MediaSummary {
    /// The points.
    pub points: Vec<MediaPoint>,
}

/// An aggregation interval of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MediaPoint {
    /// Time from the first look at the call to the beginning of the point, in milliseconds.
    pub start_in_ms: f64,
    /// Its length, in milliseconds.
    pub duration_in_ms: f64,
    /// Its sound.
    pub audio: Audio<Option<Aggregate>>,
}

/// Sound both ways. `T` is a figure, or what was made of many; `None` where nothing was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Audio<T> {
    /// What this end sends.
    pub send: AudioSend<T>,
    /// What it receives.
    pub receive: AudioReceive<T>,
}

/// Declares a stream's figures, and how each becomes part of what is made of many.
macro_rules! stream {
    ($(#[$doc:meta])* $name:ident $id:literal { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name<T> {
            /// Names the stream within the call.
            pub id: &'static str,
            /// Name of the codec (RFC 4855).
            pub codec_name: &'static str,
            $($(#[$field_doc])* pub $field: T,)*
        }

        impl<T: Default> Default for $name<T> {
            fn default() -> Self {
                Self { id: $id, codec_name: "opus", $($field: T::default(),)* }
            }
        }

        impl $name<Option<Aggregate>> {
            /// Takes a sample into account.
            fn note(&mut self, sample: &$name<Option<f64>>) {
                $(Aggregate::note(&mut self.$field, sample.$field);)*
            }
        }
    };
}

stream! {
    /// A stream that is sent.
    AudioSend "send" {
        /// Codec bits a second.
        bitrate,
        /// Jitter that the other end reports (RFC 3550 section 6.4.1), in milliseconds.
        jitter_in_ms,
        /// Packets a second.
        packets_per_second,
        /// Those of them that are lost, by the share that the other end reports.
        packets_lost_per_second,
        /// Round trip by RTCP, in milliseconds.
        rtt_in_ms,
        /// Round trip of the selected pair of candidates, in milliseconds.
        pair_rtt_in_ms,
        /// Bits a second that the path carries at least, as far as is known, headers included.
        available_bitrate,
        /// Level of what is sent, 0 to 65536.
        audio_input_level,
    }
}

stream! {
    /// A stream that is received.
    AudioReceive "receive" {
        /// Codec bits a second.
        bitrate,
        /// Interarrival jitter (RFC 3550 section 6.4.1), in milliseconds.
        jitter_in_ms,
        /// Packets a second.
        packets_per_second,
        /// Packets a second that never came.
        packets_lost_per_second,
        /// Round trip by RTCP, in milliseconds.
        rtt_in_ms,
        /// Round trip of the selected pair of candidates, in milliseconds.
        pair_rtt_in_ms,
        /// Time that packets wait for their turn, in milliseconds.
        jitter_buffer_in_ms,
        /// Level of what is played, 0 to 65536.
        audio_output_level,
        /// Share of the sound that was made up for what did not come, 0 to 1.
        healed_ratio,
    }
}
