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
async fn a_newcomer_has_time_to_speak_before_others_who_have_said_more_outstay_it() {
    let (room, mut guests) = crowd(3).await;
    for guest in &mut guests {
        guest.says(500).await;
    }
    let newcomer = comes(&room).await;
    tokio::time::sleep(GRACE - Duration::from_millis(1)).await;
    let _next = comes(&room).await;
    assert!(newcomer.stays());
    assert_eq!(who_stays(&guests), [false, false, true]);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let _last = comes(&room).await;
    assert!(!newcomer.stays(), "it has said nothing in its time");
    assert_eq!(who_stays(&guests), [false, false, true]);
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
async fn where_nobody_has_had_time_the_oldest_goes() {
    let room = Anteroom::new("orders", 2);
    let (first, second) = (comes(&room).await, comes(&room).await);
    let third = comes(&room).await;
    let stay = [&first, &second, &third].map(|guest| guest.stays());
    assert_eq!(stay, [false, true, true]);
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
