//! What a line of the log has: when, at which session time, how bad, of which stream, what.

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::log_form::LogForm;
use crate::clock;
use crate::replayer::request::timeline::format_time;
use crate::session::Outcome;
use crate::shown;

/// The form of lines.
pub(crate) struct Lines {
    form: LogForm,
    /// What time it is in the session, in microseconds.
    session_us: Box<dyn Fn() -> Option<i64> + Send + Sync>,
}

impl Lines {
    pub(crate) fn new(
        form: LogForm,
        session_us: impl Fn() -> Option<i64> + Send + Sync + 'static,
    ) -> Self {
        Self {
            form,
            session_us: Box::new(session_us),
        }
    }
}

/// The stream that a span is about: its field `stream`.
struct Stream(String);

/// Keeps the streams of spans, for [`Lines`].
pub(crate) struct Streams;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Streams {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let stream = fields.0.get("stream").and_then(Value::as_str);
        if let (Some(stream), Some(span)) = (stream, context.span(id)) {
            span.extensions_mut().insert(Stream(stream.to_owned()));
        }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let stream = context.event_scope().and_then(|scope| {
            let of_span = |span: tracing_subscriber::registry::SpanRef<'_, S>| {
                let extensions = span.extensions();
                extensions.get::<Stream>().map(|stream| stream.0.clone())
            };
            scope.into_iter().find_map(of_span)
        });
        let mut fields = Fields::default();
        event.record(&mut fields);
        // Where in a library something was logged says nothing to anybody, and names folders of its build.
        fields.0.retain(|name, _| !name.starts_with("log."));
        let line = Line {
            time: wall_time(),
            session_us: (self.session_us)(),
            level: event.metadata().level().as_str(),
            stream,
            fields: fields.0,
        };
        match self.form {
            LogForm::Text => line.write_text(&mut out),
            LogForm::Json => line.write_json(&mut out),
        }
    }
}

fn wall_time() -> String {
    let now = chrono::DateTime::from_timestamp_micros(clock::system_us());
    now.map_or_else(String::new, |now| {
        now.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    })
}

/// Before the names of fields that are for programs: the message has them in words.
const FOR_JSON: &str = "json.";
/// Fields of faults, which the message of each says in words.
const IN_THE_MESSAGE: [&str; 3] = ["kind", "outcome", "status"];

struct Line {
    time: String,
    session_us: Option<i64>,
    level: &'static str,
    stream: Option<String>,
    fields: Map<String, Value>,
}

impl Line {
    fn write_text(mut self, out: &mut impl Write) -> fmt::Result {
        write!(out, "{}", self.time)?;
        if let Some(us) = self.session_us {
            write!(out, " {}", format_time(us))?;
        }
        write!(out, " {:>5}", self.level)?;
        if let Some(stream) = &self.stream {
            write!(out, " [{stream}]")?;
        }
        if let Some(Value::String(message)) = self.fields.remove("message") {
            write!(out, " {message}")?;
        }
        // In words they are in the message.
        let in_words = |name: &str| name.starts_with(FOR_JSON) || IN_THE_MESSAGE.contains(&name);
        for (name, value) in self.fields.iter().filter(|(name, _)| !in_words(name)) {
            match value {
                Value::String(text) => write!(out, " {name}={text}")?,
                value => write!(out, " {name}={value}")?,
            }
        }
        writeln!(out)
    }

    fn write_json(self, out: &mut impl Write) -> fmt::Result {
        let mut line = Map::new();
        line.insert("time".to_owned(), self.time.into());
        line.insert("level".to_owned(), self.level.into());
        if let Some(us) = self.session_us {
            line.insert("session_time".to_owned(), (us as f64 / 1e6).into());
        }
        if let Some(stream) = self.stream {
            line.insert("stream".to_owned(), stream.into());
        }
        line.extend(self.fields.into_iter().map(|(name, value)| {
            let name = name
                .strip_prefix(FOR_JSON)
                .map_or(name.clone(), str::to_owned);
            (name, value)
        }));
        let outcome = line.get("outcome").and_then(Value::as_str);
        if outcome
            .and_then(Outcome::parse)
            .is_some_and(Outcome::is_recorders)
        {
            line.insert("own".to_owned(), true.into());
        }
        let line = shown::json(&line).map_err(|_| fmt::Error)?;
        writeln!(out, "{line}")
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(form: LogForm, session_us: Option<i64>) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .event_format(Lines::new(form, move || session_us))
            .finish()
            .with(Streams);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("recording", stream = %"saal2");
            span.in_scope(|| {
                tracing::warn!(
                    status = 503,
                    outcome = "complete",
                    bytes = 7,
                    json.seconds = 1.5,
                    "late"
                )
            });
            tracing::info!("done");
            tracing::warn!(outcome = %Outcome::Disk, "not stored");
        });
        let text = kept.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_line_says_when_of_which_stream_and_what() {
        let text = logged(LogForm::Text, Some(754_567_000));
        let lines: Vec<&str> = text.lines().collect();
        let told = lines[0].split_once(' ').unwrap().1;
        assert_eq!(told, "0:12:34.567  WARN [saal2] late bytes=7");
        assert!(
            lines[1].ends_with("Z 0:12:34.567  INFO done"),
            "{}",
            lines[1]
        );
        assert!(logged(LogForm::Text, None).contains("Z  WARN [saal2] late"));
    }

    #[test]
    fn json_says_the_same() {
        let text = logged(LogForm::Json, Some(1_500_000));
        let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["stream"], "saal2");
        assert_eq!(line["session_time"], 1.5);
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "late");
        assert_eq!(line["status"], 503);
        assert_eq!(line["seconds"], 1.5);
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
        assert_eq!(line.get("own"), None);
        let own: Value = serde_json::from_str(text.lines().nth(2).unwrap()).unwrap();
        assert_eq!(own["own"], true);
    }
}
