//! Which file of `src` names which: read from `use` trees and paths, macros included, tests left out.
//! An arrow goes to the file that defines what a path names; re-exports are followed.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module: where it is written, what it defines, and what it takes in by `use`.
#[derive(Default)]
struct Module {
    file: String,
    items: BTreeSet<String>,
    /// Name here, and the path that it stands for.
    uses: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Paths of at least two names, wherever they stand.
    paths: Vec<Vec<String>>,
}

/// The files of a crate, and the arrows between them.
pub struct Crate {
    modules: BTreeMap<Vec<String>, Module>,
}

/// From which file to which, and the names that tie them.
pub type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

impl Crate {
    /// Reads files, each a path below `src` and its text. Those that are modules only of tests must be left out.
    pub fn read<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut modules = BTreeMap::new();
        for (path, text) in files {
            let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("src/{path}: {e}"));
            read_module(&mut modules, module_path(path), path, tokens);
        }
        // Modules that only tests have were not declared where the tests were left out.
        let declared = |module: &[String], modules: &BTreeMap<Vec<String>, Module>| {
            module.is_empty()
                || (1..=module.len()).all(|n| {
                    let parent = modules.get(&module[..n - 1]);
                    parent.is_some_and(|parent| parent.items.contains(&module[n - 1]))
                })
        };
        let kept: Vec<_> = modules
            .keys()
            .filter(|module| declared(module, &modules))
            .cloned()
            .collect();
        modules.retain(|module, _| kept.contains(module));
        Self { modules }
    }

    /// Every arrow from one file to another.
    pub fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (here, module) in &self.modules {
            let used = module
                .uses
                .values()
                .chain(&module.globs)
                .chain(&module.paths);
            for path in used {
                if let Some(file) = self.file_of(here, path, 0)
                    && file != module.file
                {
                    let tie = arrows.entry((module.file.clone(), file)).or_default();
                    tie.insert(path.join("::"));
                }
            }
        }
        arrows
    }

    /// The file that defines what a path names, where that is an item of this crate.
    fn file_of(&self, here: &[String], path: &[String], depth: usize) -> Option<String> {
        if depth > 16 {
            return None;
        }
        let (mut at, mut rest) = self.begin(here, path)?;
        while let Some((name, after)) = rest.split_first() {
            let mut child = at.clone();
            child.push(name.clone());
            if self.modules.contains_key(&child) {
                (at, rest) = (child, after);
                continue;
            }
            let module = self.modules.get(&at)?;
            // A function may have the name of a module that is imported beside it.
            if let Some(target) = module.uses.get(name)
                && !module.items.contains(name)
            {
                let target: Vec<_> = target.iter().chain(after).cloned().collect();
                return self.file_of(&at, &target, depth + 1);
            }
            if !module.items.contains(name) {
                let through = module.globs.iter().find_map(|glob| {
                    let target: Vec<_> = glob.iter().chain(rest).cloned().collect();
                    self.file_of(&at, &target, depth + 1)
                });
                if through.is_some() {
                    return through;
                }
            }
            return (name == "*" || module.items.contains(name)).then(|| module.file.clone());
        }
        None
    }

    /// The module from which a path goes on, and what of it is left.
    fn begin<'p>(
        &self,
        here: &[String],
        path: &'p [String],
    ) -> Option<(Vec<String>, &'p [String])> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" | "isrecorder" => return Some((Vec::new(), rest)),
            "self" => here.to_vec(),
            "super" => here.split_last()?.1.to_vec(),
            name => {
                let mut child = here.to_vec();
                child.push(name.to_string());
                if self.modules.contains_key(&child) {
                    return Some((here.to_vec(), path));
                }
                let target = self.modules.get(here)?.uses.get(name)?;
                if target.first() == Some(first) {
                    return None;
                }
                return Some((self.module_of(here, target)?, rest));
            }
        };
        while rest.first().is_some_and(|name| name == "super") {
            at.pop()?;
            rest = &rest[1..];
        }
        Some((at, rest))
    }

    /// The module that a path names, where it names one.
    fn module_of(&self, here: &[String], path: &[String]) -> Option<Vec<String>> {
        let (mut at, rest) = self.begin(here, path)?;
        at.extend(rest.iter().cloned());
        self.modules.contains_key(&at).then_some(at)
    }
}

/// Circles of files: each the files of one, sorted.
pub fn circles(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in arrows.keys() {
        below.entry(from).or_default().insert(to);
    }
    let reach = |start: &str| {
        let mut seen = BTreeSet::new();
        let mut left: Vec<&str> = below.get(start).into_iter().flatten().copied().collect();
        while let Some(file) = left.pop() {
            if seen.insert(file) {
                left.extend(below.get(file).into_iter().flatten());
            }
        }
        seen
    };
    let all: BTreeMap<&str, BTreeSet<&str>> =
        below.keys().map(|from| (*from, reach(from))).collect();
    let mut found = BTreeSet::new();
    for (file, reached) in &all {
        if reached.contains(file) {
            let both = |other: &&&str| all.get(**other).is_some_and(|back| back.contains(file));
            found.insert(
                reached
                    .iter()
                    .filter(both)
                    .map(ToString::to_string)
                    .collect(),
            );
        }
    }
    found.into_iter().collect()
}

