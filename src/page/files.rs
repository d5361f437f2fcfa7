//! The files of the page: in the binary in release builds, read from the disk in debug builds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rust_embed::RustEmbed;

use crate::session::gzip;

#[derive(RustEmbed)]
#[folder = "src/page/web/"]
struct Web;

/// A file of the page.
#[derive(Debug, Clone)]
pub struct PageFile {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// The same in gzip, where that is shorter.
    pub gzip: Option<Arc<[u8]>>,
    /// Its media type.
    pub media_type: &'static str,
    /// Its SHA-256: another one for each content.
    pub sha256: [u8; 32],
}

/// A file by its name, `lib/axis.js`; `None`: there is none. A name never becomes a path outside of the page's folder.
pub fn file(name: &str) -> Option<PageFile> {
    let is_plain = |step: &str| !matches!(step, "" | "." | "..") && !step.contains('\\');
    let media_type = media_type(name).filter(|_| name.split('/').all(is_plain))?;
    let file = Web::get(name)?;
    let sha256 = file.metadata.sha256_hash();
    Some(PageFile {
        gzip: compressed(sha256, &file.data),
        bytes: file.data,
        media_type,
        sha256,
    })
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

/// Each file is compressed once.
fn compressed(sha256: [u8; 32], bytes: &[u8]) -> Option<Arc<[u8]>> {
    type Known = HashMap<[u8; 32], Option<Arc<[u8]>>>;
    static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(found) = known.get(&sha256) {
        return found.clone();
    }
    let shorter = gzip(bytes).ok().filter(|gzip| gzip.len() < bytes.len());
    let found: Option<Arc<[u8]>> = shorter.map(Into::into);
    // In debug builds files change while somebody works on them.
    if known.len() >= 256 {
        known.clear();
    }
    known.insert(sha256, found.clone());
    found
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
}
