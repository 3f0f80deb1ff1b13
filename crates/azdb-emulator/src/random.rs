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
    let bytes = bytes(16).try_into().unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
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
