//! Log lines on standard error, for people or as JSON.

use super::log_form::LogForm;
use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_lines::{Lines, Streams};
use crate::cli::arguments::durations::escaped;
use crate::cli::outlet;

/// How much is said, and in which form.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct LogOptions {
    /// Say less: warnings and errors only; twice: errors only
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
    /// Say more; twice: everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Form of log lines
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub log: LogForm,
}

/// Libraries that say once more what is told by the fault itself.
const TOLD_BY_US: &str = "rustls_platform_verifier=off";
/// Libraries that would log header fields or cookies: secrets are in no log, however much is said.
const SECRETIVE: &str = "cookie_store=off,h2=info,rustls_platform_verifier=off";

impl LogOptions {
    fn level(self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (0, 0) => LevelFilter::INFO,
            (1, _) => LevelFilter::WARN,
            (2.., _) => LevelFilter::ERROR,
            (0, 1) => LevelFilter::DEBUG,
            (0, 2..) => LevelFilter::TRACE,
        }
    }
}

/// Starts logging, to standard error.
/// `session_us`: what time it is in the session, in microseconds, once there is one.
/// `beside`: a module that is not the program's main work; its lines belong to `-v`.
pub fn init(
    options: LogOptions,
    beside: Option<&str>,
    session_us: impl Fn() -> Option<i64> + Send + Sync + 'static,
) {
    // What libraries say belongs to -vv.
    let level = options.level();
    let mut ours = format!("warn,isrecorder={level}");
    if let (Some(module), LevelFilter::INFO) = (beside, level) {
        ours.push_str(&format!(",isrecorder::{module}=warn"));
    }
    let filter = match options.verbose {
        2.. => EnvFilter::new(format!("{level},{SECRETIVE}")),
        _ => EnvFilter::new(if options.quiet > 1 {
            format!("error,{TOLD_BY_US}")
        } else {
            format!("{ours},{TOLD_BY_US}")
        }),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Escaping(|| Stderr))
        // It would report failures to write with `eprintln!`, which panics.
        .log_internal_errors(false)
        .with_ansi(false);
    // It fails where logging was started before: then that stays.
    let lines = Lines::new(options.log, session_us);
    let _ = builder
        .event_format(lines)
        .finish()
        .with(Streams)
        .try_init();
}

/// Standard error, which holds up nobody and fails nobody.
#[derive(Debug, Clone, Copy)]
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        outlet::log(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes on whole lines, with everything in them escaped that would steer a terminal.
#[derive(Debug)]
struct Escaping<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Escaping<W> {
    type Writer = EscapingWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        EscapingWriter(self.0.make_writer())
    }
}

#[derive(Debug)]
struct EscapingWriter<W>(W);

impl<W: Write> Write for EscapingWriter<W> {
    /// One event comes as one write, with its newline at the end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, newline) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (text.as_ref(), ""),
        };
        // A log that cannot be written is no reason to stop.
        let _ = self
            .0
            .write_all(format!("{}{newline}", escaped(line)).as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn an_event_is_one_line_that_steers_no_terminal() {
        let kept = Kept::default();
        let writer = Escaping({
            let kept = kept.clone();
            move || kept.clone()
        });
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(writer)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("GET /a\x1b[2J\nINFO forged");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(text.ends_with('\n') && !text.contains('\x1b'), "{text:?}");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_no_error() {
        let mut writer = EscapingWriter(Kept::default());
        assert!(
            writer
                .write_all(b"line\n")
                .and_then(|()| writer.flush())
                .is_ok()
        );
    }
}
