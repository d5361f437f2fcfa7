//! Names made of URLs: for people, for a file system, for a stream.
//!
//! None of them leads back to its URL: two URLs may share a name.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use sanitize_filename::{Options, sanitize_with_options};
use unicode_normalization::UnicodeNormalization;
use url::Url;

use crate::hls::text::byte_range::ByteRange;
use crate::shown::steers;

/// One component of a chunk's path, in bytes; below the 255 of most file systems, so that
/// copies and archives have room to add to it.
const LONGEST_COMPONENT: usize = 200 - ROOM;

/// A chunk's path, in bytes; with the folder of a session before it, still below the 1024
/// of macOS.
const LONGEST_PATH: usize = 900 - ROOM;

/// Components of a chunk's path.
const MOST_COMPONENTS: usize = 32;

/// What [`with_suffix`] (a tilde and a `u32`) and [`ranged_chunk_path`] (two signs and two
/// `u64`) add at most, in bytes.
const ROOM: usize = 11 + 42;

/// Longer extensions are none, in bytes with the dot: they are cut like any name.
const LONGEST_EXTENSION: usize = 16;

/// A stream's name, in bytes.
const LONGEST_STREAM_NAME: usize = 64;

/// The URL's path for people: without its leading slash, percent-decoded where that gives
/// readable text. What would steer a terminal or not be seen, and what is no UTF-8, stays percent-encoded.
pub fn resource_name(url: &Url) -> String {
    let path = url.path();
    readable(path.strip_prefix('/').unwrap_or(path))
}

/// `text` percent-decoded where the bytes are UTF-8 that is seen as it is: names are listed by programs of others.
fn readable(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let bytes: Cow<[u8]> = percent_decode_str(text).into();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match steers(c) {
                true => encode(&mut name, c.encode_utf8(&mut [0; 4]).as_bytes()),
                false => name.push(c),
            }
        }
        encode(&mut name, chunk.invalid());
    }
    name
}

fn encode(name: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        name.push_str(percent_encoding::percent_encode_byte(byte));
    }
}

/// A relative path for the file system of a chunk, in the shape of the URL's path: `/`
/// between components, each of which every common file system takes as a plain name.
///
/// At most 32 components and 900 bytes (middle ones are left out), 200 bytes for each, what
/// [`ranged_chunk_path`] and [`with_suffix`] add included. No component begins with a dot.
pub fn chunk_path(url: &Url) -> String {
    let path = url.path();
    let mut written: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if path.ends_with('/') {
        written.push("index");
    }
    let half = MOST_COMPONENTS / 2;
    if written.len() > MOST_COMPONENTS {
        written.drain(half..written.len() - half);
    }
    let mut components: Vec<String> = written.into_iter().filter_map(component).collect();
    if components.is_empty() {
        components.push("index".to_owned());
    }
    let mut length = components.iter().map(|c| c.len() + 1).sum::<usize>() - 1;
    while length > LONGEST_PATH && components.len() > 2 {
        length -= components.remove(components.len() / 2).len() + 1;
    }
    components.join("/")
}

/// One component of a URL's path as a name in a file system; None for dots.
fn component(written: &str) -> Option<String> {
    let decoded = folded(&readable(written));
    if matches!(decoded.as_str(), "" | "." | "..") {
        return None;
    }
    let mut name = sanitized(&shortened(&decoded));
    // A device name of Windows is replaced as a whole; its own name is worth keeping.
    let was_replaced = name == "_" && decoded.len() > 1;
    if name.starts_with('.') || was_replaced {
        name = sanitized(&shortened(&format!("_{decoded}")));
    }
    Some(name)
}

/// What some file systems take for one name is one: composed, and beyond ASCII in lower case. ASCII
/// keeps its case; whoever looks for two equal names there does not regard it.
fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_owned();
    }
    let mut lower = String::with_capacity(name.len());
    for c in name.nfkc() {
        match c.is_ascii() {
            true => lower.push(c),
            false => lower.extend(c.to_lowercase()),
        }
    }
    lower.nfkc().collect()
}

fn sanitized(name: &str) -> String {
    let options = Options {
        windows: true,
        truncate: true,
        replacement: "_",
    };
    match sanitize_with_options(name, options) {
        name if name.is_empty() => "_".to_owned(),
        name => name,
    }
}

/// `name` cut to the length of a component, its extension kept.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST_COMPONENT {
        return name.to_owned();
    }
    let (stem, extension) = split_extension(name);
    let room = LONGEST_COMPONENT - extension.len();
    let kept = stem
        .char_indices()
        .take_while(|(at, c)| at + c.len_utf8() <= room);
    kept.map(|(_, c)| c).chain(extension.chars()).collect()
}

