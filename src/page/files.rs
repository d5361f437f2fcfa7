//! The files of the page: in the binary in release builds, read from the disk in debug builds. What is sent of a module is its code:
//! comments are a fifth of all that a browser would load, and stand in the repository.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use rust_embed::RustEmbed;

use crate::session::gzip;

#[derive(RustEmbed)]
#[folder = "src/page/web/"]
struct Web;

/// A file of the page.
#[derive(Debug, Clone)]
pub struct PageFile {
    /// Its bytes.
    pub bytes: Bytes,
    /// The same in gzip, where that is shorter.
    pub gzip: Option<Bytes>,
    /// Its media type.
    pub media_type: &'static str,
    /// SHA-256 of its source: another one for each content.
    pub sha256: [u8; 32],
}

/// A file by its name, `lib/axis.js`; `None`: there is none. A name never becomes a path outside of the page's folder.
pub fn file(name: &str) -> Option<PageFile> {
    let is_plain = |step: &str| !matches!(step, "" | "." | "..") && !step.contains('\\');
    let media_type = media_type(name).filter(|_| name.split('/').all(is_plain))?;
    let file = Web::get(name)?;
    let sha256 = file.metadata.sha256_hash();
    let sent = sent(sha256, name, &file.data);
    Some(PageFile {
        bytes: sent.bytes,
        gzip: sent.gzip,
        media_type,
        sha256,
    })
}

/// What is asked for at first: what the document names, and the panels that `layout.js` loads by `import()`. The rest follows from what these import.
const FIRST: [&str; 8] = [
    "page.css",
    "main.js",
    "head/head.js",
    "overview/overview.js",
    "lanes/lanes.js",
    "waterfall/waterfall.js",
    "player/player.js",
    "findings/findings.js",
];

/// The files that a browser loads at first, in the order in which it needs them. A document that names them spares it finding each in the one before.
pub fn first() -> &'static [String] {
    static KNOWN: OnceLock<Vec<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let mut found = Vec::new();
        for name in FIRST {
            add_with_imports(name.to_owned(), &mut found);
        }
        found
    })
}

fn add_with_imports(name: String, found: &mut Vec<String>) {
    if found.contains(&name) {
        return;
    }
    let text = Web::get(&name)
        .and_then(|file| String::from_utf8(file.data.into_owned()).ok())
        .unwrap_or_default();
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let imports: Vec<_> = text
        .lines()
        .filter_map(imported)
        .map(|path| beside(folder, path))
        .collect();
    found.push(name);
    for name in imports {
        add_with_imports(name, found);
    }
}

/// What a line of a module or of a style sheet imports.
fn imported(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("@import url('") {
        Some(rest) => rest,
        None => line.strip_prefix("import ")?.split_once(" from '")?.1,
    };
    Some(rest.split_once('\'')?.0)
}

