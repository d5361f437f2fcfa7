//! What a rule says where it fires.

use serde_json::{Map, Value};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The standard says MUST, or nothing plays.
    Must,
    /// The standard says SHOULD, or Apple demands it of its own devices.
    Should,
    /// Worth knowing.
    Info,
}

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

    /// With something more.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
