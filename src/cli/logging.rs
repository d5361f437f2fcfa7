//! Log lines on standard error, for people or as JSON.

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

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

/// Form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogForm {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

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

/// Starts logging to `writer`; [`Stderr`] where nothing else shares the terminal.
pub fn init<W>(options: LogOptions, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // What libraries say belongs to -vv.
    let level = options.level();
    let ours = format!("warn,isrecorder={level}");
    let filter = match options.verbose {
        2.. => EnvFilter::new(level.to_string()),
        _ => EnvFilter::new(if options.quiet > 1 {
            "error".to_owned()
        } else {
            ours
        }),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false);
    // It fails where logging was started before: then that stays.
    let _ = match options.log {
        LogForm::Json => builder.json().flatten_event(true).try_init(),
        LogForm::Text => builder.with_target(false).try_init(),
    };
}

/// Standard error, on which a failure to write is ignored.
#[derive(Debug, Clone, Copy)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
