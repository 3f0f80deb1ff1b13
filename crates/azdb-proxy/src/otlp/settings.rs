//! Where metrics are sent, as OpenTelemetry's variables say it.
//!
//! Source: "OpenTelemetry Environment Variable Specification" and "OpenTelemetry Protocol Exporter". Unlike there, nothing is sent where no
//! endpoint is named: a proxy beside every app must not look for a collector by itself.

use std::time::Duration;

use azdb_identity::Environment;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// The path of metrics below an endpoint for everything.
const PATH: &str = "v1/metrics";
/// The one way of speaking OTLP that is spoken here.
const PROTOCOL: &str = "http/protobuf";

/// Where metrics are sent, how often, and on whose behalf.
pub(super) struct Settings {
    /// May hold a key, too.
    pub(super) endpoint: Url,
    /// May hold a key.
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) interval: Duration,
    /// What the process is called, attribute by attribute.
    pub(super) resource: Vec<(String, String)>,
}

/// What is wrong with a variable.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {problem}")]
pub(super) struct Wrong {
    variable: String,
    problem: &'static str,
}

/// Without what may be a key.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Settings").field(&self.shown()).finish()
    }
}

impl Settings {
    /// Where to, without what may be a key.
    pub(super) fn shown(&self) -> String {
        self.endpoint.origin().ascii_serialization() + self.endpoint.path()
    }

    /// What the environment says; `None` where it names no endpoint, or turns the export off.
    ///
    /// # Errors
    ///
    /// [`Wrong`], which never repeats a value.
    pub(super) fn of(env: &Environment) -> Result<Option<Self>, Wrong> {
        let is_off = env
            .get("OTEL_SDK_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || env.get("OTEL_METRICS_EXPORTER") == Some("none");
        let Some(endpoint) = endpoint(env)?.filter(|_| !is_off) else {
            return Ok(None);
        };
        let (variable, protocol) = of_metrics(env, "PROTOCOL");
        if protocol.is_some_and(|protocol| protocol != PROTOCOL) {
            return wrong(variable, "only http/protobuf is spoken");
        }
        Ok(Some(Self {
            endpoint,
            headers: headers(env)?,
            timeout: of_metrics_time(env)?,
            interval: time(env, "OTEL_METRIC_EXPORT_INTERVAL", 60_000)?,
            resource: resource(env)?,
        }))
    }
}

fn wrong<T>(variable: impl Into<String>, problem: &'static str) -> Result<T, Wrong> {
    Err(Wrong {
        variable: variable.into(),
        problem,
    })
}

/// The variable for metrics, else the one for everything.
fn of_metrics<'a>(env: &'a Environment, name: &str) -> (String, Option<&'a str>) {
    let all = format!("OTEL_EXPORTER_OTLP_{name}");
    let own = format!("OTEL_EXPORTER_OTLP_METRICS_{name}");
    match (env.get(&own), env.get(&all)) {
        (Some(value), _) => (own, Some(value)),
        (None, value) => (all, value),
    }
}

fn endpoint(env: &Environment) -> Result<Option<Url>, Wrong> {
    const OWN: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    let (variable, Some(text)) = of_metrics(env, "ENDPOINT") else {
        return Ok(None);
    };
    let is_whole = variable == OWN;
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(mut url) = url else {
        return wrong(variable, "is not an http or https URL");
    };
    if !is_whole && let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(PATH.split('/'));
    }
    Ok(Some(url))
}

