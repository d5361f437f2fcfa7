//! What a rule says where it fires.

use serde_json::{Map, Value};

use super::registry::Severity;

/// A rule that was broken, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// Id of the rule.
    pub rule: &'static str,
    /// How bad, where that is not what the rule's row says.
    pub severity: Option<Severity>,
    /// A sentence with the numbers in it. It may hold what an origin said.
    pub text: String,
    /// Findings of one rule that are of different kinds are told apart by this.
    pub kind: &'static str,
    /// How bad it is among those of its rule and kind: the worst is what one finding of them says.
    pub worse: i64,
    /// What it has beside that, under names of its own.
    pub detail: Map<String, Value>,
}

impl Broken {
    /// As bad as the rule's row says.
    pub fn new(rule: &'static str, text: impl Into<String>) -> Self {
        Self {
            rule,
            severity: None,
            text: text.into(),
            kind: "",
            worse: 0,
            detail: Map::new(),
        }
    }

    /// As bad as that.
    pub fn severity(self, severity: Severity) -> Self {
        Self {
            severity: Some(severity),
            ..self
        }
    }

    /// Told apart from others of its rule.
    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// Worse than others of its rule and kind of which this is less.
    pub fn worse(self, worse: i64) -> Self {
        Self { worse, ..self }
    }

    /// With something more.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
