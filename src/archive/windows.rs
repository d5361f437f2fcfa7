//! Which spans of a session are volumes. Pure.

use crate::session::Run;

/// What a volume is of: a span of time, in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from_us: i64,
    pub(crate) to_us: i64,
}

/// What of a session can become volumes.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    /// Lives of the recorder, in order: when each began, and its end as far as it is known.
    pub(crate) runs: Vec<Window>,
    /// From when on everything is kept.
    pub(crate) from_us: i64,
    /// Until when nothing comes any more.
    pub(crate) until_us: i64,
    /// Nobody records it any more: what is there is all there will be.
    pub(crate) is_over: bool,
}

impl Whole {
    /// `kept_from_us`: since then everything is kept; `until_us`: of a session that is being recorded, until when it is whole.
    pub(crate) fn new(runs: &[Run], kept_from_us: Option<i64>, until_us: Option<i64>) -> Self {
        let runs: Vec<Window> = runs
            .iter()
            .map(|run| Window {
                from_us: run.started_us,
                to_us: run.end_us().max(run.started_us),
            })
            .collect();
        let zero_us = runs.first().map_or(0, |run| run.from_us);
        let end_us = runs.iter().map(|run| run.to_us).max().unwrap_or(0);
        Self {
            from_us: kept_from_us.unwrap_or(zero_us).max(zero_us),
            until_us: until_us.unwrap_or(end_us).min(match until_us {
                Some(_) => i64::MAX,
                None => end_us,
            }),
            is_over: until_us.is_none(),
            runs,
        }
    }

    /// The next volume behind a moment; `None`: there is none yet. Nothing was recorded in what is between that and its beginning.
    pub(crate) fn next(&self, behind_us: i64, volume_us: i64) -> Option<Window> {
        let begin_us = behind_us.max(self.from_us);
        let goes_on = |run: &Window| self.is_live(run) || run.to_us > begin_us;
        let run = self.runs.iter().find(|run| goes_on(run))?;
        // In a hole the last answers hold: the volume in which recording goes on begins with its grid.
        let at_us = begin_us.max(run.from_us);
        let grid_us = at_us.div_euclid(volume_us).saturating_mul(volume_us);
        let from_us = grid_us.max(begin_us);
        let to_us = grid_us.saturating_add(volume_us);
        let to_us = match self.is_over {
            true => to_us.min(self.until_us),
            false => to_us,
        };
        (to_us <= self.until_us && from_us < to_us).then_some(Window { from_us, to_us })
    }

    /// Whether a run goes on.
    fn is_live(&self, run: &Window) -> bool {
        !self.is_over && self.runs.last() == Some(run)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(started_us: i64, stopped_us: i64) -> Run {
        Run {
            started_us,
            seen_us: stopped_us,
            stopped_us: Some(stopped_us),
            ended: Some("stopped".to_owned()),
            program: String::new(),
        }
    }

    fn all(whole: &Whole, mut behind_us: i64) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        while let Some(window) = whole.next(behind_us, 100) {
            found.push((window.from_us, window.to_us));
            behind_us = window.to_us;
        }
        found
    }

    #[test]
    fn volumes_begin_and_end_with_the_grid_or_the_session() {
        let over = Whole::new(&[run(130, 330)], None, None);
        assert_eq!(all(&over, i64::MIN), [(130, 200), (200, 300), (300, 330)]);
        assert_eq!(all(&over, 330), []);
        let live = Whole::new(&[run(130, 330)], None, Some(320));
        assert_eq!(all(&live, i64::MIN), [(130, 200), (200, 300)]);
        let kept = Whole::new(&[run(130, 330)], Some(250), None);
        assert_eq!(all(&kept, i64::MIN), [(250, 300), (300, 330)]);
    }

    #[test]
    fn nothing_is_made_of_a_hole_and_what_is_behind_a_stop_is_a_volume_of_its_own() {
        let resumed = Whole::new(&[run(130, 250), run(620, 730)], None, None);
        assert_eq!(
            all(&resumed, i64::MIN),
            [(130, 200), (200, 300), (600, 700), (700, 730)]
        );
        // It ended at 250, was archived whole, and went on.
        assert_eq!(all(&resumed, 250), [(600, 700), (700, 730)]);
        let soon = Whole::new(&[run(130, 250), run(270, 330)], None, None);
        assert_eq!(all(&soon, 250), [(250, 300), (300, 330)]);
    }

    proptest! {
        #[test]
        fn each_moment_of_each_run_is_in_one_volume(
            lengths in prop::collection::vec((1..400_i64, 1..400_i64), 1..6),
            kept in prop::option::of(0..500_i64),
        ) {
            let mut runs = Vec::new();
            let mut at_us = 37;
            for (length, hole) in lengths {
                runs.push(run(at_us, at_us + length));
                at_us += length + hole;
            }
            let whole = Whole::new(&runs, kept, None);
            let volumes = all(&whole, i64::MIN);
            for pair in volumes.windows(2) {
                prop_assert!(pair[0].1 <= pair[1].0);
            }
            for run in &runs {
                for at_us in run.started_us..run.end_us() {
                    let count = volumes.iter().filter(|(from, to)| (*from..*to).contains(&at_us)).count();
                    prop_assert_eq!(count, usize::from(at_us >= whole.from_us));
                }
            }
            let crossed = volumes.iter().any(|(from, to)| from.div_euclid(100) != (to - 1).div_euclid(100));
            prop_assert!(!crossed);
        }
    }
}
