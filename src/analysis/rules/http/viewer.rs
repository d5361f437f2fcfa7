//! H04: a viewer would have waited.

use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::overview::{Stall, buffer_words};

/// A stall of who plays a rendition.
pub fn judge(stall: &Stall, has_target: bool) -> Broken {
    let seconds = stall.length_us as f64 / 1e6;
    let end = match stall.is_open {
        true => ", until the end of the recording",
        false => "",
    };
    let buffer = buffer_words(has_target);
    let text = format!("a viewer with {buffer} would have waited for {seconds:.1} s{end}");
    Broken::new("H04", text).worse(stall.length_us)
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
        let text = judge(&stall, true).text;
        assert_eq!(
            text,
            "a viewer with three target durations of buffer would have waited for 2.5 s"
        );
        let open = Stall {
            is_open: true,
            ..stall
        };
        let text = judge(&open, false).text;
        assert!(text.contains("longest EXTINF"), "{text}");
        assert!(
            text.ends_with("2.5 s, until the end of the recording"),
            "{text}"
        );
    }
}