/// A circle, as an engineer has to open it: each arrow inside it, and the names that tie it.
pub fn describe(circle: &BTreeSet<String>, arrows: &Arrows) -> String {
    let inside = |(from, to): &&(String, String)| circle.contains(from) && circle.contains(to);
    let lines = arrows.keys().filter(inside).map(|pair| {
        let names: Vec<_> = arrows[pair].iter().map(String::as_str).collect();
        format!("  {} -> {}: {}", pair.0, pair.1, names.join(", "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The module that a file is.
pub fn module_path(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => Vec::new(),
        path => path.split('/').map(String::from).collect(),
    }
}

/// Notes what is written in a file, or in a module inside of one.
fn read_module(
    modules: &mut BTreeMap<Vec<String>, Module>,
    here: Vec<String>,
    file: &str,
    tokens: TokenStream,
) {
    let mut module = Module {
        file: file.to_string(),
        ..Module::default()
    };
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.next()
                    && only_for_tests(&attribute.stream().to_string())
                {
                    skip_item(&mut tokens);
                }
            }
            TokenTree::Ident(word) if word == "mod" => {
                let Some(TokenTree::Ident(name)) = tokens.next() else {
                    continue;
                };
                module.items.insert(name.to_string());
                if let Some(TokenTree::Group(body)) = tokens.peek() {
                    let mut inner = here.clone();
                    inner.push(name.to_string());
                    read_module(modules, inner, file, body.stream());
                    tokens.next();
                }
            }
            TokenTree::Ident(word) if word == "use" => {
                let tree = tokens.by_ref().take_while(|token| token.to_string() != ";");
                read_use(&mut module, &mut Vec::new(), tree.collect());
            }
            TokenTree::Ident(word) if DEFINES.contains(&word.to_string().as_str()) => {
                if let Some(TokenTree::Ident(name)) = tokens.peek() {
                    module.items.insert(name.to_string());
                }
            }
            TokenTree::Ident(_) => read_path(&mut module, token.clone(), &mut tokens),
            TokenTree::Group(group) => read_body(&mut module, group.stream()),
            _ => (),
        }
    }
    modules.insert(here, module);
}

const DEFINES: [&str; 9] = [
    "fn",
    "struct",
    "enum",
    "trait",
    "const",
    "static",
    "type",
    "union",
    "macro_rules",
];

/// Whether an attribute leaves an item to tests (or to fuzzing, which is one).
fn only_for_tests(attribute: &str) -> bool {
    attribute.starts_with("cfg") && (attribute.contains("test") || attribute.contains("fuzzing"))
}

/// Goes past the item that follows: up to its `;` or its braces.
fn skip_item(tokens: &mut Peekable<impl Iterator<Item = TokenTree>>) {
    let mut is_use = false;
    for token in tokens {
        match &token {
            // The braces of a list of imports do not end it.
            TokenTree::Ident(word) if word == "use" => is_use = true,
            TokenTree::Punct(mark) if mark.as_char() == ';' => return,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !is_use => return,
            _ => (),
        }
    }
}

/// Paths inside functions, types and macros. A `use` in a function counts as one of its module.
fn read_body(module: &mut Module, tokens: TokenStream) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                let attribute = tokens.peek().map(ToString::to_string).unwrap_or_default();
                if only_for_tests(attribute.trim_start_matches('[')) {
                    tokens.next();
                    skip_item(&mut tokens);
                }
            }
            // `use<'a>` of a type that is returned is none.
            TokenTree::Ident(word)
                if word == "use" && !matches!(tokens.peek(), Some(TokenTree::Punct(_))) =>
            {
                let tree = tokens.by_ref().take_while(|token| token.to_string() != ";");
                read_use(module, &mut Vec::new(), tree.collect());
            }
            TokenTree::Ident(_) => read_path(module, token.clone(), &mut tokens),
            TokenTree::Group(group) => read_body(module, group.stream()),
            _ => (),
        }
    }
}

/// Notes a path that begins with a token, where it has two names at least.
fn read_path(
    module: &mut Module,
    first: TokenTree,
    tokens: &mut Peekable<impl Iterator<Item = TokenTree>>,
) {
    let mut path = vec![first.to_string()];
    loop {
        let is_colon =
            |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
        if tokens.next_if(is_colon).is_none() || tokens.next_if(is_colon).is_none() {
            break;
        }
        match tokens.peek() {
            Some(TokenTree::Ident(name)) => path.push(name.to_string()),
            _ => break,
        }
        tokens.next();
    }
    if path.len() > 1 {
        module.paths.push(path);
    }
}

/// Notes what a tree of imports brings in, below a path.
fn read_use(module: &mut Module, before: &mut Vec<String>, tree: TokenStream) {
    let (length, mut alias) = (before.len(), None);
    let mut tokens = tree.into_iter().peekable();
    let mut is_list = false;
    let finish = |module: &mut Module, path: &mut Vec<String>, alias: &mut Option<String>| {
        if path.len() > length || alias.is_some() {
            add_use(module, path.clone(), alias.take());
        }
        path.truncate(length);
    };
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Ident(word) if word == "as" => {
                alias = tokens.next().map(|name| name.to_string());
            }
            TokenTree::Ident(name) => before.push(name.to_string()),
            TokenTree::Punct(mark) if mark.as_char() == '*' => before.push("*".to_string()),
            TokenTree::Punct(mark) if mark.as_char() == ',' => {
                if !is_list {
                    finish(module, before, &mut alias);
                }
                before.truncate(length);
                is_list = false;
            }
            TokenTree::Group(list) => {
                read_use(module, before, list.stream());
                is_list = true;
            }
            _ => (),
        }
    }
    if !is_list {
        finish(module, before, &mut alias);
    }
    before.truncate(length);
}

fn add_use(module: &mut Module, mut path: Vec<String>, alias: Option<String>) {
    if path.last().is_some_and(|name| name == "self") && path.len() > 1 {
        path.pop();
    }
    match path.last().map(String::as_str) {
        Some("*") => module.globs.push(path),
        Some(name) => {
            let name = alias.unwrap_or_else(|| name.to_string());
            module.uses.insert(name, path);
        }
        None => (),
    }
}
