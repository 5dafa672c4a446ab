//! What a command would print, as lines for the screen: the screen shows the very same previews and reports.

use serde_json::Value;

use crate::feed::report::SendTestEventReport;
use crate::invocation::opsctl;
use crate::output::{Report, Styles};
use crate::redrive::RunReport;
use crate::redrive::machine::Outcome;

/// What a piece of text is, as [`Styles`] tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing special.
    Plain,
    /// A heading.
    Heading,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Secondary text.
    Dim,
}

/// A line: pieces of text with what they are.
pub type PaperLine = Vec<(Role, String)>;

/// A report on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Paper {
    /// What it is about.
    pub title: String,
    /// Its text.
    pub lines: Vec<PaperLine>,
    /// The same for a program.
    pub value: Value,
    /// What is copied of it: what one would type next.
    pub copy: String,
}

impl Paper {
    /// What came of a redrive: in short first, then letter by letter, first those that somebody has to look at.
    pub fn of_run(report: &RunReport) -> Self {
        let mut sorted = report.clone();
        sorted.letters.sort_by_key(|letter| match letter.outcome {
            Outcome::Failed { .. } | Outcome::NotDeleted { .. } | Outcome::Unproven { .. } => 0,
            Outcome::Unseen => 1,
            Outcome::Stopped => 2,
            Outcome::Redriven | Outcome::Gone => 3,
        });
        let mut lines = text(|out, styles| report.write_summary(out, styles));
        if report.resume.is_some() {
            lines.push(vec![(Role::Dim, "  y copies that command".to_owned())]);
        }
        lines.push(PaperLine::new());
        lines.extend(text(|out, styles| sorted.write_letters(out, styles)));
        Self {
            title: format!("Redrive {}", report.run),
            lines,
            value: serde_json::to_value(report).unwrap_or_default(),
            copy: report.resume.clone().unwrap_or_else(|| opsctl(format!("journal show {}", report.run))),
        }
    }

    /// What became of a test event.
    pub fn of_event(report: &SendTestEventReport, id: &str) -> Self {
        let mut lines = lines_of(report);
        lines.push(PaperLine::new());
        lines.push(vec![(Role::Dim, format!("all that is known of it: type :event {id}"))]);
        lines.push(vec![(Role::Dim, format!("journal: {}", opsctl(format!("journal show {}", report.run))))]);
        Self {
            title: format!("Test event {id}"),
            lines,
            value: serde_json::to_value(report).unwrap_or_default(),
            copy: id.to_owned(),
        }
    }
}

/// The lines that a report prints.
pub(super) fn lines_of<R: Report>(report: &R) -> Vec<PaperLine> {
    text(|out, styles| report.write_text(out, styles))
}

/// Takes apart what is written with the styles of a terminal. Writing to memory cannot fail.
fn text(write: impl Fn(&mut dyn std::io::Write, &Styles) -> std::io::Result<()>) -> Vec<PaperLine> {
    let styles = Styles::coloured();
    let mut text = Vec::new();
    let _ = write(&mut text, &styles);
    let marks = marks(&styles);
    let mut role = Role::Plain;
    String::from_utf8_lossy(&text).lines().map(|line| pieces(line, &marks, &mut role)).collect()
}

/// What each style looks like in the text, the longest first: one may begin as another does.
fn marks(styles: &Styles) -> Vec<(String, Role)> {
    let Styles { heading, good, warn, bad, dim } = *styles;
    let mut marks: Vec<(String, Role)> =
        [(heading, Role::Heading), (good, Role::Good), (warn, Role::Warn), (bad, Role::Bad), (dim, Role::Dim)]
            .map(|(style, role)| (style.render().to_string(), role))
            .into();
    marks.push((anstyle::Reset.render().to_string(), Role::Plain));
    marks.sort_by_key(|(mark, _)| std::cmp::Reverse(mark.len()));
    marks
}

fn pieces(mut line: &str, marks: &[(String, Role)], role: &mut Role) -> PaperLine {
    let mut pieces = PaperLine::new();
    let mut text = String::new();
    while let Some(character) = line.chars().next() {
        let mark = marks.iter().find_map(|(mark, to)| Some((line.strip_prefix(mark.as_str())?, *to)));
        if let Some((rest, to)) = mark {
            if !text.is_empty() {
                pieces.push((*role, std::mem::take(&mut text)));
            }
            (line, *role) = (rest, to);
        } else {
            text.push(character);
            line = &line[character.len_utf8()..];
        }
    }
    if !text.is_empty() {
        pieces.push((*role, text));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_report_keeps_its_meaning() {
        let lines = text(|out, styles| {
            let Styles { bad, dim, heading, .. } = *styles;
            writeln!(out, "{heading}a{heading:#} b {bad}c{bad:#}")?;
            writeln!(out, "{dim}d\u{1b}[7m{dim:#}")
        });
        let piece = |role, text: &str| (role, text.to_owned());
        assert_eq!(lines[0], [piece(Role::Heading, "a"), piece(Role::Plain, " b "), piece(Role::Bad, "c")]);
        // What no style is stays as it is; whoever draws it drops the control character.
        assert_eq!(lines[1], [piece(Role::Dim, "d\u{1b}[7m")]);
    }
}
