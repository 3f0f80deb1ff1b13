//! SQL Server Browser for loopback: where `localhost\INSTANCE` listens (MC-SQLR).
//!
//! Apps that name an instance and no port ask UDP 1434 for it, with the first byte 4 and the name; 2 and 3 ask for all of them.
//!
//! # Invariants
//!
//! * Only loopback is listened on: an answer is longer than its question, and goes to wherever that claims to come from.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use azdb_quote::Chain;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use azdb_config::route::{ListenAddr, Route};

const PORT: u16 = 1434;

/// After an error, which may be there for good: a socket whose network has gone says so at once, each time.
const PAUSE: Duration = Duration::from_millis(100);

/// "Which instances are there?", by broadcast and directly.
const ALL: [u8; 2] = [0x02, 0x03];
/// "Where is this one?"
const ONE: u8 = 0x04;
const ANSWER: u8 = 0x05;

/// What is told of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Instance {
    /// The route's name.
    name: String,
    /// Where it listens on loopback.
    port: Option<u16>,
    /// Its pipe.
    pipe: Option<String>,
}

/// The one of this process: there while routes want it.
#[derive(Default)]
pub(crate) struct Browser(Option<Open>);

/// One that answers, until this is dropped.
struct Open {
    instances: watch::Sender<Vec<Instance>>,
    serving: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Browser {
    /// Answers for the routes that want it.
    pub(crate) async fn open_for(&mut self, addresses: &[(Arc<Route>, ListenAddr)]) {
        let instances = wanting(addresses);
        if instances.is_empty() {
            self.0 = None;
            return;
        }
        if let Some(open) = &self.0 {
            open.instances.send_replace(instances);
            return;
        }
        let instances = watch::Sender::new(instances);
        match Window::open(instances.subscribe()).await {
            Ok(window) => {
                tracing::info!("answering for SQL Server Browser on UDP port {PORT}");
                let serving = tokio::spawn(window.serve());
                self.0 = Some(Open { instances, serving });
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "no SQL Server Browser, see sql_browser");
            }
        }
    }
}

fn wanting(addresses: &[(Arc<Route>, ListenAddr)]) -> Vec<Instance> {
    let mut instances: Vec<Instance> = Vec::new();
    for (route, listen) in addresses.iter().filter(|(route, _)| route.tds.sql_browser) {
        let (port, pipe) = match listen {
            ListenAddr::Tcp(addr) => (Some(addr.port()), None),
            ListenAddr::Pipe(name) => (None, Some(name.to_string())),
            ListenAddr::Unix(_) => continue,
        };
        let name = &route.name;
        match instances.iter_mut().find(|known| known.name == *name) {
            Some(known) => {
                known.port = known.port.or(port);
                known.pipe = known.pipe.take().or(pipe);
            }
            None => {
                let name = name.clone();
                instances.push(Instance { name, port, pipe });
            }
        }
    }
    instances
}

/// Where questions come in.
#[derive(Debug)]
struct Window {
    /// Over IPv6 and over IPv4, where there is such a thing.
    sockets: [Option<UdpSocket>; 2],
    instances: watch::Receiver<Vec<Instance>>,
}

impl Window {
    /// Opens the port on both loopback addresses; one of them is enough.
    ///
    /// # Errors
    ///
    /// What the kernel says of the second when it refuses both: that the port is taken, for example.
    async fn open(instances: watch::Receiver<Vec<Instance>>) -> io::Result<Self> {
        let v6 = UdpSocket::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, PORT))).await;
        let v4 = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))).await;
        let sockets = match (v6, v4) {
            (Err(_), Err(error)) => return Err(error),
            (v6, v4) => [v6.ok(), v4.ok()],
        };
        Ok(Self { sockets, instances })
    }

    /// Answers for ever.
    async fn serve(self) {
        let Self { sockets, instances } = self;
        let [v6, v4] = sockets;
        tokio::join!(
            answer_at(v6.as_ref(), &instances),
            answer_at(v4.as_ref(), &instances)
        );
    }
}

