//! The figures as OpenTelemetry metrics, cumulative since the start.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::spans::{scope, text};
use crate::figures::{Family, Kind, Sample, Value, figures, thousandths};
use crate::tally::BOUNDS_MS;
use crate::{Telemetry, unix_ms};

/// An export of metrics.
pub(super) struct Request {
    pub(super) message: ExportMetricsServiceRequest,
    /// How many points there are.
    pub(super) count: usize,
}

pub(super) fn request(telemetry: &Telemetry, resource: Resource, began_ms: u64) -> Request {
    let span = Span {
        start: began_ms.saturating_mul(1_000_000),
        now: unix_ms().saturating_mul(1_000_000),
    };
    let families = figures(telemetry);
    let count = families.iter().map(|family| family.samples.len()).sum();
    let metrics = families.into_iter().map(|family| span.metric(family));
    Request {
        message: ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(resource),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(scope()),
                    metrics: metrics.collect(),
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        },
        count,
    }
}

/// The time that figures are of.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    now: u64,
}

impl Span {
    fn metric(self, family: Family) -> Metric {
        let samples = family.samples;
        let cumulative = AggregationTemporality::Cumulative.into();
        let data = match family.kind {
            Kind::Counter => Data::Sum(Sum {
                data_points: samples
                    .into_iter()
                    .map(|sample| self.point(sample))
                    .collect(),
                aggregation_temporality: cumulative,
                is_monotonic: true,
            }),
            Kind::Gauge => Data::Gauge(Gauge {
                data_points: samples
                    .into_iter()
                    .map(|sample| self.point(sample))
                    .collect(),
            }),
            Kind::Histogram => Data::Histogram(Histogram {
                data_points: samples
                    .into_iter()
                    .filter_map(|sample| self.histogram(sample))
                    .collect(),
                aggregation_temporality: cumulative,
            }),
        };
        Metric {
            name: family.name.to_owned(),
            description: family.help.to_owned(),
            unit: family.unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        }
    }

    fn point(self, sample: Sample) -> NumberDataPoint {
        let value = match sample.value {
            Value::Count(count) => {
                number_data_point::Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX))
            }
            Value::Level(level) => number_data_point::Value::AsDouble(level),
            // Of a histogram's points none comes here.
            Value::Durations { sum_s, .. } => number_data_point::Value::AsDouble(sum_s),
        };
        NumberDataPoint {
            attributes: attributes(sample.labels),
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn histogram(self, sample: Sample) -> Option<HistogramDataPoint> {
        let Value::Durations { buckets, sum_s } = sample.value else {
            return None;
        };
        Some(HistogramDataPoint {
            attributes: attributes(sample.labels),
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            count: buckets.iter().sum(),
            sum: Some(sum_s),
            bucket_counts: buckets.into(),
            explicit_bounds: BOUNDS_MS.map(thousandths).into(),
            ..HistogramDataPoint::default()
        })
    }
}

/// Labels under the names that spans have them by.
fn attributes(labels: Vec<(&'static str, String)>) -> Vec<KeyValue> {
    let named = labels.into_iter().map(|(name, value)| match name {
        "tool" => text("gen_ai.tool.name", &value),
        name => text(&format!("toolgate.{name}"), &value),
    });
    named.collect()
}
