//! The request of OTLP for what `/metrics` shows, under the same names: a collector that passes it on to Prometheus adds `_total` again.

use std::time::{SystemTime, UNIX_EPOCH};

use azdb_core::metrics::{Family, Value};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// Counts have been counted since the start of the process.
const SINCE_THE_START: i32 = AggregationTemporality::Cumulative as i32;

/// From when to when something was counted, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u64,
    now: u64,
}

impl Span {
    pub(super) fn between(start: SystemTime, now: SystemTime) -> Self {
        let nanos = |at: SystemTime| {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
        };
        Self {
            start: nanos(start),
            now: nanos(now),
        }
    }
}

/// The request that says all of this, on behalf of `resource`.
pub(super) fn request(
    families: &[Family],
    resource: &[(String, String)],
    span: Span,
) -> ExportMetricsServiceRequest {
    let scope = InstrumentationScope {
        name: "azdb-proxy".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let metrics = families.iter().filter_map(|family| metric(family, span));
    let of_resource = resource.iter().map(|(name, value)| attribute(name, value));
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: of_resource.collect(),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: metrics.collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

/// `None` for a family of which there is nothing yet.
fn metric(family: &Family, span: Span) -> Option<Metric> {
    let (_, first) = family.samples().first()?;
    let number = |value| number_points(family, span, value);
    let (suffix, data) = match first {
        Value::Counter(_) => (
            "",
            Data::Sum(Sum {
                data_points: number(|value| match value {
                    Value::Counter(count) => Some(whole(*count)),
                    _ => None,
                }),
                aggregation_temporality: SINCE_THE_START,
                is_monotonic: true,
            }),
        ),
        Value::Gauge(_) | Value::Seconds(_) => (
            "",
            Data::Gauge(Gauge {
                data_points: number(|value| match value {
                    Value::Gauge(state) => Some(number_data_point::Value::AsInt(*state)),
                    Value::Seconds(seconds) => Some(number_data_point::Value::AsDouble(*seconds)),
                    _ => None,
                }),
            }),
        ),
        Value::Info => (
            "_info",
            Data::Gauge(Gauge {
                data_points: number(|_| Some(number_data_point::Value::AsInt(1))),
            }),
        ),
        Value::Histogram { .. } => (
            "",
            Data::Histogram(Histogram {
                data_points: histogram_points(family, span),
                aggregation_temporality: SINCE_THE_START,
            }),
        ),
    };
    let name = family.name();
    Some(Metric {
        name: format!("{}_{name}{suffix}", azdb_core::metrics::PREFIX),
        description: family.help().to_owned(),
        unit: if name.contains("_seconds") { "s" } else { "" }.to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

fn number_points(
    family: &Family,
    span: Span,
    read: fn(&Value) -> Option<number_data_point::Value>,
) -> Vec<NumberDataPoint> {
    let points = family
        .samples()
        .iter()
        .map(|(labels, value)| NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: span.start,
            time_unix_nano: span.now,
            value: read(value),
            ..NumberDataPoint::default()
        });
    points.collect()
}

fn histogram_points(family: &Family, span: Span) -> Vec<HistogramDataPoint> {
    let points = family.samples().iter().filter_map(|(labels, value)| {
        let Value::Histogram { sum, buckets } = value else {
            return None;
        };
        let counts = buckets.iter().map(|(_, count)| *count);
        // The last bucket has no bound.
        let bounds = buckets.iter().map(|(bound, _)| *bound);
        Some(HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: span.start,
            time_unix_nano: span.now,
            count: counts.clone().sum(),
            sum: Some(*sum),
            bucket_counts: counts.collect(),
            explicit_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
            ..HistogramDataPoint::default()
        })
    });
    points.collect()
}

fn whole(count: u64) -> number_data_point::Value {
    number_data_point::Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX))
}

fn attributes(labels: &[(&'static str, String)]) -> Vec<KeyValue> {
    let labels = labels.iter().map(|(name, value)| attribute(name, value));
    labels.collect()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}
