//! Bytes of streams, for tests.

/// A packet of a transport stream: `start`: a unit begins in it, `payload` its first bytes.
pub(crate) fn packet(pid: u16, start: bool, key: bool, payload: &[u8]) -> Vec<u8> {
    let [high, low] = pid.to_be_bytes();
    let mut packet = vec![0x47, high | u8::from(start) << 6, low, 0x10];
    if key {
        packet[3] = 0x30;
        packet.extend_from_slice(&[1, 0x40]);
    }
    packet.extend_from_slice(payload);
    packet.resize(188, 0xAA);
    packet
}

/// The beginning of a program association table.
pub(crate) fn pat() -> Vec<u8> {
    packet(0, true, false, &[0, 0, 0xB0, 0x0D])
}

/// The beginning of a picture.
pub(crate) fn video(key: bool) -> Vec<u8> {
    packet(0x100, true, key, &[0, 0, 1, 0xE0])
}

/// The rest of one.
pub(crate) fn more_video() -> Vec<u8> {
    packet(0x100, false, false, &[])
}

/// So many packets.
pub(crate) fn ts(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|n| if n % 4 == 0 { pat() } else { more_video() })
        .collect()
}

/// So many frames of MPEG-1 Layer III, 128 kbit/s, 44.1 kHz.
pub(crate) fn mp3(count: usize) -> Vec<u8> {
    let mut frame = vec![0xFF, 0xFB, 0x90, 0x00];
    frame.resize(417, 0x11);
    frame.repeat(count)
}

/// So many frames of ADTS.
pub(crate) fn adts(count: usize) -> Vec<u8> {
    let length = 200_u16;
    let mut frame = vec![
        0xFF,
        0xF1,
        0x50,
        0x80 | (length >> 11) as u8,
        (length >> 3) as u8,
        (length << 5) as u8 | 0x1F,
        0xFC,
    ];
    frame.resize(usize::from(length), 0x22);
    frame.repeat(count)
}
