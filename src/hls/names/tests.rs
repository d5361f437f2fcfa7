//! Names for people and for a file system.

#[test]
fn what_is_encoded_says_so_in_its_name() {
    for (codings, path) in [
        ("gzip", "a/b.ts.gz"),
        ("br, X-GZIP", "a/b.ts.br.gz"),
        ("zstd", "a/b.ts.zst"),
        ("deflate,compress", "a/b.ts.zz.Z"),
        ("aes128gcm", "a/b.ts.encoded"),
        ("br,br,br,br,br,br", "a/b.ts.br.br.br.br.br"),
    ] {
        assert_eq!(super::encoded_chunk_path("a/b.ts", codings), path);
    }
}

use super::super::testing::url;
use super::*;
use proptest::prelude::*;
use std::path::{Component, Path};

#[test]
fn resource_names_are_readable() {
    let cases = [
        (
            "http://h/test/npt=0-6.76_pid=36,37.ts?x#y",
            "test/npt=0-6.76_pid=36,37.ts",
        ),
        ("http://h/a%20b/%C3%A4.ts", "a b/ä.ts"),
        ("http://h/%E4%0A%1b%7f%C2%85%zz%", "%E4%0A%1B%7F%C2%85%zz%"),
        ("http://h/", ""),
        ("http://h//a/", "/a/"),
    ];
    for (from, name) in cases {
        assert_eq!(resource_name(&url(from)), name);
    }
}

#[test]
fn chunk_paths_mirror_url_paths() {
    let cases = [
        (
            "http://h/test/npt=0-6.76_pid=36,37.ts",
            "test/npt=0-6.76_pid=36,37.ts",
        ),
        ("http://h/", "index"),
        ("http://h/a/", "a/index"),
        ("http://h//a///b", "a/b"),
        ("http://h/.tmp/1", "_.tmp/1"),
        ("http://h/a%2F..%2F..%2Fb%5Cc", "a_.._.._b_c"),
        ("http://h/con.ts/NUL/aux", "_con.ts/_NUL/_aux"),
        ("http://h/a./b%20/c...", "a_/b_/c_"),
        ("http://h/a:b|c?d", "a_b_c"),
        ("http://h/%00%1F/*", "%00%1F/_"),
        (
            "http://h/a\u{202e}st.exe\u{200b}",
            "a%E2%80%AEst.exe%E2%80%8B",
        ),
        ("http://h/...", "__"),
        // Characters that some file systems take for one dot, and for two.
        ("http://h/a/\u{2025}/\u{2024}/b", "a/b"),
        ("http://h/\u{c4}/A\u{30a}.ts", "\u{e4}/\u{e5}.ts"),
    ];
    for (from, path) in cases {
        assert_eq!(chunk_path(&url(from)), path, "{from}");
    }
}

#[test]
fn long_names_keep_their_extension_and_deep_paths_their_ends() {
    let long = chunk_path(&url(&format!("http://h/{}.ts", "ä".repeat(300))));
    assert!(
        long.len() <= LONGEST_COMPONENT && long.ends_with("ä.ts"),
        "{long}"
    );
    let deep: String = (0..100).map(|n| format!("/{n}")).collect();
    let deep = chunk_path(&url(&format!("http://h{deep}")));
    assert!(
        deep.starts_with("0/1/") && deep.ends_with("/98/99"),
        "{deep}"
    );
    assert_eq!(deep.split('/').count(), MOST_COMPONENTS);
    let wide = format!("/{}", "x".repeat(100)).repeat(20);
    let wide = chunk_path(&url(&format!("http://h/first{wide}/last.ts")));
    assert!(wide.starts_with("first/") && wide.ends_with("/last.ts"));
    assert!(wide.len() <= LONGEST_PATH, "{}", wide.len());
}

#[test]
fn suffixes_stand_before_the_extension() {
    assert_eq!(with_suffix("a/seg7.ts", 2), "a/seg7~2.ts");
    assert_eq!(with_suffix("a.b/seg7", 2), "a.b/seg7~2");
    assert_eq!(with_suffix(".x", 2), ".x~2");
    assert_eq!(with_suffix("", 2), "~2");
    let range = ByteRange {
        first: 1000,
        length: 1000,
    };
    assert_eq!(
        ranged_chunk_path(&url("http://h/a/all.ts"), range),
        "a/all@1000-1999.ts"
    );
}

#[test]
fn streams_are_named_after_what_says_most() {
    let cases = [
        ("https://h:443/bbc_world.m3u8", "bbc_world"),
        ("https://h/hls/ch5/index.m3u8?x=1", "ch5"),
        ("https://h/ch5/live/Playlist.m3u8", "ch5"),
        ("https://cdn.example.com/master.m3u8", "cdn.example.com"),
        ("https://cdn.example.com/", "cdn.example.com"),
        ("https://[::1]:80/live/", "1"),
        ("https://h/ch1.isml/.m3u8", "ch1.isml"),
        ("https://h/news/http.m3u8", "http_"),
        ("https://h/stream.m3u8.m3u8", "stream.m3u8_"),
        ("https://h/@x/%40y%20%20z!.m3u8", "y_z"),
        ("https://h/%D0%BA%D0%B0/%D0%BD.m3u8", "h"),
        ("https://!/", "stream"),
    ];
    for (from, name) in cases {
        assert_eq!(stream_name(&url(from)), name, "{from}");
    }
}

fn is_plain_path(path: &str) -> bool {
    let components: Vec<_> = Path::new(path).components().collect();
    let plain = components.iter().all(|c| matches!(c, Component::Normal(_)));
    let sized = path
        .split('/')
        .all(|c| (1..=200).contains(&c.len()) && !c.starts_with('.'));
    plain && sized && path.len() <= 900 && components.len() <= 32 && !path.contains('\\')
}

proptest! {
    #[test]
    fn any_url_gives_safe_names(
        path in r#"(/|\PC{0,300}|[a-z]{0,3}|\.|\.\.|%2e|%2F|%5C|%00|\\|:|con|[ .]|%20|~){0,80}"#,
        (n, first, length) in any::<(u32, u64, u64)>(),
    ) {
        let Ok(url) = Url::parse(&format!("http://h/{path}")) else { return Ok(()) };
        let path = chunk_path(&url);
        prop_assert!(is_plain_path(&path), "{}", path);
        let range = ByteRange { first, length };
        let ranged = ranged_chunk_path(&url, range);
        for suffixed in [with_suffix(&path, n), with_suffix(&ranged, n)] {
            prop_assert!(is_plain_path(&suffixed), "{}", suffixed);
            prop_assert!(path != suffixed);
        }
        prop_assert!(!resource_name(&url).contains(steers));
        prop_assert!(!chunk_path(&url).contains(steers));
    }

    #[test]
    fn any_url_gives_a_stream_name(
        host in "[a-z!'_-]{1,80}",
        path in r#"(/|\PC{0,20}|[a-z.]{0,80}|live|http|\.m3u8|%40|%2E|_){0,8}"#,
    ) {
        let Ok(url) = Url::parse(&format!("http://{host}/{path}")) else { return Ok(()) };
        let name = stream_name(&url);
        prop_assert!((1..=64).contains(&name.len()));
        prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
        prop_assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()));
        prop_assert!(is_stream_name(&name));
    }
}
