//! How a process is, in one line, for whoever manages it.

use std::fmt::Write as _;
use std::sync::Arc;

use super::premises::Premises;
use super::{OpenServer, Server};
use crate::wanted::{Supply, wanted};

/// Looks at a server for as long as there is one.
#[derive(Clone)]
pub struct Glance(Arc<Premises>);

impl Server {
    /// To look at it from elsewhere.
    pub fn glance(&self) -> Glance {
        Glance(Arc::clone(&self.premises))
    }
}

impl OpenServer {
    /// To look at it from elsewhere.
    pub fn glance(&self) -> Glance {
        Glance(Arc::clone(&self.premises))
    }
}

impl Glance {
    /// Comes when every thread that serves sessions has taken in something new, and this one as well.
    pub async fn turns(&self) {
        // A task that begins and ends says more than one that goes on.
        let _ = tokio::spawn(async {}).await;
        self.0.ending.workers.turn().await;
    }

    /// How it is: without anything that an identity endpoint has said.
    pub fn line(&self) -> String {
        let Premises {
            ending,
            opened,
            receptions,
            ..
        } = &*self.0;
        let (sessions, routes) = (ending.sessions(), receptions.now());
        let mut line = match () {
            () if ending.closing.is_cancelled() => format!("draining, {sessions} sessions left"),
            () if ending.stopping.is_cancelled() => format!("ending, {sessions} sessions"),
            () if opened.is_cancelled() => format!("{sessions} sessions, {} routes", routes.len()),
            () => "starting".to_owned(),
        };
        for one in wanted(routes.iter().map(|reception| reception.route())) {
            let _ = match one.supply(&self.0.tokens) {
                Supply::Good => Ok(()),
                Supply::Awaited(None) => write!(line, "; {one}: waiting for a token"),
                Supply::Aging(remedy) => write!(line, "; {one}: no newer token: {remedy}"),
                Supply::Awaited(Some(remedy)) | Supply::Hopeless(remedy) => {
                    write!(line, "; {one}: no token: {remedy}")
                }
            };
        }
        line
    }
}
