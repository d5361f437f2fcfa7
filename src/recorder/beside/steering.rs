//! Content steering: the manifest, asked for as a player asks for it, by its TTL (RFC 8216bis 7).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;
use url::Url;

use super::request::{Came, Wanted};
use crate::clock;
use crate::hls::{self, SteeringManifest};
use crate::recorder::admission::reach::Reach;
use crate::recorder::context::Context;
#[cfg(test)]
use crate::recorder::panics;
use crate::recorder::panics::{InARow, MOST_PANICS};
use crate::recorder::schedule::restart_delay;
use crate::session::{Kind, NewListing, ResourceKey};

/// Without a TTL (RFC 8216bis 7.1 recommends it).
const TTL: Duration = Duration::from_secs(300);
/// A shorter TTL is this one: players heed short ones, and what they were told then is to be in the recording.
const SHORTEST: Duration = Duration::from_secs(1);
/// A longer one is this.
const LONGEST: Duration = Duration::from_secs(3600);
/// A playlist that names another server is heeded no more often.
const BETWEEN_SERVERS: Duration = Duration::from_secs(10);
/// Other URLs of the server that are remembered, so that each is written once.
const MOST_ALIASES: usize = 1024;

pub(crate) use crate::recorder::context::steering_state::Named;

/// Takes in the tag of a revision, before that is written; whether the loop is to be started once it is.
pub(crate) fn note(context: &Context, mut named: Named, listing: &mut NewListing) -> bool {
    named.tag.url = hls::without_directives(&named.tag.url);
    let mut state = context.steering.state();
    let Some(before) = &state.named else {
        listing.pending.push(resource(context, &named.tag.url));
        state.named = Some(named);
        context.steering.is_awaited.store(true, Ordering::Relaxed);
        return true;
    };
    if before.tag.url == named.tag.url {
        return false;
    }
    if is_same_server(&before.tag.url, &named.tag.url) {
        // Signed anew: to players it is the same.
        let alias = named.tag.url.to_string();
        let known = resource(context, &before.tag.url);
        if state.aliases.len() >= MOST_ALIASES {
            state.aliases.clear();
        }
        if state.aliases.insert(alias.clone()) {
            listing.aliases.push((known, alias));
        }
        return false;
    }
    listing.pending.push(resource(context, &named.tag.url));
    state.named = Some(named);
    context.steering.changed.notify_one();
    false
}

/// A revision that named the server first was never written: the next one that does is the first.
pub(crate) fn forget(context: &Context) {
    context.steering.state().named = None;
    context.steering.is_awaited.store(false, Ordering::Relaxed);
}

fn resource(context: &Context, url: &Url) -> ResourceKey {
    ResourceKey::whole(context.stream_id, Kind::Steering, url.to_string())
}

fn is_same_server(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin() && one.path() == other.path()
}

/// Starts the loop: the revision that names the server has been handed to the writer.
pub(crate) fn start(context: &Arc<Context>) {
    let context = Arc::clone(context);
    let span = context.span.clone();
    let tasks = context.tasks.clone();
    tasks.spawn(run(context).instrument(span));
}

/// Asks the servers that are named; a loop that panics begins anew, with its server as that stood.
async fn run(context: Arc<Context>) {
    let mut server = None;
    let mut in_a_row = InARow::new(clock::instant());
    let what = || "the loop of content steering".to_owned();
    loop {
        let task = ask_servers(&context, &mut server);
        if context.panics.contain(task, what).await.is_some() {
            return;
        }
        let panics = in_a_row.count(clock::instant());
        if panics >= MOST_PANICS {
            // The end of the stream waits for no manifest any more.
            context.steering.is_awaited.store(false, Ordering::Relaxed);
            context.playlists.changed();
        }
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep(restart_delay(panics)) => {}
        }
    }
}

/// `asked`: the server that is being asked; it outlives a panic.
async fn ask_servers(context: &Context, asked: &mut Option<Server>) {
    while let Some(named) = context.steering.named() {
        let began = clock::instant();
        let is_named = |server: &Server| is_same_server(&server.named.tag.url, &named.tag.url);
        let server = match asked.take().filter(is_named) {
            Some(server) => asked.insert(server),
            None => asked.insert(Server::new(named)),
        };
        let is_over = server.follow(context).await;
        *asked = None;
        context.steering.is_awaited.store(false, Ordering::Relaxed);
        if is_over == Over::Stopped {
            return;
        }
        if is_over == Over::Gone {
            tokio::select! {
                () = context.stop.cancelled() => return,
                () = context.steering.changed.notified() => {}
            }
        }
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep_until(began + BETWEEN_SERVERS) => {}
        }
    }
}

/// Why a server is asked no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The stream ends.
    Stopped,
    /// The playlist names another.
    Other,
    /// It said so (RFC 8216bis 7.1: 410), or may not be asked.
    Gone,
}

/// A server, as a player of it stands.
struct Server {
    named: Named,
    url: Url,
    pathway: String,
    ttl: Duration,
    /// URLs that were asked for.
    asked: BTreeSet<Url>,
    /// As far as it may lead, and whether a redirect led there from https to http.
    far: (Reach, bool),
}

impl Server {
    fn new(named: Named) -> Self {
        Self {
            url: named.tag.url.clone(),
            pathway: named.tag.pathway.clone(),
            ttl: TTL,
            asked: BTreeSet::new(),
            far: (named.reach, named.downgraded),
            named,
        }
    }

