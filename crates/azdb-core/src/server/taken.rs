//! Who has an address that we were to have: a person must end that, or listen elsewhere.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use azdb_config::route::ListenAddr;
use azdb_quote::Quoted;

/// State of a socket that waits for connections, as `/proc/net/tcp` has it.
const LISTEN: &str = "0A";

/// A door of another route, or one that a reload would move.
const OURSELVES: &str = "this very process";

/// What a person can do about an address that cannot be opened; empty where nothing is known.
pub(super) fn advice(listen: &ListenAddr, error: &io::Error) -> String {
    match (listen, error.kind()) {
        (_, io::ErrorKind::AddrInUse) => {}
        (ListenAddr::Tcp(addr), io::ErrorKind::PermissionDenied) if cfg!(windows) => {
            return kept_from_us(*addr);
        }
        _ => return String::new(),
    }
    let addr = match listen {
        ListenAddr::Tcp(addr) => addr,
        ListenAddr::Unix(_) => return String::new(),
        ListenAddr::Pipe(_) => {
            return " (a database of this machine? switch its named pipes off, or set listen to another name; or sessions that came through it \
                     before still last)"
                .to_owned();
        }
    };
    match (holder(*addr), usual(addr.port())) {
        (Some(holder), _) if holder == OURSELVES => {
            format!(" ({holder} has it: where doors overlap a change of listen takes a restart)")
        }
        (Some(holder), _) => format!(" ({holder} has it: set listen to another port, or end that)"),
        (None, Some(usual)) => format!(" ({usual} of this machine? set listen to another port)"),
        (None, None) if cfg!(windows) => {
            let port = addr.port();
            format!(
                " (another program has it, `netstat -ano | findstr :{port}` shows its number: set listen to another port)"
            )
        }
        (None, None) => " (another program has it: set listen to another port)".to_owned(),
    }
}

/// What Windows means by "denied": ranges of ports are kept for networks of virtual machines, and others than the first may not have one
/// that a program wants for itself.
fn kept_from_us(addr: SocketAddr) -> String {
    let (port, family) = (addr.port(), if addr.is_ipv6() { "ipv6" } else { "ipv4" });
    format!(
        " (another program has it for itself, `netstat -ano | findstr :{port}` shows its number, or Windows keeps it for Hyper-V, WSL or Docker, \
         `netsh int {family} show excludedportrange protocol=tcp` shows what it keeps: set listen to another port)"
    )
}

/// What listens at a port in most cases.
fn usual(port: u16) -> Option<&'static str> {
    match port {
        5432 => Some("a PostgreSQL"),
        3306 => Some("a MySQL or MariaDB"),
        1433 => Some("an SQL Server"),
        _ => None,
    }
}

/// The process that listens there, where the kernel lets us see it: one of our own user, unless we are root.
fn holder(addr: SocketAddr) -> Option<String> {
    let mut sockets = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let table = fs::read_to_string(table).unwrap_or_default();
        let inodes = listening(&table, addr.port()).into_iter();
        sockets.extend(inodes.map(|inode| format!("socket:[{inode}]")));
    }
    if sockets.is_empty() {
        return None;
    }
    let has_one = |process: &Path| {
        let files = fs::read_dir(process.join("fd"))
            .into_iter()
            .flatten()
            .flatten();
        let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        targets.any(|target| {
            sockets
                .iter()
                .any(|socket| target.as_os_str() == socket.as_str())
        })
    };
    let processes = fs::read_dir("/proc").ok()?.flatten();
    // Those with a number: `self` and `thread-self` are there, too.
    let numbered = processes.filter_map(|entry| {
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((number, entry.path()))
    });
    let mut holders = numbered.filter(|(_, process)| has_one(process));
    let (number, process) = holders.next()?;
    if number == std::process::id() {
        return Some(OURSELVES.to_owned());
    }
    let name = fs::read(process.join("comm")).ok()?;
    Some(format!("process {number}, {},", Quoted(name.trim_ascii())))
}

