//! The one rule of the timeline.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// `answer(url, t)` is the last exchange at or before t, and never goes back.
    #[test]
    fn the_answer_is_the_last_one_at_or_before(
        times in prop::collection::vec(0..50_i64, 1..20),
        asked in prop::collection::vec(-5..60_i64, 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let recording = Recording::start().await;
            // What is handed over with an earlier time than the one before is the answer from then on.
            let mut known: Vec<(i64, i64)> = Vec::new();
            for ms in &times {
                let id = recording.text(Kind::Media, MEDIA, *ms, &format!("#EXTM3U\n#{ms}\n"), &[]).await;
                let from = known.last().map_or(*ms, |(_, before)| *ms.max(before));
                known.push((id, from));
            }
            recording.finish().await;
            let reader = Reader::open(&recording.folder).unwrap();
            let mut sorted = asked.clone();
            sorted.sort_unstable();
            let mut last_id = 0;
            for ms in sorted {
                let found = reader.answer(MEDIA, None, recording.zero_us + ms * 1000, false).unwrap();
                let wanted = known.iter().rev().find(|(_, from)| *from <= ms).map(|(id, _)| *id);
                let got = match found {
                    Found::Answer(answer) => Some(answer.exchange.id),
                    Found::NotYet(from) => {
                        assert_eq!(Some(from), known.first().map(|(_, first)| recording.zero_us + first * 1000));
                        None
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(got, wanted, "at {ms}");
                assert!(got.unwrap_or(0) >= last_id);
                last_id = got.unwrap_or(0);
            }
        });
    }
}
