//! A password that an app tells as it is.

use aws_lc_rs::digest::{SHA256, digest};

use super::equal;

/// Whether both are the same, in a time that tells neither where they differ nor how long the right one is.
pub(super) fn is_same(right: &[u8], told: &[u8]) -> bool {
    equal(
        digest(&SHA256, right).as_ref(),
        digest(&SHA256, told).as_ref(),
    )
}
