//! Metrics of one name, on their way to a page.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

use crate::ledger::Histogram;

/// What tells the metrics of one name apart.
pub type Labels = Vec<(&'static str, String)>;

/// Metrics of one name.
#[derive(Debug)]
pub struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    samples: Vec<(Labels, Value)>,
}

/// What stands under some labels.
#[derive(Debug)]
pub enum Value {
    /// A count that only grows.
    Counter(u64),
    /// What goes up and down.
    Gauge(i64),
    /// The same in fractions of a second.
    Seconds(f64),
    /// How often something took how long.
    Histogram {
        /// Seconds of all of them together.
        sum: f64,
        /// The longest of each bucket, in seconds, the last without end; and how many are in it and in none before.
        buckets: Vec<(f64, u64)>,
    },
    /// Known in words: the labels.
    Info,
}

impl Family {
    fn new(name: &'static str, help: &'static str, kind: MetricType) -> Self {
        Self {
            name,
            help,
            kind,
            samples: Vec::new(),
        }
    }

    /// Its name, without [`PREFIX`](super::PREFIX), and without what a page puts behind it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it means.
    pub fn help(&self) -> &'static str {
        self.help
    }

    /// What there is of it.
    pub fn samples(&self) -> &[(Labels, Value)] {
        &self.samples
    }

    /// What only grows. `_total` comes behind its name.
    pub(super) fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::Counter)
    }

    /// What goes up and down.
    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::Gauge)
    }

    /// How often something took how long.
    pub(super) fn histogram(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::Histogram)
    }

    /// What is known in words. `_info` comes behind its name.
    pub(super) fn info(name: &'static str, help: &'static str, labels: Labels) -> Self {
        let mut family = Self::new(name, help, MetricType::Info);
        family.samples.push((labels, Value::Info));
        family
    }

    /// The count under these labels.
    pub(super) fn count(&mut self, labels: Labels, count: u64) {
        self.samples.push((labels, Value::Counter(count)));
    }

    /// The state under these labels.
    pub(super) fn state(&mut self, labels: Labels, state: u64) {
        let state = i64::try_from(state).unwrap_or(i64::MAX);
        self.samples.push((labels, Value::Gauge(state)));
    }

    /// The time under these labels, in fractions of a second.
    pub(super) fn time(&mut self, labels: Labels, time: Duration) {
        self.samples
            .push((labels, Value::Seconds(time.as_secs_f64())));
    }

    /// The durations under these labels.
    pub(super) fn durations(&mut self, labels: Labels, histogram: &Histogram) {
        let (sum, buckets) = (histogram.sum(), histogram.buckets());
        self.samples
            .push((labels, Value::Histogram { sum, buckets }));
    }

    /// One without labels.
    pub(super) fn with_count(mut self, count: u64) -> Self {
        self.count(Labels::new(), count);
        self
    }
}

/// What a page shows. A family of which there is nothing yet is announced all the same.
#[derive(Debug)]
pub(super) struct Families(pub(super) Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0 {
            let Family {
                name, help, kind, ..
            } = family;
            let mut metric = encoder.encode_descriptor(name, help, None, *kind)?;
            for (labels, value) in &family.samples {
                match value {
                    Value::Info => metric.encode_info(labels)?,
                    _ if labels.is_empty() => encode(value, &mut metric)?,
                    _ => encode(value, &mut metric.encode_family(labels)?)?,
                }
            }
        }
        Ok(())
    }
}

fn encode(value: &Value, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    match value {
        Value::Counter(count) => metric.encode_counter::<Labels, _, f64>(count, None),
        Value::Gauge(state) => metric.encode_gauge(state),
        Value::Seconds(seconds) => metric.encode_gauge(seconds),
        Value::Histogram { sum, buckets } => {
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric.encode_histogram::<Labels>(*sum, count, buckets, None)
        }
        Value::Info => Ok(()),
    }
}
