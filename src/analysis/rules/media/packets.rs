//! M01, M02, M03, M04: what a segment is, and the packets of a transport stream.

use super::known::{Found, Known, times};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;
use crate::media::facts::{Cipher, Content, Counter, NoMedia, TransportFacts};
use crate::media::read::Init;
use crate::shown::counted;

/// ETSI TR 101 290: a PCR is to be there so often, in ticks of 90 kHz.
const CLOCK: u64 = 9000;

pub fn judge(before: Option<&Known>, this: &Known, found: &mut Found) {
    let mut say = |broken: Broken| found.push((this.sequence, broken));
    format(this, &mut say);
    let Content::Transport(facts) = &this.facts.content else {
        return;
    };
    sync(this, facts, &mut say);
    if !this.iframes_only {
        tables(this, facts, &mut say);
        counters(before, facts, &mut say);
        clock(facts, &mut say);
    }
}

/// M01: it is media at all.
fn format(this: &Known, say: &mut impl FnMut(Broken)) {
    let sequence = this.sequence;
    let what = match (&this.facts.content, this.facts.cipher) {
        // What comes of a wrong key is M10's.
        (_, Cipher::Decrypted | Cipher::Padding) => return,
        // Where the header of subtitles stands in the map, a segment without cues may have no byte.
        (Content::NoMedia(NoMedia::Empty | NoMedia::Text), _)
            if this.init == Some(&Init::Subtitles) =>
        {
            return;
        }
        (Content::NoMedia(NoMedia::Empty), _) => "is empty",
        (Content::NoMedia(NoMedia::Html), _) => "is a page (HTML)",
        (Content::NoMedia(NoMedia::Playlist), _) => "is a playlist",
        (Content::NoMedia(NoMedia::Text), _) => "is a text",
        (Content::NoMedia(NoMedia::Unknown), _) => "is in no format that media segments may have",
        (Content::Fragments(facts), _) if facts.broken_at.is_some() => {
            let at = facts.broken_at.unwrap_or(0);
            let text = format!("Segment {sequence} has bytes that are no box, from byte {at} on");
            say(Broken::new("M01", text).kind("boxes").with("byte", at));
            return;
        }
        (Content::Fragments(facts), _) if facts.cut_bytes > 0 && !this.iframes_only => {
            let missing = facts.cut_bytes;
            let text = format!("Segment {sequence} ends inside a box: {missing} bytes are missing");
            say(Broken::new("M01", text)
                .kind("cut")
                .with("missing", missing));
            return;
        }
        _ => return,
    };
    let text = format!("Segment {sequence} {what}: {} bytes", this.facts.bytes);
    say(Broken::new("M01", text).kind("format"));
}

/// M01: packets are where they have to be.
fn sync(this: &Known, facts: &TransportFacts, say: &mut impl FnMut(Broken)) {
    let sequence = this.sequence;
    if let Some(at) = facts.sync_lost_at {
        let (lost, stray) = (facts.sync_lost, facts.stray_bytes);
        let times = if lost == 1 { "once" } else { "more than once" };
        let text = format!(
            "Segment {sequence} loses the step of its packets {times} (first at byte {at}); {stray} bytes belong to no packet"
        );
        say(Broken::new("M01", text)
            .kind("sync")
            .with("byte", at)
            .with("count", lost));
    } else if facts.cut_bytes > 0 && !this.iframes_only {
        let cut = facts.cut_bytes;
        let text =
            format!("Segment {sequence} ends inside a packet, of which it has {cut} of 188 bytes");
        say(Broken::new("M01", text).kind("cut"));
    }
}

