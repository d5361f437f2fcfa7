//! M06, where time stamps jump because media of another source begin: a splice without EXT-X-DISCONTINUITY. Counters, formats and dates
//! jump with them (M03, M04, M08, T12). That is one thing, and is told once.

use super::known::Found;
use crate::analysis::rules::broken::Broken;
use crate::session::seconds;

const WITHOUT: &str = ", without EXT-X-DISCONTINUITY";

/// What a text says of the place at which time stamps jump.
#[derive(Debug, Default, Clone)]
pub struct Boundary {
    /// What tells a splice there, in words.
    pub said: Option<String>,
    /// By how much the date is off the one that is due, in microseconds, where that is a jump (T12).
    pub date_off_us: Option<i64>,
}

/// Whether the time stamps of a segment do not begin where those of the one before it end.
pub fn jumps(found: &Found, sequence: u64) -> bool {
    position(found, sequence, is_between).is_some()
}

/// Makes one thing of what is wrong with a segment whose time stamps jump. `true`: that its date jumps (T12) is told with it.
pub fn merge(found: &mut Found, sequence: u64, boundary: &Boundary) -> bool {
    if let Some(at) = position(found, sequence, is_between) {
        let (_, jump) = found.remove(at);
        let with = taken(found, sequence, is_at_beginning);
        let has_more =
            !with.is_empty() || boundary.said.is_some() || boundary.date_off_us.is_some();
        let told = match has_more {
            true => between(sequence, jump, &with, boundary),
            false => jump,
        };
        found.push((sequence, told));
        return boundary.date_off_us.is_some();
    }
    if let Some(at) = position(found, sequence, is_inside) {
        let (_, jump) = found.remove(at);
        let with = taken(found, sequence, is_amid);
        let lead =
            format!("Media of another source begin inside segment {sequence}, or some are missing");
        let told = match with.is_empty() {
            true => jump,
            false => joined(&lead, jump, &with).kind("splice inside"),
        };
        found.push((sequence, told));
    }
    false
}

fn between(sequence: u64, jump: Broken, with: &[Broken], boundary: &Boundary) -> Broken {
    let goes_back = jump.detail.get("off_seconds").and_then(|off| off.as_f64());
    let is_other = with.iter().any(|broken| broken.rule == "M08");
    let lead = match &boundary.said {
        Some(said) => format!("Segment {sequence} is a splice{WITHOUT} ({said})"),
        None if is_other || goes_back.is_some_and(|off| off < 0.0) => format!(
            "Media of another source, or of an encoder that was started again, begin with segment {sequence}{WITHOUT}"
        ),
        None => format!(
            "Media are missing before segment {sequence}, or those of another source begin with it{WITHOUT}"
        ),
    };
    let mut told = joined(&lead, jump, with).kind("splice");
    if let Some(us) = boundary.date_off_us {
        told.text += &format!("; its date is {:+} s off the one that is due", seconds(us));
        told = told.with("date_off_seconds", seconds(us));
    }
    told.with("said", boundary.said.clone())
}

/// One thing, with all that it says.
fn joined(lead: &str, jump: Broken, with: &[Broken]) -> Broken {
    let all = std::iter::once(&jump).chain(with);
    let said: Vec<String> = all.map(|broken| clause(&broken.text)).collect();
    let mut rules: Vec<&str> = with.iter().map(|broken| broken.rule).collect();
    rules.dedup();
    let text = format!("{lead}: {}", said.join("; "));
    Broken { text, ..jump }.with("told_with", rules)
}

