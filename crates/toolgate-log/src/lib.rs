//! The log of what serves: one line an event, in which no text can pass for something else.
//!
//! Of our own crates only (S-20, S-24).

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;
use std::str::FromStr;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The names under which people ask for them.
    pub const NAMES: [&'static str; 2] = ["text", "json"];
}

/// A word that names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFormat;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("use `text` or `json`")
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for LogFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat),
        }
    }
}

/// Longest field, escapes included.
const MAX_FIELD: usize = 1024;

/// Logs go to standard error, so that standard output stays readable for scripts.
///
/// Whatever `TOOLGATE_LOG` asks for, libraries do not log: at `trace` they print the frames and headers they carry.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("TOOLGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = Lines {
        format,
        colours: format == LogFormat::Text && io::stderr().is_terminal(),
    };
    let ours = filter_fn(|metadata| metadata.target().starts_with("toolgate"));
    tracing_subscriber::registry()
        .with(filter)
        .with(ours)
        .with(
            tracing_subscriber::fmt::layer()
                .event_format(lines)
                .with_writer(io::stderr),
        )
        .init();
    std::panic::set_hook(Box::new(panicked));
}

/// Where it happened, and why only if those words stand in the source: a message put together at run time can hold
/// whatever the failing code had in its hands.
fn panicked(panic: &PanicHookInfo<'_>) {
    let (file, line) = panic
        .location()
        .map_or(("", 0), |at| (at.file(), at.line()));
    let why = panic.payload().downcast_ref::<&'static str>();
    let why = why.copied().unwrap_or("its message is not shown");
    tracing::error!(file, line, why, "a panic");
}

/// One event, one line.
struct Lines {
    format: LogFormat,
    colours: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields {
            format: self.format,
            message: String::new(),
            others: String::new(),
        };
        event.record(&mut fields);
        let Fields {
            message, others, ..
        } = fields;
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let (level, target) = (event.metadata().level(), event.metadata().target());
        match self.format {
            LogFormat::Json => writeln!(
                writer,
                r#"{{"timestamp":"{time}","level":"{level}","fields":{{"message":"{message}"{others}}},"target":"{target}"}}"#
            ),
            LogFormat::Text if self.colours => {
                let colour = colour(*level);
                writeln!(
                    writer,
                    "\x1b[2m{time}\x1b[0m \x1b[{colour}m{level:>5}\x1b[0m {message}{others}"
                )
            }
            LogFormat::Text => writeln!(writer, "{time} {level:>5} {message}{others}"),
        }
    }
}

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

/// The fields of one event, written as the line will have them.
struct Fields {
    format: LogFormat,
    message: String,
    others: String,
}

impl Fields {
    fn name(&mut self, field: &Field) {
        // A closed set: names stand in our sources.
        let name = field.name();
        let written = match self.format {
            LogFormat::Json => write!(self.others, r#","{name}":"#),
            LogFormat::Text => write!(self.others, " {name}="),
        };
        written.expect("a string takes everything");
    }

    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field);
        write!(self.others, "{value}").expect("a string takes everything");
    }

    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let mut safe = Safe {
            format: self.format,
            text: String::new(),
            is_full: false,
        };
        // A value that cannot be shown is shown as far as it got.
        let _ = safe.write_fmt(value);
        let safe = safe.text;
        if field.name() == "message" {
            self.message = safe;
            return;
        }
        self.name(field);
        match self.format {
            LogFormat::Json => self.others.extend(["\"", &safe, "\""]),
            LogFormat::Text => self.others.push_str(&safe),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }
}

/// Text that stays within its field and within its line, and looks like what it is.
struct Safe {
    format: LogFormat,
    text: String,
    is_full: bool,
}

impl Safe {
    fn push(&mut self, c: char) {
        if self.is_full {
            return;
        }
        let before = self.text.len();
        match self.format {
            LogFormat::Json if is_hidden(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(self.text, "\\u{unit:04x}").expect("a string takes everything");
                }
            }
            LogFormat::Json if c == '"' || c == '\\' => self.text.extend(['\\', c]),
            LogFormat::Text if is_hidden(c) => self.text.extend(c.escape_unicode()),
            _ => self.text.push(c),
        }
        if self.text.len() > MAX_FIELD - ELLIPSIS.len() {
            self.text.truncate(before);
            self.text.push_str(ELLIPSIS);
            self.is_full = true;
        }
    }
}

impl fmt::Write for Safe {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().for_each(|c| self.push(c));
        Ok(())
    }
}

/// Controls, and what turns the direction of text or does not show at all.
fn is_hidden(c: char) -> bool {
    let is_mark = matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || is_mark
}

const ELLIPSIS: &str = "…";

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one writer").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `logging` runs.
    fn written(format: LogFormat, logging: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Lines {
                format,
                colours: false,
            })
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), logging);
        let bytes = kept.0.lock().expect("one writer").clone();
        String::from_utf8(bytes).expect("a log is text")
    }

    const HOSTILE: &str = "a\r\nERROR forged=\"yes\" \u{1b}[31m\u{202e}gpj.exe\u{2066}\u{200b}\u{feff}\u{9b}\u{2028}\u{e0041}\0 end\\";

    #[track_caller]
    fn check(format: LogFormat) {
        let text = written(format, || {
            tracing::info!(server = HOSTILE, other = %HOSTILE, third = ?HOSTILE, count = 7_u64, yes = true, "{HOSTILE}");
            tracing::info!("second");
        });
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        assert_eq!(lines.len(), 2, "lines are events: {text}");
        let hidden = text.chars().filter(|c| is_hidden(*c)).count();
        assert_eq!(hidden, 2, "line ends only: {text:?}");
        assert!(lines.iter().all(|line| line.ends_with('\n')));
        assert!(text.contains("count") && text.contains("202e"), "{text}");
    }

    #[test]
    fn s24_log_injection_text() {
        check(LogFormat::Text);
    }

    #[test]
    fn s24_log_injection_json() {
        check(LogFormat::Json);
        let text = written(LogFormat::Json, || {
            tracing::warn!(server = HOSTILE, count = -1_i64, "words \"quoted\"");
        });
        let event: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
        assert_eq!(event["fields"]["server"], HOSTILE);
        assert_eq!(event["fields"]["message"], "words \"quoted\"");
        assert_eq!(event["fields"]["count"], -1);
        assert_eq!(event["level"], "WARN");
    }

    #[test]
    fn s24_a_field_ends_at_1_kib() {
        for (text, format) in [
            ("x", LogFormat::Text),
            ("\u{1b}", LogFormat::Json),
            ("é", LogFormat::Json),
        ] {
            let long = text.repeat(100_000);
            let line = written(format, || tracing::info!(long, "m"));
            assert!(line.len() < MAX_FIELD + 200, "{} bytes", line.len());
            assert!(line.contains(ELLIPSIS));
        }
    }

    /// S-19: what a failing piece of code had in its hands is not for the log.
    #[test]
    fn s19_a_panic_shows_its_place_and_no_value() {
        let value = "fake-secret-0001";
        let text = written(LogFormat::Text, || {
            std::panic::set_hook(Box::new(panicked));
            let first = std::panic::catch_unwind(|| panic!("slicing {value}"));
            let second = std::panic::catch_unwind(|| panic!("a plain reason"));
            drop(std::panic::take_hook());
            assert!(first.is_err() && second.is_err());
        });
        assert!(!text.contains(value), "{text}");
        assert!(
            text.contains("lib.rs") && text.contains("a plain reason"),
            "{text}"
        );
    }
}