/// M02: the tables that a decoder begins with.
fn tables(this: &Known, facts: &TransportFacts, say: &mut impl FnMut(Broken)) {
    let (sequence, tables) = (this.sequence, &facts.tables);
    let in_map = match this.init {
        Some(Init::Transport(init)) => Some(&init.tables),
        _ => None,
    };
    let has = |at: fn(&crate::media::facts::Tables) -> bool| at(tables) || in_map.is_some_and(at);
    let missing = match (
        has(|tables| tables.pat_at.is_some()),
        has(|tables| tables.pmt_at.is_some()),
    ) {
        (true, true) => None,
        (true, false) => Some("no PMT"),
        (false, true) => Some("no PAT"),
        (false, false) => Some("no PAT and no PMT"),
    };
    // A map that is said and not known may have them.
    let is_unknown = this.has_map && this.init.is_none();
    if let Some(missing) = missing.filter(|_| !is_unknown) {
        let damaged = match tables.damaged {
            0 => String::new(),
            count => format!("; {count} of them have a wrong CRC"),
        };
        let text = format!("Segment {sequence} has {missing}{damaged}");
        say(Broken::new("M02", text).kind("missing"));
    } else if tables.programs > 1 {
        let text = format!("Segment {sequence} has {} programs", tables.programs);
        say(Broken::new("M02", text).kind("programs"));
    } else if tables.media_before > 0 && !this.has_map && facts.sync_lost == 0 {
        let text = format!(
            "Segment {sequence} has {} of media before its PAT and PMT",
            counted(u64::from(tables.media_before), "packet")
        );
        say(Broken::new("M02", text)
            .kind("late")
            .severity(Severity::Should));
    }
}

/// M03: counters go on, inside a segment and from one to the next. Where packets were lost with the step, that is M01.
fn counters(before: Option<&Known>, facts: &TransportFacts, say: &mut impl FnMut(Broken)) {
    if facts.sync_lost > 0 || facts.errors > 0 {
        return;
    }
    let jumped = facts.counters.iter().filter(|counter| counter.jumps > 0);
    for (is_table, inside) in [(false, jumped.clone()), (true, jumped)] {
        let mut of_kind = inside.filter(|counter| counter.is_table == is_table);
        let Some(first) = of_kind.next() else {
            continue;
        };
        let all =
            u64::from(first.jumps) + of_kind.map(|counter| u64::from(counter.jumps)).sum::<u64>();
        let (pid, at) = (first.pid, first.jumped_at.unwrap_or(0));
        let text = format!(
            "Continuity counters jump {} inside a segment: packets are missing (first of PID {pid}, at byte {at})",
            times(all)
        );
        say(jump(text, is_table, "inside", pid)
            .with("count", all)
            .with("byte", at));
        break;
    }
    let Some(Content::Transport(earlier)) = before.map(|before| &before.facts.content) else {
        return;
    };
    if earlier.sync_lost > 0 || earlier.cut_bytes > 0 || earlier.errors > 0 {
        return;
    }
    for is_table in [false, true] {
        let ours = facts.counters.iter().filter(|one| one.is_table == is_table);
        let mut jumps = ours.filter_map(|ours| across(&earlier.counters, ours));
        let Some((pid, last, first)) = jumps.next() else {
            continue;
        };
        let more = match jumps.count() {
            0 => String::new(),
            count => format!(", and {}", counted(count as u64, "other PID")),
        };
        let text = format!(
            "The continuity counter of PID {pid} is {last} at the end of a segment and {first} at the beginning of the next one{more}"
        );
        say(jump(text, is_table, "across", pid));
        // One thing made all of them jump.
        break;
    }
}

fn jump(text: String, is_table: bool, kind: &'static str, pid: u16) -> Broken {
    let broken = Broken::new("M03", text).with("pid", pid);
    match (is_table, kind) {
        // Players read tables anew with each segment.
        (true, "inside") => broken.kind("tables inside").severity(Severity::Should),
        (true, _) => broken.kind("tables across").severity(Severity::Should),
        (false, kind) => broken.kind(kind),
    }
}

/// The counter of a PID that does not go on: the PID, the last one, and the first one.
fn across(earlier: &[Counter], ours: &Counter) -> Option<(u16, u8, u8)> {
    let theirs = earlier.iter().find(|one| one.pid == ours.pid)?;
    let (last, first) = (theirs.last?, ours.first?);
    let goes_on = first == (last + 1) & 15 || ours.is_marked;
    (!goes_on).then_some((ours.pid, last, first))
}

/// M04: the clock is there, and goes on.
fn clock(facts: &TransportFacts, say: &mut impl FnMut(Broken)) {
    let clock = &facts.clock;
    if clock.steps_back > 0 {
        let text = format!(
            "The PCR goes back {} inside a segment",
            times(u64::from(clock.steps_back))
        );
        say(Broken::new("M04", text).kind("back"));
    } else if clock.longest > CLOCK {
        let text = format!(
            "A PCR comes {} ms after the one before it",
            clock.longest / 90
        );
        say(Broken::new("M04", text)
            .kind("interval")
            .with("ms", clock.longest / 90));
    }
}
