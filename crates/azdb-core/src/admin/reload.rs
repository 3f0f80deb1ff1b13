//! `POST /reload`: asks for the configuration to be read again, and says what became of that.

use hyper::StatusCode;
use tokio_util::sync::CancellationToken;

use super::{Answer, text};
use crate::reload::{RefusedBy, ReloadOutcome, Reloads};

/// One line for each problem or warning.
pub(super) async fn answer(reloads: &Reloads, opened: &CancellationToken) -> Answer {
    let Some(outcome) = reloads.ask().await else {
        if !opened.is_cancelled() {
            let why = "this process is still starting (see /startup): it will read its configuration again when its doors are open\n";
            return text(StatusCode::SERVICE_UNAVAILABLE, why);
        }
        let why = "this process has no configuration that could be read again\n";
        return text(StatusCode::NOT_IMPLEMENTED, why);
    };
    let lines = |lines: &[String]| {
        lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    match outcome {
        ReloadOutcome::Applied { warnings } => {
            let warnings = warnings.iter().map(|warning| format!("warning: {warning}"));
            let warnings: Vec<_> = warnings.collect();
            text(StatusCode::OK, format!("{}reloaded\n", lines(&warnings)))
        }
        ReloadOutcome::Refused { by, problems } => {
            let status = match by {
                RefusedBy::Configuration => StatusCode::UNPROCESSABLE_ENTITY,
                RefusedBy::System => StatusCode::CONFLICT,
            };
            text(status, lines(&problems))
        }
    }
}
