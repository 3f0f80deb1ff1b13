//! Whose turn it is to go.

use super::*;

#[tokio::test(start_paused = true)]
async fn whoever_has_said_least_goes_first_and_of_those_the_oldest() {
    let (room, mut guests) = crowd(4).await;
    guests.get_mut(0).unwrap().says(7).await;
    guests.get_mut(2).unwrap().says(1).await;
    let mut later = Vec::new();
    for expected in [
        [true, false, true, true],
        [true, false, true, false],
        [true, false, false, false],
        [false, false, false, false],
    ] {
        later.push(comes(&room).await);
        assert_eq!(who_stays(&guests), expected);
        assert!(later.iter().all(Guest::stays), "they have had no time yet");
    }
}

#[tokio::test(start_paused = true)]
async fn many_at_once_who_may_all_be_about_to_speak_keep_the_next_waiting_and_lose_nobody() {
    let room = Anteroom::new("orders", 2);
    let guests = [comes(&room).await, comes(&room).await];
    let mut waiting = at_the_threshold(&room);
    tokio::time::sleep(GRACE - LOOK).await;
    assert!(!waiting.is_finished());
    assert_eq!(who_stays(&guests), [true, true]);
    let [first, second] = guests;
    first.place.leave();
    (&mut waiting).await.unwrap();
    assert!(first.stays() && second.stays());
    assert!(!room.lock().crowd.is_there());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_told_something_has_time_to_answer() {
    let (room, mut guests) = crowd(2).await;
    let oldest = guests.get_mut(0).unwrap();
    oldest.is_told().await;
    let _newcomer = comes(&room).await;
    assert_eq!(who_stays(&guests), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_more_than_half_of_the_room_makes_room_for_all() {
    let room = Anteroom::new("orders", 4);
    let honest = comes_as(&room, Peer::Unix(1000)).await;
    let mut greedy = Vec::new();
    for _ in 0..3 {
        greedy.push(comes_as(&room, Peer::Unix(1001)).await);
    }
    tokio::time::sleep(GRACE).await;
    for guest in &mut greedy {
        guest.says(100).await;
    }
    for _ in 0..10 {
        greedy.push(comes_as(&room, Peer::Unix(1001)).await);
        greedy.retain(Guest::stays);
    }
    assert!(honest.stays(), "it is the oldest, and has said least");
}

#[test]
fn a_machine_is_one_origin_and_so_is_a_user() {
    let tcp = |addr: &str| Origin::of(Peer::Tcp(SocketAddr::new(addr.parse().unwrap(), 1)));
    assert_eq!(tcp("10.1.2.3"), tcp("::ffff:10.1.2.3"));
    assert_ne!(tcp("10.1.2.3"), tcp("10.1.2.4"));
    assert_eq!(tcp("2001:db8:1:2::3"), tcp("2001:db8:1:2:ffff::4"));
    assert_ne!(tcp("2001:db8:1:2::3"), tcp("2001:db8:1:3::3"));
    assert_ne!(Origin::of(Peer::Unix(0)), Origin::of(Peer::Unix(1)));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_leaves_nobody_more_than_a_short_time_until_it_is_over() {
    let (room, mut guests) = crowd(2).await;
    guests.push(comes(&room).await);
    guests.remove(0);
    let is_full = || room.lock().is_full_of_hope(2);
    for (crowd_is, is_full_then) in [("there", false), ("over", true)] {
        for guest in &mut guests {
            guest.says(500).await;
            guest.is_told().await;
        }
        tokio::time::sleep(SHORT_GRACE).await;
        assert_eq!(is_full(), is_full_then, "the crowd is {crowd_is}");
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
}
