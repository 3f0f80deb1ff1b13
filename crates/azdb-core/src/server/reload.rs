//! Going on with another configuration.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use azdb_config::route::Route;

use super::premises::{Changes, Premises};
use super::{OpenServer, StartError};
use crate::reception::Reception;
use crate::reload::Reloads;
use crate::tls::{LocalAuthority, LocalTlsError};
use crate::wanted::{Wanted, needed, wanted};

/// How often it is looked whether the sessions of former settings have ended, whose tokens are kept for them.
const LOOK: Duration = Duration::from_secs(1);

impl OpenServer {
    /// Goes on with these routes in place of those of before. Their settings are for whoever comes from now on; sessions go on under
    /// those that they have begun with.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing has changed then.
    pub async fn reload(
        &self,
        routes: &[Arc<Route>],
        authority: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + Send + 'static,
    ) -> Result<Changes, StartError> {
        let premises = &self.premises;
        let mut beside = premises.changing.lock().await;
        let wanted_before = wanted_by(&premises.receptions.now());
        let prepared = premises.prepare(routes, authority).await?;
        let changes = premises.enter_into_force(prepared, &mut beside).await?;
        premises.tokens.retry();
        let is_new = |one: &Wanted| {
            let mut before = wanted_before.iter();
            !before.any(|before| before.is_of(&one.identity, &one.audience))
        };
        let wanted = wanted_by(&premises.receptions.now());
        premises.fetch(wanted.into_iter().filter(is_new));
        premises.let_go_of_tokens();
        Ok(changes)
    }

    /// Its reloads, for whoever sees to them.
    pub fn reloads(&self) -> &Reloads {
        &self.premises.reloads
    }
}

fn wanted_by(receptions: &[Reception]) -> Vec<Wanted> {
    wanted(receptions.iter().map(Reception::route))
}

impl Premises {
    /// Lets go of the tokens that nobody can ask for any more: at once, and again when sessions have ended that could.
    fn let_go_of_tokens(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        let looking = async move {
            while let Some(premises) = this.upgrade() {
                let before = premises.receptions.before();
                let all = [premises.receptions.now(), before.clone()].concat();
                let needed = needed(all.iter().map(Reception::route));
                let needed = needed.iter().map(|one| (&*one.identity, &one.audience));
                premises.tokens.retain(needed);
                if before.is_empty() {
                    return;
                }
                drop((premises, before, all));
                tokio::time::sleep(LOOK).await;
            }
        };
        let closing = self.ending.closing.clone();
        let task = tokio::spawn(async move {
            closing.run_until_cancelled(looking).await;
        });
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = looks.replace(task) {
            before.abort();
        }
    }
}
