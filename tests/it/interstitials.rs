//! Ad breaks as date ranges: lists of assets, asked for once, and the assets, recorded with them.

use std::io::Read;
use std::net::TcpStream;

use serde_json::{Value, json};
use url::Url;

use crate::replay::Replayer;
use crate::support::client;
use crate::support::session::Session;
use crate::support::{Ask, End, Origin, Recorder, Reply, Stage, Window, ts};

/// A channel on demand or live, with these lines before its segments.
fn channel(first: u64, lines: &str, ended: bool) -> Reply {
    Reply::playlist(Window::new(first, 3).headed(lines).ended_if(ended).text())
}

fn range(id: &str, rest: &str) -> String {
    format!("#EXT-X-DATERANGE:ID=\"{id}\",START-DATE=\"2031-05-04T03:02:01Z\",DURATION=6,{rest}")
}

fn json_reply(body: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200, "application/json", body)
}

fn asked_below(origin: &Origin, path: &str) -> Vec<Ask> {
    let asks = origin.asks().into_iter();
    asks.filter(|ask| ask.path().starts_with(path)).collect()
}

/// Goes where the answers of a replay lead, as a player does, and nowhere else.
struct Player {
    replayer: Replayer,
    base: Url,
}

impl Player {
    fn of(session: &Session) -> Self {
        let sessions = session.path().parent().unwrap();
        let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
        let base = Url::parse(&format!("http://{}/", replayer.address)).unwrap();
        Self { replayer, base }
    }

    /// Status and body; redirects are followed, and `url` is that of the answer then.
    fn get(&self, url: &mut Url) -> (u16, Vec<u8>) {
        loop {
            assert_eq!(url.origin(), self.base.origin(), "it leads out: {url}");
            let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
            let mut answer = Vec::new();
            let mut connection: TcpStream = client::ask(&self.replayer.address, target);
            connection.read_to_end(&mut answer).unwrap();
            let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
            let head = String::from_utf8(answer[..end].to_vec()).unwrap();
            let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
            let location = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("location").then_some(value)
            });
            match location {
                Some(location) if status < 400 => *url = url.join(location).unwrap(),
                _ => return (status, answer[end + 4..].to_vec()),
            }
        }
    }

    fn text(&self, url: &mut Url) -> String {
        let (status, body) = self.get(url);
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{url}: {body}");
        body
    }

    /// Bodies of all that a playlist lists, of those that it lists too, and so on.
    fn bodies(&self, mut url: Url, into: &mut Vec<Vec<u8>>) {
        let text = self.text(&mut url);
        for reference in references(&text) {
            let mut target = url.join(&reference).unwrap();
            if target.path().ends_with(".m3u8") {
                self.bodies(target, into);
            } else {
                let (status, body) = self.get(&mut target);
                assert_eq!(status, 200, "{target}");
                into.push(body);
            }
        }
    }
}

/// URIs of segments, keys, initialization sections and playlists, in order.
fn references(text: &str) -> Vec<String> {
    let of_line = |line: &str| match line.split_once("URI=\"") {
        Some((tag, rest)) if !tag.contains("X-ASSET") => Some(rest.split('"').next()?.to_owned()),
        _ if line.starts_with('#') || line.is_empty() => None,
        _ => Some(line.to_owned()),
    };
    text.lines().filter_map(of_line).collect()
}

