//! When nobody is there any more, for processes that live as long as somebody is.

use std::time::Duration;

use tokio::time::Instant;

use crate::ending::Ending;

/// How often it is looked, at most. Sessions are not made to tell: this is asked for jobs alone.
const LOOK: Duration = Duration::from_millis(200);

/// Comes when no session has been there for `limit`, once there was one.
pub(super) async fn since(ending: Ending, limit: Duration) {
    let look = LOOK.min(limit.max(Duration::from_millis(10)));
    let (mut begun, mut busy) = (0, Instant::now());
    loop {
        tokio::time::sleep(look).await;
        let so_far = ending.begun();
        if so_far == 0 || so_far != begun || ending.sessions() > 0 {
            (begun, busy) = (so_far, Instant::now());
        } else if busy.elapsed() >= limit {
            return;
        }
    }
}
