//! Requests that waited for long, or came far too slowly, and are no fault but for that: what was answered well in the end, and
//! what the recorder broke off.

use super::words::least_unanswered_us;

/// The target duration that a request is measured by, of an exchange `e` of a resource `r`: that of the playlist that was asked
/// for, as it stood then, or that of the revision that lists the resource. Sessions of
/// earlier versions may have a 0, which is none.
macro_rules! target {
    () => {
        "coalesce(
           CASE WHEN r.kind = 'media' THEN (
             SELECT nullif(v.target_duration_us, 0) FROM revision v
              WHERE v.playlist_id = ifnull((SELECT h.resource_id FROM exchange h WHERE h.id = e.head_id), r.id)
                AND v.seen_us <= e.requested_us + ifnull(e.wait_us, 0)
              ORDER BY v.seen_us DESC LIMIT 1) END,
           (SELECT nullif(v.target_duration_us, 0) FROM revision v WHERE v.exchange_id = e.referrer_id))"
    };
}

/// Whether an exchange `e` of a resource `r` is one of them; `?1` is [`super::breaks::ENDED`], `?4` are the raw streams, which have
/// no such time. A playlist may take 1.5 target durations, and 5 s at most, as for the log of the recorder; other things 1.5
/// target durations, and 3 s at least, since lines are busy. What the origin holds by design, a blocking reload or a part that is
/// announced, may take three target durations (RFC 8216bis 6.2.5.2). A playlist that had no answer at the end of the recording
/// is told of as in its summary, after 1.5 s; a part that was let go then is not, since nobody knows whether it was made.
pub(super) const IS_LONG_WAIT: &str = concat!(
    "(coalesce(e.wait_us, e.failed_us, 0) >= ",
    least_unanswered_us!(),
    " AND e.own_reason IS NULL
      AND CASE e.outcome WHEN 'complete' THEN ifnull(e.status < 400, 0) AND ifnull(e.error, '') <> ?1
                         WHEN 'aborted' THEN e.status IS NULL AND r.kind <> 'part' ELSE 0 END
      AND NOT (r.kind = 'main' AND r.stream_id IN (SELECT value FROM json_each(?4)))
      AND ifnull(coalesce(e.wait_us, e.failed_us) > CASE
            WHEN e.directives IS NOT NULL OR r.kind = 'part' THEN 3 * ",
    target!(),
    "       WHEN r.kind NOT IN ('main', 'media') THEN max(3000000, ifnull(3 * ",
    target!(),
    " / 2, 0))
            WHEN e.outcome = 'aborted' THEN ",
    least_unanswered_us!(),
    "
            ELSE min(5000000, ifnull(3 * ",
    target!(),
    " / 2, 5000000)) END, 0))"
);

/// Whether an exchange `e` is one of a chunk that came far slower than it is played, or was cut off while it did: the
/// recorder, which knows what else was under way, has said so. It is no fault but for that.
pub(super) const IS_SLOW: &str = "
    (substr(ifnull(e.note, ''), 1, 6) = 'slow: ' AND e.own_reason IS NULL
      AND CASE e.outcome WHEN 'complete' THEN ifnull(e.status < 400, 0) WHEN 'aborted' THEN e.status IS NOT NULL ELSE 0 END)";