/// The inodes of the sockets that listen at this port, whatever the address: two addresses of one port are at odds where one is all.
fn listening(table: &str, port: u16) -> Vec<&str> {
    let of_line = |line| -> Option<&str> {
        let fields: Vec<&str> = str::split_ascii_whitespace(line).collect();
        let [_, local, _, LISTEN, _, _, _, _, _, inode, ..] = *fields.as_slice() else {
            return None;
        };
        let (_, hex) = local.rsplit_once(':')?;
        (u16::from_str_radix(hex, 16) == Ok(port)).then_some(inode)
    };
    table.lines().filter_map(of_line).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    #[cfg(windows)]
    use crate::socket::{Families, Reserved};

    fn taken(listen: &str) -> String {
        let listen = ListenAddr::Tcp(listen.parse().unwrap());
        advice(&listen, &io::ErrorKind::AddrInUse.into())
    }

    #[test]
    fn an_address_that_is_taken_names_its_holder() {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let text = taken(&other.local_addr().unwrap().to_string());
        let own =
            " (this very process has it: where doors overlap a change of listen takes a restart)";
        match cfg!(target_os = "linux") {
            true => assert_eq!(text, own),
            false => assert!(text.contains("set listen to another port"), "{text}"),
        }
    }

    #[test]
    fn a_holder_that_is_not_seen_is_guessed_by_the_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                     0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   104        0 26015 1 0 100 0 0 10 0\n\
                     1: 0100007F:1538 0100007F:9C40 01 00000000:00000000 00:00000000 00000000   104        0 26016 1 0 100 0 0 10 0\n";
        assert_eq!(listening(table, 5432), ["26015"]);
        assert!(listening(table, 5433).is_empty());
        for (port, is) in [
            (5432, Some("a PostgreSQL")),
            (3306, Some("a MySQL or MariaDB")),
            (1433, Some("an SQL Server")),
            (8080, None),
        ] {
            assert_eq!(usual(port), is);
        }
    }

    #[test]
    fn what_is_wrong_otherwise_gets_no_advice() {
        let listen = ListenAddr::Tcp("127.0.0.1:5432".parse().unwrap());
        for other in [io::ErrorKind::AddrNotAvailable, io::ErrorKind::OutOfMemory] {
            assert_eq!(advice(&listen, &other.into()), "");
        }
        let denied = advice(&listen, &io::ErrorKind::PermissionDenied.into());
        assert_eq!(denied.is_empty(), !cfg!(windows), "{denied}");
    }

    #[test]
    fn a_port_that_windows_keeps_is_shown_by_the_command_of_its_family() {
        let text = kept_from_us("[::1]:5432".parse().unwrap());
        let commands = ["findstr :5432`", "`netsh int ipv6 show excludedportrange"];
        assert!(commands.iter().all(|one| text.contains(one)), "{text}");
    }

    /// Windows' own codes: WSAEADDRINUSE and WSAEACCES.
    #[cfg(windows)]
    #[test]
    fn a_port_that_is_taken_is_known_by_windows_codes() {
        let listen = ListenAddr::Tcp("127.0.0.1:5999".parse().unwrap());
        for (code, says) in [(10_048, "netstat -ano"), (10_013, "excludedportrange")] {
            let text = advice(&listen, &io::Error::from_raw_os_error(code));
            assert!(text.contains(says), "{code}: {text}");
        }
        // Of two of ours the second is told so by the system itself.
        let reserve = |listen: &ListenAddr| {
            let rights = azdb_config::route::DoorRights {
                mode: 0o600,
                group: None,
                pipe_users: Vec::new(),
            };
            Reserved::at(listen, &rights, Families::Own)
        };
        let any = ListenAddr::Tcp("127.0.0.1:0".parse().unwrap());
        let first = reserve(&any).unwrap();
        let listen = ListenAddr::Tcp(first.local_addr().unwrap());
        let text = advice(&listen, &reserve(&listen).err().unwrap());
        assert!(text.contains("set listen to another port"), "{text}");
    }
}
