//! H04: a viewer would have waited.

use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::overview::{Stall, buffer_words};

/// Stalls of who plays a rendition, up to the last of these. One finding is made of all: what it says of them is what was told last.
pub fn judge(stalls: &[Stall], has_target: bool) -> Broken {
    let lengths = || stalls.iter().map(|stall| stall.length_us);
    let seconds = |us: i64| us as f64 / 1e6;
    let all = seconds(lengths().fold(0, i64::saturating_add));
    let longest = seconds(lengths().max().unwrap_or_default());
    let end = match stalls.last().is_some_and(|stall| stall.is_open) {
        true => ", until the end of the recording",
        false => "",
    };
    let buffer = buffer_words(has_target);
    let waited = match stalls.len() {
        0 | 1 => format!("for {all:.1} s"),
        count => format!("{count} times, for {all:.1} s together and {longest:.1} s at most"),
    };
    let text = format!("a viewer with {buffer} would have waited {waited}{end}");
    Broken::new("H04", text).worse(i64::try_from(stalls.len()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_viewer_sees_is_told() {
        let stall = Stall {
            from_us: 100_000_000,
            length_us: 2_500_000,
            is_open: false,
        };
        let text = judge(&[stall], true).text;
        assert_eq!(
            text,
            "a viewer with three target durations of buffer would have waited for 2.5 s"
        );
        let open = Stall {
            is_open: true,
            ..stall
        };
        let text = judge(&[open], false).text;
        assert!(text.contains("longest EXTINF"), "{text}");
        assert!(
            text.ends_with("2.5 s, until the end of the recording"),
            "{text}"
        );
    }

    #[test]
    fn of_several_it_is_told_how_many_how_long_together_and_the_longest() {
        let stall = |length_us, is_open| Stall {
            from_us: 0,
            length_us,
            is_open,
        };
        let stalls = [
            stall(2_500_000, false),
            stall(8_000_000, false),
            stall(1_000_000, true),
        ];
        let told: Vec<_> = (1..=3).map(|count| judge(&stalls[..count], true)).collect();
        assert!(
            told[1]
                .text
                .ends_with("would have waited 2 times, for 10.5 s together and 8.0 s at most")
        );
        assert!(told[2].text.ends_with(
            "3 times, for 11.5 s together and 8.0 s at most, until the end of the recording"
        ));
        // The last one is what the finding says.
        assert!(told.windows(2).all(|pair| pair[0].worse < pair[1].worse));
    }
}
