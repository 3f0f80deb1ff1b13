//! `azdb-proxy`, the program: arguments, signals, log lines and exit codes around `azdb-core`.

mod args;
mod ask;
mod ca;
#[cfg(feature = "doctor")]
mod database;
#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "doctor")]
mod doctor;
mod end;
mod exec;
mod exit;
mod grant;
mod logging;
mod manual;
mod neighbours;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod reload;
mod run;
#[cfg(windows)]
mod service;
mod signals;
mod supervisor;
mod system;

use azdb_config::Config;
use azdb_identity::Environment;

use args::{Args, CheckArgs, Command};
use exit::Exit;
use output::{say, tell};

fn main() -> std::process::ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => return exit::of_clap(&error).into(),
    };
    dispatch(args).into()
}

fn dispatch(args: Args) -> Exit {
    let env = Environment::of_process();
    match args.command.unwrap_or(Command::Run(args.run)) {
        Command::Run(args) => {
            let overrides = args.into();
            with_config(&overrides, &env, |config| {
                run::run(config, overrides.clone(), env.clone())
            })
        }
        Command::Check(args) => check(args, &env),
        #[cfg(feature = "doctor")]
        Command::Doctor(args) => doctor::doctor(args, &env),
        Command::Exec(args) => exec::exec(args, &env),
        Command::ImportEnv => import_env(&env),
        Command::Grant(args) => grant::grant(args, &env),
        Command::Ca(args) => ca::ca(args, &env),
        Command::Wait { max, ask } => ask::wait(ask, max, &env),
        Command::Healthcheck(ask) => ask::healthcheck(ask, &env),
        Command::Status(ask) => ask::status(ask, &env),
        Command::Shutdown(ask) => ask::shutdown(ask, &env),
        Command::Reload(ask) => ask::reload(ask, &env),
        #[cfg(windows)]
        Command::Service { command } => service::service(command, env),
        #[cfg(feature = "demo")]
        Command::Demo { sample, share } => demo::demo(sample, share.as_deref()),
        Command::Schema => {
            say(azdb_config::schema().trim_end());
            Exit::Success
        }
        Command::Version => {
            say(&format!("azdb-proxy {}", args::VERSION));
            Exit::Success
        }
        Command::Completions { shell } => {
            say(manual::completions(shell).trim_end());
            Exit::Success
        }
        Command::Man { command } => man(command.as_deref()),
    }
}

/// Prints what a configuration means, and examines it where that is asked for.
fn check(args: CheckArgs, env: &Environment) -> Exit {
    #[cfg(feature = "doctor")]
    let connect = args.connect;
    with_config(&args.run.into(), env, |config| {
        config
            .warnings
            .iter()
            .for_each(|warning| tell(&format!("warning: {warning}")));
        say(&azdb_config::summary(&config));
        #[cfg(feature = "doctor")]
        if connect {
            return doctor::examine(config, &doctor::Wishes::default(), env);
        }
        Exit::Success
    })
}

fn import_env(env: &Environment) -> Exit {
    let imported = azdb_config::import(env);
    for warning in &imported.warnings {
        tell(&format!("warning: {warning}"));
    }
    if imported.routes == 0 {
        tell(
            "azdb-proxy: no variable of Azure Service Connector, such as AZURE_POSTGRESQL_HOST, to make a route of",
        );
        return Exit::BadConfiguration;
    }
    say(imported.document.trim_end());
    Exit::Success
}

fn man(command: Option<&str>) -> Exit {
    match manual::page(command) {
        Ok(page) => {
            say(page.trim_end());
            Exit::Success
        }
        Err(error) => {
            tell(&format!("azdb-proxy: {error}"));
            Exit::Usage
        }
    }
}

fn with_config(
    overrides: &azdb_config::Overrides,
    env: &Environment,
    act: impl FnOnce(Config) -> Exit,
) -> Exit {
    match azdb_config::load(overrides, env) {
        Ok(config) => act(config),
        Err(problems) => {
            tell(&problems.to_string());
            Exit::BadConfiguration
        }
    }
}
