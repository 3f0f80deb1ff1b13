//! Apps on drivers of Rust: the first word says which.

mod app;
mod mysql_async;
mod sqlx_mysql;
mod sqlx_postgres;
mod story;
mod tiberius;
mod tokio_postgres;

use std::process::ExitCode;

fn main() -> ExitCode {
    let driver = std::env::args().nth(1).unwrap_or_default();
    let mode = app::variable("DB_TLS");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(async {
        match driver.as_str() {
            "tokio-postgres" => story::tell(tokio_postgres::of(&mode)).await,
            "sqlx-postgres" => story::tell(sqlx_postgres::of(&mode)).await,
            "mysql_async" => story::tell(mysql_async::of(&mode)).await,
            "sqlx-mysql" => story::tell(sqlx_mysql::of(&mode)).await,
            "tiberius" => story::tell(tiberius::of(&mode)).await,
            other => panic!("no such driver: {other}"),
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
