//! Media statistics of a call as it goes on.

use std::time::Duration;

use sidetone::{CollectorOptions, MediaStatisticsEvent};

use crate::support::speech::{MAN, WOMAN};
use crate::support::{Service, await_some, call_between, end_of, talker};

#[test]
fn a_call_is_sampled_each_second_and_summed_up() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (call, _answered) = call_between(&ann, &mut bob);
    let mut collected = call.media_statistics(CollectorOptions {
        aggregation_interval: Duration::from_secs(2),
        data_points_per_aggregation: 2,
    });
    let mut samples = 0;
    let summary = await_some("a summary", || match collected.try_next()? {
        MediaStatisticsEvent::SampleReported(sample) => {
            samples += 1;
            let (send, receive) = (sample.audio.send, sample.audio.receive);
            assert_eq!(
                (send.codec_name.as_str(), receive.codec_name.as_str()),
                ("opus", "opus")
            );
            assert!(send.bitrate.unwrap() > 1000.0, "{send:?}");
            assert!(send.packets_per_second.unwrap() > 10.0, "{send:?}");
            assert!(receive.packets_per_second.unwrap() > 10.0, "{receive:?}");
            assert!(receive.bitrate.unwrap() > 1000.0, "{receive:?}");
            assert!(send.available_bitrate.unwrap() > 10_000.0, "{send:?}");
            None
        }
        MediaStatisticsEvent::SummaryReported(summary) => Some(summary),
        _ => None,
    });
    assert!(samples >= 3, "{samples}");
    assert_eq!(summary.points.len(), 2);
    let point = &summary.points[1].audio;
    assert!(point.send.audio_input_level.unwrap().maximum > 0.0, "she speaks");
    assert!(
        point.receive.audio_output_level.unwrap().maximum > 0.0,
        "he is heard"
    );
    assert!(point.send.pair_rtt_in_ms.is_some() || point.send.rtt_in_ms.is_some());

    // Whatever is left comes at the end, and then nothing.
    await_some("another second", || collected.try_next());
    call.hang_up().unwrap();
    end_of(&call);
    let rest: Vec<_> = collected.into_iter().collect();
    assert!(
        matches!(rest.last(), Some(MediaStatisticsEvent::SummaryReported(_))),
        "{rest:?}"
    );
    let late = call.media_statistics(CollectorOptions::default());
    assert_eq!(late.into_iter().count(), 0, "the call is over");
}