fn attribute(text: &str, name: &str) -> String {
    let rest = text.split(&format!("{name}=\"")).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("{name} in {text}"));
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_list_is_asked_for_once_whatever_becomes_of_its_query_also_after_a_restart() {
    let origin = Origin::new(|ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhigh/live.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nlow/live.m3u8\n",
        ),
        "/high/live.m3u8" | "/low/live.m3u8" => {
            let list = format!("X-ASSET-LIST=\"/break/list?viewer={}\"", ask.nth);
            let other = range("news", "X-ASSET-LIST=\"/break/other\"");
            channel(
                ask.nth as u64 / 3,
                &format!("{}\n{other}", range("weather", &list)),
                false,
            )
        }
        "/break/list" => json_reply(r#"{"ASSETS":[]}"#),
        // It may be asked for once, also where nothing good comes of it.
        "/break/other" => Reply::html(503),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    let count = |path| asked_below(&origin, path).len();
    recording.until("many revisions", || {
        count("/break/") >= 2
            && origin.count("/high/live.m3u8") >= 9
            && origin.count("/low/live.m3u8") >= 9
    });
    let before = recording.interrupt();
    let polled = origin.count("/high/live.m3u8");
    let mut again = Recorder::bare()
        .within(before)
        .args(["--poll", "0.2", "--resume", "-s", "session1"])
        .start();
    again.until("as many again", || {
        origin.count("/high/live.m3u8") >= polled + 9
    });
    let session = again.interrupt().session();

    let lists = asked_below(&origin, "/break/list");
    assert_eq!((lists.len(), count("/break/other")), (1, 1));
    assert!(
        lists[0].target.contains("_HLS_primary_id="),
        "as players ask: {}",
        lists[0].target
    );
    assert_eq!(
        session.outcomes("break/other"),
        [(503, "complete".to_owned())]
    );
    assert_eq!(
        session.number("SELECT count(*) FROM resource WHERE kind = 'assets'"),
        2
    );

    let player = Player::of(&session);
    for query in [
        "?viewer=0",
        "?viewer=5&_HLS_primary_id=7",
        "?viewer=never-seen",
    ] {
        let path = format!("/http/127.0.0.1:{}/break/list{query}", origin.port());
        let mut url = player.base.join(&path).unwrap();
        assert_eq!(player.text(&mut url), r#"{"ASSETS":[]}"#, "{query}");
    }
}

/// A list behind a redirect, an asset on another host with all that an asset may have, and one named by its
/// date range.
fn broadcast(ask: &Ask, other: &str) -> Reply {
    match ask.path() {
        "/film.m3u8" => {
            let list = range("one", "X-ASSET-LIST=\"ads/find?slot=1\"");
            let bumper = range("two", "X-ASSET-URI=\"/bumper/b.m3u8\"");
            channel(0, &format!("{list}\n{bumper}"), true)
        }
        "/ads/find" => Reply::redirect(302, "/decided/8/list.json?slot=1"),
        "/decided/8/list.json" => {
            let escaped = format!("{other}/spots/a.m3u8?sig=%2f+1").replace('/', "\\/");
            json_reply(format!(
                "{{ \"ASSETS\":[ {{\"URI\":\"{escaped}\",\"DURATION\":4.0,\n \"X-SEEN\":[\"{other}\\/pixel\"]}},\
                 {{\"URI\":\"b.m3u8\"}} ], \"note\" : \"a\\u00e4\" }}"
            ))
        }
        "/spots/a.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsmall/a.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nlarge/a.m3u8\n",
        ),
        "/spots/small/a.m3u8" | "/spots/large/a.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-DATERANGE:ID=\"deeper\",X-ASSET-LIST=\"/deeper/list\"\n\
             #EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"/spots/key\"\n\
             #EXTINF:2,\nx.m4s\n#EXTINF:2,\ny.m4s\n#EXT-X-ENDLIST\n",
        ),
        "/spots/key" => Reply::key([9; 16]),
        // The stream itself is long over when this comes.
        "/decided/8/b.m3u8" => Window::new(4, 1).ended().text().into_reply(),
        "/bumper/b.m3u8" => Window::new(7, 2).ended().text().into_reply(),
        path => Reply::segment(ts(path)).ending(End::Chunked(100)),
    }
}

trait IntoReply {
    fn into_reply(self) -> Reply;
}

impl IntoReply for String {
    fn into_reply(self) -> Reply {
        Reply::playlist(self)
    }
}

