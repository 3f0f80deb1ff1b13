//! Before a collector that writes down what it is sent.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::HashSet;

use azdb_core::{PassedSockets, Server};
use azdb_identity::Tokens;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

/// What came: the head, and the body understood by whoever made the format.
type Came = (hyper::http::request::Parts, ExportMetricsServiceRequest);

struct Collector {
    url: String,
    came: mpsc::UnboundedReceiver<Came>,
}

impl Collector {
    /// One that answers so.
    async fn answering(status: StatusCode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, came) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let tell = tell.clone();
                let answer = service_fn(move |request: Request<Incoming>| {
                    let tell = tell.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let message = ExportMetricsServiceRequest::decode(body).unwrap();
                        let _ = tell.send((head, message));
                        let answer = Response::builder().status(status);
                        answer.body(Empty::<Bytes>::new())
                    }
                });
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), answer);
                tokio::spawn(serving);
            }
        });
        Self { url, came }
    }

    fn environment(&self, interval: &str) -> Environment {
        Environment::from_iter([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.as_str()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=key"),
            ("OTEL_METRIC_EXPORT_INTERVAL", interval),
            ("OTEL_SERVICE_NAME", "orders"),
        ])
    }
}

/// A proxy with one route, to which nobody has come.
async fn server() -> OpenServer {
    let overrides = azdb_config::Overrides {
        urls: vec![
            "postgres://u@orders.postgres.database.azure.com?listen=127.0.0.1:0&local_tls=off"
                .into(),
        ],
        ..azdb_config::Overrides::default()
    };
    let env = Environment::default();
    let config = azdb_config::load_without_search(&overrides, &env).unwrap();
    let tokens = Tokens::new(env, azdb_core::platform_client());
    let nobody_asks = || unreachable!("without TLS for apps");
    let server = Server::bind(
        &config.routes,
        tokens,
        nobody_asks,
        PassedSockets::default(),
        azdb_core::Workers::default(),
    )
    .unwrap();
    server.open().await.unwrap()
}

#[tokio::test]
async fn a_collector_is_sent_what_the_page_shows_with_key_and_name() {
    let mut collector = Collector::answering(StatusCode::OK).await;
    let server = server().await;
    let exporting = begin(&collector.environment("20"), &server).unwrap();
    let (head, message) = collector.came.recv().await.unwrap();
    assert_eq!(head.uri.path(), "/v1/metrics");
    assert_eq!(head.headers["api-key"], "key");
    assert_eq!(head.headers["content-type"], "application/x-protobuf");

    let [all] = &message.resource_metrics[..] else {
        unreachable!("one process")
    };
    let resource = all.resource.as_ref().unwrap();
    let named = |name: &str| {
        let attribute = resource.attributes.iter().find(|one| one.key == name);
        attribute.unwrap().value.clone().unwrap().value.unwrap()
    };
    assert_eq!(named("service.name"), Value::StringValue("orders".into()));
    let [scope] = &all.scope_metrics[..] else {
        unreachable!("one program")
    };
    let sent: HashSet<&str> = scope.metrics.iter().map(|metric| &*metric.name).collect();
    let families = server.readings().families();
    let shown = families
        .iter()
        .filter(|family| !family.samples().is_empty());
    for family in shown {
        let name = format!("azdb_proxy_{}", family.name());
        let is_sent = sent.contains(&*name) || sent.contains(&*format!("{name}_info"));
        assert!(is_sent, "{name}");
    }
    let of = |name: &str| {
        let mut metrics = scope.metrics.iter();
        metrics.find(|metric| metric.name == name).unwrap()
    };
    let phases = of("azdb_proxy_login_phase_duration_seconds");
    assert_eq!(phases.unit, "s");
    let Some(Data::Histogram(histogram)) = &phases.data else {
        unreachable!("a histogram")
    };
    for point in &histogram.data_points {
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    }
    let Some(Data::Sum(sessions)) = &of("azdb_proxy_sessions").data else {
        unreachable!("a count")
    };
    assert!(sessions.is_monotonic);
    end(exporting).await;
}

#[tokio::test]
async fn the_last_ones_are_sent_at_the_end() {
    let mut collector = Collector::answering(StatusCode::OK).await;
    let server = server().await;
    let exporting = begin(&collector.environment("3600000"), &server).unwrap();
    end(exporting).await;
    assert!(collector.came.try_recv().is_ok());
}

#[tokio::test]
async fn a_collector_that_refuses_is_asked_again() {
    let mut collector = Collector::answering(StatusCode::UNAUTHORIZED).await;
    let exporting = begin(&collector.environment("20"), &server().await).unwrap();
    for _ in 0..3 {
        collector.came.recv().await.unwrap();
    }
    end(exporting).await;
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_is_named() {
    let none = begin(&Environment::default(), &server().await).unwrap();
    assert!(none.is_none());
}
