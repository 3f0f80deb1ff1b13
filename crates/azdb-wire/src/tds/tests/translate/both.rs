//! Both directions at once, in pieces as they come: neither makes a difference to the other, but for the transaction, and for columns that an app knows.

use alloc::vec::Vec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_request::any_sent;
use super::any_stream::any_session;
use super::app::Old;
use super::server::Token;
use super::through::{NO_LIMIT, Way, cut, through, translator};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn directions_do_not_disturb_each_other(
        old in select(&[Old::V70, Old::V71, Old::V71Revision1][..]),
        mut session in any_session(3),
        mut asked in vec(any_sent(), 1..3),
        sizes in [vec(1..200usize, 1..4), vec(1..200usize, 1..4)],
    ) {
        for message in &mut session.messages {
            message.retain(|token| !matches!(token, Token::Change { .. }));
        }
        for sent in &mut asked {
            sent.request.forget_columns();
        }
        let answers = session.bytes();
        let packets = asked.iter().flat_map(|sent| sent.packets(old, &[400]));
        let requests: Vec<u8> = packets.flatten().collect();
        let begin = || translator(old, session.packet_size, NO_LIMIT);
        let down = through(&mut begin(), Way::Down, [&answers[..]])?;
        let up = through(&mut begin(), Way::Up, [&requests[..]])?;

        let mut translator = begin();
        let (mut to_app, mut to_upstream) = (Vec::new(), Vec::new());
        let (mut down_pieces, mut up_pieces) =
            (cut(&answers, &sizes[0]).into_iter(), cut(&requests, &sizes[1]).into_iter());
        loop {
            let (down_piece, up_piece) = (down_pieces.next(), up_pieces.next());
            if down_piece.is_none() && up_piece.is_none() {
                break;
            }
            to_app.extend(through(&mut translator, Way::Down, down_piece)?);
            to_upstream.extend(through(&mut translator, Way::Up, up_piece)?);
        }
        prop_assert_eq!(to_app, down);
        prop_assert_eq!(to_upstream, up);
    }
}
