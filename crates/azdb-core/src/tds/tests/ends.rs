//! How a session ends.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_pool_sees_a_bare_end_when_the_database_has_gone() {
    let house = House::new();
    let (near, far) = duplex(64 * 1024);
    let client = Arc::new(visit::client(&house.authority, false));
    let server = house.lobby.app_tls.clone().unwrap().in_packets.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let (app, proxy) = tokio::join!(
        in_packets::connect::<InPrelogin, _>(client, name, Leg::new(near)),
        accept_in_packets::<InPrelogin, _>(Leg::new(far), &server)
    );
    let (mut app, _session) = app.unwrap().into_inner();
    let mut leg = proxy.unwrap().map(BareEnd);
    leg.shutdown().await.unwrap();
    let mut heard = Vec::new();
    app.read_to_end(&mut heard).await.unwrap();
    assert!(heard.is_empty(), "not even an alert");
}
