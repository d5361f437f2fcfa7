//! `isrecorder --archive`: what is recorded goes into a bucket, or a folder, while it is recorded.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;

use super::arguments::durations::{bytes, parse_positive};
use super::arguments::store::{DEFAULT_VOLUME, volume_us};
use super::exit::{self, Failure};
use crate::archive::{Left, Tail, TailOptions, TailState};
use crate::recorder::{Board, Stage};
use crate::session::{Held, SessionFolder, rfc3339};
use crate::store::{Purpose, Store, StoreUrl, Tries};

/// Behind the end of a recording uploads go on for so long: a service is killed a minute behind it.
const LONGEST_END: Duration = Duration::from_secs(40);

/// Where volumes go.
#[derive(Debug, Clone, Args)]
pub(super) struct ArchivingArguments {
    /// Upload what is recorded to an archive meanwhile: s3://BUCKET/PREFIX, or file:///FOLDER
    ///
    /// Credentials, region and endpoint are those of the AWS tools (environment, profile). --keep removes nothing that is not
    /// there yet. Whatever is wrong with it, recording goes on, and uploads are tried again.
    #[arg(long, value_name = "URL")]
    archive: Option<String>,
    /// Length of the volumes of an archive; a day is a whole number of them
    #[arg(long, value_name = "TIME", value_parser = parse_positive, default_value = DEFAULT_VOLUME, requires = "archive")]
    volume: Duration,
    /// Where the disk is full, --keep may remove what is not in the archive, the oldest first
    #[arg(long, requires = "archive")]
    archive_drop: bool,
}

/// A recording that is archived.
#[derive(Debug)]
pub(super) struct Archiving {
    url: StoreUrl,
    volume_us: i64,
    held: Held,
    keeps_some: bool,
    state: TailState,
    tail: Arc<Mutex<Option<Tail>>>,
}

impl Archiving {
    /// What was typed; `None`: nothing is archived. `keeps_some`: `--keep` or `--keep-bytes` removes something.
    ///
    /// # Errors
    /// There is no such archive, days are no whole number of such volumes, or nothing could be dropped.
    pub(super) fn new(
        arguments: &ArchivingArguments,
        keeps_some: bool,
    ) -> Result<Option<Self>, Failure> {
        let Some(url) = &arguments.archive else {
            return Ok(None);
        };
        if arguments.archive_drop && !keeps_some {
            let why = "--archive-drop belongs to --keep TIME or --keep-bytes SIZE: without them nothing is removed";
            return Err(Failure::usage(why));
        }
        let volume_us = volume_us(arguments.volume);
        crate::archive::check_volume(volume_us)?;
        let parsed = StoreUrl::parse(url)
            .map_err(|why| Failure::usage(format!("--archive {url}: {why}")))?;
        // What is wrong with credentials, or with a folder, is told before anything is recorded; a bucket is asked nothing.
        Store::open(&parsed, Purpose::Write, Tries::ONE).map_err(Failure::failed)?;
        Ok(Some(Self {
            url: parsed,
            volume_us,
            held: Held::new(arguments.archive_drop),
            keeps_some,
            state: TailState::default(),
            tail: Arc::default(),
        }))
    }

    /// What `--keep` may not remove.
    pub(super) fn held(&self) -> Held {
        self.held.clone()
    }

    /// How far it is.
    pub(super) fn state(&self) -> TailState {
        self.state.clone()
    }

    /// Begins as soon as there is something, and lets go of the session as the recording winds down.
    pub(super) fn start(&self, session: &SessionFolder, board: &Board) {
        let (board, tail) = (board.clone(), Arc::clone(&self.tail));
        let (url, volume_us, held) = (self.url.clone(), self.volume_us, self.held.clone());
        let (session, state, keeps_some) = (session.clone(), self.state.clone(), self.keeps_some);
        tokio::spawn(async move {
            board.reached(Stage::Begun).await;
            let Some(clock) = board.clock() else {
                return;
            };
            let options = TailOptions {
                session,
                url,
                volume_us,
                clock,
                held,
                keeps_some,
                longest_end: LONGEST_END,
            };
            match Tail::start(options, state) {
                Ok(started) => *lock(&tail) = Some(started),
                Err(error) => tracing::error!("nothing is archived: {error}"),
            }
            board.reached(Stage::Ending).await;
            if let Some(tail) = &*lock(&tail) {
                tail.ending();
            }
        });
    }

    /// Uploads what is left, and tells what is not in the archive. `session`: where it is.
    pub(super) async fn finish(self, session: &Path) -> Vec<String> {
        let tail = lock(&self.tail).take();
        let left = match tail {
            Some(tail) => tail.finish().await,
            None => None,
        };
        lines(&self.url, self.volume_us, session, left.as_ref())
    }
}

fn lock(tail: &Mutex<Option<Tail>>) -> std::sync::MutexGuard<'_, Option<Tail>> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lines(url: &StoreUrl, volume_us: i64, session: &Path, left: Option<&Left>) -> Vec<String> {
    let volume = humantime::format_duration(Duration::from_micros(volume_us.unsigned_abs()));
    let volume = volume.to_string().replace(' ', "");
    let more = format!(
        "issession archive {} {url} --volume {volume}",
        session.display()
    );
    let upload = |what: &str| format!("  upload {what}: {more}");
    let Some(left) = left else {
        return vec![
            format!(
                "Archive: uploads have ended too early; what is there tells issession check {url}"
            ),
            upload("what is not"),
        ];
    };
    let lacks = "Archive: some of what was recorded is not there and never will be: the session is damaged, or --keep removed it";
    let lacks = left.lacks.then(|| lacks.to_owned());
    let told = match (left.is_nothing, left.until_us) {
        // There was nothing to upload.
        (true, _) if !left.has_some => Vec::new(),
        (true, _) if left.lacks => vec![format!("Archive: {url} has all that could be uploaded")],
        (true, _) => vec![format!("Archive: {url} has all of it")],
        (false, Some(us)) => vec![
            format!(
                "Archive: {url} has all until {}; up to {} are not there",
                rfc3339(us),
                bytes(left.bytes)
            ),
            upload("them"),
        ],
        (false, None) if left.has_some => vec![
            format!("Archive: {url} has not all of it"),
            upload("the rest"),
        ],
        (false, None) => vec![format!("Archive: {url} has nothing of it"), upload("it")],
    };
    told.into_iter().chain(lacks).collect()
}

/// Tells them.
pub(super) fn tell(lines: &[String]) {
    lines.iter().for_each(exit::say);
}
