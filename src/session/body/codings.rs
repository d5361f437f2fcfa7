//! Content codings, and what servers write in their place.

/// The registered content codings but `identity` (IANA, "HTTP Content Coding Registry").
const CODINGS: [&str; 12] = [
    "aes128gcm",
    "br",
    "compress",
    "dcb",
    "dcz",
    "deflate",
    "exi",
    "gzip",
    "pack200-gzip",
    "x-compress",
    "x-gzip",
    "zstd",
];

/// What a Content-Encoding names without what is no coding (`aws-chunked`, `utf-8`, `none`), which browsers
/// pass over as well. Empty: the body is plain.
pub fn true_codings(content_encoding: &str) -> String {
    let is_coding = |name: &&str| CODINGS.iter().any(|c| name.eq_ignore_ascii_case(c));
    let names = content_encoding.split(',').map(str::trim);
    names.filter(is_coding).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_coding_is_passed_over() {
        for none in [
            "",
            "identity",
            "aws-chunked",
            "utf-8",
            "none",
            "None, UTF-8",
            " , ",
        ] {
            assert_eq!(true_codings(none), "", "{none}");
        }
        assert_eq!(true_codings("aws-chunked,GZIP"), "GZIP");
        assert_eq!(true_codings("br, identity , gzip"), "br, gzip");
    }
}