#[test]
fn a_player_of_the_replay_finds_list_and_assets_and_is_led_nowhere_else() {
    let port = Stage::default();
    let own = port.clone();
    let origin = Origin::new(move |ask| broadcast(ask, &format!("http://localhost:{}", own.at())));
    port.go(origin.port().into());
    let finished = Recorder::new(origin.url("/film.m3u8")).run();
    assert!(finished.status.success(), "{}", finished.stderr);
    let session = finished.session();
    for once in [
        "/ads/find",
        "/decided/8/list.json",
        "/spots/a.m3u8",
        "/bumper/b.m3u8",
    ] {
        assert_eq!(asked_below(&origin, once).len(), 1, "{once}");
    }
    for never in ["/pixel", "/deeper"] {
        assert_eq!(asked_below(&origin, never).len(), 0, "{never}");
    }

    let player = Player::of(&session);
    let mut film = player.base.join("/stream.m3u8").unwrap();
    let text = player.text(&mut film);
    let mut list = film.join(&attribute(&text, "X-ASSET-LIST")).unwrap();
    list.query_pairs_mut().append_pair("_HLS_primary_id", "me");
    let served = player.text(&mut list);
    let recorded = session.one::<String>(
        "SELECT b.text FROM exchange e JOIN body b ON b.id = e.body_id JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'assets' AND e.status = 200",
    );
    assert!(
        recorded.contains("http:\\/\\/localhost"),
        "it is kept as it came: {recorded}"
    );
    assert!(
        served.contains("\"DURATION\":4.0,\n ") && served.contains("\"a\\u00e4\""),
        "{served}"
    );
    let read: Value = serde_json::from_str(&served).unwrap();
    let uri = |at: usize| read["ASSETS"][at]["URI"].as_str().unwrap();
    let mut bodies = Vec::new();
    for asset in [uri(0), uri(1)] {
        player.bodies(list.join(asset).unwrap(), &mut bodies);
    }
    player.bodies(
        film.join(&attribute(&text, "X-ASSET-URI")).unwrap(),
        &mut bodies,
    );
    let variant = |name: &str| {
        let path = |file: &str| ts(&format!("/spots/{name}/{file}"));
        [path("init.mp4"), vec![9; 16], path("x.m4s"), path("y.m4s")]
    };
    let rest = ["/decided/8/seg4.ts", "/bumper/seg7.ts", "/bumper/seg8.ts"].map(ts);
    let wanted = [&variant("small")[..], &variant("large"), &rest].concat();
    assert!(bodies == wanted, "{} bodies", bodies.len());

    let mut pixel = list
        .join(read["ASSETS"][0]["X-SEEN"][0].as_str().unwrap())
        .unwrap();
    assert_eq!(
        player.get(&mut pixel).0,
        404,
        "what was not asked for is in no recording"
    );
}

#[test]
fn who_wants_no_assets_asks_for_none() {
    let origin = Origin::new(|ask| broadcast(ask, "http://elsewhere.invalid"));
    let finished = Recorder::new(origin.url("/film.m3u8"))
        .args(["--asset-lists", "none"])
        .run();
    let session = finished.session();
    for path in ["/ads", "/decided", "/spots", "/bumper"] {
        assert_eq!(asked_below(&origin, path).len(), 0, "{path}");
    }
    assert_eq!(
        session.number("SELECT count(*) FROM event WHERE kind = 'date range'"),
        0
    );
    let player = Player::of(&session);
    let mut film = player.base.join("/stream.m3u8").unwrap();
    let text = player.text(&mut film);
    for name in ["X-ASSET-LIST", "X-ASSET-URI"] {
        let mut url = film.join(&attribute(&text, name)).unwrap();
        assert_eq!(player.get(&mut url).0, 404);
    }
}

