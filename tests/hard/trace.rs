//! What `strace` saw of a program: its system calls, in order, those of a session by their paths there.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// A system call that had to do with a session.
#[derive(Debug, Clone)]
pub struct Call {
    /// Line at which it began, and at which it was through: later ones happened later.
    pub began: usize,
    pub ended: usize,
    pub name: String,
    /// Its arguments, as strace shows them.
    pub arguments: String,
    /// What came of it, as strace shows it.
    pub result: String,
    /// The paths that it names, beneath the session's folder (`/chunks/.tmp/5`), in order.
    pub paths: Vec<String>,
}

impl Call {
    pub fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }

    /// The first path, or none.
    pub fn path(&self) -> &str {
        self.paths.first().map_or("", String::as_str)
    }

    pub fn is_good(&self) -> bool {
        !self.result.starts_with('-') && !self.result.starts_with('?')
    }

    /// It was made to fail.
    pub fn is_injected(&self) -> bool {
        self.result.contains("(INJECTED)")
    }
}

/// All calls of a trace (`strace -f -y -o FILE`), in the order in which they began.
pub fn read(file: &Path) -> Vec<Call> {
    let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
    let mut open: HashMap<&str, usize> = HashMap::new();
    let mut calls: Vec<Call> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix("<... ") {
            let Some(call) = open.remove(thread).map(|at| &mut calls[at]) else {
                continue;
            };
            let rest = rest.split_once("resumed>").map_or("", |(_, rest)| rest);
            end(call, number, rest);
        } else if let Some((name, rest)) = rest.split_once('(') {
            let mut call = Call {
                began: number,
                ended: usize::MAX,
                name: name.to_owned(),
                arguments: String::new(),
                result: "?".to_owned(),
                paths: Vec::new(),
            };
            match rest.strip_suffix("<unfinished ...>") {
                Some(begun) => {
                    call.arguments = begun.to_owned();
                    open.insert(thread, calls.len());
                }
                None => end(&mut call, number, rest),
            }
            calls.push(call);
        }
    }
    for call in &mut calls {
        call.paths = paths(&call.arguments);
    }
    calls
}

fn end(call: &mut Call, number: usize, rest: &str) {
    let (arguments, result) = rest.rsplit_once(" = ").unwrap_or((rest, "?"));
    call.arguments += arguments;
    call.result = result.to_owned();
    call.ended = number;
}

/// Between quotation marks, or in angle brackets behind a descriptor; a name behind the descriptor of a directory is
/// one in it.
fn paths(arguments: &str) -> Vec<String> {
    let pieces: Vec<&str> = arguments.split(['"', '<', '>']).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        at += 1;
        let Some((_, path)) = piece.rsplit_once("sessions/session1") else {
            continue;
        };
        match (pieces.get(at), pieces.get(at + 1)) {
            (Some(&", "), Some(name)) if !name.is_empty() => {
                found.push(format!("{path}/{name}"));
                at += 2;
            }
            _ => found.push(path.to_owned()),
        }
    }
    found
}
