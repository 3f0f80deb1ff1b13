//! How many there are inside, and how they leave.

use std::pin::pin;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_room_holds_so_many_and_half_as_many_on_their_way_out() {
    let (room, mut guests) = crowd(3).await;
    for _ in 0..2 {
        guests.push(comes(&room).await);
    }
    assert_eq!(room.lock().arrivals.len(), 3);
    let mut waiting = at_the_threshold(&room);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(
        !waiting.is_finished(),
        "those who were sent away are not gone"
    );
    drop(guests.remove(0));
    (&mut waiting).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_on_gives_its_place_back_and_is_not_sent_away() {
    let (room, guests) = crowd(2).await;
    guests.iter().for_each(|guest| guest.place.leave());
    assert!(room.lock().arrivals.is_empty());
    let mut last = comes(&room).await;
    for _ in 0..20 {
        last = comes(&room).await;
    }
    assert!(last.stays());
    assert_eq!(who_stays(&guests), [true, true]);
    assert!(guests.iter().all(|guest| !guest.place.is_held()));
}

#[tokio::test(start_paused = true)]
async fn to_be_sent_away_is_to_lose_the_connection_and_what_is_under_way_ends_by_itself() {
    let (room, mut guests) = crowd(1).await;
    let Guest {
        far: _far,
        mut near,
        place,
    } = guests.remove(0);
    let login = tokio::spawn(async move {
        let login = pin!(async {
            let error = near.read_u8().await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
            "gave back what it had"
        });
        place.hold(login).await
    });
    tokio::time::sleep(GRACE).await;
    let _next = comes(&room).await;
    assert_eq!(login.await.unwrap(), "gave back what it had");
}

#[tokio::test(start_paused = true)]
async fn one_that_had_spoken_and_was_not_heard_yet_is_taken_back() {
    let (room, mut guests) = crowd(1).await;
    let guest = guests.get_mut(0).unwrap();
    guest.far.write_all(b"abc").await.unwrap();
    let _next = comes(&room).await;
    assert!(!guest.stays());
    guest.is_told().await;
    guest.near.read_exact(&mut [0; 3]).await.unwrap();
    assert!(guest.stays());
    assert_eq!(room.lock().arrivals.len(), 2, "until somebody else comes");
    assert_eq!(room.lock().crowd.most().map(|(_, count)| count), Some(1));

    tokio::time::sleep(GRACE).await;
    let _next = comes(&room).await;
    assert_eq!(room.lock().arrivals.len(), 1);
    assert!(!guest.stays());
    let error = guest.near.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
}

#[tokio::test(start_paused = true)]
async fn one_that_said_what_it_wants_while_it_was_sent_away_goes_on() {
    let (room, mut guests) = crowd(1).await;
    let _next = comes(&room).await;
    let guest = guests.get_mut(0).unwrap();
    assert!(!guest.stays());
    guest.place.leave();
    guest.says(3).await;
    guest.is_told().await;
    assert!(guest.stays());
}

#[tokio::test(start_paused = true)]
async fn a_process_without_files_sends_an_eighth_away() {
    let (room, guests) = crowd(16).await;
    room.thin_out();
    let stay = guests.iter().filter(|guest| guest.stays()).count();
    assert_eq!(stay, 14);
    drop(guests);
    room.thin_out();
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_told_of_once_when_it_begins_and_once_when_it_is_over() {
    let (room, mut guests) = crowd(1).await;
    let is_told = || room.lock().crowd.is_there();
    assert!(!is_told());
    for _ in 0..10 {
        guests.push(comes(&room).await);
        guests.remove(0);
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(is_told(), "it goes on");
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!is_told(), "it is over");
}

#[tokio::test]
async fn whoever_came_through_no_door_is_in_no_room() {
    let place = Place::outside();
    let (mut far, near) = duplex(16);
    let mut near = place.around(near);
    far.write_all(b"x").await.unwrap();
    assert_eq!(near.read_u8().await.unwrap(), b'x');
    assert!(place.is_held() && !place.is_lost());
    place.leave();
    assert!(!place.is_held());
}
