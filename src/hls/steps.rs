//! Counts what takes steps, so that tests can hold how many there are: in a program it is nothing.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// One more thing was looked at or compared.
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// How many steps something takes.
#[cfg(test)]
pub(crate) fn steps_of(work: impl FnOnce()) -> u64 {
    let before = STEPS.with(std::cell::Cell::get);
    work();
    STEPS.with(std::cell::Cell::get) - before
}

/// Holds that four times as much takes little more than four times as many steps: as n log n has it, and never as
/// its square.
#[cfg(test)]
pub(crate) fn assert_grows(what: &str, mut steps: impl FnMut(usize) -> u64) {
    const FEW: usize = 250;
    let (few, many) = (steps(FEW), steps(4 * FEW));
    assert!(
        few >= FEW as u64 / 4,
        "{what}: only {few} steps were counted"
    );
    assert!(many <= 6 * few, "{what}: {few} steps became {many}");
}
