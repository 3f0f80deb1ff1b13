//! "Log in over there."

use azdb_wire::tds::Version;

use super::database::{routing, welcome};
use super::routing::MAX_HOPS;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_login_goes_on_to_where_the_upstream_sends_it() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let mut gateway = visit.rest.database().await;
    gateway.expect_token(TOKEN).await;
    gateway.say(&routing(WORKER, 11_042)).await;

    let (stream, target) = visit.rest.dialled().await;
    assert_eq!(target.to_string(), format!("{WORKER}:11042"));
    let mut worker = database::Database::greet(stream, &visit.rest.server).await;
    assert_eq!(worker.session.server_name(), Some(WORKER));
    let login = worker.expect_token(TOKEN).await;
    assert_eq!(from_utf16(Login7::parse(&login).unwrap().server), WORKER);
    worker.say(&welcome()).await;
    assert!(gateway.heard_nothing_more().await);

    let answer = visit.hear().await;
    let answer = LoginAnswer::parse(&answer, Version::V7_4).unwrap();
    assert!(answer.version.is_some());
    assert_eq!(answer.routing, None);
}

#[tokio::test(start_paused = true)]
async fn the_name_that_a_route_verifies_is_not_the_workers() {
    let mut visit = House::of(|route| {
        // Private link: another name is dialled than the certificate carries.
        if let UpstreamTls::Verified { name, .. } = &mut route.tls {
            *name = Some(HOST.try_into().unwrap());
        }
        if let Some(upstream) = route.upstream.first_mut() {
            upstream.host = "10.1.0.4".into();
        }
    })
    .app();
    visit.log_in().await;
    let mut gateway = visit.rest.database().await;
    assert_eq!(gateway.session.server_name(), Some(HOST));
    let login = gateway.expect_token(TOKEN).await;
    assert_eq!(from_utf16(Login7::parse(&login).unwrap().server), HOST);
    gateway.say(&routing(WORKER, 11_042)).await;
    let worker = visit.rest.database().await;
    assert_eq!(worker.session.server_name(), Some(WORKER));
}

#[tokio::test(start_paused = true)]
async fn a_login_does_not_go_on_to_strangers() {
    for (host, port) in [
        ("evil.windows.net", 1433),
        ("database.windows.net.evil.com", 1433),
        ("10.0.0.4", 1433),
        (WORKER, 22),
    ] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let mut gateway = visit.rest.database().await;
        gateway.expect_token(TOKEN).await;
        gateway.say(&routing(host, port)).await;
        let (number, text) = visit.error().await;
        assert_eq!(number, 18456);
        let start = format!("azdb-proxy: upstream sends us to `{host}:{port}`");
        assert!(text.starts_with(&start), "{text}");
        // No setting has a token go to an address.
        let is_address = host.parse::<std::net::IpAddr>().is_ok();
        assert_eq!(text.contains("routing_suffixes"), !is_address, "{text}");
        assert!(visit.rest.nobody_dialled());
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_does_not_go_on_for_ever() {
    let mut visit = House::new().app();
    visit.log_in().await;
    for _ in 0..=MAX_HOPS {
        let mut gateway = visit.rest.database().await;
        gateway.expect_token(TOKEN).await;
        gateway.say(&routing(WORKER, 11_042)).await;
    }
    assert!(visit.error().await.1.contains("sent us on 10 times"));
    assert!(visit.rest.nobody_dialled() || visit.rest.outcome().await.is_err());
}
