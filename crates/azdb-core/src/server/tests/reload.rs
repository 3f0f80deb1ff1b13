//! A server that goes on with other routes.

use std::io;

use azdb_config::route::LocalTls;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::postgres::Postgres;
use crate::rig::{Databases, in_every_protocol};

/// A server under way, with a database behind its route.
struct Running<P: Spoken> {
    house: House<P>,
    databases: Databases,
    upstream: SocketAddr,
    server: OpenServer,
    addr: SocketAddr,
}

impl<P: Spoken> Running<P> {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Route)) -> Self {
        let house = House::<P>::spoken(|_| {});
        let (upstream, databases) = sockets::upstream().await;
        let mut route = sockets::route_of(&house);
        route.listen = vec![any_port()];
        route.upstream = vec![sockets::endpoint(upstream)];
        change(&mut route);
        let server = open(vec![route], &house.authority).await.unwrap();
        let addr = addresses(&server).first().copied().unwrap();
        tokio::spawn(server.clone().run(std::future::pending()));
        Self {
            house,
            databases,
            upstream,
            server,
            addr,
        }
    }

    /// The route that it began with.
    fn route(&self) -> Route {
        let mut route = sockets::route_of(&self.house);
        route.listen = vec![any_port()];
        route.upstream = vec![sockets::endpoint(self.upstream)];
        route
    }

    async fn reload(&self, routes: Vec<Route>) -> Result<Changes, StartError> {
        let routes: Vec<Arc<Route>> = routes.into_iter().map(Arc::new).collect();
        let authority = Arc::clone(&self.house.authority);
        self.server
            .reload(&routes, move || Ok(Arc::clone(&authority)))
            .await
    }

    async fn session(&mut self) -> (DuplexStream, P::Database) {
        let mut app = app(self.addr).await;
        let database = P::log_in(&mut app, &mut self.databases, &self.house.server).await;
        (app, database)
    }
}

in_every_protocol!(
    #[tokio::test]
    a_session_goes_on_and_whoever_comes_meets_the_new_settings,
    fewer_places_cut_nobody_and_more_let_the_next_in,
    a_route_that_is_gone_closes_its_door_and_keeps_its_sessions,
    what_cannot_be_opened_changes_nothing,
    a_door_that_moves_is_opened_before_the_other_is_closed,
    a_route_with_another_name_takes_the_door_over,
);

async fn a_session_goes_on_and_whoever_comes_meets_the_new_settings<P: Spoken>() {
    let mut running = Running::<P>::new().await;
    let (mut app, mut database) = running.session().await;
    let (elsewhere, mut others) = sockets::upstream().await;
    let mut route = running.route();
    route.upstream = vec![sockets::endpoint(elsewhere)];
    let changes = running.reload(vec![route]).await.unwrap();
    assert!(
        changes.opened.is_empty() && changes.closed.is_empty(),
        "{changes:?}"
    );
    assert!(
        changes.added.is_empty() && changes.removed.is_empty(),
        "{changes:?}"
    );
    assert_eq!(addresses(&running.server), [running.addr], "its port stays");

    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    let mut next = super::app(running.addr).await;
    let mut there = P::log_in(&mut next, &mut others, &running.house.server).await;
    P::ask(&mut next, &mut there).await;
    P::answer(&mut next, &mut there).await;
    assert!(
        running.databases.try_recv().is_err(),
        "nobody goes there any more"
    );
}

async fn fewer_places_cut_nobody_and_more_let_the_next_in<P: Spoken>() {
    let mut running = Running::<P>::new().await;
    let with = |running: &Running<P>, places| {
        let mut route = running.route();
        route.max_connections = places;
        vec![route]
    };
    let (mut one, mut database) = running.session().await;
    let _other = running.session().await;
    running.reload(with(&running, 1)).await.unwrap();
    P::ask(&mut one, &mut database).await;
    P::answer(&mut one, &mut database).await;
    let text = P::refused(&mut app(running.addr).await).await;
    assert!(text.contains("all 1 "), "{text}");
    running.reload(with(&running, 3)).await.unwrap();
    let _third = running.session().await;
    let text = P::refused(&mut app(running.addr).await).await;
    assert!(text.contains("all 3 "), "{text}");
}