/// The name of a file by its path relative to a folder.
fn beside(folder: &str, path: &str) -> String {
    let mut steps: Vec<_> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in path.split('/') {
        match step {
            "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// What the page is made of, and nothing else that lies beside it.
fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// What is sent of a file.
#[derive(Clone)]
struct Sent {
    bytes: Bytes,
    gzip: Option<Bytes>,
}

/// Each file is made ready once. `sha256`: of all of it.
fn sent(sha256: [u8; 32], name: &str, file: &[u8]) -> Sent {
    static KNOWN: Mutex<Option<HashMap<[u8; 32], Sent>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(found) = known.get(&sha256) {
        return found.clone();
    }
    let bytes = match std::str::from_utf8(file) {
        Ok(text) if name.ends_with(".js") => code(text).into(),
        _ => Bytes::copy_from_slice(file),
    };
    let shorter = gzip(&bytes).ok().filter(|gzip| gzip.len() < bytes.len());
    let found = Sent {
        gzip: shorter.map(Bytes::from),
        bytes,
    };
    // In debug builds files change while somebody works on them.
    if known.len() >= 256 {
        known.clear();
    }
    known.insert(sha256, found.clone());
    found
}

/// A module without its comments, where they have lines of their own. Those lines stay, empty: an error names the line that the source has.
/// Lines of a text in backticks are never like that, which a test looks at.
fn code(module: &str) -> String {
    let mut text = String::with_capacity(module.len());
    let mut is_in_comment = false;
    for line in module.split_inclusive('\n') {
        let words = line.trim();
        let begins = !is_in_comment && words.starts_with("/*");
        if begins || is_in_comment {
            // One with code behind it stays; it is in one line.
            let is_all = !begins || words.find("*/").is_none_or(|end| end + 2 == words.len());
            is_in_comment = !words.contains("*/");
            if is_all {
                text.push('\n');
                continue;
            }
        } else if words.starts_with("//") {
            text.push('\n');
            continue;
        }
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for name in [
            "../mod.rs",
            "../files.rs",
            "/etc/passwd",
            "",
            ".",
            "..",
            "nothing.js",
            "lib/../../mod.js",
            "/main.js",
            "core//axis.js",
            "./main.js",
        ] {
            assert!(file(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_page_is_there() {
        for name in Web::iter() {
            assert!(file(&name).is_some(), "{name} is no file of a page");
        }
        assert!(file("main.js").is_some() && file("page.css").is_some());
    }

    #[test]
    fn what_is_loaded_at_first_is_named_with_all_that_it_imports() {
        let all = first();
        for name in all {
            assert!(file(name).is_some(), "{name}");
            assert_eq!(all.iter().filter(|one| *one == name).count(), 1, "{name}");
        }
        let has = |name: &str| all.iter().any(|one| one == name);
        for name in [
            "css/theme.css",
            "core/data/data.js",
            "lanes/things/boxes.js",
        ] {
            assert!(has(name), "{name}");
        }
        // What comes with what somebody opens.
        for name in ["exchange/exchange.js", "player/engines.js", "core/types.js"] {
            assert!(!has(name), "{name}");
        }
        let layout = Web::get("layout.js").unwrap().data;
        let layout = std::str::from_utf8(&layout).unwrap();
        let (_, panels) = layout.split_once("const PANELS = {").unwrap();
        let (panels, _) = panels.split_once("};").unwrap();
        let count = panels
            .split("import('./")
            .skip(1)
            .inspect(|rest| assert!(has(rest.split_once('\'').unwrap().0), "{rest}"))
            .count();
        assert!(count > 4, "{panels}");
    }

    #[test]
    fn imports_are_found() {
        for (folder, line, wanted) in [
            (
                "",
                "import { h } from './core/ui/dom.js';",
                "core/ui/dom.js",
            ),
            ("a/b", "import { x, y } from '../c.js';", "a/c.js"),
            ("", "@import url('css/theme.css');", "css/theme.css"),
            // No more than all steps can be left.
            ("a", "import { x } from '../../../b.js';", "b.js"),
        ] {
            assert_eq!(beside(folder, imported(line).unwrap()), wanted);
        }
        for line in [
            "const { x } = await import('./x.js');",
            " * @param {import('./x.js').X} x",
            "import './x",
            "",
        ] {
            assert_eq!(imported(line), None, "{line}");
        }
    }

    #[test]
    fn comments_are_not_sent_and_lines_stay_where_they_are() {
        let source = "// One.\nconst a = 1; // two\n/**\n * @type {x}\n */\n  /** three */\n/** @type {x} */ const b = '//';\n  // four";
        let wanted = "\nconst a = 1; // two\n\n\n\n\n/** @type {x} */ const b = '//';\n\n";
        assert_eq!(code(source), wanted);
        assert_eq!(code(""), "");
    }

    /// What [`code`] goes by.
    #[test]
    fn no_text_in_backticks_goes_over_a_line_and_no_comment_begins_behind_code_and_goes_on() {
        for name in Web::iter().filter(|name| name.ends_with(".js")) {
            let file = Web::get(&name).unwrap();
            let source = std::str::from_utf8(&file.data).unwrap();
            let sent = code(source);
            assert_eq!(sent.lines().count(), source.lines().count(), "{name}");
            assert!(!sent.contains("\n *"), "{name}: a comment is left");
            for (number, line) in (1..).zip(sent.lines()) {
                assert_eq!(line.matches('`').count() % 2, 0, "{name}:{number}");
                let (begin, end) = (line.matches("/*").count(), line.matches("*/").count());
                assert_eq!(begin, end, "{name}:{number}");
            }
        }
    }
}
