//! P21 sequence-number: numbers that others are counted from (RFC 8216bis 4.2, 4.4.3.2, 4.4.3.3).

use super::seen::{Text, shown};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::is_digits;
use crate::shown::counted;

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    let all = &playlist.text;
    for span in &playlist.no_numbers {
        let value = all.get(span.clone()).unwrap_or_default();
        let line = playlist.line(span.start);
        let before = all.get(..span.start).unwrap_or_default();
        let name = match before.ends_with(b"DISCONTINUITY-SEQUENCE:") {
            true => "EXT-X-DISCONTINUITY-SEQUENCE",
            false => "EXT-X-MEDIA-SEQUENCE",
        };
        let sentence = match is_digits(value) {
            true => format!("{name} is {}, which is above {}", shown(value), u64::MAX),
            false => format!("{name} is \"{}\", which is no whole number", shown(value)),
        };
        out.push(Broken::new("P21", sentence).with("line", line));
    }
    if !playlist.no_numbers.is_empty() {
        return;
    }
    if playlist.runs_over() {
        let segments = counted(playlist.segments.len() as u64, "segment");
        out.push(passed(
            "EXT-X-MEDIA-SEQUENCE",
            playlist.first_number(),
            &segments,
        ));
    }
    if playlist.discontinuities_run_over() {
        let first = playlist.discontinuity_sequence.unwrap_or(0);
        let name = "EXT-X-DISCONTINUITY-SEQUENCE";
        out.push(passed(name, first, "its discontinuities"));
    }
}

fn passed(name: &str, first: u64, whats: &str) -> Broken {
    let most = u64::MAX;
    let sentence = format!("{name} is {first}, and the numbers of {whats} pass {most}");
    Broken::new("P21", sentence).kind("passed")
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::text::testing::{CLEAN, broken};

    fn sentences(text: &str) -> Vec<String> {
        let broken = broken(text).into_iter();
        let broken = broken.inspect(|one| assert_eq!(one.rule, "P21"));
        broken.map(|one| one.text).collect()
    }

    #[test]
    fn a_number_is_one_of_64_bits() {
        let of =
            |value: &str| sentences(&CLEAN.replace("SEQUENCE:7", &format!("SEQUENCE:{value}")));
        // Six segments.
        assert_eq!(of("18446744073709551610"), Vec::<String>::new());
        assert_eq!(
            of("18446744073709551611"),
            [
                "EXT-X-MEDIA-SEQUENCE is 18446744073709551611, and the numbers of 6 segments pass 18446744073709551615"
            ]
        );
        assert_eq!(
            of("18446744073709551616"),
            ["EXT-X-MEDIA-SEQUENCE is 18446744073709551616, which is above 18446744073709551615"]
        );
        for value in ["-4", "+7", "7.0", "0x7", "seven", ""] {
            let told = format!("EXT-X-MEDIA-SEQUENCE is \"{value}\", which is no whole number");
            assert_eq!(of(value), [told]);
        }
        let both = "SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:-1";
        assert_eq!(
            sentences(&CLEAN.replace("SEQUENCE:7", both)),
            ["EXT-X-DISCONTINUITY-SEQUENCE is \"-1\", which is no whole number"]
        );
    }
}
