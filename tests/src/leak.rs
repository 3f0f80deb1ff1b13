//! Looks for secrets where none may be.

/// A token's every window that would help whoever finds it: the payload's and the signature's of 20 bytes. Header windows
/// are the same in every token and say nothing.
#[must_use]
pub fn every_piece_of(token: &str) -> Vec<&str> {
    const WINDOW: usize = 20;
    let mut pieces = Vec::new();
    for part in token.split('.').skip(1) {
        let starts = 0..=part.len().saturating_sub(WINDOW);
        pieces.extend(starts.filter_map(|start| part.get(start..start + WINDOW)));
    }
    pieces
}

/// The first of `secrets` that `text` has in it, with where it is.
#[must_use]
pub fn find_leak(text: &str, secrets: &[&str]) -> Option<String> {
    secrets.iter().find_map(|secret| {
        let at = text.find(secret)?;
        let from = text[..at].rfind('\n').map_or(0, |line| line + 1);
        Some(text[from..at].to_owned())
    })
}
