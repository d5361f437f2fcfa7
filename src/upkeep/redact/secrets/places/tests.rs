use proptest::prelude::*;

use super::*;

fn found<'a>(form: Form<'_>, text: &'a str, rules: &Rules) -> Vec<(&'a str, What)> {
    let mut finder = Finder::new(text.as_bytes(), rules);
    finder.find(form);
    let mut found: Vec<_> = finder
        .places
        .into_iter()
        .map(|place| (&text[place.span], place.what))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn secrets<'a>(form: Form<'_>, text: &'a str) -> Vec<&'a str> {
    let found = found(form, text, &Rules::default());
    let mut texts: Vec<&str> = found.into_iter().map(|(text, _)| text).collect();
    texts.dedup();
    texts
}

#[test]
fn values_of_queries_but_not_the_directives_of_low_latency() {
    for (url, wanted) in [
        (
            "https://h/a.ts?token=abc&seq=7089252",
            vec!["7089252", "abc"],
        ),
        ("a.m3u8?_HLS_msn=123&_HLS_part=200", vec![]),
        ("a.ts?v=1&dvr&t=12", vec![]),
        ("a.ts?dvr=", vec![]),
        ("a.ts?qUo9fWx3mA8=", vec!["qUo9fWx3mA8="]),
        ("a.ts?x=1&qUo9fWx3mA==", vec!["qUo9fWx3mA=="]),
        (
            "a.ts?3f9c8a7b6c5d4e3f=xyzw",
            vec!["3f9c8a7b6c5d4e3f", "xyzw"],
        ),
        ("a.ts?abcdefgh12345", vec!["abcdefgh12345"]),
        (
            "a.ts?a=x%2Fy/z?q#access=qwertz",
            vec!["qwertz", "x%2Fy/z?q"],
        ),
        (
            "?hdnts=exp=1~acl=/*~hmac=abc",
            vec!["exp=1~acl=/*~hmac=abc"],
        ),
        ("data:text/plain;base64,AAAA?x=yyyy", vec![]),
        ("a.ts?live=true&debug=false", vec![]),
    ] {
        assert_eq!(secrets(Form::Url, url), wanted, "{url}");
    }
    let mut rules = Rules::default();
    rules.kept_parameters.insert("seq".to_owned());
    let kept = found(Form::Url, "a.ts?seq=7089252&tok=abcd", &rules);
    assert_eq!(kept, [("abcd", What::Named)]);
}

#[test]
fn user_names_and_hosts() {
    let rules = Rules {
        hosts: true,
        ..Rules::default()
    };
    assert_eq!(
        found(
            Form::Url,
            "https://bob:hunter2@cdn.example:8443/a/b.ts",
            &rules
        ),
        [
            ("bob", What::User),
            ("cdn.example", What::Host),
            ("hunter2", What::User)
        ]
    );
    assert_eq!(
        found(Form::Url, "//[2001:db8::1]:80/x", &rules),
        [("[2001:db8::1]", What::Host)]
    );
    assert_eq!(found(Form::Url, "live/cdn.example/b.ts", &rules), []);
    assert_eq!(secrets(Form::Url, "https://cdn.example/a.ts"), [""; 0]);
    assert_eq!(
        found(
            Form::Field("set-cookie"),
            "a=bcdef; Domain=.example.com; Path=/x",
            &rules
        ),
        [("bcdef", What::Cookie), ("example.com", What::Host)]
    );
    assert_eq!(
        found(
            Form::Field("via"),
            "1.1 varnish, 1.1 edge7.example.net (x)",
            &rules
        ),
        [("edge7.example.net", What::Host)]
    );
}

#[test]
fn hosts_and_addresses_outside_of_urls() {
    let rules = Rules {
        hosts: true,
        ..Rules::default()
    };
    for (form, text, wanted) in [
        (Form::Field("x-client-ip"), "192.0.2.7", "192.0.2.7"),
        (Form::Field("x-forwarded-for"), "2001:db8::7", "2001:db8::7"),
        (
            Form::Field("server"),
            "nginx/1.18.0 edge7.example.net",
            "edge7.example.net",
        ),
        (Form::Text, "{\"ip\":\"192.0.2.7\"}", "192.0.2.7"),
        (
            Form::Failure,
            "the certificate is for other.example.net only",
            "other.example.net",
        ),
    ] {
        assert_eq!(found(form, text, &rules), [(wanted, What::Host)], "{text}");
        assert_eq!(secrets(form, text), [""; 0]);
    }
    for text in ["at 12:34:56", "seg.ts is short", "version 1.2.3"] {
        assert_eq!(found(Form::Failure, text, &rules), [], "{text}");
    }
}

#[test]
fn tokens_in_paths() {
    for (url, wanted) in [
        (
            "/live/hdnts=exp=1~acl=x~hmac=abcdef/a.ts",
            vec!["exp=1~acl=x~hmac=abcdef"],
        ),
        ("a.ts;token=abcdef;x=1", vec!["abcdef"]),
        ("/t/token=abcdef.m3u8", vec!["abcdef"]),
        (
            "/eyJhbGciOi.eyJzdWIiOi.c2lnbmF0/a.ts",
            vec!["eyJhbGciOi.eyJzdWIiOi.c2lnbmF0"],
        ),
        (
            "/3f9c8a7b6c5d4e3f3f9c8a7b6c5d4e3f/v1/a.ts",
            vec!["3f9c8a7b6c5d4e3f3f9c8a7b6c5d4e3f"],
        ),
        ("/test/npt=0-6.76_pid=36,37.ts", vec![]),
        ("/live/2010-12-27T20-04-47Z.001.ts", vec![]),
    ] {
        assert_eq!(secrets(Form::Url, url), wanted, "{url}");
    }
}

#[test]
fn pages_and_json() {
    for (text, wanted) in [
        (r#"{"token": "abc123", "n": 1}"#, vec!["abc123"]),
        (
            r#"{"u":"https:\/\/h\/a?acl=\/x\u0026sig=pqr"}"#,
            vec!["\\/x", "pqr"],
        ),
        ("<a href=\"/x?a=bcd&amp;e=fgh\">", vec!["bcd", "fgh"]),
        ("see http://h/x?a=bcd.", vec!["bcd"]),
        ("Authorization: Basic dXNlcjpwYXNz\n", vec!["dXNlcjpwYXNz"]),
        ("with Bearer abc1def-ghi here", vec!["abc1def-ghi"]),
        ("Basic authentication is not enough", vec![]),
        ("Bearer authorization failed", vec![]),
        ("Cookie: a=bcd; e=fgh\nHost: x", vec!["bcd", "fgh"]),
        ("password = 'letmein'", vec!["letmein"]),
        (r#"{"token":"ab12\/GH56=="}"#, vec![r"ab12\/GH56=="]),
        (r#"{"token":"ab\"cd","n":"x"}"#, vec![r#"ab\"cd"#]),
        (r#""{\"token\":\"abcd\",\"n\":1}""#, vec!["abcd"]),
        (
            r#"{"tokens": [ "Xab", "Ycd" ], "n": ["efg"]}"#,
            vec!["Xab", "Ycd"],
        ),
        ("<a:password>X y</a:password>zzz", vec!["X y"]),
        ("<token type=\"x\">abc</token> def <br>ghi", vec!["abc"]),
        ("password=abc#tail", vec!["abc#tail"]),
        ("<a href=/x?token=abc#tail>", vec!["abc"]),
        ("token: \"no end", vec![]),
        (
            "jwt eyJhbGciOi.eyJzdWIiOi.c2ln, ok",
            vec!["eyJhbGciOi.eyJzdWIiOi.c2ln"],
        ),
        ("token required: is it there? no: 5", vec![]),
        ("what? a = b", vec![]),
    ] {
        assert_eq!(secrets(Form::Text, text), wanted, "{text}");
    }
}

#[test]
fn words_of_the_field_tell_what_stands_beside_them() {
    for (text, wanted) in [
        ("no pw=quagga4 for this", "quagga4"),
        ("otp: 12ab56", "12ab56"),
        ("passphrase=\"my own one\"", "my own one"),
        ("kid=zebra99", "zebra99"),
        ("the token \"oryx1oryx\" is old", "oryx1oryx"),
        ("the token 'oryx' is old", "oryx"),
        ("with token oryx1oryx now", "oryx1oryx"),
        ("deviceId=eland-7", "eland-7"),
    ] {
        assert_eq!(secrets(Form::Text, text), [wanted], "{text}");
    }
    let key = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://a\",KEYID=0xzebra99\n";
    assert!(secrets(Form::Playlist, key).contains(&"zebra99"));
    for other in ["the token is old", "a pass for 2 persons"] {
        assert_eq!(secrets(Form::Text, other), [""; 0], "{other}");
    }
}

#[test]
fn header_fields() {
    for (name, value, wanted) in [
        ("location", "/a?t=abc", vec!["abc"]),
        ("x-auth-token", "abc def", vec!["abc def"]),
        ("set-cookie", "sid=abc; Path=/; HttpOnly, x", vec!["abc"]),
        ("content-type", "text/html; token=abc", vec!["abc"]),
        ("cache-control", "max-age=300, public", vec![]),
        ("etag", "\"3f9c8a7b6c5d4e3f\"", vec![]),
        ("link", "</a?t=abc>; rel=preload", vec!["abc"]),
        (
            "link",
            "</live/3f9c8a7b6c5d4e3f3f9c/a.ts>; rel=preload",
            vec!["3f9c8a7b6c5d4e3f3f9c"],
        ),
        (
            "refresh",
            "5; url=/3f9c8a7b6c5d4e3f3f9c/a",
            vec!["3f9c8a7b6c5d4e3f3f9c"],
        ),
        ("set-cookie", "abcdef; Secure; HttpOnly", vec!["abcdef"]),
        ("set-cookie", "version=abcdef; Version=1", vec!["abcdef"]),
        ("set-cookie", "Path=abcdef; Path=/live", vec!["abcdef"]),
        (
            "set-cookie",
            "a=bcd; Path=/x; 3f9c8a7b6c5d4e3f3f9c",
            vec!["3f9c8a7b6c5d4e3f3f9c", "bcd"],
        ),
        (
            "set-cookie",
            "a=bcd; Max-Age=3f9c8a7b6c5d4e3f3f9c",
            vec!["3f9c8a7b6c5d4e3f3f9c", "bcd"],
        ),
        (
            "www-authenticate",
            "Digest realm=\"x\", nonce=\"abcde\"",
            vec!["abcde"],
        ),
        ("access-control-expose-headers", "X-Token", vec![]),
        ("x-isrecorder-session-time", "12.340", vec![]),
        ("x-session-time", "12.340", vec!["12.340"]),
    ] {
        assert_eq!(secrets(Form::Field(name), value), wanted, "{name}");
    }
}

#[test]
fn playlists() {
    for (text, wanted) in [
        ("#EXTM3U\nseg.ts?t=abc\n", vec!["abc"]),
        ("#EXTINF:6.0,see https://h/?t=abc\n", vec!["abc"]),
        (
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k?t=abc\",IV=0x0123456789abcdef0123456789abcdef\n",
            vec!["abc"],
        ),
        (
            "#EXT-X-KEY:METHOD=AES-128,URI=https://h/k?t=abc\n",
            vec!["abc"],
        ),
        ("#EXT-X-DEFINE:NAME=\"token\",VALUE=\"abc\"\n", vec!["abc"]),
        (
            "#EXT-X-SESSION-DATA:DATA-ID=\"com.x.token\",VALUE=\"abc\"\n",
            vec!["abc"],
        ),
        (
            "#EXT-X-DATERANGE:ID=\"1\",X-ASSET-URI=\"https://h/a?t=abc\",X-AUTH=\"def\"\n",
            vec!["abc", "def"],
        ),
        (
            "#EXT-X-CONTENT-STEERING:SERVER-URI=\"/s?_HLS_x=1&t=abc\"\n",
            vec!["abc"],
        ),
        (
            "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8?t=abc\"\n",
            vec!["abc"],
        ),
        ("# token=abc\n", vec!["abc"]),
        ("#EXT-X-UNKNOWN:token=abc\n", vec!["abc"]),
        ("seg.ts?t={$token}\n", vec![]),
        ("seg.ts?t=abcd1234{$x}&u=def\n", vec!["abcd1234", "def"]),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS=\"avc1.4d401f\"\n",
            vec![],
        ),
        ("<p>token=abc</p>\n", vec!["abc"]),
        ("my seg.ts?t=abc def&u=ghi\n", vec!["abc", "abc def", "ghi"]),
        ("seg.ts?t=ab\"cd<ef\n", vec!["ab\"cd<ef"]),
        (
            "#EXT-X-MAP:URI=\"my init.mp4?t=abc def\"\n",
            vec!["abc", "abc def"],
        ),
    ] {
        assert_eq!(secrets(Form::Playlist, text), wanted, "{text}");
    }
    let rules = Rules {
        drop_keys: true,
        ..Rules::default()
    };
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"data:text/plain;base64,c2VjcmV0\"\n";
    assert_eq!(
        found(Form::Playlist, key, &rules),
        [("c2VjcmV0", What::KeyData)]
    );
    assert_eq!(secrets(Form::Playlist, key), [""; 0]);
}

proptest! {
    #[test]
    fn any_bytes_have_places_inside(
        bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), proptest::sample::select(b"?&=:/\\{}$;@#\"\n%aT0".to_vec())],
            0..120,
        ),
        hosts: bool,
    ) {
        let rules = Rules { hosts, drop_keys: true, ..Rules::default() };
        for form in [Form::Url, Form::Playlist, Form::Text, Form::Field("set-cookie"), Form::Field("via")] {
            let mut finder = Finder::new(&bytes, &rules);
            finder.find(form);
            for place in finder.places {
                prop_assert!(place.span.start < place.span.end && place.span.end <= bytes.len());
            }
        }
    }
}

#[test]
fn attributes_behind_a_secret_stay_what_they_are() {
    const TOKEN: &str = "Zqabcdef998877";
    for (tag, behind) in [
        (
            "KEY:METHOD=AES-128,URI",
            "IV=0x9f3c27d1e8b04a5566778899aabbccdd",
        ),
        (
            "I-FRAME-STREAM-INF:URI",
            "BANDWIDTH=100000,RESOLUTION=640x360",
        ),
        (
            "DATERANGE:ID=\"1\",X-ASSET-URI",
            "DURATION=15.5,END-ON-NEXT=YES",
        ),
        ("RENDITION-REPORT:URI", "LAST-MSN=273,LAST-PART=2"),
        ("PRELOAD-HINT:TYPE=PART,URI", "BYTERANGE-START=0"),
        ("PART:URI", "DURATION=0.334,INDEPENDENT=YES"),
    ] {
        for query in [
            format!("token={TOKEN}"),
            format!("a=1&hdnts={TOKEN}"),
            format!("Signature={TOKEN}&Key-Pair-Id=K2JCJMDEHXQW5F"),
        ] {
            let text = format!("#EXTM3U\n#EXT-X-{tag}=\"https://h/key?{query}\",{behind}\n");
            let kept = text.find(behind).unwrap();
            let rules = Rules::default();
            let mut finder = Finder::new(text.as_bytes(), &rules);
            finder.find(Form::Playlist);
            let places = &finder.places;
            assert!(places.iter().all(|place| place.span.end < kept), "{text}");
            assert!(secrets(Form::Playlist, &text).contains(&TOKEN), "{text}");
        }
    }
}