#[test]
fn hostile_lists_cost_what_the_limits_say_and_harm_nobody() {
    let lists = [
        "many", "deep", "large", "schemes", "loop", "cut", "noise", "endless",
    ];
    // More would be too large.
    let many = (0..200_000).map(|n| format!("{{\"URI\":\"m{n}\"}}"));
    let many = format!("{{\"ASSETS\":[{}]}}", many.collect::<Vec<_>>().join(","));
    let deep = format!(
        "{{\"ASSETS\":{}{}}}",
        "[".repeat(900_000),
        "]".repeat(900_000)
    );
    let large = format!(
        "{{\"ASSETS\":[{{\"URI\":\"big.m3u8\"}}],\"x\":\"{}\"}}",
        "y".repeat(5 << 20)
    );
    let others = [
        "file:///etc/passwd",
        "data:,x",
        "javascript:0",
        "http://",
        "ftp://h/a",
    ];
    let schemes = others.map(|uri| json!({"URI": uri}));
    let schemes = json!({"ASSETS": schemes}).to_string();
    let origin = Origin::new(move |ask| match ask.path() {
        "/film.m3u8" => {
            let of = |name: &&str| range(name, &format!("X-ASSET-LIST=\"/l/{name}\""));
            channel(
                0,
                &lists.iter().map(of).collect::<Vec<_>>().join("\n"),
                true,
            )
        }
        "/l/many" => json_reply(many.clone()),
        "/l/deep" => json_reply(deep.clone()),
        "/l/large" => json_reply(large.clone()),
        "/l/schemes" => json_reply(schemes.clone()),
        "/l/loop" => Reply::redirect(302, "/l/loop"),
        "/l/cut" => json_reply(r#"{"ASSETS":[{"URI":"cut.m3u8"}]}"#).ending(End::Cut(20)),
        "/l/noise" => json_reply(vec![0xff; 5000]),
        "/l/endless" => json_reply(r#"{"ASSETS":[{"URI":"endless.m3u8"}]}"#),
        "/l/endless.m3u8" => Window::new(0, 50_000)
            .named(|_| "one.ts".to_owned())
            .ended()
            .text()
            .into_reply(),
        path if path.starts_with("/l/m") => Reply::not_found(),
        path => Reply::segment(ts(path)),
    });
    let finished = Recorder::new(origin.url("/film.m3u8")).run();
    assert!(finished.status.success(), "{}", finished.stderr);
    let session = finished.session();
    for name in lists {
        let asked = asked_below(&origin, &format!("/l/{name}"));
        let own = asked
            .iter()
            .filter(|ask| ask.path() == format!("/l/{name}"));
        // A loop of redirects is followed as far as redirects are.
        assert_eq!(own.count(), if name == "loop" { 11 } else { 1 }, "{name}");
    }
    assert_eq!(asked_below(&origin, "/l/m").len(), 1 + 64);
    assert_eq!(
        asked_below(&origin, "/l/one.ts").len(),
        1,
        "a segment that is listed again is one"
    );
    for never in ["/l/big.m3u8", "/l/cut.m3u8", "/etc"] {
        assert_eq!(asked_below(&origin, never).len(), 0, "{never}");
    }
    assert_eq!(session.outcomes("l/large"), [(200, "too large".to_owned())]);
    let refused = "SELECT count(*) FROM event WHERE kind = 'refused uri'";
    assert!(session.number(refused) >= 5);
    let player = Player::of(&session);
    for name in lists.iter().filter(|name| **name != "loop") {
        let mut url = player
            .base
            .join(&format!("/http/127.0.0.1:{}/l/{name}", origin.port()))
            .unwrap();
        player.get(&mut url);
    }
}

#[test]
fn what_a_list_led_to_is_kept_as_long_as_it_is_listed() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => {
            let lines = match ask.nth {
                0..3 => range("old", "X-ASSET-LIST=\"/gone/list\""),
                _ => {
                    range("long", "X-ASSET-LIST=\"/ads/list\"")
                        + "\n"
                        + &range("own", "X-ASSET-URI=\"/own/a.m3u8\"")
                }
            };
            channel(ask.nth as u64 / 2, &lines, false)
        }
        "/ads/list" | "/gone/list" => json_reply(r#"{"ASSETS":[{"URI":"a.m3u8"}]}"#),
        "/ads/a.m3u8" | "/gone/a.m3u8" | "/own/a.m3u8" => {
            Window::new(0, 2).ended().text().into_reply()
        }
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--keep", "2s"])
        .start();
    recording.until_at_least(
        1,
        "SELECT count(*) FROM event WHERE id = 0
            AND at_us > (SELECT max(from_us) + 11000000 FROM exchange e JOIN resource r ON r.id = e.resource_id
                          WHERE r.kind = 'assets')",
    );
    let session = recording.interrupt().session();
    for (path, there) in [
        ("/ads/list", true),
        ("/ads/a.m3u8", true),
        ("/ads/seg1.ts", true),
        ("/own/seg1.ts", true),
        ("/gone/list", false),
        ("/gone/seg1.ts", false),
        ("/seg0.ts", false),
    ] {
        let answer = session.answer(&origin.url(path), session.end_us());
        assert_eq!(answer.is_some(), there, "{path}");
    }
    assert_eq!(origin.count("/ads/seg1.ts"), 1);
}

#[test]
fn what_stands_plain_behind_a_coding_that_is_none_is_read_here_too() {
    let origin = Origin::new(|ask: &Ask| {
        let away = format!("http://{}/ad/piece.ts", ask.header("host").unwrap());
        let reply = match ask.path() {
            "/air.m3u8" => channel(0, &range("break", "X-ASSET-LIST=\"list.json\""), true),
            "/list.json" => {
                json_reply(json!({"ASSETS": [{"URI": "ad/ad.m3u8", "DURATION": 6}]}).to_string())
            }
            "/ad/ad.m3u8" => Reply::playlist(
                Window::new(0, 1)
                    .named(move |_| away.clone())
                    .ended()
                    .text(),
            ),
            path => Reply::segment(ts(path)),
        };
        reply.with("Content-Encoding", "aws-chunked")
    });
    let session = Recorder::new(origin.url("/air.m3u8")).run().session();
    let encoded =
        "SELECT count(*) FROM exchange WHERE body_encoding IS NOT NULL OR outcome <> 'complete'";
    assert_eq!(session.number(encoded), 0);
    let player = Player::of(&session);
    let host = origin.url("").replace("http://", "http/");
    let mut playlist = player
        .base
        .join(&format!("{}/ad/ad.m3u8", host.trim_end_matches('/')))
        .unwrap();
    let text = player.text(&mut playlist);
    let line = text
        .lines()
        .find(|line| line.ends_with("piece.ts"))
        .unwrap();
    let mut piece = playlist.join(line).unwrap();
    assert_eq!(player.get(&mut piece), (200, ts("/ad/piece.ts")));
}

#[test]
fn a_list_behind_a_redirect_to_a_host_that_is_left_alone_is_waited_for_and_asked_for_once() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask: &Ask| {
        let door = |path: &str| {
            let host = ask.header("host").unwrap();
            let host = host.replace("127.0.0.1", "localhost");
            format!("http://{host}{path}")
        };
        match (ask.path(), ask.nth) {
            ("/air.m3u8", nth) => match page.at() {
                0 => {
                    let far = door("/seg");
                    let window = Window::new(0, 1).named(move |n| format!("{far}{n}.ts"));
                    Reply::playlist(window.text())
                }
                _ => channel(
                    nth as u64 / 4,
                    &range("break", "X-ASSET-LIST=\"/find\""),
                    false,
                ),
            },
            ("/seg0.ts", 0) => {
                page.go(1);
                Reply::html(503).with("Retry-After", "3")
            }
            ("/find", _) => Reply::redirect(302, &door("/ads.json")),
            ("/ads.json", _) => json_reply(r#"{"ASSETS":[]}"#),
            (path, _) => Reply::segment(ts(path)),
        }
    });
    let mut recording = Recorder::new(origin.url("/air.m3u8"))
        .args(["--allow-private"])
        .start();
    recording.until("the list", || !asked_below(&origin, "/ads.json").is_empty());
    recording.until_at_least(
        1,
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'assets' AND e.status = 200",
    );
    let session = recording.interrupt().session();
    assert_eq!(asked_below(&origin, "/find").len(), 1, "an impression");
    let early =
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id, exchange b
          WHERE b.status = 503 AND r.name = 'ads.json'
            AND e.requested_us < b.requested_us + b.wait_us + 3000000";
    assert_eq!(session.number(early), 0);
}

#[test]
fn a_range_past_the_end_of_an_assets_file_is_what_there_is_of_it() {
    let file = ts("all of the film");
    let whole = file.clone();
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/film.m3u8" => channel(0, &range("cut", "X-ASSET-URI=\"/cut.m3u8\""), true),
        "/cut.m3u8" => {
            let lines = "#EXT-X-BYTERANGE:9000@0";
            let window = Window::new(0, 1).named(|_| "reel".to_owned());
            Reply::playlist(window.headed(lines).ended().text())
        }
        "/reel" => Reply::ranged(ask, &file),
        path => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/film.m3u8")).run().session();
    let of_cut = "FROM exchange e JOIN resource r ON r.id = e.resource_id
                  WHERE r.range_length = 9000 ORDER BY e.id";
    let outcomes: Vec<String> = session.list(&format!("SELECT outcome {of_cut}"));
    assert_eq!(outcomes.last().unwrap(), "complete", "{outcomes:?}");
    let notes: Vec<Option<String>> = session.list(&format!("SELECT note {of_cut}"));
    let note = notes.last().unwrap().clone().unwrap_or_default();
    assert!(note.contains("past the end of the resource"), "{note}");
    let parts = session.parts(&origin.url("/reel"), session.end_us());
    assert!(parts.contains(&(0, whole)));
}
