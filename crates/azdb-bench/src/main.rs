//! `azdb-bench`: the proxy beside its peers, measured in one run.
//!
//! ```text
//!   app  -- plaintext -->  peer  -- TLS 1.3 -->  upstream
//!   (this process)         (its own process)     (this process)
//! ```
//!
//! App and upstream are this program's own, so that every peer carries exactly the same bytes: HAProxy can't speak
//! PostgreSQL's SSLRequest, and a real PostgreSQL before version 17 takes nothing else. The upstream takes both forms. What
//! counts is what the kernel says of the peer's own processes; the clock on the wall is printed with its spread.
//!
//! # Invariants
//!
//! * No traffic leaves the loopback interface.
//! * No process that was started outlives the run, however it ends.
//! * No figure of one peer is taken while another one works.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    use std::io::Write as _;
    let _ = writeln!(
        std::io::stderr(),
        "azdb-bench reads Linux's /proc and runs nowhere else"
    );
    std::process::ExitCode::FAILURE
}
