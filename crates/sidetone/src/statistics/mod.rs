//! Media statistics of a call over time: a sample each second, and summaries of many.
//!
//! The names are those that other calling SDKs use. Cumulative counters under the names of W3C webrtc-stats are in
//! [`CallStats`](crate::CallStats).

mod aggregate;
pub(crate) mod collector;
mod pictures;

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
    /// Its cameras.
    pub video: Video<Option<f64>>,
    /// Its screens.
    pub screen_share: Video<Option<f64>>,
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
    /// Its cameras.
    pub video: Video<Option<Aggregate>>,
    /// Its screens.
    pub screen_share: Video<Option<Aggregate>>,
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

/// Pictures both ways, of cameras or of screens. `T` as in [`Audio`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Video<T> {
    /// What this end sends, in all its layers; sizes and frames are those of the largest.
    pub send: VideoSend<T>,
    /// What comes, one for each sender: in a meeting their number is its id.
    pub receive: Vec<VideoReceive<T>>,
}

impl Video<Option<Aggregate>> {
    /// Takes a sample into account.
    fn note(&mut self, sample: &Video<Option<f64>>) {
        self.send.note(&sample.send);
        for stream in &sample.receive {
            let known = self.receive.iter_mut().find(|known| known.id == stream.id);
            match known {
                Some(known) => known.note(stream),
                None => {
                    let mut new = VideoReceive {
                        id: stream.id.clone(),
                        ..VideoReceive::default()
                    };
                    new.note(stream);
                    self.receive.push(new);
                }
            }
        }
    }
}

/// Declares a stream's figures, and how each becomes part of what is made of many.
macro_rules! stream {
    ($(#[$doc:meta])* $name:ident $id:literal $codec:literal { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name<T> {
            /// Names the stream within the call.
            pub id: String,
            /// Name of the codec (RFC 4855); empty while none is negotiated.
            pub codec_name: String,
            $($(#[$field_doc])* pub $field: T,)*
        }

        impl<T: Default> Default for $name<T> {
            fn default() -> Self {
                Self { id: $id.into(), codec_name: $codec.into(), $($field: T::default(),)* }
            }
        }

        impl $name<Option<Aggregate>> {
            /// Takes a sample into account.
            fn note(&mut self, sample: &$name<Option<f64>>) {
                self.codec_name.clone_from(&sample.codec_name);
                $(Aggregate::note(&mut self.$field, sample.$field);)*
            }
        }
    };
}

stream! {
    /// A stream that is sent.
    AudioSend "send" "opus" {
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
    AudioReceive "receive" "opus" {
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

stream! {
    /// Pictures that are sent.
    VideoSend "send" "" {
        /// Codec bits a second.
        bitrate,
        /// Packets a second, those sent again included.
        packets_per_second,
        /// Those of them that are lost, by the share that the other end reports.
        packets_lost_per_second,
        /// Round trip by RTCP, in milliseconds.
        rtt_in_ms,
        /// Round trip of the selected pair of candidates, in milliseconds.
        pair_rtt_in_ms,
        /// Bits a second that the path carries at least, as far as is known, sound and headers included.
        available_bitrate,
        /// Pictures a second that the source gives.
        frame_rate_input,
        /// Their width.
        frame_width_input,
        /// Their height.
        frame_height_input,
        /// Frames a second that are coded.
        frame_rate_encoded,
        /// Frames a second that are sent.
        frame_rate_sent,
        /// Their width.
        frame_width_sent,
        /// Their height.
        frame_height_sent,
        /// Frames sent so far.
        frames_sent,
        /// Frames coded so far.
        frames_encoded,
        /// Those of them that need no other.
        key_frames_encoded,
    }
}

stream! {
    /// Pictures that are received.
    VideoReceive "receive" "" {
        /// Codec bits a second.
        bitrate,
        /// Interarrival jitter of frames (RFC 3550 appendix A.8), in milliseconds.
        jitter_in_ms,
        /// Packets a second, those sent again included.
        packets_per_second,
        /// Packets a second that did not come at first.
        packets_lost_per_second,
        /// Round trip by RTCP, in milliseconds.
        rtt_in_ms,
        /// Round trip of the selected pair of candidates, in milliseconds.
        pair_rtt_in_ms,
        /// Time that frames wait for their turn, in milliseconds.
        jitter_buffer_in_ms,
        /// Frames a second that are shown.
        frame_rate_output,
        /// Frames a second that are decoded.
        frame_rate_decoded,
        /// Frames a second that come whole.
        frame_rate_received,
        /// Their width.
        frame_width_received,
        /// Their height.
        frame_height_received,
        /// Longest freeze so far, in milliseconds.
        longest_freeze_duration_in_ms,
        /// All freezes so far, in milliseconds.
        total_freeze_duration_in_ms,
        /// Frames received so far.
        frames_received,
        /// Frames decoded so far.
        frames_decoded,
        /// Frames so far that were not decoded, or not shown.
        frames_dropped,
        /// Frames decoded so far that need no other.
        key_frames_decoded,
    }
}
