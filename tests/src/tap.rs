//! A wire between two that counts what goes over it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A listening wire. Its threads end with the test process.
pub struct Tap {
    address: SocketAddr,
    counted: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    from_app: AtomicU64,
    to_app: AtomicU64,
}

impl Tap {
    /// Listens on a free loopback port, and passes each connection on.
    #[must_use]
    pub fn before(proxy: SocketAddr) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), proxy)
    }

    /// Listens there, and passes each connection on.
    #[must_use]
    pub fn at(place: SocketAddr, target: SocketAddr) -> Self {
        let listener = TcpListener::bind(place).unwrap();
        let address = listener.local_addr().unwrap();
        let counted = Arc::new(Counted::default());
        let shared = Arc::clone(&counted);
        std::thread::spawn(move || {
            for app in listener.incoming().flatten() {
                let to = TcpStream::connect(target).unwrap();
                let (back, from) = (app.try_clone().unwrap(), to.try_clone().unwrap());
                let (there, here) = (Arc::clone(&shared), Arc::clone(&shared));
                std::thread::spawn(move || pass(app, to, &there.from_app));
                std::thread::spawn(move || pass(from, back, &here.to_app));
            }
        });
        Self { address, counted }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that apps have sent, and bytes that they were sent.
    #[must_use]
    pub fn counted(&self) -> (u64, u64) {
        let Counted { from_app, to_app } = &*self.counted;
        (
            from_app.load(Ordering::SeqCst),
            to_app.load(Ordering::SeqCst),
        )
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, counted: &AtomicU64) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let (now, _) = buffer.split_at(count);
        counted.fetch_add(count as u64, Ordering::SeqCst);
        if to.write_all(now).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