/// The stem and the extension (with its dot; empty if there is none) of a component.
fn split_extension(name: &str) -> (&str, &str) {
    let dot = name.rfind('.').filter(|&at| at > 0);
    let at = dot.filter(|&at| name.len() - at <= LONGEST_EXTENSION);
    name.split_at_checked(at.unwrap_or(name.len()))
        .unwrap_or((name, ""))
}

/// `path` with a suffix that tells it from others: `a/seg7.ts` and 2 give `a/seg7~2.ts`. A
/// path of [`chunk_path`] stays within its limits.
pub fn with_suffix(path: &str, n: u32) -> String {
    let folder = path.rfind('/').map_or(0, |at| at + 1);
    let (folder, name) = path.split_at_checked(folder).unwrap_or(("", path));
    let (stem, extension) = split_extension(name);
    format!("{folder}{stem}~{n}{extension}")
}

/// The path of one byte range of a resource: `a/all@1000-1999.ts` (first and last byte).
pub fn ranged_chunk_path(url: &Url, range: ByteRange) -> String {
    let path = chunk_path(url);
    let folder = path.rfind('/').map_or(0, |at| at + 1);
    let (folder, name) = path.split_at_checked(folder).unwrap_or(("", &path));
    let (stem, extension) = split_extension(name);
    let last = range.end().saturating_sub(1);
    format!("{folder}{stem}@{}-{last}{extension}", range.first)
}

/// The path of a body that is still in content codings: `a/seg7.ts.gz`.
pub fn encoded_chunk_path(path: &str, codings: &str) -> String {
    let mut extensions = String::new();
    for coding in codings.split(',') {
        let coding = coding.trim().to_ascii_lowercase();
        extensions += match coding.as_str() {
            "gzip" | "x-gzip" => ".gz",
            "br" => ".br",
            "zstd" => ".zst",
            "deflate" => ".zz",
            "compress" | "x-compress" => ".Z",
            "" | "identity" => "",
            _ => ".encoded",
        };
    }
    extensions.truncate(LONGEST_EXTENSION);
    [path, extensions.trim_end_matches('.')].concat()
}

/// Last names of URL paths that say nothing about the stream.
const GENERIC: [&str; 9] = [
    "index",
    "master",
    "playlist",
    "main",
    "stream",
    "manifest",
    "chunklist",
    "prog_index",
    "live",
];

/// Names that mean something else in the URL space of a replay.
const RESERVED: [&str; 4] = ["http", "https", "stream.m3u8", "favicon.ico"];

/// A short name for a stream: the stem of the last component of the URL's path, or the
/// nearest folder above it that says more than `index` or `live`, or the host. Only
/// `A-Z a-z 0-9 . _ -`, at most 64 bytes, beginning with a letter or digit.
pub fn stream_name(url: &Url) -> String {
    let from_path = url.path().rsplit('/').map(stem).map(stream_word);
    let from_host = url.host_str().map(stream_word);
    from_path
        .filter(|word| !GENERIC.contains(&word.to_ascii_lowercase().as_str()))
        .chain(from_host)
        .find(|word| !word.is_empty())
        .unwrap_or_else(|| "stream".to_owned())
}

/// Whether a name is one that a stream can have: what [`stream_name`] makes.
pub fn is_stream_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let is_reserved = RESERVED.contains(&name.to_ascii_lowercase().as_str());
    begins && name.len() <= LONGEST_STREAM_NAME && name.bytes().all(allowed) && !is_reserved
}

/// A component without the extension of a playlist.
fn stem(component: &str) -> &str {
    let (stem, extension) = component.rsplit_once('.').unwrap_or((component, ""));
    match extension.to_ascii_lowercase().as_str() {
        "m3u8" | "m3u" => stem,
        _ => component,
    }
}

/// What of `text` may stand in a stream's name; empty if nothing worth showing is left.
pub(super) fn stream_word(text: &str) -> String {
    let mut word = String::new();
    for c in readable(text).chars() {
        let kept = c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if kept || !word.ends_with('_') {
            word.push(if kept { c } else { '_' });
        }
    }
    word.truncate(LONGEST_STREAM_NAME - 1);
    let word = word.trim_matches(['.', '-', '_']);
    if RESERVED.contains(&word.to_ascii_lowercase().as_str()) {
        return format!("{word}_");
    }
    word.to_owned()
}

#[cfg(test)]
mod tests;
