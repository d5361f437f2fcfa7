//! Where a public origin may lead, at addresses that are public: in a network of its own, which has no
//! way out of this machine.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Ask, Origin, Recorder, Reply, Session, Window, ts};

/// Set within that network.
const INSIDE: &str = "ISRECORDER_TEST_NETWORK";

/// Public, to whoever asks for it; both lead to the same origin.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);

/// Hosts that a playlist names, and whether a public one may.
const HOSTS: [(&str, bool); 7] = [
    ("127.0.0.1", false),
    ("10.0.0.5", false),
    ("localhost", false),
    ("inside.test", false),
    ("9.9.9.9", true),
    ("public.test", true),
    ("both.test", true),
];

const KEPT_OUT: &str = "SELECT count(*) FROM exchange WHERE outcome = 'unreachable' AND error LIKE '%--allow-private%'";

#[test]
fn what_is_public_leads_to_public_addresses_only() {
    if std::env::var_os(INSIDE).is_some() {
        return within();
    }
    let folder = tempfile::tempdir().unwrap();
    let servers = folder.path().join("resolv.conf");
    let text = "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n";
    std::fs::write(&servers, text).unwrap();
    let line = "ip link set lo up && ip address add 9.9.9.9 dev lo && ip address add 10.0.0.5 dev lo \
                && mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["-rnm", "sh", "-c", line])
        .arg(servers)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("addresses::what_is_public_leads_to_public_addresses_only")
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
}

/// One test of one process, since there is one server of names.
fn within() {
    std::thread::spawn(serve_names);
    by_playlist_and_redirect("9.9.9.9", &[], false);
    by_playlist_and_redirect("public.test", &[], false);
    by_playlist_and_redirect("9.9.9.9", &["--allow-private"], true);
    by_playlist_and_redirect("10.0.0.5", &[], true);
    a_redirect_of_what_was_typed_and_variants();
    a_name_that_turns();
    a_name_that_nobody_answers_for();
}

fn by_playlist_and_redirect(from: &str, arguments: &[&str], all: bool) {
    let origin = Origin::at_all_addresses(|ask: &Ask| {
        let port = ask.header("host").unwrap().rsplit(':').next().unwrap();
        let number = |place: &str| ask.path().strip_prefix(place)?.parse::<usize>().ok();
        match (ask.path(), number("/to/")) {
            ("/live.m3u8", _) => {
                let both = |(n, (host, _)): (usize, &(&str, bool))| {
                    format!("#EXTINF:1,\nhttp://{host}:{port}/named/{n}\n#EXTINF:1,\n/to/{n}\n")
                };
                let listed: String = HOSTS.iter().enumerate().map(both).collect();
                Reply::playlist(format!(
                    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n{listed}#EXT-X-ENDLIST\n"
                ))
            }
            (_, Some(n)) => Reply::redirect(302, &format!("http://{}:{port}/come/{n}", HOSTS[n].0)),
            (path, _) => Reply::segment(ts(path)),
        }
    });
    let url = format!("http://{from}:{}/live.m3u8", origin.port());
    let session = Recorder::new(url)
        .args(arguments.iter().copied())
        .run()
        .session();
    for (n, (host, may)) in HOSTS.iter().enumerate() {
        for place in ["named", "come"] {
            let path = format!("/{place}/{n}");
            let (asked, wanted) = (origin.count(&path) > 0, all || *may);
            assert_eq!(asked, wanted, "{place} {host} from {from} {arguments:?}");
            if !wanted {
                refused(&session, &path);
            }
        }
    }
    // Of two addresses the one that may be connected to.
    let inside = "SELECT count(*) FROM exchange WHERE remote_addr LIKE '10.%'";
    assert!(all || session.number(inside) == 0);
}

fn refused(session: &Session, path: &str) {
    let others = session.number(&format!(
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.url LIKE '%{path}'
            AND (e.outcome <> 'unreachable' OR e.error NOT LIKE '%--allow-private%')"
    ));
    assert_eq!(others, 0, "{path}");
}

/// What was typed may lead anywhere, until it was answered.
fn a_redirect_of_what_was_typed_and_variants() {
    let origin = Origin::at_all_addresses(|ask: &Ask| {
        let port = ask.header("host").unwrap().rsplit(':').next().unwrap();
        let inside = format!("http://10.0.0.5:{port}/inside.m3u8");
        match ask.path() {
            "/live.m3u8" => Reply::redirect(302, &inside),
            "/main.m3u8" => Reply::playlist(format!(
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{inside}\n"
            )),
            _ => Reply::playlist(Window::new(0, 1).ended().text()),
        }
    });
    for name in ["live.m3u8", "main.m3u8"] {
        let url = format!("http://9.9.9.9:{}/{name}", origin.port());
        let mut recording = Recorder::new(url).start();
        recording.until_at_least(1, KEPT_OUT);
        recording.interrupt().session();
        assert_eq!(origin.count("/inside.m3u8"), 0, "{name}");
    }
}

/// It is public when it is asked for first, and this machine from then on.
fn a_name_that_turns() {
    let origin = Origin::at_all_addresses(|ask: &Ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 2).text()),
        path => Reply::segment(ts(path)),
    });
    let url = format!("http://turns.test:{}/live.m3u8", origin.port());
    let mut recording = Recorder::new(url).start();
    recording.until_at_least(3, KEPT_OUT);
    recording.interrupt().session();
    assert_eq!(origin.count("/live.m3u8"), 1);
}

fn a_name_that_nobody_answers_for() {
    let url = "http://slow.test/live.m3u8";
    let mut recording = Recorder::new(url)
        .args(["--limit", "resolve=1", "--limit", "answer=4"])
        .start();
    recording.until_at_least(1, "SELECT count(*) FROM exchange");
    let session = recording.interrupt().session();
    let outcome = "SELECT outcome FROM exchange ORDER BY id LIMIT 1";
    assert_eq!(session.one::<String>(outcome), "unresolved");
}

/// Answers for the names of this test (RFC 1035 4.1), and for no other.
fn serve_names() {
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    let socket = UdpSocket::bind(("127.0.0.1", 53)).unwrap();
    let mut place = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut place) {
        let query = &place[..length];
        let (mut labels, mut at) = (Vec::new(), 12);
        while query[at] > 0 {
            let end = at + 1 + usize::from(query[at]);
            labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
            at = end;
        }
        let question = &query[12..at + 5];
        let is_v4 = question[question.len() - 3] == 1;
        let addresses: &[Ipv4Addr] = match labels.join(".").as_str() {
            "public.test" => &[PUBLIC],
            "inside.test" => &[PRIVATE],
            "both.test" => &[PRIVATE, PUBLIC],
            "turns.test" if !is_v4 => &[],
            "turns.test" if TURNS.fetch_add(1, Ordering::Relaxed) == 0 => &[PUBLIC],
            "turns.test" => &[Ipv4Addr::LOCALHOST],
            _ => continue,
        };
        let addresses = if is_v4 { addresses } else { &[] };
        let mut answer = query[..2].to_vec();
        answer.extend([0x81, 0x80, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
        answer.extend(question);
        for address in addresses {
            // The name is that of the question; an address, of the Internet, for no time.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
            answer.extend(address.octets());
        }
        socket.send_to(&answer, from).unwrap();
    }
}
