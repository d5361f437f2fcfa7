//! The log: to standard error, or through whatever draws on the terminal at the same time.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::escape::escape;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::Args)]
pub struct Verbosity {
    /// say less: warnings and errors only
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// say more; twice: everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Verbosity {
    fn filter(self) -> &'static str {
        match (self.quiet, self.verbose) {
            (true, _) => "warn",
            (false, 0) => "warn,isrecorder=info",
            (false, 1) => "info,isrecorder=debug",
            (false, _) => "debug,isrecorder=trace",
        }
    }
}

/// Starts the log on standard error. `RUST_LOG`, where it is set, decides what is said.
///
/// A second call in one process changes nothing.
pub fn init(verbosity: Verbosity, json: bool) {
    init_to(verbosity, json, io::stderr);
}

/// Starts the log on any writer, such as one that draws a live view around it.
pub fn init_to<W>(verbosity: Verbosity, json: bool, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(verbosity.filter()));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(false)
        // It would report errors of writing with `eprintln!`, which panics.
        .log_internal_errors(false)
        .with_writer(Escaping(writer));
    // Whoever embeds the library may have a log already.
    let _ = if json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
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
    /// One event comes as one write with its newline at the end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, newline) = text
            .strip_suffix('\n')
            .map_or((text.as_ref(), ""), |line| (line, "\n"));
        // A log that cannot be written is no reason to stop.
        let _ = self
            .0
            .write_all(format!("{}{newline}", escape(line)).as_bytes());
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
            Ok(())
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
            tracing::info!("GET /a\x1b[2J\nINFO forged")
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(text.ends_with('\n') && !text.contains('\x1b'), "{text:?}");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_no_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
        let mut writer = EscapingWriter(Full);
        assert!(
            writer
                .write_all(b"line\n")
                .and_then(|()| writer.flush())
                .is_ok()
        );
    }
}
