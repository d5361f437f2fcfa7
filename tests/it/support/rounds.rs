//! How often a test of chance is repeated: seldom with each change, often before a release.

/// `short` times, or `long` times where `ISRECORDER_LONG` is set (`tests/hard/run --long`).
pub fn rounds(short: usize, long: usize) -> usize {
    match std::env::var_os("ISRECORDER_LONG") {
        Some(_) => long,
        None => short,
    }
}

/// Where the dice begin: the same each time, unless `ISRECORDER_SEED` says otherwise. A test
/// that rolls them says the seed when it fails.
pub fn seed() -> u64 {
    let given = std::env::var("ISRECORDER_SEED").ok();
    given
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_101_227)
}

/// A small generator of numbers that look like chance (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `below - 1`.
    pub fn below(&mut self, below: u64) -> u64 {
        self.roll() % below.max(1)
    }
}
