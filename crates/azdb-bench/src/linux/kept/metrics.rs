//! What the proxy's metrics say of how sessions came about.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sessions by the way in which they were opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Opened(BTreeMap<String, u64>);

impl Opened {
    pub(super) fn on(page: &str) -> Self {
        let ways = lines(page, "sessions_opened_total{");
        Self(
            ways.filter_map(|(labels, count)| Some((label(labels, "way")?, count)))
                .collect(),
        )
    }

    /// Those that were opened after `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let grown = self.0.iter().map(|(way, now)| {
            let then = before.0.get(way).copied().unwrap_or_default();
            (way.clone(), now - then)
        });
        Self(grown.filter(|(_, count)| *count > 0).collect())
    }
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> = self
            .0
            .iter()
            .map(|(way, count)| format!("{count} {way}"))
            .collect();
        match &counts[..] {
            [] => f.write_str("-"),
            counts => f.write_str(&counts.join(", ")),
        }
    }
}

/// How many sessions of a kind wait.
pub(super) fn kept(page: &str, kind: &str) -> u64 {
    let kept = lines(page, "sessions_kept{");
    let of_kind = kept.filter(|(labels, _)| label(labels, "kind").as_deref() == Some(kind));
    of_kind.map(|(_, count)| count).sum()
}

/// A page of metrics.
pub(super) async fn page(address: SocketAddr) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut page = String::new();
    socket.read_to_string(&mut page).await?;
    Ok(page)
}

/// Labels and values of a family.
fn lines<'a>(page: &'a str, family: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
    page.lines().filter_map(move |line| {
        let (_, rest) = line.split_once(family)?;
        let (labels, value) = rest.split_once("} ")?;
        Some((labels, value.parse().ok()?))
    })
}

fn label(labels: &str, name: &str) -> Option<String> {
    let mut pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
        # TYPE azdb_proxy_sessions_opened counter\n\
        azdb_proxy_sessions_opened_total{route=\"bench\",way=\"dialled\"} 4\n\
        azdb_proxy_sessions_opened_total{route=\"bench\",way=\"ready\"} 19\n\
        azdb_proxy_sessions_kept{route=\"bench\",kind=\"ready\"} 10\n\
        azdb_proxy_sessions_kept{route=\"bench\",kind=\"prepared\"} 1\n\
        # EOF\n";

    #[test]
    fn sessions_are_told_apart_by_their_way() {
        let before =
            Opened::on("azdb_proxy_sessions_opened_total{route=\"bench\",way=\"dialled\"} 4");
        assert_eq!(Opened::on(PAGE).to_string(), "4 dialled, 19 ready");
        assert_eq!(Opened::on(PAGE).since(&before).to_string(), "19 ready");
        assert_eq!(Opened::on("").to_string(), "-");
    }

    #[test]
    fn sessions_that_wait_are_told_apart_by_their_kind() {
        assert_eq!(kept(PAGE, "ready"), 10);
        assert_eq!(kept(PAGE, "reused"), 0);
    }
}
