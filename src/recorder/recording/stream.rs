//! One stream of a recording, from its first request until it has ended or was asked to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use url::Url;

use crate::clock;
use crate::hls::stream_name;
use crate::recorder::admission::admit;
use crate::recorder::admission::admit::Credentials;
use crate::recorder::admission::hosts::Hosts;
use crate::recorder::admission::reach::Proxies;
use crate::recorder::clocks::activity::Activity;
use crate::recorder::context::asset_state::Assets;
use crate::recorder::context::steering_state::Steering;
use crate::recorder::context::{Context, Shared};
use crate::recorder::downloads;
use crate::recorder::downloads::{Downloads, Queue};
use crate::recorder::http::client::Clients;
use crate::recorder::http::cookies::Cookies;
use crate::recorder::http::fetch::fetcher::Fetcher;
use crate::recorder::http::fetch::polls::Polls;
use crate::recorder::http::stream_fields::StreamFields;
use crate::recorder::memory::Memory;
use crate::recorder::panics::Panics;
use crate::recorder::playlists::set::Playlists;
use crate::recorder::poll;
use crate::recorder::settings::limits::{ASSETS_AFTER_END, STOP_GRACE, STOP_PATIENCE};
use crate::recorder::settings::options::{Input, Options};
use crate::recorder::stats::board::Board;
use crate::recorder::stats::channel::Then;
use crate::recorder::words;
use crate::session::{NewListing, Writer, WriterError, both_clocks};

/// How often the end of a stream is looked for where nothing changes.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Two looks are at least so far apart: each goes through all playlists, and each poll of one asks for it.
const LOOKS_APART: Duration = Duration::from_millis(50);

/// After so long without anything from an origin its user is told that.
const SILENT: Duration = Duration::from_secs(4);

/// What all streams of a recording share.
#[derive(Debug)]
pub(crate) struct Recording {
    pub options: Options,
    pub clients: Clients,
    pub proxies: Arc<Proxies>,
    pub writer: Writer,
    pub board: Board,
    pub hosts: Arc<Hosts>,
    pub activity: Activity,
    /// The recording stops.
    pub stop: CancellationToken,
}

/// A stream that is being recorded.
#[derive(Debug)]
pub(crate) struct Stream {
    context: Arc<Context>,
    /// The recording stops: what the stream leaves open, the writer closes.
    all_stop: CancellationToken,
    /// The user has asked to wait for its return, for so long.
    wait: Option<Duration>,
}

impl Recording {
    /// Begins to record a stream; `from_us`: since when it is there (microseconds of Unix time),
    /// if not from when it answers. `own_stop` ends it alone.
    pub(crate) async fn begin(
        &self,
        input: &Input,
        from_us: Option<i64>,
        own_stop: CancellationToken,
    ) -> Result<Stream, WriterError> {
        // What is not admitted was refused before.
        let url = admit::admit(input.url.clone()).unwrap_or_else(|_| input.url.clone());
        let wished = input.name.clone().unwrap_or_else(|| stream_name(&url));
        let (stream_id, name) = self.writer.named_stream(&wished, url.as_str()).await?;
        if input.name.is_some() && name != wished {
            tracing::warn!(
                "{wished:?} has another URL in this session: what is there now is recorded as {name:?}"
            );
        }
        let context = self.context(input, stream_id, &name, own_stop);
        let root = context.playlists.root(url, name, from_us);
        poll::start(&context, root);
        let downloads = Downloads {
            queue: Arc::clone(&context.queue),
            fetcher: context.fetcher.clone(),
            playlists: Arc::clone(&context.playlists),
            panics: context.panics.clone(),
        };
        let fetching = downloads::run(downloads, context.stop.clone());
        let span = context.span.clone();
        context.tasks.spawn(fetching.instrument(span));
        Ok(Stream {
            context,
            all_stop: self.stop.clone(),
            wait: self.options.wait,
        })
    }

