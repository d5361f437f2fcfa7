//! What is read of a session, by the rules that are wanted. Pure.

use crate::analysis::rules::selection::Selection;

/// What is read. Nothing is that no wanted rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passes {
    /// Texts of revisions.
    pub(super) texts: bool,
    /// Rules are asked of them; otherwise only how long segments are is read.
    pub(super) judges_texts: bool,
    /// Bodies of segments, as their revisions pass.
    pub(super) media: bool,
    /// Exchanges and their header fields.
    pub(super) exchanges: bool,
    /// The gaps of adjacent-find.
    pub(super) gaps: bool,
    /// Its outages.
    pub(super) outages: bool,
    /// Raw streams.
    pub(super) raw: bool,
}

impl Passes {
    /// What wanted rules look at.
    pub(super) fn of(selection: &Selection) -> Self {
        let none = Self {
            texts: false,
            judges_texts: false,
            media: false,
            exchanges: false,
            gaps: false,
            outages: false,
            raw: false,
        };
        selection.rules().map(looks_at).fold(none, Self::and)
    }

    fn and(self, other: Self) -> Self {
        Self {
            texts: self.texts | other.texts,
            judges_texts: self.judges_texts | other.judges_texts,
            media: self.media | other.media,
            exchanges: self.exchanges | other.exchanges,
            gaps: self.gaps | other.gaps,
            outages: self.outages | other.outages,
            raw: self.raw | other.raw,
        }
    }
}

/// What a rule looks at, by its id.
fn looks_at(rule: &str) -> Passes {
    let is_exchanges = match rule {
        "P01" | "P03" | "P20" | "T05" | "L05" | "L09" | "L10" | "X09" => true,
        other => other.starts_with('H'),
    };
    let is_media = rule.starts_with('M') || matches!(rule, "X04" | "X05" | "X10");
    // T05 is judged by how long the longest playlist is, X09, P20, H04 and H14 by how long segments are, L09 and L10 by PART-TARGET.
    let is_texts = match rule {
        "P01" | "P03" | "T07" | "L05" | "S01" => false,
        other => matches!(other, "H04" | "H14") || !other.starts_with('H'),
    };
    Passes {
        texts: is_texts,
        judges_texts: is_texts && !matches!(rule, "H04" | "H14" | "L09" | "L10"),
        media: is_media,
        exchanges: is_exchanges,
        gaps: matches!(rule, "T07" | "X12"),
        outages: rule == "H14",
        // How bad an outage of one is, its silences tell.
        raw: matches!(rule, "S01" | "H14"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(list: &str) -> Passes {
        Passes::of(&Selection::read(list).unwrap())
    }

    #[test]
    fn texts_are_read_where_a_rule_looks_at_them() {
        assert!(!passes("T07,H01").texts && passes("T07,H01").exchanges);
        assert!(passes("P06").texts && !passes("P06").exchanges && !passes("P06").media);
        assert!(passes("T07,H*").texts && !passes("T07,H*").judges_texts);
        assert!(passes("M03").texts && passes("M03").media);
        assert!(passes("T05").texts && passes("T05").exchanges);
        assert!(passes("S01").raw && !passes("S01").texts && !passes("T07").raw);
        let all = passes("");
        assert!(all.texts && all.media && all.exchanges && all.gaps && all.outages && all.raw);
    }
}
