//! A window that lies behind, and may turn out to be the channel: it goes on by itself, while nothing comes of what it is behind of. Pure.

/// So often it has to advance, ...
const TIMES: u32 = 3;
/// ... and for so many target durations.
pub(super) const TARGETS: i64 = 3;

/// Windows behind, since nothing comes of what they are behind of.
#[derive(Debug)]
pub(super) struct Behind {
    /// When the first one came, in microseconds.
    pub(super) since_us: i64,
    /// Where the first one ended, and the farthest.
    first: u64,
    end: u64,
    advanced: u32,
    /// When it came that advanced last, in microseconds.
    advanced_us: i64,
}

impl Behind {
    /// One came whose last segment is before that place.
    pub(super) fn comes(behind: &mut Option<Self>, end: u64, now_us: i64) -> &Self {
        let behind = behind.get_or_insert(Self {
            since_us: now_us,
            first: end,
            end,
            advanced: 0,
            advanced_us: now_us,
        });
        if end > behind.end {
            behind.advanced = behind.advanced.saturating_add(1);
            behind.advanced_us = now_us;
        }
        behind.end = behind.end.max(end);
        behind
    }

    /// Whether one that ends there is of another session: before all of them.
    pub(super) fn is_another(&self, end: u64) -> bool {
        end < self.first
    }

    /// Whether they have not advanced for one and a half target durations, in which each playlist has to.
    pub(super) fn stands(&self, now_us: i64, target_us: i64) -> bool {
        let long_us = target_us.max(0).saturating_mul(3) / 2;
        now_us.saturating_sub(self.advanced_us) >= long_us
    }

    /// Whether they have advanced for long.
    pub(super) fn goes_on(&self, now_us: i64, target_us: i64) -> bool {
        let long_us = target_us.max(0).saturating_mul(TARGETS);
        self.advanced >= TIMES && now_us.saturating_sub(self.since_us) >= long_us
    }
}