    fn context(
        &self,
        input: &Input,
        stream_id: i64,
        name: &str,
        stop: CancellationToken,
    ) -> Arc<Context> {
        let limits = self.options.limits;
        let credentials = Credentials::new(&self.options, input);
        let cookies = Cookies::new(&self.options, input, credentials.clone());
        let stats = self.board.add(name.to_owned()).stats.clone();
        stats.begin(self.writer.clock().now_us());
        Arc::new(Context {
            fetcher: Fetcher {
                clients: self.clients.clone(),
                credentials,
                cookies: Arc::new(cookies),
                writer: self.writer.of_a_stream(),
                refused: Arc::default(),
                limits,
                proxies: Arc::clone(&self.proxies),
                allow_private: self.options.allow_private,
                allow_downgrade: self.options.allow_downgrade,
                servers: Arc::default(),
                memory: Arc::new(Memory::new(&limits)),
                hosts: Arc::clone(&self.hosts),
                stats: stats.clone(),
                activity: self.activity.clone(),
                stream_fields: Arc::new(StreamFields::new(
                    self.options.user_agent.is_some(),
                    input.asked_as.clone(),
                )),
                unpacked: Arc::default(),
                polls: Arc::new(Polls::new(limits.polls)),
                abort: CancellationToken::new(),
            },
            queue: Arc::new(Queue::new(stream_id, &limits, Arc::clone(&self.hosts))),
            playlists: Arc::new(Playlists::new(
                stats.clone(),
                limits.playlists,
                self.options.wait,
            )),
            stats,
            panics: Panics::new(self.writer.of_a_stream(), name),
            span: tracing::error_span!("recording", stream = %name),
            selection: self.options.selection.clone(),
            must_match: !self.options.resume,
            poll: self.options.poll,
            blocking: !self.options.no_blocking,
            plain: self.options.plain,
            name: name.to_owned(),
            stream_id,
            stop,
            tasks: TaskTracker::new(),
            variables: Mutex::new(Shared::default()),
            assets: Assets::new(stream_id, self.writer.zero_us()),
            steering: Steering::default(),
        })
    }
}

impl Stream {
    /// Records until the stream has ended or is to stop; then leaves nothing under way.
    pub(crate) async fn run(self) {
        let span = self.context.span.clone();
        self.record().instrument(span).await;
    }