async fn answer_at(socket: Option<&UdpSocket>, instances: &watch::Receiver<Vec<Instance>>) {
    let Some(socket) = socket else {
        return;
    };
    let mut request = [0; 64];
    loop {
        // A datagram that cannot be read or answered was somebody's who will ask again.
        let Ok((length, from)) = socket.recv_from(&mut request).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let request = request.get(..length).unwrap_or_default();
        let answer = answer(request, &instances.borrow());
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// The answer to a datagram, if there is one.
fn answer(request: &[u8], instances: &[Instance]) -> Option<Vec<u8>> {
    let text: String = match request {
        [first] | [first, 0] if ALL.contains(first) => instances.iter().map(described).collect(),
        [ONE, name @ ..] => {
            let end = name.iter().position(|byte| *byte == 0);
            let name = name.get(..end.unwrap_or(name.len()))?;
            let called = |instance: &&Instance| instance.name.as_bytes().eq_ignore_ascii_case(name);
            match (instances.iter().find(called), instances) {
                (Some(instance), _) => described(instance),
                // Connection strings say SQLEXPRESS, or whatever the old server was called.
                (None, [only]) => Instance {
                    name: String::from_utf8(name.to_vec()).ok()?,
                    ..only.clone()
                }
                .described_if_plain()?,
                _ => return None,
            }
        }
        _ => return None,
    };
    let length = u16::try_from(text.len()).ok()?;
    Some([&[ANSWER], &length.to_le_bytes()[..], text.as_bytes()].concat())
}

impl Instance {
    /// `None` when the name would break the list apart.
    fn described_if_plain(&self) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-$#".contains(&byte);
        (!self.name.is_empty() && self.name.bytes().all(plain)).then(|| described(self))
    }
}

/// What it has, and where. Its pipe is named as programs of this machine open it: to `\\\\localhost\\pipe` they would come by the network.
fn described(Instance { name, port, pipe }: &Instance) -> String {
    let pipe = pipe.as_ref().map(|pipe| format!("np;{pipe};"));
    let port = port.map(|port| format!("tcp;{port};"));
    let places = [pipe, port].into_iter().flatten().collect::<String>();
    format!("ServerName;localhost;InstanceName;{name};IsClustered;No;Version;12.0.2000.8;{places};")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn instances(names: &[&str]) -> Vec<Instance> {
        let ports = 1433..;
        names
            .iter()
            .zip(ports)
            .map(|(name, port)| Instance {
                name: (*name).to_owned(),
                port: Some(port),
                pipe: None,
            })
            .collect()
    }

    fn told(request: &[u8], names: &[&str]) -> Option<String> {
        let bytes = answer(request, &instances(names))?;
        let (head, text) = bytes.split_first_chunk::<3>().unwrap();
        let [first, low, high] = *head;
        assert_eq!(first, 5);
        assert_eq!(usize::from(u16::from_le_bytes([low, high])), text.len());
        Some(String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn an_instance_is_found_by_its_routes_name() {
        let two = ["orders", "stock"];
        assert_eq!(
            told(b"\x04STOCK\0", &two).unwrap(),
            "ServerName;localhost;InstanceName;stock;IsClustered;No;Version;12.0.2000.8;tcp;1434;;"
        );
        assert_eq!(told(b"\x04other\0", &two), None);
    }

    #[test]
    fn a_single_route_answers_to_every_name() {
        let text = told(b"\x04SQLEXPRESS\0", &["orders"]).unwrap();
        assert!(text.contains("InstanceName;SQLEXPRESS;"), "{text}");
        assert!(text.contains("tcp;1433;"), "{text}");
        assert_eq!(told(b"\x04a;tcp;80\0", &["orders"]), None);
        assert_eq!(told(b"\x04", &["orders"]), None);
    }

    #[test]
    fn an_instance_with_a_pipe_is_named_by_it_too() {
        let at = |listen: ListenAddr| {
            let mut route = crate::rig::route(azdb_config::route::ProtocolName::Tds);
            route.tds.sql_browser = true;
            (Arc::new(route), listen)
        };
        let tcp = || at(ListenAddr::Tcp(([127, 0, 0, 1], 1433).into()));
        let pipe = || {
            let name = azdb_config::route::PipeName::parse(r"sql\query").unwrap();
            at(ListenAddr::Pipe(name))
        };
        for (addresses, places) in [
            (vec![pipe(), tcp()], r"np;\\.\pipe\sql\query;tcp;1433;;"),
            (vec![tcp(), pipe()], r"np;\\.\pipe\sql\query;tcp;1433;;"),
            (vec![pipe()], r"np;\\.\pipe\sql\query;;"),
        ] {
            let wanting = wanting(&addresses);
            assert_eq!(wanting.len(), 1, "{wanting:?}");
            let text = described(wanting.first().unwrap());
            assert!(text.ends_with(&format!(";{places}")), "{text}");
        }
    }

    #[test]
    fn all_instances_are_listed_for_who_asks_for_all() {
        for request in [&b"\x02"[..], b"\x03"] {
            let text = told(request, &["orders", "stock"]).unwrap();
            assert_eq!(text.matches("ServerName;").count(), 2);
        }
    }

    #[test]
    fn anything_else_is_not_answered() {
        for request in [&b""[..], b"\x0f\x01x\0", b"\x05", b"GET / HTTP/1.1"] {
            assert_eq!(answer(request, &instances(&["orders"])), None);
        }
    }

    #[tokio::test]
    async fn a_question_over_udp_is_answered() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let known = watch::Sender::new(instances(&["orders"]));
        let window = Window {
            sockets: [None, Some(socket)],
            instances: known.subscribe(),
        };
        let serving = tokio::spawn(window.serve());
        let asking = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        asking.send_to(b"\x04orders\0", at).await.unwrap();
        let mut answer = [0; 200];
        let (length, _) = asking.recv_from(&mut answer).await.unwrap();
        assert!(answer.get(..length).unwrap().ends_with(b"tcp;1433;;"));
        known.send_replace(instances(&["stock", "orders"]));
        asking.send_to(b"\x04orders\0", at).await.unwrap();
        let (length, _) = asking.recv_from(&mut answer).await.unwrap();
        assert!(answer.get(..length).unwrap().ends_with(b"tcp;1434;;"));
        serving.abort();
    }
}
