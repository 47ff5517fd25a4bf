//! What a viewer sees, in the terms of W3C webrtc-stats (`inbound-rtp`, video), and the longest and most frequent standstill.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Frames whose durations are averaged.
const FRAMES: usize = 30;

/// A frame is frozen when it lasts so many times as long as the average, and by so much longer at least.
const TIMES: u32 = 3;
const LONGER: Duration = Duration::from_millis(150);

/// Time after which the picture counts as paused.
const PAUSE: Duration = Duration::from_secs(5);

/// Window of the freezes per minute.
const MINUTE: Duration = Duration::from_secs(60);

/// Counters of one stream of pictures. Durations are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoStats {
    /// Frames of which all packets came.
    pub frames_received: u64,
    /// Frames that the decoder has decoded.
    pub frames_decoded: u64,
    /// Those of them that need no other.
    pub key_frames_decoded: u64,
    /// Frames that were received and not decoded, or decoded and not shown.
    pub frames_dropped: u64,
    /// Frames shown.
    pub frames_rendered: u64,
    /// Frames that had a packet sent again.
    pub frames_assembled_from_retransmissions: u64,
    /// Frames that came after their time.
    pub frames_late: u64,
    /// Times between frames shown, summed.
    pub total_inter_frame_delay: f64,
    /// Their squares, summed.
    pub total_squared_inter_frame_delay: f64,
    /// Frames that stood for three times the average of the thirty before, and 150 ms longer than it.
    pub freeze_count: u64,
    /// How long they stood.
    pub total_freezes_duration: f64,
    /// Frames that stood for more than five seconds.
    pub pause_count: u64,
    /// How long they stood.
    pub total_pauses_duration: f64,
    /// Longest freeze so far.
    pub longest_freeze_duration: f64,
    /// Frozen time of the last minute.
    pub freeze_duration_per_minute: f64,
    /// Time from the first packet's arrival to the decoder, summed over frames.
    pub jitter_buffer_delay: f64,
    /// Delay aimed at, summed over frames.
    pub jitter_buffer_target_delay: f64,
    /// Frames the two sums are over.
    pub jitter_buffer_emitted_count: u64,
    /// Requests for packets (NACK) sent.
    pub nack_count: u64,
    /// Requests for key frames (PLI) sent.
    pub pli_count: u64,
    /// Packets received, retransmitted ones included.
    pub packets_received: u64,
    /// Their payload bytes.
    pub bytes_received: u64,
    /// Packets expected less packets received, what was sent again aside (RFC 3550 section 6.4.1): negative with duplicates.
    pub packets_lost: i64,
    /// Interarrival jitter of frames (RFC 3550 appendix A.8), in seconds.
    pub jitter: f64,
    /// Retransmitted packets received.
    pub retransmitted_packets_received: u64,
    /// Packets that could not be read, came twice, or too late.
    pub packets_discarded: u64,
}

/// Follows what is shown.
#[derive(Clone, Debug, Default)]
pub struct Standstill {
    last: Option<Instant>,
    durations: VecDeque<Duration>,
    /// Freezes of the last minute: when they ended, and how long they were.
    recent: VecDeque<(Instant, Duration)>,
}

impl Standstill {
    /// A frame is shown now.
    pub fn rendered(&mut self, now: Instant, stats: &mut VideoStats) {
        stats.frames_rendered += 1;
        let Some(last) = self.last.replace(now) else {
            return;
        };
        let lasted = now.saturating_duration_since(last);
        let seconds = lasted.as_secs_f64();
        stats.total_inter_frame_delay += seconds;
        stats.total_squared_inter_frame_delay += seconds * seconds;
        if self.is_freeze(lasted) {
            stats.freeze_count += 1;
            stats.total_freezes_duration += seconds;
            stats.longest_freeze_duration = stats.longest_freeze_duration.max(seconds);
            self.recent.push_back((now, lasted));
        }
        if lasted > PAUSE {
            stats.pause_count += 1;
            stats.total_pauses_duration += seconds;
        }
        if self.durations.len() == FRAMES {
            self.durations.pop_front();
        }
        self.durations.push_back(lasted);
        self.refresh(now, stats);
    }

    /// Brings what depends on the time up to date.
    pub fn refresh(&mut self, now: Instant, stats: &mut VideoStats) {
        let old = |ended: &(Instant, Duration)| now.saturating_duration_since(ended.0) > MINUTE;
        while self.recent.front().is_some_and(old) {
            self.recent.pop_front();
        }
        let frozen: Duration = self.recent.iter().map(|(_, lasted)| *lasted).sum();
        stats.freeze_duration_per_minute = frozen.min(MINUTE).as_secs_f64();
    }

    /// The source pauses by intent: what passes until the next frame is no freeze.
    pub fn pause(&mut self) {
        self.last = None;
    }

    fn is_freeze(&self, lasted: Duration) -> bool {
        let count = self.durations.len() as u32;
        let Some(average) = self.durations.iter().sum::<Duration>().checked_div(count) else {
            return false;
        };
        lasted >= (average * TIMES).max(average + LONGER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows a frame after each of `millis`.
    fn show(millis: impl IntoIterator<Item = u64>) -> VideoStats {
        let (mut now, mut stats, mut standstill) =
            (Instant::now(), VideoStats::default(), Standstill::default());
        standstill.rendered(now, &mut stats);
        for millis in millis {
            now += Duration::from_millis(millis);
            standstill.rendered(now, &mut stats);
        }
        stats
    }

    fn steady(millis: u64, count: usize) -> impl Iterator<Item = u64> {
        std::iter::repeat_n(millis, count)
    }

    #[test]
    fn a_freeze_is_a_frame_of_150_ms_more_than_average_where_frames_are_short() {
        let at = |last| show(steady(40, 40).chain([last])).freeze_count;
        assert_eq!((at(189), at(190)), (0, 1));
        // Where they are long, it is three times the average.
        let at = |last| show(steady(100, 40).chain([last])).freeze_count;
        assert_eq!((at(299), at(300)), (0, 1));
        // One picture a second of a still screen is none.
        assert_eq!(show(steady(1_000, 100)).freeze_count, 0);
    }

    #[test]
    fn durations_are_summed_and_the_longest_is_kept() {
        let stats = show(steady(40, 40).chain([400]).chain(steady(40, 40)).chain([1_000]));
        assert_eq!(stats.freeze_count, 2);
        assert!((stats.total_freezes_duration - 1.4).abs() < 1e-9);
        assert!((stats.longest_freeze_duration - 1.0).abs() < 1e-9);
        assert!((stats.freeze_duration_per_minute - 1.4).abs() < 1e-9);
        assert!((stats.total_inter_frame_delay - 4.6).abs() < 1e-9);
        assert!((stats.total_squared_inter_frame_delay - (80.0 * 0.0016 + 0.16 + 1.0)).abs() < 1e-9);
        assert_eq!((stats.frames_rendered, stats.pause_count), (83, 0));
    }

    #[test]
    fn what_is_a_minute_ago_is_forgotten_and_five_seconds_are_a_pause() {
        let stats = show(steady(40, 40).chain([5_001]).chain(steady(40, 1_600)));
        assert_eq!((stats.pause_count, stats.freeze_count), (1, 1));
        assert!((stats.total_pauses_duration - 5.001).abs() < 1e-9);
        assert_eq!(stats.freeze_duration_per_minute, 0.0);
        assert_eq!(show([5_000]).pause_count, 0);
    }
}
