//! Packets of a transport stream, as ffmpeg writes it.

pub const PACKET: usize = 188;

/// The packets of a PID.
pub fn packets_of(body: &[u8], pid: u16) -> Vec<usize> {
    let is_of = |packet: &[u8]| u16::from_be_bytes([packet[1] & 0x1F, packet[2]]) == pid;
    let packets = body.chunks(PACKET).enumerate();
    packets
        .filter(|(_, packet)| is_of(packet))
        .map(|(n, _)| n * PACKET)
        .collect()
}

/// PIDs of ffmpeg: PAT, PMT, pictures.
pub const PAT: u16 = 0;
pub const PMT: u16 = 0x1000;
pub const VIDEO: u16 = 0x100;

/// Adds to all continuity counters of a transport stream.
pub fn count_on(body: &mut [u8], by: u8) {
    for packet in body.chunks_mut(PACKET) {
        packet[3] = packet[3] & 0xF0 | (packet[3] + by) & 0x0F;
    }
}

/// Adds to all time stamps of a transport stream.
pub fn shift(body: &mut [u8], ticks: i64) {
    for packet in body.chunks_mut(PACKET) {
        let from = 4 + if packet[3] & 0x20 == 0 {
            0
        } else {
            1 + usize::from(packet[4])
        };
        if packet[1] & 0x40 == 0 || packet.get(from..from + 3) != Some(&[0, 0, 1]) {
            continue;
        }
        let flags = packet[from + 7] >> 6;
        for place in [9, 14].into_iter().take(flags.count_ones() as usize) {
            let bytes = &mut packet[from + place..from + place + 5];
            let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|n| u64::from(bytes[n]));
            let time = (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1;
            let time = (time as i64 + ticks).rem_euclid(1 << 33) as u64;
            bytes[0] = (a as u8 & 0xF1) | (time >> 29) as u8 & 0x0E;
            bytes[1] = (time >> 22) as u8;
            bytes[2] = (time >> 14) as u8 | 1;
            bytes[3] = (time >> 7) as u8;
            bytes[4] = (time << 1) as u8 | 1;
        }
    }
}
