//! An exchange and what hangs on it: its headers, its body, its revision and how that lies.

use rusqlite::{OptionalExtension, named_params, params};

use super::Store;
use super::logs::{NewText, to_i64};
use crate::hls::{Correction, Step};
use crate::session::files::new_body::NewBody;
use crate::session::id::ExchangeId;
use crate::session::model::{Kind, NewExchange, NewRevision, Outcome, OwnReason, not_stored};

impl Store {
    /// Writes one exchange and everything that hangs on it.
    ///
    /// A chunk that is in place already (`NewBody::File` with its final place, from a try
    /// before) is not moved again.
    pub(crate) fn exchange(&mut self, new: &mut NewExchange) -> rusqlite::Result<()> {
        let resource_id = self.resource_id(&new.resource)?;
        let polled_id = match &new.polled {
            Some(polled) => self.resource_id(polled)?,
            None => resource_id,
        };
        if let Some(url) = &new.asked_as {
            self.alias(resource_id, url)?;
        }
        if let Some(bytes) = new.wire_bytes {
            let is_playlist = new.resource.kind.is_playlist();
            self.allowance(new.resource.stream_id)
                .note_body(bytes, is_playlist);
        }
        let body_id = self.body(new, resource_id)?;
        let from_us = self.answer_from(new, resource_id)?;
        let (set_id, values) = self.headers(new)?;
        // Of others nothing is kept: these columns are in every row.
        let said = new.revision.as_ref();
        let said =
            said.filter(|said| said.part_target_us.is_some() || said.can_block == Some(true));
        self.db
            .prepare_cached(
                "INSERT INTO exchange (id, resource_id, referrer_id, head_id, from_us, requested_us, lag_us,
                   directives, directives_met, last_parts, next_parts, can_block, can_skip_us, hold_back_us,
                   part_hold_back_us, wait_us, receive_us, failed_us, status, http_version, remote_addr, header_set_id, header_values,
                   announced_bytes, wire_bytes, arrival, body_id, body_encoding, body_first, resource_bytes,
                   confirms_id, outcome, own_reason, error, note)
                 VALUES (:id, :resource_id, :referrer_id, :head_id, :from_us, :requested_us, :lag_us,
                   :directives, :directives_met, :last_parts, :next_parts, :can_block, :can_skip_us, :hold_back_us,
                   :part_hold_back_us, :wait_us, :receive_us, :failed_us, :status, :http_version, :remote_addr, :header_set_id, :header_values,
                   :announced_bytes, :wire_bytes, :arrival, :body_id, :body_encoding, :body_first, :resource_bytes,
                   :confirms_id, :outcome, :own_reason, :error, :note)",
            )?
            .execute(named_params! {
                ":id": new.id,
                ":resource_id": resource_id,
                ":referrer_id": new.referrer_id,
                ":head_id": new.head_id,
                ":from_us": from_us,
                ":requested_us": new.requested_us,
                ":lag_us": new.lag_us,
                ":directives": new.directives,
                ":directives_met": new.directives_met,
                ":last_parts": said.and_then(|said| said.last_parts),
                ":next_parts": said.and_then(|said| said.next_parts),
                ":can_block": said.and_then(|said| said.can_block),
                ":can_skip_us": said.and_then(|said| said.can_skip_us),
                ":hold_back_us": said.and_then(|said| said.hold_back_us),
                ":part_hold_back_us": said.and_then(|said| said.part_hold_back_us),
                ":wait_us": new.wait_us,
                ":receive_us": new.receive_us,
                ":failed_us": new.failed_us,
                ":status": new.status,
                ":http_version": new.http_version,
                ":remote_addr": new.remote_addr,
                ":header_set_id": set_id,
                ":header_values": values,
                ":announced_bytes": new.announced_bytes.map(to_i64),
                ":wire_bytes": new.wire_bytes.map(to_i64),
                ":arrival": new.arrival,
                ":body_id": body_id,
                ":body_encoding": new.body_encoding,
                ":body_first": new.body_first.map(to_i64),
                ":resource_bytes": new.resource_bytes.map(to_i64),
                ":confirms_id": new.confirms_id,
                ":outcome": new.outcome.as_str(),
                ":own_reason": new.own_reason.map(OwnReason::as_str),
                ":error": new.error,
                ":note": new.note,
            })?;
        if let Some(revision) = &new.revision {
            self.revision(new, revision, polled_id)?;
            self.learn_kind(revision, [polled_id, resource_id])?;
        }
        // Steering manifests and lists of assets are asked for in their own time, or not again.
        let is_beside = matches!(new.resource.kind, Kind::Steering | Kind::Assets);
        let is_put_off = new.own_reason.is_some_and(OwnReason::is_to_come) && !is_beside;
        let is_to_come = is_put_off || new.outcome == Outcome::Crossed;
        if !is_to_come && new.availability.is_of_listing() {
            self.db
                .prepare_cached("DELETE FROM pending WHERE resource_id = ?1")?
                .execute([resource_id])?;
        }
        Ok(())
    }

    fn revision(
        &self,
        new: &NewExchange,
        revision: &NewRevision,
        polled_id: i64,
    ) -> rusqlite::Result<()> {
        // What could be placed on windows of the run before is an advance where its end is new.
        let is_placed = revision.lie.is_some_and(|lie| lie.step != Step::First);
        let is_as_left = !is_placed && self.is_as_left(revision, polled_id)?;
        let advance = revision.advance && !is_as_left;
        self.db
            .prepare_cached(
                "INSERT INTO revision (exchange_id, playlist_id, seen_us, not_before_us, advance, media_sequence,
                   segment_count, last_sequence, target_duration_us, part_target_us, discontinuity_sequence, ended)
                 VALUES (:exchange_id, :playlist_id, :seen_us, :not_before_us, :advance, :media_sequence,
                   :segment_count, :last_sequence, :target_duration_us, :part_target_us, :discontinuity_sequence, :ended)",
            )?
            .execute(named_params! {
                ":exchange_id": new.id,
                ":playlist_id": polled_id,
                ":seen_us": new.timing().response_us(),
                ":not_before_us": revision.not_before_us,
                ":advance": advance,
                ":media_sequence": revision.media_sequence,
                ":segment_count": revision.segment_count,
                ":last_sequence": revision.last_sequence,
                ":target_duration_us": revision.target_duration_us,
                ":part_target_us": revision.part_target_us,
                ":discontinuity_sequence": revision.discontinuity_sequence,
                ":ended": revision.ended,
            })?;
        let Some(lie) = revision.lie else {
            return Ok(());
        };
        self.db
            .prepare_cached("INSERT INTO placement (exchange_id, place, step) VALUES (?1,?2,?3)")?
            .execute(params![new.id, to_i64(lie.place), lie.step.as_str()])?;
        Ok(())
    }

    /// Notes how windows lay in truth; of rows that are gone by now, nothing.
    pub(crate) fn corrected(&mut self, corrections: &[Correction]) -> rusqlite::Result<()> {
        let mut placement = self.db.prepare_cached(
            "UPDATE placement SET corrected_place = ?2, corrected_step = ?3 WHERE exchange_id = ?1",
        )?;
        for true_one in corrections {
            let place = to_i64(true_one.place);
            placement.execute(params![true_one.id, place, true_one.step.as_str()])?;
        }
        Ok(())
    }

    /// Whether a revision is the first of a run and has the end that the run before saw last:
    /// whoever polls cannot know.
    fn is_as_left(&self, revision: &NewRevision, polled_id: i64) -> rusqlite::Result<bool> {
        let before: Option<(ExchangeId, Option<i64>)> = self
            .db
            .prepare_cached(
                "SELECT exchange_id, last_sequence FROM revision WHERE playlist_id = ?1
                  ORDER BY seen_us DESC, exchange_id DESC LIMIT 1",
            )?
            .query_row([polled_id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(before.is_some_and(|(id, last)| {
            id < self.first_id && last.is_some() && last == revision.last_sequence
        }))
    }

    /// What the user typed is known for a media playlist only when it has come.
    fn learn_kind(&self, revision: &NewRevision, resources: [i64; 2]) -> rusqlite::Result<()> {
        if revision.media_sequence.is_some() {
            self.db
                .prepare_cached(
                    "UPDATE resource SET kind = 'media' WHERE id IN (?1, ?2) AND kind = 'main'",
                )?
                .execute(resources)?;
        }
        Ok(())
    }

    /// From when on it is the answer for its resource.
    fn answer_from(&self, new: &NewExchange, resource_id: i64) -> rusqlite::Result<i64> {
        // What crossed a closing connection came before nothing: it is asked again on the same account.
        let before_us: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT from_us FROM exchange WHERE resource_id = ?1 AND outcome <> 'crossed'
                  ORDER BY from_us DESC LIMIT 1",
            )?
            .query_row([resource_id], |row| row.get(0))
            .optional()?;
        let availability = new.availability;
        Ok(availability.answer_from_us(new.timing(), before_us, self.zero_us))
    }

    fn headers(&mut self, new: &NewExchange) -> rusqlite::Result<(Option<i64>, Option<String>)> {
        let Some(headers) = &new.headers else {
            return Ok((None, None));
        };
        let (fields, values) = self.cache.headers.split(headers);
        if let Some(id) = self.cache.header_sets.get(&fields) {
            return Ok((Some(id), values));
        }
        let id: i64 = self
            .db
            .prepare_cached(
                "INSERT INTO header_set (fields) VALUES (?1)
                 ON CONFLICT (fields) DO UPDATE SET fields = excluded.fields RETURNING id",
            )?
            .query_row([&fields], |row| row.get(0))?;
        self.cache.header_sets.insert(fields, id);
        Ok((Some(id), values))
    }

    fn body(&mut self, new: &mut NewExchange, resource_id: i64) -> rusqlite::Result<Option<i64>> {
        match &new.body {
            NewBody::None => Ok(None),
            NewBody::Bytes {
                data,
                sha256,
                binary,
            } => {
                let text = NewText {
                    data,
                    sha256: *sha256,
                    binary: *binary,
                    coded: new.coded.as_ref(),
                    stream_id: new.resource.stream_id,
                    owner: new.resource.kind.is_playlist().then_some(resource_id),
                };
                self.bytes(&text).map(Some)
            }
            NewBody::File { size, sha256, .. } => {
                let (size, sha256) = (to_i64(*size), *sha256);
                match self.chunk(new, size, &sha256)? {
                    Ok(id) => Ok(Some(id)),
                    Err(error) => {
                        new.body = NewBody::None;
                        new.outcome = Outcome::Disk;
                        new.error = Some(not_stored(error));
                        Ok(None)
                    }
                }
            }
        }
    }
}
