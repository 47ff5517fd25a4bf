//! The part of the statistics that only the library knows: the selected pair of candidates and its round trip.

use std::time::{Duration, Instant};

use rtc::statistics::StatsSelector;
use rtc::statistics::report::RTCStatsReportEntry;
use webrtc::peer_connection::PeerConnection;

/// The selected pair, as of the last second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SelectedPair {
    pub(super) round_trip: Option<Duration>,
    pub(super) local_type: String,
    pub(super) remote_type: String,
}

/// Asks the library. `None` while no pair is selected.
pub(super) async fn selected_pair(connection: &dyn PeerConnection, now: Instant) -> Option<SelectedPair> {
    let report = connection.get_stats(now, StatsSelector::None).await;
    let selected = &report.transport()?.selected_candidate_pair_id;
    let pair = report.candidate_pairs().find(|pair| pair.stats.id == *selected)?;
    // Pairs name their candidates without the prefix under which the report lists them.
    let listed = |prefix: &str, id: &str| report.get(&format!("{prefix}{id}")).or_else(|| report.get(id));
    let kind = |prefix: &str, id: &str| match listed(prefix, id) {
        Some(
            RTCStatsReportEntry::LocalCandidate(candidate) | RTCStatsReportEntry::RemoteCandidate(candidate),
        ) => candidate.candidate_type.to_string(),
        // Found by its checks alone: the library keeps no record of those.
        _ => "prflx".to_owned(),
    };
    Some(SelectedPair {
        round_trip: (pair.current_round_trip_time > 0.0)
            .then(|| Duration::from_secs_f64(pair.current_round_trip_time.min(60.0))),
        local_type: kind("RTCLocalIceCandidate_", &pair.local_candidate_id),
        remote_type: kind("RTCRemoteIceCandidate_", &pair.remote_candidate_id),
    })
}