    async fn follow(&mut self, context: &Context) -> Over {
        loop {
            let came = self.ask(context).await;
            context.steering.is_awaited.store(false, Ordering::Relaxed);
            context.playlists.changed();
            let answered = clock::instant();
            if came.status == Some(410) || (came.is_over && !context.stop.is_cancelled()) {
                return Over::Gone;
            }
            if let Some(manifest) = read(context, &came).await {
                self.take_manifest(&manifest);
                context
                    .refuse(&manifest.refused, "a steering manifest")
                    .await;
                let (reach, downgraded) = self.far;
                self.far = (reach.max(came.reach), downgraded || came.downgraded);
            }
            let due: Instant = answered + self.pause(came.retry_after);
            tokio::select! {
                () = context.stop.cancelled() => return Over::Stopped,
                () = context.steering.changed.notified() => return Over::Other,
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }

    async fn ask(&mut self, context: &Context) -> Came {
        #[cfg(test)]
        panics::testing::pass(panics::testing::Place::Steering, self.url.as_str());
        let (reach, downgraded) = self.far;
        let named = &self.named;
        let throughput = named.tag.bandwidth.to_string();
        let mut directives = vec![("_HLS_pathway", self.pathway.as_str())];
        // What the fastest variant takes: for a player that knows of no trouble with the network.
        if named.tag.bandwidth > 0 {
            directives.push(("_HLS_throughput", &throughput));
        }
        let wanted = Wanted {
            kind: Kind::Steering,
            url: self.url.clone(),
            range: None,
            known_end: None,
            reach,
            downgraded,
            referrer: named.revision,
            from_us: named.from_us,
        };
        let asked = hls::with_directives(&self.url, &directives);
        // Others may have been asked for in between; those that come back are no news.
        if self.asked.len() >= MOST_ALIASES {
            self.asked.clear();
        }
        let is_again = self.asked.contains(&self.url);
        let came = context.aside(&wanted, asked, is_again).await;
        // Not before: what panicked meanwhile is asked for as if it had not been.
        self.asked.insert(wanted.url);
        came
    }

    fn take_manifest(&mut self, manifest: &SteeringManifest) {
        let tag = &self.named.tag;
        self.ttl = manifest.ttl.unwrap_or(TTL);
        if let Some(reload) = &manifest.reload {
            self.url = hls::without_directives(reload);
        }
        let is_there = |p: &&String| tag.pathways.contains(*p) || manifest.clones.contains(*p);
        if let Some(pathway) = manifest.priority.iter().find(is_there) {
            self.pathway.clone_from(pathway);
        }
    }

    fn pause(&self, retry_after: Option<Duration>) -> Duration {
        self.ttl
            .max(retry_after.unwrap_or_default())
            .clamp(SHORTEST, LONGEST)
    }
}

async fn read(context: &Context, came: &Came) -> Option<SteeringManifest> {
    let body = came.body.as_ref()?;
    let read = || hls::read_steering(body, &came.url);
    let manifest = context.fetcher.memory.read(body.len(), read).await;
    if manifest.is_none() {
        tracing::warn!(
            "{:?} is no steering manifest",
            hls::resource_name(&came.url)
        );
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::SteeringTag;

    fn server() -> Server {
        let url = |text: &str| Url::parse(text).unwrap();
        let tag = SteeringTag {
            url: url("http://h/s?a=1"),
            pathway: "x".to_owned(),
            pathways: ["x", "y"].map(str::to_owned).into(),
            bandwidth: 9,
        };
        let named = Named {
            tag,
            revision: 1,
            from_us: 0,
            reach: Reach::Any,
            downgraded: false,
        };
        Server::new(named)
    }

    #[test]
    fn the_next_request_is_as_the_manifest_says() {
        let mut server = server();
        assert_eq!((server.pause(None), server.pathway.as_str()), (TTL, "x"));
        let says = |ttl: Option<f64>, priority: &[&str]| SteeringManifest {
            ttl: ttl.map(Duration::from_secs_f64),
            priority: priority.iter().map(|p| (*p).to_owned()).collect(),
            reload: Some(Url::parse("http://h/r?_HLS_pathway=z&b=2").unwrap()),
            clones: ["c"].map(str::to_owned).into(),
            ..SteeringManifest::default()
        };
        server.take_manifest(&says(Some(7.5), &["unknown", "y", "x"]));
        assert_eq!(server.pause(None), Duration::from_secs_f64(7.5));
        assert_eq!(
            (server.pathway.as_str(), server.url.as_str()),
            ("y", "http://h/r?b=2")
        );
        assert_eq!(
            server.pause(Some(Duration::from_secs(60))),
            Duration::from_secs(60)
        );
        server.take_manifest(&says(Some(0.0), &["c"]));
        assert_eq!(
            (server.pause(None), server.pathway.as_str()),
            (SHORTEST, "c")
        );
        server.take_manifest(&says(Some(1e9), &[]));
        assert_eq!(
            (server.pause(None), server.pathway.as_str()),
            (LONGEST, "c")
        );
        server.take_manifest(&says(None, &[]));
        assert_eq!(server.pause(None), TTL);
    }

    #[test]
    fn another_query_is_the_same_server() {
        let url = |text: &str| Url::parse(text).unwrap();
        assert!(is_same_server(
            &url("http://h/s?a=1"),
            &url("http://h:80/s?a=2")
        ));
        assert!(!is_same_server(
            &url("http://h/s?a=1"),
            &url("http://h/t?a=1")
        ));
        assert!(!is_same_server(&url("http://h/s"), &url("https://h/s")));
    }
}
