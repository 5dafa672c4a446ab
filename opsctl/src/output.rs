//! The only way to the terminal: results on standard output, everything said on the way on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{GlobalArgs, OutputFormat};
use crate::error::{Error, ExitStatus, Result};

/// What a command found or did. JSON is had from [`Serialize`]; text is its own.
pub trait Report: Serialize {
    /// Writes the report for a person, 80 columns wide.
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()>;

    /// How the process ends when this is its result.
    fn exit_status(&self) -> ExitStatus {
        ExitStatus::Fine
    }

    /// The documents of `--output jsonl`: a report that is a list of things gives one a line.
    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        Ok(vec![serde_json::to_value(self)?])
    }
}

/// Text styles as values: all plain when colours are off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Styles {
    /// Headings.
    pub heading: Style,
    /// All is well.
    pub good: Style,
    /// Worth a look.
    pub warn: Style,
    /// Wrong.
    pub bad: Style,
    /// Secondary text.
    pub dim: Style,
}

impl Styles {
    /// Styles with colours.
    pub fn coloured() -> Self {
        let coloured = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        Self {
            heading: Style::new().bold(),
            good: coloured(AnsiColor::Green),
            warn: coloured(AnsiColor::Yellow),
            bad: coloured(AnsiColor::Red).bold(),
            dim: Style::new().dimmed(),
        }
    }
}

/// Writes results, notes, progress and errors in the chosen format.
#[derive(Debug, Clone)]
pub struct Printer {
    format: OutputFormat,
    out: Styles,
    err: Styles,
    err_is_terminal: bool,
    colours_wanted: bool,
    verbose: u8,
}

impl Printer {
    /// A printer that follows the options, `NO_COLOR`, and what the streams are connected to.
    pub fn for_terminal(global: &GlobalArgs) -> Self {
        let wanted = !global.no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let styles = |terminal: bool| if wanted && terminal { Styles::coloured() } else { Styles::default() };
        let err_is_terminal = io::stderr().is_terminal();
        Self {
            format: global.output,
            out: styles(io::stdout().is_terminal()),
            err: styles(err_is_terminal),
            err_is_terminal,
            colours_wanted: wanted,
            verbose: global.verbose,
        }
    }

    /// The chosen format.
    pub fn format(&self) -> OutputFormat {
        self.format
    }

    /// Whether neither an option nor `NO_COLOR` forbids colours.
    pub fn colours_wanted(&self) -> bool {
        self.colours_wanted
    }

    /// Writes a result to standard output and tells how the process ends. A closed pipe is not an error.
    pub fn report<R: Report>(&self, report: &R) -> Result<ExitStatus> {
        let mut text = Vec::new();
        self.render(report, &mut text).map_err(|source| Error::io("failed to format the result", source))?;
        match io::stdout().lock().write_all(&text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::io("failed to write to standard output", error))
            }
            _ => Ok(report.exit_status()),
        }
    }

    /// Writes one of many results to standard output, and tells whether somebody still reads: a closed pipe (`| head`) is
    /// the end of a stream and not an error.
    pub fn stream<R: Report>(&self, report: &R) -> Result<bool> {
        let mut text = Vec::new();
        self.render(report, &mut text).map_err(|source| Error::io("failed to format a result", source))?;
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&text).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Error::io("failed to write to standard output", error)),
        }
    }

    fn render<R: Report>(&self, report: &R, out: &mut Vec<u8>) -> io::Result<()> {
        match self.format {
            OutputFormat::Text => report.write_text(out, &self.out),
            OutputFormat::Json => {
                serde_json::to_writer_pretty(&mut *out, report)?;
                writeln!(out)
            }
            OutputFormat::Jsonl => {
                for line in report.json_lines()? {
                    serde_json::to_writer(&mut *out, &line)?;
                    writeln!(out)?;
                }
                Ok(())
            }
        }
    }

    /// Writes a report to standard error for a person, whatever the format: what they are about to be asked about.
    pub fn explain<R: Report>(&self, report: &R) -> Result<()> {
        let mut text = Vec::new();
        report.write_text(&mut text, &self.err).map_err(|source| Error::io("failed to format the preview", source))?;
        // Whoever cannot read it will not answer.
        let _ = io::stderr().lock().write_all(&text);
        Ok(())
    }

    /// Says something about the work on standard error: a step that began, a thing worth knowing. Quiet in JSON.
    pub fn note(&self, message: impl AsRef<str>) {
        if self.format == OutputFormat::Text {
            self.say(message.as_ref());
        }
    }

    /// Warns on standard error, whatever the format.
    pub fn warn(&self, message: impl AsRef<str>) {
        let style = self.err.warn;
        self.say(&format!("{style}warning{style:#}: {}", message.as_ref()));
    }

    /// Asks something on standard error; the answer is to be read from standard input.
    pub fn ask(&self, question: &str) {
        let mut stderr = io::stderr().lock();
        // Whoever cannot read the question will not answer it.
        let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    }

    /// Says something on standard error when `-v` was given.
    pub fn detail(&self, message: impl AsRef<str>) {
        if self.verbose > 0 {
            let style = self.err.dim;
            self.say(&format!("{style}{}{style:#}", message.as_ref()));
        }
    }

    /// Writes one line of `--output jsonl` at once, for what is told while it goes on; in other formats nothing.
    pub fn line(&self, value: &impl Serialize) {
        if self.format != OutputFormat::Jsonl {
            return;
        }
        // A closed pipe, or a value that is no JSON, is met again by the report.
        if let Ok(line) = serde_json::to_string(value) {
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
    }

    /// A progress bar that shows a share in percent; otherwise as [`Printer::progress`].
    pub fn share(&self, whole: u64, what: &str) -> ProgressBar {
        let bar = self.progress(whole, what);
        let template = "{msg:20} [{bar:30}] {percent:>3} %  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }

    /// A progress bar on standard error; invisible unless that is a terminal and the format is text.
    pub fn progress(&self, length: u64, what: &str) -> ProgressBar {
        let bar = self.bar(ProgressBar::new(length));
        let template = "{msg:20} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta} left";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        bar
    }

    /// A spinner on standard error; invisible unless that is a terminal and the format is text.
    pub fn spinner(&self, what: &str) -> ProgressBar {
        let bar = self.bar(ProgressBar::new_spinner());
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn bar(&self, bar: ProgressBar) -> ProgressBar {
        if self.format != OutputFormat::Text || !self.err_is_terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar
    }

    /// Writes an error to standard error: message, causes, and what to do. In the JSON formats it is one JSON line.
    pub fn error(&self, error: &Error) {
        if self.format != OutputFormat::Text {
            let document = json!({ "error": {
                "message": error.to_string(),
                "causes": error.causes(),
                "help": error.help(),
                "exit_code": error.exit_status().code(),
            }});
            return self.say(&document.to_string());
        }
        let Styles { bad, heading, .. } = self.err;
        self.say(&format!("{bad}error{bad:#}: {error}"));
        for cause in error.causes() {
            self.say(&format!("  caused by: {cause}"));
        }
        if let Some(help) = error.help() {
            self.say(&format!("{heading}help{heading:#}: {help}"));
        }
    }

    /// Nobody is left to tell when standard error is closed, so a failure to write there is dropped.
    #[expect(clippy::unused_self, reason = "only a printer writes to the terminal")]
    fn say(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}
