//! How many files may be open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this helps nobody, and some systems refuse it.
const ENOUGH: u64 = 65_536;

/// Raises the limit as far as the system lets a user: many streams hold many connections.
pub(super) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    if current.is_some_and(|now| now < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum,
        };
        // Then it stays as it is, which is enough for some streams.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

/// The limit.
pub(super) fn limit() -> usize {
    let now = getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH);
    usize::try_from(now).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_never_lowered() {
        let before = limit();
        raise();
        assert!(limit() >= before && limit() > 0);
    }
}
