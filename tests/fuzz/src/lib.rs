//! One target of `isrecorder::fuzzing`, with a limit on the time it may take.

/// A run may cost so much processor time, in milliseconds.
const MOST_MS: i64 = 100;

/// Calls a target.
///
/// # Panics
/// It broke a promise, or took too long.
pub fn run(name: &str, bytes: &[u8]) {
    let before = processor_ms();
    #[cfg(fuzzing)]
    isrecorder::fuzzing::run(name, bytes);
    #[cfg(not(fuzzing))]
    panic!("{name} of {} bytes: built without cargo fuzz", bytes.len());
    let took = processor_ms() - before;
    assert!(took <= MOST_MS, "{name}: {took} ms of processor time");
}

fn processor_ms() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