    async fn record(self) {
        let context = &self.context;
        let silent_at = clock::instant() + SILENT;
        let mut is_told = false;
        let mut is_awaited = false;
        let mut over_since = None;
        loop {
            if !is_told && clock::instant() >= silent_at {
                is_told = true;
                self.tell_of_silence();
            }
            tokio::select! {
                () = context.stop.cancelled() => break,
                () = context.playlists.wait() => tokio::time::sleep(LOOKS_APART).await,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            self.tell(false);
            let now = clock::instant();
            let was_awaited =
                std::mem::replace(&mut is_awaited, context.playlists.are_awaited(now));
            let is_over = context.playlists.are_over(now);
            match (was_awaited, is_awaited) {
                (false, true) => self.tell_of_end(),
                (true, false) if !is_over => self.tell_of_return(),
                _ => {}
            }
            if is_over {
                let left = context.playlists.left_for_good(now);
                context.queue.end(&left).await;
            }
            if !(is_over && context.queue.is_idle().await) {
                over_since = None;
            } else if self.has_come_aside(now - *over_since.get_or_insert(now)) {
                self.tell_of_last_end();
                break;
            }
        }
        self.wind_down().await;
        self.count_waiting().await;
        self.tell(true);
        if self.all_stop.is_cancelled() {
            return context.stats.stop();
        }
        context.stats.end();
        self.forget().await;
    }

    /// It has ended, and is waited for.
    fn tell_of_end(&self) {
        let at = self.notes_end();
        tracing::info!("the stream has ended: EXT-X-ENDLIST at {at}; it may come back (--wait)");
    }

    /// Notes that it has ended; when that was.
    fn notes_end(&self) -> String {
        let (stats, writer) = (&self.context.stats, &self.context.fetcher.writer);
        let ended_us = stats.ended_us().unwrap_or_else(|| writer.clock().now_us());
        stats.channel().ends(ended_us);
        both_clocks(ended_us, writer.zero_us())
    }

    /// It goes on behind an end.
    fn tell_of_return(&self) {
        let now_us = self.context.fetcher.writer.clock().now_us();
        let channel = self.context.stats.channel();
        let ended_us = channel.ended_us().unwrap_or(now_us);
        channel.then(Then::Back(now_us));
        let away = words::whole_seconds(now_us.saturating_sub(ended_us));
        tracing::info!("the stream is back, {away} after its EXT-X-ENDLIST");
    }

    /// It is over for good.
    fn tell_of_last_end(&self) {
        let channel = self.context.stats.channel();
        if self.context.playlists.are_on_demand() {
            return tracing::info!(
                "the stream has ended{}",
                match self.wait {
                    Some(_) => "; it had its end when it was first seen, and is not waited for",
                    None => "",
                }
            );
        }
        let at = channel.ended_us().is_none().then(|| self.notes_end());
        channel.then(self.wait.map_or(Then::Nothing, Then::Over));
        let at = at.map_or_else(String::new, |at| format!(": EXT-X-ENDLIST at {at}"));
        let in_vain = self.wait.map(|wait| {
            let wait = words::whole_seconds(clock::micros(wait));
            format!("; it did not come back within {wait}")
        });
        tracing::info!("the stream has ended{at}{}", in_vain.unwrap_or_default());
    }

    /// Whether nothing more is waited for that was listed and is in no plan; `over`: how long all else is over.
    fn has_come_aside(&self, over: Duration) -> bool {
        let context = &self.context;
        let is_idle = context.assets.are_idle() && context.steering.is_idle();
        is_idle || over >= ASSETS_AFTER_END
    }

    /// Whoever waits learns what for.
    fn tell_of_silence(&self) {
        if self.context.playlists.are_silent() {
            let seconds = SILENT.as_secs();
            tracing::info!(
                "after {seconds} s nothing has come that tells what it is; it is waited for, and asked again"
            );
        }
    }

    /// Tells of repeated faults.
    fn tell(&self, at_end: bool) {
        let context = &self.context;
        let now = clock::instant();
        let now_us = context.fetcher.writer.clock().now_us();
        let zero_us = context.fetcher.writer.zero_us();
        let due = context.stats.outages_due(now_us, at_end);
        due.over.iter().for_each(|over| context.tell_of_end(over));
        // Of a stream four are told within half a minute; others are counted.
        let told = context.stats.standstill(now, now_us);
        if let Some(standstill) = told.filter(|_| context.stats.recoveries().may_tell(now)) {
            context.stats.says_still(true);
            poll::log_standstill(&standstill, zero_us);
        }
        let in_outage = |of| context.stats.outages().are_open_for(of);
        for recovery in context.stats.recoveries().due(now, at_end, in_outage) {
            poll::log_recovery(&recovery, zero_us);
        }
        let counted = context.fetcher.hosts.counted(now, at_end);
        let folded = context.stats.folded(at_end);
        for line in due
            .sums
            .into_iter()
            .chain(folded)
            .chain(counted)
            .chain(context.stats.still(now, now_us))
        {
            tracing::warn!("{line}");
        }
    }

    /// Stops asking; what is under way gets a moment, then is cut off and recorded as that.
    async fn wind_down(&self) {
        let context = &self.context;
        context.stop.cancel();
        context.tasks.close();
        if tokio::time::timeout(STOP_GRACE, context.tasks.wait())
            .await
            .is_err()
        {
            context.fetcher.abort.cancel();
            // Beyond that only a disk that takes nothing can hold them.
            let _ = tokio::time::timeout(STOP_PATIENCE, context.tasks.wait()).await;
        }
    }

    /// What nobody asks for any more is missing.
    async fn count_waiting(&self) {
        let context = &self.context;
        let now_us = context.fetcher.writer.clock().now_us();
        let has_room = context.fetcher.writer.has_room();
        for (playlist, number, no_room) in context.queue.segments_waiting().await {
            let Some(stats) = context.playlists.stats(playlist) else {
                continue;
            };
            match has_room && !no_room {
                true => stats.lost.waits(number, now_us),
                false => stats.lost.waits_for_room(number, now_us),
            }
        }
    }

    /// Nothing that the stream listed is waited for any more.
    async fn forget(&self) {
        let context = &self.context;
        let mut listing = NewListing::default();
        for playlist in 0..context.playlists.count() {
            let memory = &context.fetcher.memory;
            context.queue.remove(playlist, memory, &mut listing).await;
        }
        let without_room = context.queue.forget_late(&mut listing).await;
        let writer = &context.fetcher.writer;
        (0..without_room).for_each(|_| writer.had_no_room());
        writer.listed(listing).await;
    }
}

/// What there is to say against recording an input.
pub(crate) fn refusal(input: &Input) -> Option<(Url, String)> {
    let refusal = admit::admit(input.url.clone()).err()?;
    Some((input.url.clone(), refusal.to_string()))
}
