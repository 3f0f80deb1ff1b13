//! An upstream that does what the test says, and remembers every byte that it was sent.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::PATIENCE;

#[derive(Default)]
struct Memory {
    heard: Mutex<Vec<Vec<u8>>>,
    changed: Condvar,
}

/// A listening fake. Its threads end with the test process.
pub struct Fake {
    address: SocketAddr,
    memory: Arc<Memory>,
}

impl Fake {
    /// Listens on a free loopback port, and has `talk` with every connection.
    #[must_use]
    pub fn start(
        talk: impl Fn(&mut Conversation) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let memory = Arc::new(Memory::default());
        let (talk, shared) = (Arc::new(talk), Arc::clone(&memory));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = {
                    let mut heard = shared.heard.lock().unwrap();
                    heard.push(Vec::new());
                    shared.changed.notify_all();
                    heard.len() - 1
                };
                let (talk, memory) = (Arc::clone(&talk), Arc::clone(&shared));
                std::thread::spawn(move || {
                    let socket = Heard {
                        stream,
                        number,
                        memory,
                    };
                    let mut conversation = Conversation {
                        stream: Some(Channel::Plain(socket)),
                    };
                    // The proxy hangs up on most of what fakes say; that is what the test looks at.
                    let _ = talk(&mut conversation);
                });
            }
        });
        Self { address, memory }
    }

    /// A fake that takes connections, listens to them and says nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self::start(|conversation| conversation.listen_to_the_end())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bytes of every connection so far, as they came over the wire.
    #[must_use]
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.memory.heard.lock().unwrap().clone()
    }

    /// Waits until there have been `count` connections.
    #[track_caller]
    pub fn connected(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        let mut heard = self.memory.heard.lock().unwrap();
        while heard.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} connections, not {count}", heard.len());
            heard = self.memory.changed.wait_timeout(heard, left).unwrap().0;
        }
    }
}

/// One connection to a fake.
pub struct Conversation {
    /// `None` only while TLS is being put over it.
    stream: Option<Channel>,
}

enum Channel {
    Plain(Heard),
    Tls(Box<StreamOwned<ServerConnection, Heard>>),
}

impl Conversation {
    /// Says this.
    ///
    /// # Errors
    ///
    /// When the peer has gone.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream()?;
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Reads exactly so many bytes.
    ///
    /// # Errors
    ///
    /// When the peer has gone.
    pub fn hear(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream()?.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a packet that begins with its length, and returns what follows it.
    ///
    /// # Errors
    ///
    /// When the peer has gone.
    pub fn hear_packet(&mut self) -> io::Result<Vec<u8>> {
        let length = u32::from_be_bytes(self.hear(4)?.try_into().unwrap());
        self.hear((length as usize).saturating_sub(4))
    }

    /// Reads until the peer ends.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    pub fn listen_to_the_end(&mut self) -> io::Result<()> {
        io::copy(self.stream()?, &mut io::sink()).map(|_| ())
    }

    /// Hands everything from here on to another server, and back.
    ///
    /// # Errors
    ///
    /// When there is no other server.
    pub fn pass_on(&mut self, to: SocketAddr) -> io::Result<()> {
        let there = TcpStream::connect(to)?;
        let Some(Channel::Plain(here)) = &self.stream else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let here = here.stream.try_clone()?;
        let (mut from, mut back) = (there.try_clone()?, here.try_clone()?);
        let answers = std::thread::spawn(move || {
            let _ = io::copy(&mut from, &mut back);
            back.shutdown(std::net::Shutdown::Write)
        });
        let _ = io::copy(&mut &here, &mut &there);
        let _ = there.shutdown(std::net::Shutdown::Write);
        let _ = answers.join();
        Ok(())
    }

    /// Speaks TLS from here on.
    ///
    /// # Errors
    ///
    /// When the handshake fails.
    pub fn accept_tls(&mut self, config: &Arc<ServerConfig>) -> io::Result<()> {
        let Some(Channel::Plain(mut socket)) = self.stream.take() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut session = ServerConnection::new(Arc::clone(config)).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        let stream = Box::new(StreamOwned::new(session, socket));
        self.stream = Some(Channel::Tls(stream));
        Ok(())
    }

    fn stream(&mut self) -> io::Result<&mut Channel> {
        self.stream
            .as_mut()
            .ok_or(io::ErrorKind::NotConnected.into())
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// A socket that remembers what came over it.
struct Heard {
    stream: TcpStream,
    number: usize,
    memory: Arc<Memory>,
}

impl Read for Heard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        let mut heard = self.memory.heard.lock().unwrap();
        if let Some(bytes) = heard.get_mut(self.number) {
            bytes.extend_from_slice(&buffer[..count]);
        }
        self.memory.changed.notify_all();
        Ok(count)
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
