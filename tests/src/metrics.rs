//! What `/metrics` prints, and what is written about it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::PATIENCE;

/// A page in OpenMetrics text.
#[derive(Debug)]
pub struct Metrics(String);

/// What is said of all metrics of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: String,
    /// The labels of its samples, but for `le`.
    pub labels: BTreeSet<String>,
}

impl Metrics {
    /// Scrapes a health endpoint.
    ///
    /// # Panics
    ///
    /// When it answers something else.
    #[must_use]
    #[track_caller]
    pub fn scrape(address: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(page.ends_with("# EOF\n"), "{page}");
        Self(page.to_owned())
    }

    /// Scrapes until a page has what is looked for, and returns that.
    ///
    /// # Panics
    ///
    /// When none has it in time.
    #[track_caller]
    pub fn until(address: SocketAddr, found: impl Fn(&Self) -> bool) -> Self {
        let until = Instant::now() + PATIENCE;
        loop {
            let page = Self::scrape(address);
            if found(&page) {
                return page;
            }
            assert!(Instant::now() < until, "{}", page.text());
            std::thread::yield_now();
        }
    }

    /// The sum of the samples of this name that have these labels.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let samples = self.samples().filter(|sample| sample.name == name);
        let wanted = samples.filter(|sample| {
            let has = |(name, value): &(&str, &str)| sample.labels.get(*name) == Some(value);
            labels.iter().all(has)
        });
        wanted.map(|sample| sample.value).sum()
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What there is, by the name that a query has: a counter's with `_total`, a histogram's without an ending.
    #[must_use]
    pub fn families(&self) -> BTreeMap<String, Family> {
        let mut families = BTreeMap::new();
        for line in self.0.lines() {
            if let Some((name, kind)) = line
                .strip_prefix("# TYPE ")
                .and_then(|line| line.split_once(' '))
            {
                let ending = match kind {
                    "counter" => "_total",
                    "info" => "_info",
                    _ => "",
                };
                let family = Family {
                    kind: kind.to_owned(),
                    labels: BTreeSet::new(),
                };
                families.insert(format!("{name}{ending}"), family);
            }
        }
        for sample in self.samples() {
            let name = family_of(sample.name, |name| families.contains_key(name));
            let family = families.get_mut(name).unwrap();
            let labels = sample.labels.keys().filter(|label| **label != "le");
            family.labels.extend(labels.map(ToString::to_string));
        }
        families
    }

    fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        lines.map(Sample::parse)
    }
}

/// The name of a sample without a histogram's ending.
#[must_use]
pub fn family_of(name: &str, is_family: impl Fn(&str) -> bool) -> &str {
    let endings = ["_bucket", "_sum", "_count"].iter();
    let mut bases = endings.filter_map(|ending| name.strip_suffix(ending));
    bases.find(|base| is_family(base)).unwrap_or(name)
}

struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
    value: f64,
}

impl<'a> Sample<'a> {
    /// `name{label="value",…} 1`. No value here has a comma before a quotation mark.
    fn parse(line: &'a str) -> Self {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix("\"}").unwrap()),
            None => (series, ""),
        };
        let pairs = labels.split("\",").filter(|pair| !pair.is_empty());
        Self {
            name,
            labels: pairs.filter_map(|pair| pair.split_once("=\"")).collect(),
            value: value.parse().unwrap(),
        }
    }
}
