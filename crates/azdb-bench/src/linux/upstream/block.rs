//! What a COPY is made of.

use super::super::messages::put;

/// Bytes of one row of `pgbench_accounts` as COPY writes it.
const ROW: usize = 97;
/// Bytes of a row's CopyData message.
const MESSAGE: usize = 5 + ROW;
/// Bytes that a side sends at a time, as PostgreSQL and libpq do. Messages lie across these borders.
pub(crate) const SEND: usize = 8 * 1024;
/// Bytes after which rows and sends end at the same place.
pub(crate) const BLOCK: usize = MESSAGE / 2 * SEND;

/// A block of CopyData messages.
pub(crate) fn block() -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    for number in 0..BLOCK / MESSAGE {
        let row = format!("{number}\t1\t0\t{:<1$}\n", "", ROW - 6 - digits(number));
        put(&mut block, b'd', &[row.as_bytes()]);
    }
    block
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_whole_in_messages_and_in_sends() {
        let block = block();
        assert_eq!(block.len(), BLOCK);
        assert_eq!(BLOCK % SEND, 0);
        assert!(
            block
                .chunks(MESSAGE)
                .all(|row| row.starts_with(b"d\0\0\0\x65") && row.ends_with(b"\n"))
        );
    }
}
