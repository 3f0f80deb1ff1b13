//! Names that move to another address, and the sessions that follow them.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use azdb_config::route::Endpoint;
use azdb_names::NameError;

use super::*;
use crate::fault::Cause;
use crate::rig::{dialling, in_every_protocol};
use crate::way::Connected;

/// What a name leads to.
#[derive(Clone, Default)]
struct Zone {
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    asked: Arc<AtomicUsize>,
}

impl Zone {
    fn leads_to(&self, last: &[u8]) {
        let addresses = last.iter().map(|last| ([192, 0, 2, *last], 1).into());
        *self.addresses.lock().unwrap() = addresses.collect();
    }
}

/// Pipes, to wherever a zone says.
#[derive(Clone)]
struct Zoned(Pipes, Zone);

impl Dial for Zoned {
    type Stream = DuplexStream;

    async fn resolve(&self, target: &Endpoint, _: Duration) -> Result<Vec<SocketAddr>, Cause> {
        self.1.asked.fetch_add(1, SeqCst);
        let addresses = self.1.addresses.lock().unwrap().clone();
        if addresses.is_empty() {
            let (host, source) = (target.host.clone(), NameError::NoAddress);
            return Err(Cause::Resolve { host, source });
        }
        Ok(addresses)
    }

    async fn connect(
        &self,
        target: &Endpoint,
        addr: SocketAddr,
    ) -> Result<Connected<DuplexStream>, Cause> {
        self.0.connect(target, addr).await
    }
}

fn follower<P: Spoken>(follows: bool) -> (Served<P, Zoned>, Zone) {
    let zone = Zone::default();
    zone.leads_to(&[1]);
    let house = House::<P>::spoken(|route| route.follow_dns = follows);
    let route = Served::from(house, |lobby| {
        dialling(lobby, |pipes| Zoned(pipes, zone.clone()))
    });
    (route, zone)
}

/// Longer than it takes to see that a name has moved.
async fn a_while() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

in_every_protocol!(
    a_session_whose_name_has_moved_ends_at_rest_with_a_farewell,
    a_session_that_is_not_at_rest_is_not_cut,
    what_is_no_move_ends_nothing,
    nobody_is_asked_while_there_is_no_session,
);

async fn a_session_whose_name_has_moved_ends_at_rest_with_a_farewell<P: Spoken>() {
    let (mut route, zone) = follower::<P>(true);
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    a_while().await;
    assert_eq!(route.ledger().open(), 1);
    zone.leads_to(&[2]);
    let heard = hear_out(&mut app).await;
    assert!(P::is_farewell(&heard), "{heard:?}");
    let text = String::from_utf8_lossy(&heard);
    assert!(
        heard.is_empty() || text.contains("has moved to another address"),
        "{text}"
    );
    drop(app);
    let (mut next, mut database) = route.session().await;
    a_while().await;
    P::ask(&mut next, &mut database).await;
    assert_eq!(route.ledger().open(), 1, "it is where the name leads");
    assert_eq!(route.ledger().ended_by(End::Moved), 1);
}

async fn a_session_that_is_not_at_rest_is_not_cut<P: Spoken>() {
    let (mut route, zone) = follower::<P>(true);
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    zone.leads_to(&[2]);
    a_while().await;
    assert_eq!(route.ledger().open(), 1);
    P::answer(&mut app, &mut database).await;
    assert!(P::is_farewell(&hear_out(&mut app).await));
}

async fn what_is_no_move_ends_nothing<P: Spoken>() {
    let (mut route, zone) = follower::<P>(true);
    let (mut app, mut database) = route.session().await;
    // No answer; more addresses; one answer without the address.
    for addresses in [&[][..], &[2, 1], &[2]] {
        zone.leads_to(addresses);
        let asked = zone.asked.load(SeqCst);
        while zone.asked.load(SeqCst) == asked {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        zone.leads_to(&[1]);
        a_while().await;
    }
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;

    let (mut route, zone) = follower::<P>(false);
    let (mut app, mut database) = route.session().await;
    zone.leads_to(&[2]);
    a_while().await;
    P::ask(&mut app, &mut database).await;
    assert_eq!(zone.asked.load(SeqCst), 1, "for the login alone");
}

async fn nobody_is_asked_while_there_is_no_session<P: Spoken>() {
    let (mut route, zone) = follower::<P>(true);
    a_while().await;
    assert_eq!(zone.asked.load(SeqCst), 0);
    let (app, database) = route.session().await;
    a_while().await;
    let asked = zone.asked.load(SeqCst);
    assert!((3..=6).contains(&asked), "{asked} in a minute");
    drop((app, database));
    a_while().await;
    let asked = zone.asked.load(SeqCst);
    a_while().await;
    a_while().await;
    assert_eq!(zone.asked.load(SeqCst), asked);
}
