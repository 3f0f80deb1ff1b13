//! Sessions in which nothing is said for too long.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::rig::in_every_protocol;

const LIMIT: Duration = Duration::from_secs(300);

fn impatient<P: Spoken>() -> Served<P> {
    Served::of(|route| route.idle_timeout = Some(LIMIT))
}

in_every_protocol!(
    a_session_in_which_nothing_is_said_ends_with_a_farewell,
    a_session_whose_app_waits_is_not_idle,
    sessions_may_be_idle_for_ever_where_nobody_says_for_how_long,
);

async fn a_session_in_which_nothing_is_said_ends_with_a_farewell<P: Spoken>() {
    let mut route = impatient::<P>();
    let (mut app, mut database) = route.session().await;
    for _ in 0..3 {
        tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
        P::ask(&mut app, &mut database).await;
        P::answer(&mut app, &mut database).await;
    }
    let silent_since = Instant::now();
    let heard = hear_out(&mut app).await;
    assert_eq!(silent_since.elapsed().as_secs(), LIMIT.as_secs());
    assert!(P::is_farewell(&heard), "{heard:?}");
    let text = String::from_utf8_lossy(&heard);
    assert!(
        heard.is_empty() || text.contains("nothing has been said for 5m"),
        "{text}"
    );
    let (left, _) = P::hear_out(database).await;
    assert_eq!(left, P::LEAVE);
    drop(app);
    route.empty().await;
    assert_eq!(route.ledger().open(), 0);
    assert_eq!(route.ledger().ended_by(End::Idle), 1);
}

async fn a_session_whose_app_waits_is_not_idle<P: Spoken>() {
    let mut route = impatient::<P>();
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    tokio::time::sleep(3 * LIMIT).await;
    let answered = Instant::now();
    P::answer(&mut app, &mut database).await;
    hear_out(&mut app).await;
    assert_eq!(answered.elapsed().as_secs(), LIMIT.as_secs());
}

async fn sessions_may_be_idle_for_ever_where_nobody_says_for_how_long<P: Spoken>() {
    let mut route = Served::<P>::new();
    let (mut app, mut database) = route.session().await;
    tokio::time::sleep(100 * LIMIT).await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
}
