//! A clock that wakes whoever asks to within some 50 µs; the runtime's own goes by milliseconds.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;

/// A thread that sleeps. It ends with the last of these.
#[derive(Clone)]
pub(super) struct Clock(Sender<Alarm>);

/// When, and what is dropped then.
type Alarm = (Instant, oneshot::Sender<()>);

impl Clock {
    pub(super) fn start() -> Self {
        let (set, to_set) = channel();
        thread::spawn(move || keep(&to_set));
        Self(set)
    }

    /// Waits until then.
    pub(super) async fn reach(&self, then: Instant) {
        if then <= Instant::now() {
            return;
        }
        let (alarm, rung) = oneshot::channel();
        if self.0.send((then, alarm)).is_ok() {
            let _ = rung.await;
        }
    }
}

fn keep(to_set: &Receiver<Alarm>) {
    // Alarms of one moment are told apart by their number.
    let (mut alarms, mut number) = (BTreeMap::<(Instant, u64), _>::new(), 0);
    loop {
        let next = alarms.first_key_value().map(|((then, _), _)| *then);
        let set = match next {
            None => to_set.recv().map_err(RecvTimeoutError::from),
            Some(then) => to_set.recv_timeout(then.saturating_duration_since(Instant::now())),
        };
        match set {
            Ok((then, alarm)) => {
                number += 1;
                alarms.insert((then, number), alarm);
            }
            Err(RecvTimeoutError::Timeout) => drop(alarms.pop_first()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn nobody_is_woken_early_whatever_the_order() {
        let clock = Clock::start();
        let then = [3, 1, 2].map(|ms| Instant::now() + Duration::from_millis(ms));
        let [last, first, middle] = then.map(|then| {
            let clock = clock.clone();
            async move {
                clock.reach(then).await;
                assert!(Instant::now() >= then);
            }
        });
        tokio::join!(last, first, middle);
        clock.reach(Instant::now()).await;
    }
}
