//! How many files this process may have open, and what it starts.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files besides the two ends of a session.
const BESIDES: u64 = 1_000;

/// Sees to it that each process can hold both ends of so many sessions, and says how many it may hold: fewer where the system does not let
/// the limit be raised that far.
pub(super) fn allow(sessions: usize) -> usize {
    let needed = 2 * sessions as u64 + BESIDES;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or_default();
    // Root may raise the hard limit, unless it has been taken from it.
    let raised = [hard.max(needed), hard].into_iter().find(|hard| {
        let soft = needed.clamp(soft.min(*hard), *hard);
        setrlimit(Resource::RLIMIT_NOFILE, soft, *hard).is_ok()
    });
    let possible = raised.unwrap_or(soft).saturating_sub(BESIDES) / 2;
    sessions.min(usize::try_from(possible).unwrap_or(sessions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_system_allows_are_allowed() {
        assert_eq!(allow(1), 1);
        let most = allow(1 << 40);
        assert!((1..1 << 40).contains(&most), "{most}");
        assert_eq!(allow(most), most);
    }
}
