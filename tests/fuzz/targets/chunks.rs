#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isrecorder_fuzz::run("chunks", bytes));
