//! TLS with the database, before the first word of a login.

use std::io;

use azdb_wire::postgres::SSL_REQUEST;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Postgres, PostgresFault};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::lobby::Lobby;
use crate::phases::Phase;
use crate::tls::UpstreamTlsConfig;
use crate::way::{Alpn, Dial, Dialled, Opening, Stream, Upstream, seal};

/// TLS, where there is any.
pub(super) struct Securing<'a> {
    tls: Option<&'a UpstreamTlsConfig>,
    form: TlsForm,
}

impl<'a> Securing<'a> {
    pub(super) fn of<D: Dial>(lobby: &'a Lobby<Postgres, D>) -> Self {
        Self {
            tls: lobby.upstream_tls.as_deref(),
            form: TlsForm::of(lobby.route.tls_first),
        }
    }
}

impl<S: Stream> Opening<S> for Securing<'_> {
    type Way = Upstream<S>;
    type Fault = PostgresFault;

    async fn open(
        &self,
        stream: S,
        dialled: &Dialled,
        deadline: &Deadline,
    ) -> Result<Upstream<S>, Fault<PostgresFault>> {
        secure(
            stream,
            self.tls,
            &dialled.upstream.host,
            self.form,
            deadline,
        )
        .await
    }
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsForm {
    /// After SSLRequest and the server's `S`.
    Request,
    /// With the first byte.
    Direct,
}

impl TlsForm {
    /// As `upstream_tls_first` has it.
    pub(super) fn of(first: bool) -> Self {
        if first { Self::Direct } else { Self::Request }
    }
}

/// Makes a way upstream that a login may begin on.
pub(super) async fn secure<S: Stream>(
    mut stream: S,
    tls: Option<&UpstreamTlsConfig>,
    host: &str,
    form: TlsForm,
    deadline: &Deadline,
) -> Result<Upstream<S>, Fault<PostgresFault>> {
    let Some(tls) = tls else {
        return Ok(Upstream::in_the_clear(stream));
    };
    let alpn = match form {
        TlsForm::Direct => Alpn::Required,
        TlsForm::Request => {
            let asking = request_tls(&mut stream, host);
            let doing = "waiting for its answer to the request for TLS";
            deadline.run(Phase::Tls, doing, asking).await?;
            Alpn::Optional
        }
    };
    Ok(seal(stream, tls, host, alpn, deadline).await?)
}

async fn request_tls<S: Stream>(stream: &mut S, host: &str) -> Result<(), Fault<PostgresFault>> {
    let lost = Cause::lost("asking for TLS");
    let host = host.to_owned();
    stream.write_all(&SSL_REQUEST).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut answer = [0; 512];
    let count = stream.read(&mut answer).await.map_err(lost)?;
    match answer.get(..count).unwrap_or_default() {
        [b'S'] => Ok(()),
        // CVE-2021-23222: nothing vouches for bytes from before TLS.
        [b'S', stuffed @ ..] => {
            let count = stuffed.len();
            Err(Cause::StuffedBytes { host, count }.into())
        }
        [b'N', ..] => Err(Cause::NoTls { host }.into()),
        [] => Err(lost(io::ErrorKind::UnexpectedEof.into()).into()),
        other => {
            let answer = other.to_vec();
            Err(PostgresFault::TlsAnswer { host, answer }.into())
        }
    }
}
