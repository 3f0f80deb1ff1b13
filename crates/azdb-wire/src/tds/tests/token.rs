use super::utf16;
use crate::tds::*;
use alloc::string::String;
use alloc::vec::Vec;
use proptest::prelude::*;

/// What a server may say in the answer to a login.
#[derive(Debug, Clone)]
enum Said {
    Report {
        is_error: bool,
        numbers: (u32, u8, u8, u32),
        texts: [String; 3],
    },
    Done(Done),
    /// A token with a length of two bytes.
    Short(u8, Vec<u8>),
    /// One with a length of four.
    Long(u8, Vec<u8>),
    Status([u8; 4]),
}

impl Said {
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Report {
                is_error,
                numbers: (number, state, class, line),
                texts,
            } => Report {
                is_error: *is_error,
                number: *number,
                state: *state,
                class: *class,
                message: &utf16(&texts[0]),
                server: &utf16(&texts[1]),
                procedure: &utf16(&texts[2]),
                line: *line,
            }
            .encode(Width::Wide, &mut out),
            Self::Done(done) => done.encode(Width::Wide, &mut out),
            Self::Short(tag, body) => {
                out.push(*tag);
                out.extend_from_slice(&u16::try_from(body.len()).unwrap().to_le_bytes());
                out.extend_from_slice(body);
            }
            Self::Long(tag, body) => {
                out.push(*tag);
                out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
                out.extend_from_slice(body);
            }
            Self::Status(value) => out.extend([&[tag::RETURN_STATUS], &value[..]].concat()),
        }
        out
    }

    /// Whether that is what was read of it.
    fn is(&self, token: StreamToken<'_>) -> bool {
        match (self, token) {
            (
                Self::Report {
                    is_error,
                    numbers,
                    texts,
                },
                StreamToken::Report(read),
            ) => {
                let read_texts = [read.message, read.server, read.procedure].map(from_utf16);
                let read_numbers = (read.number, read.state, read.class, read.line);
                (read.is_error, read_numbers, &read_texts) == (*is_error, *numbers, texts)
            }
            (Self::Done(done), StreamToken::Done(read)) => read == *done,
            (Self::Short(tag::ENV_CHANGE, body), StreamToken::Change { kind, values, raw }) => {
                (kind, values, raw) == (body[0], &body[1..], &self.bytes()[..])
            }
            (
                Self::Short(tag::LOGIN_ACK, body),
                StreamToken::LoginAck {
                    interface,
                    version,
                    program,
                },
            ) => *body == [&[interface], &version[..], program].concat(),
            (Self::Short(own, _) | Self::Long(own, _), StreamToken::Other { tag, raw }) => {
                *own == tag && self.bytes() == raw
            }
            (Self::Status(_), StreamToken::Other { tag, raw }) => {
                tag == tag::RETURN_STATUS && self.bytes() == raw
            }
            _ => false,
        }
    }
}

fn any_said() -> impl Strategy<Value = Said> {
    let body = |least| proptest::collection::vec(any::<u8>(), least..40);
    let done = (
        prop::sample::select([tag::DONE, tag::DONE_PROC, tag::DONE_IN_PROC].as_slice()),
        any::<(u16, u16, u64)>(),
    );
    prop_oneof![
        (
            any::<bool>(),
            any::<(u32, u8, u8, u32)>(),
            ["\\PC{0,30}", "\\PC{0,10}", "\\PC{0,10}"]
        )
            .prop_map(|(is_error, numbers, texts)| Said::Report {
                is_error,
                numbers,
                texts
            }),
        done.prop_map(|(tag, (status, command, rows))| Said::Done(Done {
            tag,
            status,
            command,
            rows
        })),
        // A transaction that was promoted has more behind its length.
        body(2).prop_map(|body| Said::Short(tag::ENV_CHANGE, body)),
        // The widths behind it are those of its version.
        body(0).prop_map(|program| {
            let version = Version::V7_4.to_ack();
            Said::Short(tag::LOGIN_ACK, [&[1], &version[..], &program].concat())
        }),
        body(0).prop_map(|body| Said::Short(tag::SSPI, body)),
        body(0).prop_map(|body| Said::Long(tag::SESSION_STATE, body)),
        body(0).prop_map(|body| Said::Long(tag::FED_AUTH_INFO, body)),
        any::<[u8; 4]>().prop_map(Said::Status),
    ]
}

