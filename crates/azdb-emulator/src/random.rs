//! Random ids, from the source that TLS uses.

/// `bytes` random bytes in lowercase hex.
pub(crate) fn hex(bytes: usize) -> String {
    self::bytes(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A random UUID (version 4).
pub(crate) fn uuid() -> String {
    let bits = bytes(16)
        .iter()
        .fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 96,
        bits >> 80 & 0xffff,
        bits >> 64 & 0xffff,
        bits >> 48 & 0xffff,
        bits & 0xffff_ffff_ffff
    )
}

/// `count` random bytes; all zero when the operating system has none, which ends nothing here: the
/// emulator guards no secrets.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    let mut buffer = vec![0; count];
    if rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut buffer)
        .is_err()
    {
        tracing::warn!("the operating system gave no random bytes");
    }
    buffer
}