/// A sentence behind others.
fn clause(text: &str) -> String {
    let text = text.strip_suffix(WITHOUT).unwrap_or(text);
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

fn position(found: &Found, sequence: u64, is_meant: fn(&Broken) -> bool) -> Option<usize> {
    found
        .iter()
        .position(|(of, broken)| *of == sequence && is_meant(broken))
}

fn taken(found: &mut Found, sequence: u64, is_meant: fn(&Broken) -> bool) -> Vec<Broken> {
    let is_meant = |(of, broken): &mut (u64, Broken)| *of == sequence && is_meant(broken);
    let taken = found.extract_if(.., is_meant);
    taken.map(|(_, broken)| broken).collect()
}

/// From one segment to the next.
fn is_between(broken: &Broken) -> bool {
    broken.rule == "M06" && broken.kind != "inside"
}

fn is_inside(broken: &Broken) -> bool {
    broken.rule == "M06" && broken.kind == "inside"
}

/// What jumps with it at the beginning of a segment, ...
fn is_at_beginning(broken: &Broken) -> bool {
    broken.rule == "M08"
        || broken.rule == "M03" && matches!(broken.kind, "across" | "tables across")
}

/// ... and in the middle of one.
fn is_amid(broken: &Broken) -> bool {
    match broken.rule {
        "M03" => matches!(broken.kind, "inside" | "tables inside"),
        "M04" => broken.kind == "back",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jump(off: f64) -> Broken {
        let text = "The video of segment 7 begins 3.000 s earlier than that of the segment before it ends, without EXT-X-DISCONTINUITY";
        Broken::new("M06", text)
            .kind("video")
            .with("off_seconds", off)
    }

    fn across() -> Broken {
        Broken::new("M03", "The continuity counter of PID 256 is 3 at the end").kind("across")
    }

    fn said(said: Option<&str>, date_off_us: Option<i64>) -> Boundary {
        Boundary {
            said: said.map(str::to_owned),
            date_off_us,
        }
    }

    /// Rules and sentences of what is left of segment 7, and whether the date is told with it.
    fn merged(all: Vec<Broken>, boundary: &Boundary) -> (Vec<(&'static str, String)>, bool) {
        let mut found: Found = all.into_iter().map(|broken| (7, broken)).collect();
        found.push((6, across()));
        let is_dated = merge(&mut found, 7, boundary);
        let others = found.iter().filter(|(of, _)| *of == 6).count();
        assert_eq!(others, 1, "of another segment nothing is taken");
        let of = found.into_iter().filter(|(of, _)| *of == 7);
        let told = of.map(|(_, broken)| (broken.rule, broken.text)).collect();
        (told, is_dated)
    }

    #[test]
    fn what_jumps_together_is_told_once() {
        let format = Broken::new(
            "M08",
            "The encoding changes at segment 7, without EXT-X-DISCONTINUITY",
        );
        let (told, is_dated) = merged(vec![across(), jump(-3.0), format], &Boundary::default());
        assert!(!is_dated);
        assert_eq!(
            told,
            [(
                "M06",
                "Media of another source, or of an encoder that was started again, begin with segment 7, without \
                 EXT-X-DISCONTINUITY: the video of segment 7 begins 3.000 s earlier than that of the segment before it \
                 ends; the continuity counter of PID 256 is 3 at the end; the encoding changes at segment 7"
                    .to_owned()
            )]
        );
    }

    #[test]
    fn a_splice_that_the_text_tells_is_told_as_one() {
        let (told, is_dated) = merged(
            vec![jump(9.0)],
            &said(Some("EXT-X-CUE-OUT"), Some(4_000_000)),
        );
        assert!(is_dated);
        let (rule, text) = &told[0];
        assert_eq!((told.len(), *rule), (1, "M06"));
        assert!(
            text.starts_with("Segment 7 is a splice, without EXT-X-DISCONTINUITY (EXT-X-CUE-OUT)"),
            "{text}"
        );
        assert!(
            text.ends_with("its date is +4 s off the one that is due"),
            "{text}"
        );
    }

    #[test]
    fn time_that_goes_on_later_may_be_media_that_are_missing() {
        let (told, _) = merged(vec![jump(3.0), across()], &Boundary::default());
        assert!(
            told[0]
                .1
                .starts_with("Media are missing before segment 7, or"),
            "{told:?}"
        );
        assert_eq!(told.len(), 1);
    }

    #[test]
    fn what_jumps_alone_stays_what_it_is() {
        let (told, is_dated) = merged(vec![jump(-3.0)], &Boundary::default());
        assert_eq!(
            (told[0].1.as_str(), is_dated),
            (jump(0.0).text.as_str(), false)
        );
        // A counter that jumps while time goes on is a packet that was lost.
        let (told, is_dated) = merged(vec![across()], &said(None, Some(4_000_000)));
        assert_eq!((told[0].0, is_dated), ("M03", false));
    }

    #[test]
    fn inside_a_segment_as_well() {
        let inside = Broken::new("M06", "The time stamps jump once inside it").kind("inside");
        let counters = Broken::new("M03", "Continuity counters jump").kind("inside");
        let clock = Broken::new("M04", "The PCR goes back once").kind("back");
        let (told, _) = merged(vec![counters, clock, inside], &Boundary::default());
        assert_eq!((told.len(), told[0].0), (1, "M06"));
    }
}
