//! What an endpoint measured of one stream. Comes from outside, so it is checked before it is believed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest text in a report, in bytes.
pub(super) const MAX_TEXT: usize = 64;

/// Longest address in a report, in bytes.
pub(super) const MAX_LOCATION: usize = 1024;

/// Largest number in a report. Beyond it nothing was measured.
const MAX_NUMBER: f64 = 1e12;

/// One stream as one endpoint saw it, over its whole life. Numbers that were not measured are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamReport {
    /// Names the stream within the endpoint's report.
    pub stream_id: String,
    /// What it carries.
    pub media_type: MediaType,
    /// Whether the endpoint sent or received it.
    pub stream_direction: Direction,
    /// Name of the codec (RFC 4855), such as `opus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec_name: Option<String>,
    /// Over what it went.
    #[serde(default)]
    pub transport_type: Transport,
    /// Mean round-trip time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_time_avg: Option<f64>,
    /// Longest round-trip time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_time_max: Option<f64>,
    /// Mean jitter (RFC 3550 section 6.4.1), in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_avg: Option<f64>,
    /// Largest jitter, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_max: Option<f64>,
    /// Mean share of packets lost, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet_loss_rate_avg: Option<f64>,
    /// Largest share of packets lost within one interval, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet_loss_rate_max: Option<f64>,
    /// Mean delay of the jitter buffer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_buffer_size_avg: Option<f64>,
    /// Longest delay of the jitter buffer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_buffer_size_max: Option<f64>,
    /// Mean share of what was heard that was concealed, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healed_data_ratio_avg: Option<f64>,
    /// Largest such share within one interval, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healed_data_ratio_max: Option<f64>,
    /// Packets in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet_utilization: Option<u64>,
    /// Mean frames in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_frame_rate_avg: Option<f64>,
    /// Mean height of what was received, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recv_resolution_height: Option<f64>,
    /// How long the picture stood still, in milliseconds in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recv_freeze_duration_per_minute_in_ms: Option<f64>,
    /// Mean bit rate of the video, in bits in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_bit_rate_avg: Option<f64>,
    /// Largest bit rate of the video, in bits in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_bit_rate_max: Option<f64>,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MediaType {
    /// Sound.
    #[default]
    Audio,
    /// A camera.
    Video,
    /// A screen or window.
    ScreenShare,
}

/// Which way a stream goes, from the endpoint that reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Out.
    #[default]
    Send,
    /// In.
    Receive,
}

/// Over what a stream goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP, or TLS over it.
    Tcp,
    /// Not known.
    #[default]
    Unrecognized,
}

/// Why a report is not believed. The client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A text is empty, too long, or holds something else than visible ASCII.
    #[error("{0} must be 1 to {MAX_TEXT} visible ASCII characters")]
    Text(&'static str),
    /// A number is negative, too large, or none.
    #[error("{0} must be a number from 0 to {MAX_NUMBER}")]
    Number(&'static str),
    /// A share is not between nothing and all.
    #[error("{0} must be from 0 to 1")]
    Share(&'static str),
    /// Nothing was wrong.
    #[error("{0} does not tell of anything wrong")]
    NotRaised(&'static str),
    /// A place is too long, or holds something else than visible ASCII.
    #[error("{0} must be an address of at most {MAX_LOCATION} visible ASCII characters")]
    Location(&'static str),
}

/// Whether a text is 1 to `most` visible ASCII characters.
pub(super) fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl StreamReport {
    /// Whether the report can be true.
    ///
    /// # Errors
    /// [`ReportError`]: the first field that cannot.
    pub fn check(&self) -> Result<(), ReportError> {
        let texts = [
            ("streamId", Some(&self.stream_id)),
            ("codecName", self.codec_name.as_ref()),
        ];
        for (field, text) in texts {
            if !text.is_none_or(|text| is_visible(text, MAX_TEXT)) {
                return Err(ReportError::Text(field));
            }
        }
        let numbers = [
            ("roundTripTimeAvg", self.round_trip_time_avg),
            ("roundTripTimeMax", self.round_trip_time_max),
            ("jitterAvg", self.jitter_avg),
            ("jitterMax", self.jitter_max),
            ("jitterBufferSizeAvg", self.jitter_buffer_size_avg),
            ("jitterBufferSizeMax", self.jitter_buffer_size_max),
            ("videoFrameRateAvg", self.video_frame_rate_avg),
            ("recvResolutionHeight", self.recv_resolution_height),
            (
                "recvFreezeDurationPerMinuteInMs",
                self.recv_freeze_duration_per_minute_in_ms,
            ),
            ("videoBitRateAvg", self.video_bit_rate_avg),
            ("videoBitRateMax", self.video_bit_rate_max),
        ];
        for (field, number) in numbers {
            if !number.is_none_or(|number| (0.0..=MAX_NUMBER).contains(&number)) {
                return Err(ReportError::Number(field));
            }
        }
        let shares = [
            ("packetLossRateAvg", self.packet_loss_rate_avg),
            ("packetLossRateMax", self.packet_loss_rate_max),
            ("healedDataRatioAvg", self.healed_data_ratio_avg),
            ("healedDataRatioMax", self.healed_data_ratio_max),
        ];
        for (field, share) in shares {
            if !share.is_none_or(|share| (0.0..=1.0).contains(&share)) {
                return Err(ReportError::Share(field));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> StreamReport {
        StreamReport {
            stream_id: "audio-1".to_owned(),
            codec_name: Some("opus".to_owned()),
            ..StreamReport::default()
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(report().check(), Ok(()));
        let check = |change: fn(&mut StreamReport)| {
            let mut report = report();
            change(&mut report);
            report.check()
        };
        assert_eq!(check(|r| r.stream_id.clear()), Err(ReportError::Text("streamId")));
        assert_eq!(
            check(|r| r.codec_name = Some("o\npus".to_owned())),
            Err(ReportError::Text("codecName"))
        );
        assert_eq!(
            check(|r| r.jitter_avg = Some(-1.0)),
            Err(ReportError::Number("jitterAvg"))
        );
        assert_eq!(
            check(|r| r.jitter_max = Some(f64::NAN)),
            Err(ReportError::Number("jitterMax"))
        );
        assert_eq!(
            check(|r| r.packet_loss_rate_avg = Some(1.5)),
            Err(ReportError::Share("packetLossRateAvg"))
        );
        assert_eq!(check(|r| r.packet_loss_rate_max = Some(1.0)), Ok(()));
    }
}