#[test]
fn what_has_no_place_in_a_login_ends_the_reading_of_it() {
    let mut stream = Vec::new();
    Done::ERROR.encode(Width::Wide, &mut stream);
    // COLMETADATA: a result set.
    stream.extend_from_slice(&[0x81, 0, 0]);
    Done::ERROR.encode(Width::Wide, &mut stream);
    let read: Vec<_> = StreamTokens::of(&stream, Width::Wide).collect();
    assert_eq!(
        read,
        [
            Ok(StreamToken::Done(Done::ERROR)),
            Err(StreamTokenError::Unexpected(0x81))
        ]
    );
}

proptest! {
    #[test]
    fn tokens_read_as_they_were_written(said in proptest::collection::vec(any_said(), 0..8)) {
        let stream = said.iter().flat_map(Said::bytes).collect::<Vec<_>>();
        let read: Vec<_> = StreamTokens::of(&stream, Width::Wide).map(|token| token.unwrap()).collect();
        prop_assert_eq!(read.len(), said.len());
        for (said, read) in said.iter().zip(read) {
            prop_assert!(said.is(read), "{said:?} {read:?}");
        }
    }

    #[test]
    fn a_stream_that_is_cut_gives_its_whole_tokens_and_then_an_error(said in proptest::collection::vec(any_said(), 1..5)) {
        let parts: Vec<_> = said.iter().map(Said::bytes).collect();
        let stream = parts.concat();
        for length in 0..stream.len() {
            let (mut end, mut whole) = (0, 0);
            while let Some(next) = parts.get(whole).map(|part| end + part.len()).filter(|next| *next <= length) {
                (end, whole) = (next, whole + 1);
            }
            let read: Vec<_> = StreamTokens::of(&stream[..length], Width::Wide).collect();
            prop_assert_eq!(read.iter().filter(|token| token.is_ok()).count(), whole);
            prop_assert_eq!(read.len() - whole, usize::from(end < length));
            if end < length {
                let tag = parts[whole][0];
                prop_assert_eq!(read[whole], Err(StreamTokenError::Truncated(tag)));
            }
        }
    }

    /// Fields that grew are cut to the most that the narrow ones can say; nothing else differs.
    #[test]
    fn narrow_tokens_differ_in_two_fields_alone(number: u32, line: u32, rows: u64, message in "\\PC{0,20}") {
        let message = utf16(&message);
        let report = Report { is_error: true, number, state: 1, class: 14, message: &message, server: &[], procedure: &[], line };
        let (mut wide, mut narrow) = (Vec::new(), Vec::new());
        report.encode(Width::Wide, &mut wide);
        report.encode(Width::Narrow, &mut narrow);
        let short = u16::try_from(line).unwrap_or(u16::MAX).to_le_bytes();
        prop_assert_eq!(&narrow[3..], &[&wide[3..wide.len() - 4], &short[..]].concat());
        prop_assert_eq!(u16::from_le_bytes([narrow[1], narrow[2]]) + 2, u16::from_le_bytes([wide[1], wide[2]]));

        let done = Done { rows, ..Done::ERROR };
        let (mut wide, mut narrow) = (Vec::new(), Vec::new());
        done.encode(Width::Wide, &mut wide);
        done.encode(Width::Narrow, &mut narrow);
        let short = u32::try_from(rows).unwrap_or(u32::MAX).to_le_bytes();
        prop_assert_eq!(narrow, [&wide[..5], &short[..]].concat());
    }
}
