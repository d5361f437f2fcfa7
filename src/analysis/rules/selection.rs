//! `--rules LIST`: which rules are looked at. Pure.

use super::registry::RULES;

/// Which rules are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// As in [`RULES`].
    chosen: Vec<bool>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            chosen: vec![true; RULES.len()],
        }
    }
}

impl Selection {
    /// Reads a list: `P06,T07` these alone, `-P16` all but this, `M*` a family. What stands later wins.
    ///
    /// # Errors
    /// A sentence that says what names no rule.
    pub fn read(list: &str) -> Result<Self, String> {
        let items: Vec<&str> = list
            .split(',')
            .map(str::trim)
            .filter(|i| !i.is_empty())
            .collect();
        let begins_with_all = items.first().is_none_or(|item| item.starts_with('-'));
        let mut chosen = vec![begins_with_all; RULES.len()];
        for item in items {
            let (is_on, name) = match item.strip_prefix('-') {
                Some(name) => (false, name),
                None => (true, item),
            };
            let mut is_known = false;
            for (rule, on) in RULES.iter().zip(&mut chosen) {
                let matches = match name.strip_suffix('*') {
                    Some(family) => rule.id.starts_with(&family.to_uppercase()),
                    None => rule.id.eq_ignore_ascii_case(name) || rule.name == name,
                };
                if matches {
                    is_known = true;
                    *on = is_on;
                }
            }
            if !is_known {
                return Err(format!(
                    "no rule is called {name:?}; --list-rules shows those that there are"
                ));
            }
        }
        Ok(Self { chosen })
    }

    /// Ids of the rules that are looked at.
    pub fn rules(&self) -> impl Iterator<Item = &'static str> {
        let all = RULES.iter().zip(&self.chosen);
        all.filter_map(|(rule, on)| on.then_some(rule.id))
    }

    /// Whether a rule is looked at.
    pub fn has(&self, id: &str) -> bool {
        let place = RULES.iter().position(|rule| rule.id == id);
        place.is_some_and(|at| self.chosen.get(at) == Some(&true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_rules_families_and_what_is_left_out() {
        let has = |list: &str, id: &str| Selection::read(list).unwrap().has(id);
        assert!(has("P06,t07", "P06") && has("P06,t07", "T07") && !has("P06,T07", "P05"));
        assert!(has("-P16", "P06") && !has("-P16", "P16"));
        assert!(has("T*,-T07", "T01") && !has("T*,-T07", "T07") && !has("T*,-T07", "P06"));
        assert!(has("extinf-over-target", "P06"));
        assert!(has("", "P06"));
        assert!(Selection::read("P06,X99").unwrap_err().contains("X99"));
    }
}