async fn a_route_that_is_gone_closes_its_door_and_keeps_its_sessions<P: Spoken>() {
    // Nobody else listens there when this door is shut.
    let own = ListenAddr::Tcp(([127, 0, 84, P::NAME as u8 + 1], 0).into());
    let mut running = Running::<P>::with(|route| route.listen = vec![own]).await;
    let (mut app, mut database) = running.session().await;
    let mut stock = running.route();
    stock.name = "stock".into();
    let changes = running.reload(vec![stock]).await.unwrap();
    assert_eq!(
        (&changes.added[..], &changes.removed[..]),
        (&["stock".to_owned()][..], &["orders".to_owned()][..])
    );
    let refused = TcpStream::connect(running.addr).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    let receptions = &running.server.premises.receptions;
    let gone = || receptions.gone().first().map(|gone| gone.ledger().open());
    assert_eq!(gone(), Some(1), "it is still seen");

    // It comes back while somebody is within: it is the same route.
    let changes = running.reload(vec![running.route()]).await.unwrap();
    assert_eq!(changes.added, ["orders"]);
    let now = receptions.now();
    assert_eq!(now.first().unwrap().ledger().open(), 1);
    running.reload(vec![]).await.unwrap();
    drop((now, app, database));
    while gone().is_some() {
        tokio::task::yield_now().await;
    }
}

async fn what_cannot_be_opened_changes_nothing<P: Spoken>() {
    let mut running = Running::<P>::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut moved = running.route();
    let new = ListenAddr::Tcp(([127, 0, 85, P::NAME as u8 + 1], 0).into());
    moved.listen = vec![new, ListenAddr::Tcp(taken.local_addr().unwrap())];
    moved.max_connections = 0;
    let error = running.reload(vec![moved]).await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");

    let missing = running.house.token_file.path().with_extension("missing");
    let mut without = running.route();
    without.local_tls = LocalTls::Files {
        cert_file: missing.clone(),
        key_file: missing,
    };
    let error = running.reload(vec![without]).await.unwrap_err();
    assert!(matches!(error, StartError::Reception { .. }), "{error}");
    assert_eq!(addresses(&running.server), [running.addr]);
    let (mut app, mut database) = running.session().await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
}

async fn a_door_that_moves_is_opened_before_the_other_is_closed<P: Spoken>() {
    let mut running = Running::<P>::new().await;
    let mut moved = running.route();
    moved.listen = vec![any_port(), any_port()];
    let changes = running.reload(vec![moved]).await.unwrap();
    assert_eq!(
        (changes.opened.len(), changes.closed.len()),
        (1, 0),
        "one stays"
    );
    let both = addresses(&running.server);
    assert_eq!(both.first(), Some(&running.addr));
    running.addr = both.last().copied().unwrap();
    let (mut app, mut database) = running.session().await;
    let changes = running.reload(vec![running.route()]).await.unwrap();
    assert_eq!((changes.opened.len(), changes.closed.len()), (0, 1));
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
}

async fn a_route_with_another_name_takes_the_door_over<P: Spoken>() {
    let port = super::doors::free_port();
    let at = |route: &mut Route| route.listen = vec![ListenAddr::Tcp(port)];
    let mut running = Running::<P>::with(at).await;
    let (mut app, mut database) = running.session().await;
    let mut stock = running.route();
    at(&mut stock);
    stock.name = "stock".into();
    let changes = running.reload(vec![stock]).await.unwrap();
    assert!(
        changes.opened.is_empty() && changes.closed.is_empty(),
        "{changes:?}"
    );
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    let _next = running.session().await;
    let now = running.server.premises.receptions.now();
    assert_eq!(now.first().unwrap().ledger().open(), 1);
}

#[tokio::test]
async fn nothing_of_before_is_kept_when_its_sessions_have_ended() {
    let mut running = Running::<Postgres>::new().await;
    let (mut app, database) = running.session().await;
    for _ in 0..50 {
        running.reload(vec![running.route()]).await.unwrap();
    }
    let receptions = &running.server.premises.receptions;
    assert_eq!(receptions.before().len(), 1, "that of the session");
    drop(database);
    let _ = app.read_to_end(&mut Vec::new()).await;
    drop(app);
    while !receptions.before().is_empty() {
        tokio::task::yield_now().await;
    }
}
