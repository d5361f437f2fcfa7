//! What a chunk of an MPEG transport stream says (ISO 13818-1): where packets are, its tables, its counters, and when its units
//! are. Pure.
//!
//! No crate reads it. mpeg2ts-reader 0.18 takes packets on the step of 188 bytes that it began with, whatever has become of
//! it, and only logs a lost sync byte, a counter that jumps, and a table with a wrong sum; these are what is looked for here.
//!
//! | file | is |
//! | --- | --- |
//! | `packet` | a packet, and the head of a unit in it |
//! | `sections` | tables |
//! | `stream` | what a PID carries |

mod packet;
mod sections;
mod stream;

use memchr::memchr_iter;

use super::facts::{Clock, Cue, Tables, TransportFacts};
use super::packets::{PACKET, SYNC};
use packet::Packet;
pub(crate) use sections::is_sound;
use sections::{MOST_PROGRAMS, programs, streams};
use stream::{Coded, Stream};

/// PIDs that are known at most.
const MOST_PIDS: usize = 64;
/// No packet of media: stuffing.
const NULL: u16 = 0x1FFF;
/// PIDs of tables of ISO 13818-1 and DVB.
const LAST_TABLE: u16 = 0x1F;
/// Sections of SCTE-35 that are kept of a chunk.
const MOST_CUES: usize = 16;
/// So many sync bytes in step tell where packets begin again.
const IN_STEP: usize = 4;
/// No stream has this place.
const NOWHERE: u8 = u8::MAX;

/// What an initialization section of a transport stream says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransportInit {
    /// Its tables.
    pub tables: Tables,
    /// The PMTs, and the streams with their `stream_type`.
    named: Vec<(u16, u8)>,
    maps: Vec<u16>,
}

/// Whether most of a body is packets.
pub fn is_transport(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 64;
    let packets = bytes.chunks(PACKET).take(LOOKED_AT);
    let in_step = packets.clone().filter(|packet| packet[0] == SYNC).count();
    let all = packets.len();
    (bytes.len() >= PACKET && in_step * 2 > all && in_step >= all.min(2))
        || super::packets::find_step(bytes).is_some()
}

/// The tables of an initialization section.
pub fn read_init(bytes: &[u8]) -> TransportInit {
    let mut reader = Reader::new();
    reader.read(bytes);
    let named = reader
        .streams
        .iter()
        .filter_map(|stream| Some((stream.counter.pid, stream.named?.0)));
    TransportInit {
        tables: reader.facts.tables,
        named: named.collect(),
        maps: reader.maps,
    }
}

/// All of a chunk.
pub fn read(bytes: &[u8], init: Option<&TransportInit>) -> TransportFacts {
    let mut reader = Reader::new();
    if let Some(init) = init {
        reader.maps.clone_from(&init.maps);
        for (pid, kind) in &init.named {
            reader.name(*pid, (*pid, *kind, &[]));
        }
    }
    reader.read(bytes);
    reader.finish()
}

struct Reader {
    facts: TransportFacts,
    /// Where the stream of a PID is.
    places: Vec<u8>,
    streams: Vec<Stream>,
    /// PIDs of PMTs.
    maps: Vec<u16>,
    cues: Vec<Cue>,
    /// The first time stamp.
    origin: Option<i64>,
    clock_pid: Option<u16>,
}

impl Reader {
    fn new() -> Self {
        Self {
            facts: TransportFacts::default(),
            places: vec![NOWHERE; usize::from(NULL) + 1],
            streams: Vec::new(),
            maps: Vec::new(),
            cues: Vec::new(),
            origin: None,
            clock_pid: None,
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if rest[0] != SYNC {
                let stray = next_packet(rest);
                self.facts.sync_lost = self.facts.sync_lost.saturating_add(1);
                self.facts.sync_lost_at.get_or_insert(at as u64);
                self.facts.stray_bytes += stray as u64;
                at += stray;
                continue;
            }
            let Some(packet) = rest.first_chunk() else {
                self.facts.cut_bytes = u8::try_from(rest.len()).unwrap_or(u8::MAX);
                return;
            };
            self.packet(Packet(packet), at, bytes);
            self.facts.packets += 1;
            at += PACKET;
        }
    }

    fn packet(&mut self, packet: Packet, at: usize, bytes: &[u8]) {
        let pid = packet.pid();
        if packet.has_error() {
            self.facts.errors = self.facts.errors.saturating_add(1);
            return;
        }
        if pid == NULL {
            return;
        }
        if let Some(clock) = packet.clock() {
            self.clock(pid, clock, packet.is_discontinuity());
        }
        let Some(place) = self.place(pid) else { return };
        let stream = &mut self.streams[place];
        stream.count(&packet, at, bytes);
        let payload = packet.payload();
        if payload.is_empty() || packet.is_scrambled() || stream.is_copy() {
            return;
        }
        let is_start = packet.is_start();
        let is_cues = matches!(stream.named, Some((_, Coded::Cues)));
        if stream.counter.is_table || is_cues {
            self.table(place, payload, is_start);
            return;
        }
        if pid > LAST_TABLE {
            if self.facts.tables.pmt_at.is_none() {
                self.facts.tables.media_before = self.facts.tables.media_before.saturating_add(1);
            }
            stream.push(payload, is_start, &mut self.origin);
        }
    }

