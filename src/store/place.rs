//! The URL of a store, as a user types it. Pure.

use std::fmt;
use std::path::PathBuf;

use url::Url;

/// Which store, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `file:///srv/archive`: a folder.
    Folder(PathBuf),
    /// `s3://bucket/tv`: a bucket, and what all names in it begin with.
    Bucket {
        /// Its name.
        bucket: String,
        /// Without a slash at either end; may be empty.
        prefix: String,
    },
}

/// Names of objects are no longer, in bytes (S3).
const LONGEST: usize = 512;

impl StoreUrl {
    /// Whether a text is one at all, or the name of something else.
    pub fn is_one(text: &str) -> bool {
        text.contains("://")
    }

    /// # Errors
    /// It is none, as a sentence that says what one is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| {
            Err(format!(
                "{why}; an archive is s3://BUCKET/PREFIX or file:///FOLDER"
            ))
        };
        let Ok(url) = Url::parse(text) else {
            return bad("that is no URL");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return bad(
                "credentials do not belong into the URL: they come from the environment, or from a profile of the AWS tools",
            );
        }
        if url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
            return bad(
                "a port, a query or a fragment does not belong into the URL (AWS_ENDPOINT_URL names another server)",
            );
        }
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(path) if !has_controls(&path.to_string_lossy()) => Ok(Self::Folder(path)),
                _ => bad("a file URL has the path of a folder of this machine"),
            },
            "s3" => {
                let bucket = url.host_str().unwrap_or_default().to_owned();
                let prefix = url.path().trim_matches('/').to_owned();
                if !is_bucket(&bucket) {
                    return bad("a bucket has 3 to 63 small letters, digits, dots and dashes");
                }
                if !is_prefix(&prefix) {
                    return bad("a prefix has letters, digits, and !-_.=+, between its slashes");
                }
                Ok(Self::Bucket { bucket, prefix })
            }
            _ => bad("no such stores are known"),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => match Url::from_file_path(path) {
                Ok(url) => f.write_str(url.as_str()),
                Err(()) => write!(f, "file://{}", path.display()),
            },
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

fn is_bucket(name: &str) -> bool {
    let is_end = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(b))
}

fn is_prefix(prefix: &str) -> bool {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!-_.=+,".contains(&b))
    };
    prefix.is_empty() || (prefix.len() <= LONGEST && prefix.split('/').all(is_part))
}

fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_bucket_with_a_prefix_or_a_folder() {
        let of = |text: &str| StoreUrl::parse(text).map(|url| url.to_string());
        assert_eq!(of("s3://media-1/tv/eu/").unwrap(), "s3://media-1/tv/eu");
        assert_eq!(of("s3://media-1").unwrap(), "s3://media-1");
        assert_eq!(of("file:///srv/a%20b").unwrap(), "file:///srv/a%20b");
        assert_eq!(
            StoreUrl::parse("file:///srv/a%20b").unwrap(),
            StoreUrl::Folder(PathBuf::from("/srv/a b"))
        );
    }

    #[test]
    fn what_is_none_is_refused_with_what_is_one() {
        for text in [
            "media",
            "s3:",
            "s3:///tv",
            "s3://B/x",
            "s3://ab/x",
            "s3://a..b-/x",
            "s3://key:secret@media/tv",
            "s3://media/a//b",
            "s3://media/a%00b",
            "s3://media/tv?x=1",
            "s3://media:80/tv",
            "http://h/x",
            "file://host/x",
            "s3://media/a%2f..%2fb",
            "file:///a%0ab",
        ] {
            let why = StoreUrl::parse(text).unwrap_err();
            assert!(
                why.ends_with("s3://BUCKET/PREFIX or file:///FOLDER"),
                "{text}: {why}"
            );
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
