//! The page of metrics (OpenMetrics 1.0), as OTLP metrics. Pure; a line that cannot be understood is left out.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::text;

/// The page as of `now`, counted since `started`, both in nanoseconds since 1970.
pub(crate) fn request(
    page: &str,
    started: u64,
    now: u64,
    resource: Resource,
    scope: InstrumentationScope,
) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: metrics(page, started, now),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

/// What the page says of one metric.
#[derive(Default)]
struct Family<'a> {
    kind: &'a str,
    help: &'a str,
    samples: Vec<Sample<'a>>,
}

struct Sample<'a> {
    /// What stands behind the metric's name: `_total`, `_bucket`, `_sum`, `_count`, or nothing.
    suffix: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    value: f64,
}

fn metrics(page: &str, started: u64, now: u64) -> Vec<Metric> {
    let mut families: BTreeMap<&str, Family<'_>> = BTreeMap::new();
    let mut current = "";
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut parts = comment.splitn(3, ' ');
            let (what, name, rest) = (parts.next(), parts.next(), parts.next());
            let (Some(name), Some(rest)) = (name, rest) else {
                continue;
            };
            current = name;
            let family = families.entry(name).or_default();
            match what {
                Some("TYPE") => family.kind = rest,
                Some("HELP") => family.help = rest,
                _ => {}
            }
        } else if let Some((name, sample)) = sample(line, current)
            && let Some(family) = families.get_mut(name)
        {
            family.samples.push(sample);
        }
    }
    families
        .into_iter()
        .filter_map(|(name, family)| metric(name, family, started, now))
        .collect()
}

/// `name_total{label="value",other="value"} 7`.
fn sample<'a>(line: &'a str, current: &'a str) -> Option<(&'a str, Sample<'a>)> {
    let rest = line.strip_prefix(current)?;
    let (suffix, labels, value) = match rest.split_once('{') {
        Some((suffix, rest)) => {
            let (labels, value) = rest.rsplit_once('}')?;
            (suffix, labels, value)
        }
        None => {
            let (suffix, value) = rest.split_once(' ')?;
            (suffix, "", value)
        }
    };
    let value = value.split_ascii_whitespace().next()?.parse().ok()?;
    let labels = labels
        .split(',')
        .filter(|label| !label.is_empty())
        .map(|label| {
            let (name, value) = label.split_once('=')?;
            Some((name, value.strip_prefix('"')?.strip_suffix('"')?))
        })
        .collect::<Option<_>>()?;
    Some((
        current,
        Sample {
            suffix,
            labels,
            value,
        },
    ))
}

fn metric(name: &str, family: Family<'_>, started: u64, now: u64) -> Option<Metric> {
    let point = |sample: &Sample<'_>, started| NumberDataPoint {
        attributes: attributes(&sample.labels),
        start_time_unix_nano: started,
        time_unix_nano: now,
        value: Some(Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    };
    let data = match family.kind {
        "gauge" => Data::Gauge(Gauge {
            data_points: family.samples.iter().map(|sample| point(sample, 0)).collect(),
        }),
        "counter" => {
            let totals = family.samples.iter().filter(|sample| sample.suffix == "_total");
            Data::Sum(Sum {
                data_points: totals.map(|sample| point(sample, started)).collect(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            })
        }
        "histogram" => Data::Histogram(Histogram {
            data_points: vec![histogram(&family.samples, started, now)?],
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
        }),
        _ => return None,
    };
    Some(Metric {
        name: name.to_owned(),
        description: family.help.trim_end_matches('.').to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

/// Buckets on the page count everything up to their bound; here each counts its own.
fn histogram(samples: &[Sample<'_>], started: u64, now: u64) -> Option<HistogramDataPoint> {
    let of = |suffix: &str| samples.iter().find(|sample| sample.suffix == suffix);
    let (mut bounds, mut counts, mut before) = (Vec::new(), Vec::new(), 0.0);
    for sample in samples.iter().filter(|sample| sample.suffix == "_bucket") {
        let (_, bound) = sample.labels.iter().find(|(name, _)| *name == "le")?;
        let bound: f64 = bound.parse().ok()?;
        if bound.is_finite() {
            bounds.push(bound);
        }
        counts.push((sample.value - before).max(0.0) as u64);
        before = sample.value;
    }
    // One bucket more than bounds (OTLP), or none at all.
    if counts.len() != bounds.len() + 1 {
        return None;
    }
    Some(HistogramDataPoint {
        start_time_unix_nano: started,
        time_unix_nano: now,
        count: of("_count")?.value as u64,
        sum: of("_sum").map(|sample| sample.value),
        bucket_counts: counts,
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    })
}

fn attributes(labels: &[(&str, &str)]) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| text(name, *value)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = "\
# HELP sidetone_sessions Sessions, with or without a connection.
# TYPE sidetone_sessions gauge
sidetone_sessions 2
# HELP sidetone_calls_ended Calls ended.
# TYPE sidetone_calls_ended counter
sidetone_calls_ended_total{code=\"0\",subcode=\"0\"} 3
sidetone_calls_ended_total{code=\"603\",subcode=\"0\"} 1
# HELP sidetone_call_talk_seconds From the answer to the end.
# TYPE sidetone_call_talk_seconds histogram
sidetone_call_talk_seconds_sum 7.5
sidetone_call_talk_seconds_count 4
sidetone_call_talk_seconds_bucket{le=\"1.0\"} 1
sidetone_call_talk_seconds_bucket{le=\"5.0\"} 3
sidetone_call_talk_seconds_bucket{le=\"+Inf\"} 4
# EOF
";

    #[test]
    fn every_kind_arrives_as_it_is() {
        let all = metrics(PAGE, 5, 9);
        let names: Vec<_> = all.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "sidetone_call_talk_seconds",
                "sidetone_calls_ended",
                "sidetone_sessions"
            ]
        );
        let Some(Data::Histogram(talk)) = &all[0].data else {
            panic!("{:?}", all[0])
        };
        let talk = &talk.data_points[0];
        assert_eq!((talk.count, talk.sum), (4, Some(7.5)));
        assert_eq!(
            (&talk.bucket_counts[..], &talk.explicit_bounds[..]),
            (&[1, 2, 1][..], &[1.0, 5.0][..])
        );
        let Some(Data::Sum(ended)) = &all[1].data else {
            panic!("{:?}", all[1])
        };
        assert!(ended.is_monotonic && ended.data_points.len() == 2);
        assert_eq!(ended.data_points[1].attributes[0].key, "code");
        let Some(Data::Gauge(sessions)) = &all[2].data else {
            panic!("{:?}", all[2])
        };
        assert_eq!(sessions.data_points[0].value, Some(Value::AsDouble(2.0)));
    }

    proptest! {
        #[test]
        fn no_page_panics(page in "(# (TYPE|HELP) [a-z_]{0,4} [a-z]{0,9}\n|[a-z_]{0,5}\\{?[a-z=\",+]{0,9}\\}? ?[0-9.eInf+-]{0,5}\n){0,9}") {
            let _ = metrics(&page, 0, 0);
        }
    }
}
