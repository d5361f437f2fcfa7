//! The streams of a recording: begun, changed while it goes on, and waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outcome::{Control, Ended, RecordError};
use super::stream::{self, Recording};
use crate::recorder::admission::hosts;
use crate::recorder::settings::options::Input;
use crate::recorder::stats::board::Stage;
use crate::session::{WriterError, availability};

/// The loop that supervises the streams shows so often that it is alive.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// The streams that are being recorded. None knows of another.
pub(super) struct Streams<'a> {
    recording: &'a Arc<Recording>,
    running: JoinSet<()>,
    /// What runs or has ended by itself.
    known: Vec<Known>,
}

/// A stream that was begun.
struct Known {
    input: Input,
    /// Ends it.
    stop: CancellationToken,
    /// It has ended, and leaves nothing under way.
    ended: CancellationToken,
}

impl<'a> Streams<'a> {
    pub(super) fn new(recording: &'a Arc<Recording>) -> Self {
        Self {
            recording,
            running: JoinSet::new(),
            known: Vec::new(),
        }
    }

    /// Waits for the end, whatever brings it.
    pub(super) async fn supervise(
        &mut self,
        control: Control,
        failure: &mut oneshot::Receiver<WriterError>,
    ) -> Result<Ended, RecordError> {
        let Control {
            inputs,
            mut changes,
            stop,
        } = control;
        let duration = self.recording.options.duration;
        let end = async {
            let over = async {
                match duration {
                    Some(duration) => tokio::time::sleep(duration).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => Ok(Ended::Stopped),
                () = over => Ok(Ended::Duration),
                failed = failure => Err(cause(failed).into()),
            }
        };
        tokio::pin!(end);
        let mut beat = tokio::time::interval(BEAT_EVERY);
        let board = self.recording.board.clone();
        {
            // A stream begins when its row is on the disk, and for that the disk may be waited for.
            let begun = self.begin_all(inputs);
            tokio::pin!(begun);
            loop {
                board.beat();
                tokio::select! {
                    _ = beat.tick() => {}
                    ended = &mut end => return ended,
                    begun = &mut begun => break begun?,
                }
            }
        }
        board.enter(Stage::Begun);
        loop {
            board.beat();
            tokio::select! {
                _ = beat.tick() => {}
                ended = &mut end => return ended,
                Some(inputs) = changes.recv() => self.change(inputs),
                ended = self.running.join_next() => match ended {
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::error!("a stream is no longer recorded: {error}"),
                    None => return Ok(Ended::Finished),
                }
            }
        }
    }

    /// The streams that are there from the start.
    async fn begin_all(&mut self, inputs: Vec<Input>) -> Result<(), RecordError> {
        let zero_us = self.recording.writer.zero_us();
        let from_us = availability::stream_us(self.recording.options.resume, zero_us);
        for input in inputs {
            self.begin(input, from_us).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, input: Input, from_us: Option<i64>) -> Result<(), RecordError> {
        let (stop, ended) = self.note(&input);
        let stream = self.recording.begin(&input, from_us, stop).await?;
        self.running.spawn(async move {
            // Whoever waits for its end waits for no panic.
            let _ended = ended.drop_guard();
            stream.run().await;
        });
        Ok(())
    }

    /// What stops it, and what says that it has ended.
    fn note(&mut self, input: &Input) -> (CancellationToken, CancellationToken) {
        let stop = self.recording.stop.child_token();
        let ended = CancellationToken::new();
        self.known.push(Known {
            input: input.clone(),
            stop: stop.clone(),
            ended: ended.clone(),
        });
        (stop, ended)
    }

    /// Begins what is new, ends what is no longer there.
    fn change(&mut self, inputs: Vec<Input>) {
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.known)
            .into_iter()
            .partition(|known| inputs.contains(&known.input));
        self.known = kept;
        let runs = |known: &Known| !known.ended.is_cancelled();
        let gone: Vec<Known> = gone.into_iter().filter(runs).collect();
        for known in &gone {
            known.stop.cancel();
        }
        let (mut begun, mut again) = (Vec::new(), Vec::new());
        for input in inputs {
            if self.known.iter().any(|known| known.input == input) {
                continue;
            }
            if let Some((_, reason)) = stream::refusal(&input) {
                tracing::error!("a stream is not recorded: {reason}");
                continue;
            }
            let name = called(&input);
            match gone.iter().any(|known| called(&known.input) == name) {
                true => again.push(name),
                false => begun.push(name),
            }
            self.begin_after(&gone, input);
        }
        let gone: Vec<String> = (gone.iter().map(|known| called(&known.input)))
            .filter(|name| !again.contains(name))
            .collect();
        tracing::info!("{}", told(&begun, &again, &gone));
    }

    /// Begins a stream; where it takes the place of one with its name or URL, once that has ended.
    fn begin_after(&mut self, gone: &[Known], input: Input) {
        let (stop, ended) = self.note(&input);
        let is_before = |known: &&Known| {
            known.input.url == input.url
                || (known.input.name.is_some() && known.input.name == input.name)
        };
        let before: Vec<_> = gone
            .iter()
            .filter(is_before)
            .map(|k| k.ended.clone())
            .collect();
        let recording = Arc::clone(self.recording);
        self.running.spawn(async move {
            let _ended = ended.drop_guard();
            for one in before {
                one.cancelled().await;
            }
            let now_us = recording.writer.clock().now_us();
            // A writer that has ended says so itself.
            if let Ok(stream) = recording.begin(&input, Some(now_us), stop).await {
                stream.run().await;
            }
        });
    }

    pub(super) async fn wait(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

/// The name of a stream; without one its host and path.
fn called(input: &Input) -> String {
    let by_url = || format!("{}{}", hosts::host_and_port(&input.url), input.url.path());
    input.name.clone().unwrap_or_else(by_url)
}

/// What has changed, by the names of streams; `again`: those that go on with other settings.
fn told(begun: &[String], again: &[String], gone: &[String]) -> String {
    let changed = match again {
        [] => String::new(),
        again => format!(", {} begun again as changed{}", again.len(), listed(again)),
    };
    format!(
        "streams: {} new{}{changed}, {} no longer recorded{}",
        begun.len(),
        listed(begun),
        gone.len(),
        listed(gone)
    )
}

/// In parentheses, the first few of them.
fn listed(names: &[String]) -> String {
    const MOST_NAMED: usize = 8;
    let more = match names.len() > MOST_NAMED {
        true => ", …",
        false => "",
    };
    match names {
        [] => String::new(),
        names => {
            let first = &names[..names.len().min(MOST_NAMED)];
            format!(" ({}{more})", first.join(", "))
        }
    }
}

/// What ended the writer. One that goes without saying why has panicked.
pub(super) fn cause(said: Result<WriterError, RecvError>) -> WriterError {
    said.unwrap_or_else(|_| {
        tracing::error!(
            "the writer of the session panicked: nothing more is recorded; what it had committed is in the session"
        );
        WriterError::Gone
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_changed_is_neither_new_nor_gone() {
        let names = |all: &[&str]| -> Vec<String> { all.iter().map(|&one| one.into()).collect() };
        assert_eq!(
            told(&names(&["two"]), &names(&["one"]), &names(&["raw"])),
            "streams: 1 new (two), 1 begun again as changed (one), 1 no longer recorded (raw)"
        );
        assert_eq!(
            told(&names(&["two"]), &[], &[]),
            "streams: 1 new (two), 0 no longer recorded"
        );
    }
}