    /// Where the stream of a PID is, which may be new.
    fn place(&mut self, pid: u16) -> Option<usize> {
        let known = self.places[usize::from(pid)];
        if known != NOWHERE {
            return Some(usize::from(known));
        }
        let place = self.streams.len();
        if place >= MOST_PIDS {
            self.facts.more_pids = true;
            return None;
        }
        let is_table = pid <= LAST_TABLE || self.maps.contains(&pid);
        self.streams.push(Stream::new(pid, is_table));
        self.places[usize::from(pid)] = u8::try_from(place).ok()?;
        Some(place)
    }

    fn name(&mut self, pid: u16, named: sections::Named) {
        if let Some(place) = self.place(pid) {
            self.streams[place].name(named);
        }
    }

    /// A packet with a part of a table, or of a cue.
    fn table(&mut self, place: usize, payload: &[u8], is_start: bool) {
        let mut tables = std::mem::take(&mut self.streams[place].tables);
        let pid = self.streams[place].counter.pid;
        let is_table = self.streams[place].counter.is_table;
        tables.push(payload, is_start, &mut |section| {
            if !is_table {
                self.cue(section);
            } else if pid == 0 || self.maps.contains(&pid) {
                self.section(pid, section);
            }
        });
        self.streams[place].tables = tables;
    }

    fn cue(&mut self, section: &[u8]) {
        const SPLICE_INFO: u8 = 0xFC;
        if section[0] == SPLICE_INFO && self.cues.len() < MOST_CUES {
            self.cues.push(Cue {
                section: section.into(),
                is_sound: is_sound(section),
            });
        }
    }

    /// A PAT or a PMT.
    fn section(&mut self, pid: u16, section: &[u8]) {
        let is_wanted = section[0] == if pid == 0 { 0 } else { 2 };
        if !is_wanted {
            return;
        }
        if !is_sound(section) {
            self.facts.tables.damaged = self.facts.tables.damaged.saturating_add(1);
            return;
        }
        let packet = self.facts.packets;
        if pid == 0 {
            let Some(programs) = programs(section) else {
                return;
            };
            self.facts.tables.pat_at.get_or_insert(packet);
            let maps: Vec<u16> = programs.take(MOST_PROGRAMS).map(|(_, pid)| pid).collect();
            let count = u16::try_from(maps.len()).unwrap_or(u16::MAX);
            self.facts.tables.programs = self.facts.tables.programs.max(count);
            for pid in &maps {
                if let Some(place) = self.place(*pid) {
                    self.streams[place].counter.is_table = true;
                }
            }
            self.maps = maps;
        } else if let Some(streams) = streams(section) {
            self.facts.tables.pmt_at.get_or_insert(packet);
            for named in streams.take(MOST_PIDS) {
                self.name(named.0, named);
            }
        }
    }

    fn clock(&mut self, pid: u16, time: u64, is_marked: bool) {
        const ROUND: u64 = 1 << 33;
        if *self.clock_pid.get_or_insert(pid) != pid {
            return;
        }
        let clock: &mut Clock = &mut self.facts.clock;
        clock.first.get_or_insert(time);
        let Some(last) = clock.last.replace(time).filter(|_| !is_marked) else {
            return;
        };
        let step = time.wrapping_sub(last) % ROUND;
        if step < ROUND / 2 {
            clock.longest = clock.longest.max(step);
        } else {
            clock.steps_back = clock.steps_back.saturating_add(1);
        }
    }

    fn finish(mut self) -> TransportFacts {
        self.streams.sort_by_key(|stream| stream.counter.pid);
        let used = self
            .streams
            .iter()
            .filter(|stream| stream.counter.packets > 0);
        self.facts.counters = used.map(|stream| stream.counter).collect();
        let media = self.streams.into_iter().filter(Stream::is_media);
        self.facts.tracks = media.map(Stream::track).collect();
        self.facts.cues = self.cues.into();
        self.facts
    }
}

/// How many bytes there are before the next packet.
fn next_packet(bytes: &[u8]) -> usize {
    let is_step = |from: usize| {
        let following = (1..IN_STEP).map(|n| bytes.get(from + n * PACKET));
        following.flatten().all(|byte| *byte == SYNC)
    };
    memchr_iter(SYNC, bytes)
        .find(|from| is_step(*from))
        .unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests;