fn headers(env: &Environment) -> Result<HeaderMap, Wrong> {
    let (variable, text) = of_metrics(env, "HEADERS");
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(&variable, text)? {
        let name = HeaderName::try_from(name);
        let value = HeaderValue::try_from(value);
        let (Ok(name), Ok(mut value)) = (name, value) else {
            return wrong(variable, "has a pair that is no header");
        };
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// Who sends: `service.name` and whatever else the environment says.
fn resource(env: &Environment) -> Result<Vec<(String, String)>, Wrong> {
    const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let mut resource = pairs(ATTRIBUTES, env.get(ATTRIBUTES))?;
    let mut add = |name: &str, value: Option<&str>, wins: bool| {
        let Some(value) = value else { return };
        let is_there = resource.iter().any(|(known, _)| known == name);
        if wins {
            resource.retain(|(known, _)| known != name);
        }
        if wins || !is_there {
            resource.push((name.to_owned(), value.to_owned()));
        }
    };
    add("service.name", env.get("OTEL_SERVICE_NAME"), true);
    add("service.name", Some("azdb-proxy"), false);
    add("service.version", Some(env!("CARGO_PKG_VERSION")), false);
    Ok(resource)
}

/// `name=value,name=value`, percent-encoded as W3C's Baggage is.
fn pairs(variable: &str, text: Option<&str>) -> Result<Vec<(String, String)>, Wrong> {
    let mut pairs = Vec::new();
    for pair in text.unwrap_or_default().split(',') {
        if pair.trim().is_empty() {
            continue;
        }
        let Some((name, value)) = pair.split_once('=') else {
            return wrong(variable, "is not name=value,name=value");
        };
        let Ok(value) = percent_decode_str(value.trim()).decode_utf8() else {
            return wrong(variable, "has a value that is not percent-encoded UTF-8");
        };
        pairs.push((name.trim().to_owned(), value.into_owned()));
    }
    Ok(pairs)
}

fn of_metrics_time(env: &Environment) -> Result<Duration, Wrong> {
    let (variable, _) = of_metrics(env, "TIMEOUT");
    time(env, &variable, 10_000)
}

/// Milliseconds.
fn time(env: &Environment, variable: &str, usual: u64) -> Result<Duration, Wrong> {
    let millis = match env.get(variable).map(str::parse) {
        None => usual,
        Some(Ok(millis @ 1..)) => millis,
        Some(_) => return wrong(variable, "is not a number of milliseconds"),
    };
    Ok(Duration::from_millis(millis))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn of(env: &[(&str, &str)]) -> Result<Option<Settings>, Wrong> {
        let pairs = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::of(&Environment::from_iter(pairs.collect::<Vec<_>>()))
    }

    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const OWN: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";

    #[test]
    fn nothing_is_sent_where_no_endpoint_is_named_or_somebody_says_no() {
        assert!(of(&[]).unwrap().is_none());
        for (name, value) in [
            ("OTEL_SDK_DISABLED", "TRUE"),
            ("OTEL_METRICS_EXPORTER", "none"),
        ] {
            assert!(
                of(&[(ALL, "http://c:4318"), (name, value)])
                    .unwrap()
                    .is_none()
            );
        }
    }

    #[test]
    fn the_endpoint_for_metrics_is_whole_and_the_one_for_everything_is_not() {
        for (env, url) in [
            (&[(ALL, "http://c:4318")][..], "http://c:4318/v1/metrics"),
            (&[(ALL, "https://c/otlp/")], "https://c/otlp/v1/metrics"),
            (&[(OWN, "http://c/in"), (ALL, "http://d")], "http://c/in"),
        ] {
            let settings = of(env).unwrap().unwrap();
            assert_eq!((settings.endpoint.as_str(), &*settings.shown()), (url, url));
        }
        let with_key = of(&[(ALL, "https://me:key@c/otlp?key=1")])
            .unwrap()
            .unwrap();
        assert_eq!(with_key.shown(), "https://c/otlp/v1/metrics");
    }

    #[test]
    fn the_rest_has_the_defaults_of_the_specification() {
        let settings = of(&[(ALL, "http://c")]).unwrap().unwrap();
        assert_eq!(settings.timeout.as_secs(), 10);
        assert_eq!(settings.interval.as_secs(), 60);
        let settings = of(&[
            (ALL, "http://c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=1"),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "500"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
            ("OTEL_SERVICE_NAME", "orders"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,zone=1"),
        ]);
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.headers["api-key"], "a b");
        assert_eq!(settings.timeout.as_millis(), 500);
        assert_eq!(settings.interval.as_secs(), 1);
        let resource = |name: &str| {
            let mut named = settings.resource.iter().filter(|(known, _)| known == name);
            let (_, value) = named.next().unwrap();
            assert!(named.next().is_none(), "once");
            value.clone()
        };
        assert_eq!(resource("service.name"), "orders");
        assert_eq!(resource("zone"), "1");
        assert_eq!(resource("service.version"), env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn what_is_wrong_names_the_variable_and_not_the_value() {
        for (name, value) in [
            (ALL, "collector:4318"),
            (OWN, "unix:/secret"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=secret"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "secret"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ] {
            let error = of(&[(ALL, "http://c"), (name, value)])
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with(name) && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
