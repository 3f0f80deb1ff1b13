//! The sign-ins of a person at this machine: `az`, `azd`, Azure PowerShell.
//!
//! Written here, although azure_identity has the first two: it runs them through a shell, so that a time-out kills the
//! shell and leaves the tool running, and it has no limit for time or output. Here the tool is started directly, with
//! 30 seconds and 256 KiB.
//!
//! Such a token is a *user's*: the database user must be that person's, not the managed identity's.

use zeroize::Zeroizing;

use super::program::Program;
use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, Shape, Wanted, read};
use crate::clock::Clock;
use crate::fault::{ProgramFault, SourceFault};
use crate::{Audience, Environment, SourceKind, TokenError};

/// PowerShell 7; and the one that every Windows has, where modules may be installed, too.
const PWSH: &str = "pwsh";
const WINDOWS_POWERSHELL: &str = "powershell";

pub(super) struct Developer {
    kind: SourceKind,
    tenant: Option<String>,
    environment: Environment,
    clock: Clock,
}

impl Developer {
    pub(super) fn new(plan: &Plan, surroundings: &Surroundings) -> Self {
        Self {
            kind: plan.kind,
            tenant: plan.tenant.clone(),
            environment: surroundings.environment.clone(),
            clock: surroundings.clock.clone(),
        }
    }

    /// The program and its arguments.
    fn arguments(&self, audience: &Audience) -> Result<Vec<String>, SourceFault> {
        let tenant = self.tenant.as_deref();
        // Both end up in arguments of programs, one of them a script.
        let is_plain = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
        };
        if !audience.is_plain() || !tenant.is_none_or(is_plain) {
            return Err(SourceFault::Setup {
                cause: "the audience or the tenant has characters that are not passed to programs"
                    .to_owned(),
                remedy: "check `audience` and `tenant_id`",
            });
        }
        let (scope, resource) = (audience.scope(), audience.as_str());
        let mut arguments: Vec<String> = Vec::new();
        let mut add =
            |more: &[&str]| arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        match self.kind {
            SourceKind::AzureCli => {
                add(&[
                    "az",
                    "account",
                    "get-access-token",
                    "--output",
                    "json",
                    "--resource",
                    resource,
                ]);
                tenant.inspect(|tenant| add(&["--tenant", tenant]));
            }
            SourceKind::AzureDeveloperCli => {
                add(&[
                    "azd",
                    "auth",
                    "token",
                    "--output",
                    "json",
                    "--no-prompt",
                    "--scope",
                    &scope,
                ]);
                tenant.inspect(|tenant| add(&["--tenant-id", tenant]));
            }
            _ => {
                let script = script(resource, tenant);
                add(&[PWSH, "-NoProfile", "-NonInteractive", "-Command", &script]);
            }
        }
        Ok(arguments)
    }

    /// What the tool prints.
    async fn run(&self, audience: &Audience) -> Result<Zeroizing<Vec<u8>>, SourceFault> {
        let complain = match self.kind {
            SourceKind::AzureDeveloperCli => azd_complaint,
            _ => error_line,
        };
        let mut arguments = self.arguments(audience)?;
        let run = async |arguments: &[String]| {
            let program = Program::new(arguments.to_vec(), &self.environment);
            program.complaining(complain).run().await
        };
        let printed = run(&arguments).await;
        match (&printed, arguments.first_mut()) {
            (Err(SourceFault::Program(ProgramFault::NotFound { .. })), Some(program))
                if cfg!(windows) && program == PWSH =>
            {
                WINDOWS_POWERSHELL.clone_into(program);
                // Where neither is, the one to install is named.
                match run(&arguments).await {
                    Err(SourceFault::Program(ProgramFault::NotFound { .. })) => printed,
                    answer => answer,
                }
            }
            _ => printed,
        }
    }

    async fn ask(&self, audience: &Audience) -> Result<Grant, SourceFault> {
        let printed = self.run(audience).await?;
        read(
            &printed,
            Shape::Printed,
            Wanted::anybodys(audience),
            &self.clock,
        )
    }
}

/// Newer versions of the module give the token as a SecureString, older ones as text. Windows PowerShell can show one only so.
fn script(resource: &str, tenant: Option<&str>) -> String {
    let tenant = tenant
        .map(|tenant| format!(" -TenantId '{tenant}'"))
        .unwrap_or_default();
    format!(
        "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; $WarningPreference = 'SilentlyContinue'; \
         Import-Module Az.Accounts -MinimumVersion 2.2.0; \
         $t = Get-AzAccessToken -ResourceUrl '{resource}'{tenant}; \
         $s = $t.Token; if ($s -is [securestring]) {{ $s = [System.Net.NetworkCredential]::new('', $s).Password }}; \
         @{{ access_token = $s; expires_on = $t.ExpiresOn.ToUnixTimeSeconds() }} | ConvertTo-Json -Compress"
    )
}

/// The line of az or PowerShell that says what is wrong: warnings may come before it.
fn error_line(complaints: &str) -> &str {
    let wrong = |line: &&str| line.trim_start().to_ascii_lowercase().starts_with("error");
    complaints.lines().find(wrong).unwrap_or(complaints)
}

/// azd writes its complaints as JSON, one object a line, each with a message that may begin with line breaks.
fn azd_complaint(complaints: &str) -> &str {
    const FIELD: &str = "\"message\":\"";
    let message = complaints.split_once(FIELD).map(|(_, rest)| rest);
    match message.and_then(|rest| rest.split(['"', '\\']).find(|part| part.len() > 1)) {
        Some(message) => message,
        None => error_line(complaints),
    }
}

#[async_trait::async_trait]
impl TokenSource for Developer {
    fn kind(&self) -> SourceKind {
        self.kind
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let granted = self.ask(audience).await;
        granted.map_err(|fault| TokenError::new(self.kind, fault))
    }
}
