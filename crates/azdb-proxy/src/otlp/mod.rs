//! Metrics for a collector that waits for them: OpenTelemetry's protocol over HTTP, set by its own variables.
//!
//! ```text
//!   OTEL_* --> Settings      every interval: Readings --> message --> POST, and once more at the end
//! ```
//!
//! # Invariants
//!
//! * Nothing is sent to whom no variable names.
//! * A collector that does not answer costs nobody anything, and is one line in the log until it answers again.
//! * No header's value is printed.

mod message;
mod settings;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use azdb_core::OpenServer;
use azdb_core::metrics::Readings;
use azdb_identity::{Clock, Environment};
use azdb_quote::{Chain, Spelled};
use prost::Message as _;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use message::Span;
use settings::Settings;

/// How long the last ones may take: whoever ends us does not wait for a collector.
pub(crate) const LAST: Duration = Duration::from_millis(500);

/// Metrics that are being sent.
pub(crate) struct Exporting {
    end: CancellationToken,
    task: JoinHandle<()>,
}

/// Begins to send the metrics of `server` where the environment says; nothing where it says nothing.
///
/// # Errors
///
/// What is wrong with a variable, or with the certificates of this machine.
pub(crate) fn begin(env: &Environment, server: &OpenServer) -> anyhow::Result<Option<Exporting>> {
    let exporter = Exporter::of(env, server.readings())?;
    Ok(exporter.map(|exporter| {
        let end = CancellationToken::new();
        let task = tokio::spawn(exporter.run_until(end.clone().cancelled_owned()));
        Exporting { end, task }
    }))
}

/// Sends once more, and waits for that, but not for long.
pub(crate) async fn end(exporting: Option<Exporting>) {
    if let Some(Exporting { end, task }) = exporting {
        end.cancel();
        let _ = tokio::time::timeout(LAST, task).await;
    }
}

/// Sends metrics.
struct Exporter {
    settings: Settings,
    readings: Readings,
    client: reqwest::Client,
    started: SystemTime,
    /// The collector did not take the last ones.
    failing: bool,
}

impl Exporter {
    /// What sends `readings` where the environment says.
    fn of(env: &Environment, readings: Readings) -> anyhow::Result<Option<Self>> {
        let Some(settings) = Settings::of(env)? else {
            return Ok(None);
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(Arc::unwrap_or_clone(azdb_core::platform_client()))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(settings.timeout)
            .build()?;
        tracing::info!(
            endpoint = settings.shown(), interval = %Spelled(settings.interval), "metrics are sent by OTLP"
        );
        Ok(Some(Self {
            settings,
            readings,
            client,
            started: Clock::system().now(),
            failing: false,
        }))
    }

    /// Sends at every interval until `end`, and then once more.
    async fn run_until(mut self, end: impl Future<Output = ()>) {
        let mut interval = tokio::time::interval(self.settings.interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.tick().await;
        tokio::pin!(end);
        loop {
            tokio::select! {
                _ = interval.tick() => self.send().await,
                () = &mut end => break,
            }
        }
        self.send().await;
    }

    async fn send(&mut self) {
        let families = self.readings.families();
        let span = Span::between(self.started, Clock::system().now());
        let message = message::request(&families, &self.settings.resource, span);
        let sending = self
            .client
            .post(self.settings.endpoint.clone())
            .headers(self.settings.headers.clone())
            .header("content-type", "application/x-protobuf")
            .body(message.encode_to_vec())
            .send();
        let sent = sending.await.and_then(reqwest::Response::error_for_status);
        match sent {
            Ok(_) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the collector takes metrics again");
                }
            }
            Err(error) if self.failing => {
                tracing::debug!(error = %Chain(&error.without_url()), "metrics were not sent");
            }
            Err(error) => {
                self.failing = true;
                tracing::warn!(
                    error = %Chain(&error.without_url()), endpoint = self.settings.shown(),
                    remedy = "check OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS, and that the collector takes http/protobuf",
                    "metrics were not sent"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
