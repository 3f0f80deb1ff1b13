//! rustls's two connections as one, and its states as steps.

use std::io;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{ClientConfig, CommonState, Error, ServerConfig};

/// Either end of a connection. Every call is given what rustls has not used up of the calls before it.
pub(super) enum Session {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// What a look at the input came to.
pub(super) enum Step {
    /// There may be more to do at once.
    On,
    /// It takes more input to go on.
    Starved,
    /// The peer has said `close_notify`.
    Ended,
}

/// What is to be sent.
#[derive(Clone, Copy)]
pub(super) enum Words<'a> {
    Data(&'a [u8]),
    CloseNotify,
}

macro_rules! of_either {
    ($session:expr, $connection:ident => $call:expr) => {
        match $session {
            Session::Client($connection) => $call,
            Session::Server($connection) => $call,
        }
    };
}

impl Session {
    pub(super) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, Error> {
        UnbufferedClientConnection::new(config, name).map(Self::Client)
    }

    pub(super) fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        UnbufferedServerConnection::new(config).map(Self::Server)
    }

    pub(super) fn common(&self) -> &CommonState {
        of_either!(self, connection => connection)
    }

    /// Takes one step through `input`. Plaintext goes to `plaintext`, what the peer is to hear of TLS itself to `outgoing`. Says how many
    /// bytes of the input are used up.
    pub(super) fn step(
        &mut self,
        input: &mut [u8],
        plaintext: &mut dyn FnMut(&[u8]),
        outgoing: &mut Vec<u8>,
    ) -> (usize, Result<Step, Error>) {
        of_either!(self, connection => step(connection.process_tls_records(input), plaintext, outgoing))
    }

    /// Appends `words`, and whatever TLS itself wants to say before them, to the first `written` bytes of `out`. `input` is what `step` has left.
    pub(super) fn say(
        &mut self,
        words: Words<'_>,
        input: &mut [u8],
        out: &mut [u8],
        written: &mut usize,
    ) -> io::Result<()> {
        let mut said = false;
        while !said {
            said = of_either!(self, connection => say(connection.process_tls_records(input), words, out, written))?;
        }
        Ok(())
    }
}

fn step<D>(
    status: UnbufferedStatus<'_, '_, D>,
    plaintext: &mut dyn FnMut(&[u8]),
    outgoing: &mut Vec<u8>,
) -> (usize, Result<Step, Error>) {
    let UnbufferedStatus { mut discard, state } = status;
    let step = match state {
        Err(error) => Err(error),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => {
            while let Some(record) = traffic.next_record() {
                match record {
                    Ok(record) => {
                        discard += record.discard;
                        plaintext(record.payload);
                    }
                    Err(error) => return (discard, Err(error)),
                }
            }
            Ok(Step::On)
        }
        Ok(ConnectionState::EncodeTlsData(mut record)) => {
            let at = outgoing.len();
            if let Err(EncodeError::InsufficientSize(size)) = record.encode(&mut []) {
                outgoing.resize(at + size.required_size, 0);
            }
            let encoded = record.encode(outgoing.get_mut(at..).unwrap_or_default());
            encoded.map(|_| Step::On).map_err(unexpected)
        }
        Ok(ConnectionState::TransmitTlsData(taken)) => {
            taken.done();
            Ok(Step::On)
        }
        Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => Ok(Step::Ended),
        Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => {
            Ok(Step::Starved)
        }
        Ok(other) => Err(unexpected(format!("{other:?}"))),
    };
    (discard, step)
}

/// Whether it has been said.
fn say<D>(
    status: UnbufferedStatus<'_, '_, D>,
    words: Words<'_>,
    out: &mut [u8],
    written: &mut usize,
) -> io::Result<bool> {
    debug_assert_eq!(status.discard, 0, "the input was used up before");
    let room = out.get_mut(*written..).unwrap_or_default();
    let (count, said) = match (status.state.map_err(io::Error::other)?, words) {
        (ConnectionState::EncodeTlsData(mut record), _) => {
            (record.encode(room).map_err(io::Error::other)?, false)
        }
        (ConnectionState::TransmitTlsData(taken), _) => {
            taken.done();
            (0, false)
        }
        (ConnectionState::WriteTraffic(mut traffic), Words::Data(bytes)) => {
            let count = traffic.encrypt(bytes, room).map_err(io::Error::other)?;
            (count, true)
        }
        (ConnectionState::WriteTraffic(mut traffic), Words::CloseNotify) => {
            let count = traffic.queue_close_notify(room);
            (count.map_err(io::Error::other)?, true)
        }
        (other, _) => return Err(io::Error::other(unexpected(format!("{other:?}")))),
    };
    *written += count;
    Ok(said)
}

/// What rustls does not do today.
fn unexpected(what: impl ToString) -> Error {
    Error::General(what.to_string())
}
