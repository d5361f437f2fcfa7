//! What was wrong with the polls of a playlist within some time.

use rusqlite::params;

use super::model::Outcome;
use super::read::{ReadError, Reader};

/// Kinds of failures that are told apart; who makes up more is told in one word.
const MOST_KINDS: i64 = 8;

/// What was wrong with the polls of a playlist within some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PollTrouble {
    /// Number of polls.
    pub polls: i64,
    /// Polls without a good answer.
    pub failed: i64,
    /// How they failed, the most frequent first; not all, where there are very many kinds.
    pub failures: Vec<PollFailure>,
    /// How late the recorder was with the latest one, in microseconds.
    pub lag_us: i64,
    /// The longest time without any poll, in microseconds.
    pub pause_us: i64,
}

/// Polls that failed in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollFailure {
    /// HTTP status of a complete response; `None`: the outcome says what happened.
    pub status: Option<u16>,
    /// How they ended.
    pub outcome: Outcome,
    /// How many.
    pub polls: i64,
}

/// Polls of playlist ?1 that are answers after ?2 and until ?3, each with how its chain ended.
/// The hops of a chain have been asked for before the next poll of the playlist is.
const POLLS: &str = "
    WITH head AS (
      SELECT id, status, lag_us, requested_us,
             lag(requested_us, 1, ?2) OVER (ORDER BY requested_us) AS before_us,
             lead(id) OVER (ORDER BY id) AS next_id
        FROM exchange
       WHERE resource_id = ?1 AND head_id IS NULL AND from_us > ?2 AND from_us <= ?3),
    after AS (
      SELECT id FROM exchange
       WHERE resource_id = ?1 AND head_id IS NULL AND from_us > ?3 ORDER BY from_us, id LIMIT 1),
    poll AS (
      SELECT head.lag_us, head.requested_us, head.before_us, last.status, last.outcome,
             last.outcome <> 'complete' OR last.status >= 400 AS failed
        FROM head JOIN exchange last ON last.id =
             CASE WHEN head.status IN (301, 302, 303, 307, 308) THEN
               (SELECT max(hop.id) FROM exchange hop
                 WHERE hop.id >= head.id AND (hop.head_id = head.id OR hop.id = head.id)
                   AND hop.id < coalesce(head.next_id, (SELECT id FROM after), 9223372036854775807))
             ELSE head.id END)";

impl Reader {
    /// What was wrong with the polls of a playlist between two moments (microseconds of Unix time).
    ///
    /// # Errors
    /// The database is damaged.
    pub fn poll_trouble(
        &self,
        playlist_id: i64,
        after_us: i64,
        until_us: i64,
    ) -> Result<PollTrouble, ReadError> {
        let mut trouble = self.poll_totals(playlist_id, after_us, until_us)?;
        if trouble.failed > 0 {
            trouble.failures = self.poll_failures(playlist_id, after_us, until_us)?;
        }
        Ok(trouble)
    }

    fn poll_failures(
        &self,
        playlist_id: i64,
        after_us: i64,
        until_us: i64,
    ) -> Result<Vec<PollFailure>, ReadError> {
        self.list(
            &format!(
                "{POLLS}
                 SELECT iif(outcome = 'complete', status, NULL) AS said, outcome, count(*) AS polls
                   FROM poll WHERE failed
                  GROUP BY said, outcome ORDER BY polls DESC, min(requested_us) LIMIT ?4"
            ),
            params![playlist_id, after_us, until_us, MOST_KINDS],
            |row| {
                let outcome: String = row.get(1)?;
                Ok(PollFailure {
                    status: row.get(0)?,
                    outcome: Outcome::parse(&outcome).unwrap_or(Outcome::Protocol),
                    polls: row.get(2)?,
                })
            },
        )
    }

    fn poll_totals(
        &self,
        playlist_id: i64,
        after_us: i64,
        until_us: i64,
    ) -> Result<PollTrouble, ReadError> {
        self.db
            .prepare_cached(&format!(
                "{POLLS}
                 SELECT count(*), count(*) FILTER (WHERE failed), ifnull(max(lag_us), 0),
                        max(ifnull(max(requested_us - before_us), 0), ?3 - ifnull(max(requested_us), ?2))
                   FROM poll"
            ))
            .and_then(|mut statement| {
                statement.query_row(params![playlist_id, after_us, until_us], |row| {
                    Ok(PollTrouble {
                        polls: row.get(0)?,
                        failed: row.get(1)?,
                        failures: Vec::new(),
                        lag_us: row.get(2)?,
                        pause_us: row.get(3)?,
                    })
                })
            })
            .map_err(|e| self.failed(e))
    }
}
