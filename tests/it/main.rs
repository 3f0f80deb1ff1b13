//! What apps, databases and people see of `azdb-proxy`. A module per subject; test names are sentences.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod cancel;
mod commands;
mod compose;
mod demo;
mod drivers;
mod emulator;
mod endings;
mod endpoints;
mod errors;
mod first_packets;
mod half_open;
mod leaks;
mod lifecycle;
mod limits;
mod local_tls;
mod logs;
mod mysql_compression;
mod mysql_costs;
mod mysql_drivers;
mod mysql_errors;
mod mysql_gatekeeper;
mod mysql_rests;
mod mysql_sample;
mod mysql_sessions;
mod mysql_tokens;
mod passwords;
mod pgbench;
mod postgres_fdw;
mod postgres_gatekeeper;
mod postgres_refusals;
mod postgres_sample;
mod probes;
mod psql;
mod replication;
mod silence;
mod tds_apps;
mod tds_freetds;
mod tds_server;
mod tds_tiberius;
mod tokens;
mod unix_sockets;
mod upstream_tls;
mod upstream_tls_flaws;
mod upstreams;
