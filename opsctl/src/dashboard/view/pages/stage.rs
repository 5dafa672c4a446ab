//! One stage: its function, and each of its metrics as a curve of several lines.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{field, heading};
use crate::aws::metrics::{Series, StageMetrics};
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::dashboard::view::parts::{self, number, short_duration};
use crate::dashboard::view::{curve, pipeline};
use crate::stack::StageName;

/// Lines of a curve.
const LINES: usize = 3;
/// Columns before a curve.
const NAME: usize = 26;

/// Name, values, how they are written, and whether any is bad.
type Shown = (&'static str, fn(&StageMetrics) -> &Series, fn(f64) -> String, bool);

pub(super) fn lines<'a>(state: &State, stage: StageName, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let mut lines = function(state, stage, width, theme);
    let Some(all) = &state.snapshot.metrics.data else {
        let why = state.snapshot.metrics.error.as_ref().map_or("reading…", |error| &error.message);
        lines.extend(field("metrics", why, width, theme));
        return lines;
    };
    let Some(metrics) = all.iter().find(|metrics| metrics.stage == stage) else { return lines };
    let window = metrics.window;
    let span =
        format!("{} to {} UTC, a minute a column", window.start.strftime("%H:%M"), window.end().strftime("%H:%M"));
    lines.extend(heading(&span, theme));
    if let Some(duration) = metrics.duration {
        let [p50, p95, p99] = [duration.p50_ms, duration.p95_ms, duration.p99_ms].map(short_duration);
        lines.extend(field("duration", &format!("p50 {p50}, p95 {p95}, p99 {p99}"), width, theme));
    }
    let shown: [Shown; 6] = [
        ("invocations", |metrics| &metrics.invocations, number, false),
        ("errors", |metrics| &metrics.errors, number, true),
        ("throttles", |metrics| &metrics.throttles, number, true),
        ("environments busy", |metrics| &metrics.concurrency, number, false),
        ("longest wait", |metrics| &metrics.async_age_ms, short_duration, false),
        ("dead letter errors", |metrics| &metrics.dead_letter_errors, number, true),
    ];
    for (name, series, format, is_bad) in shown {
        let series = series(metrics);
        let bad = is_bad && series.max().is_some_and(|most| most > 0.0);
        let style = if bad { theme.bad } else { theme.accent };
        let values = curve::minutes(series, window);
        lines.push(Line::default());
        lines.extend(graph(name, &values, format, style, width, theme));
    }
    lines
}

fn function<'a>(state: &State, stage: StageName, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let Some(function) = pipeline::function(state, stage) else {
        let why = state.snapshot.functions.error.as_ref().map_or("reading…", |error| &error.message);
        return field("function", why, width, theme);
    };
    let mut lines = Vec::new();
    if let Some(word) = pipeline::off(state, stage) {
        lines.push(Line::styled(format!(" {word}: it takes no events "), theme.alert));
    }
    lines.extend(field("function", &function.function, width, theme));
    let text = |value: Option<u32>| value.map_or_else(|| "the account's pool".to_owned(), |value| value.to_string());
    let (now, deployed) = (text(function.reserved_concurrency), text(function.deployed_concurrency));
    let environments = if now == deployed { now } else { format!("{now}, deployed were {deployed}") };
    lines.extend(field("environments", &environments, width, theme));
    lines.extend(field("rule", if function.rule_enabled { "on" } else { "switched off" }, width, theme));
    if let Some(problem) = &function.problem {
        lines.extend(field("problem", problem, width, theme));
    }
    lines
}

/// A curve of [`LINES`] lines with its largest and latest value.
fn graph<'a>(
    name: &str,
    values: &[Option<f64>],
    format: fn(f64) -> String,
    style: Style,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'a>> {
    const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let largest = values.iter().flatten().copied().reduce(f64::max);
    let latest = values.iter().rev().flatten().next().copied();
    let labels = match (largest, latest) {
        (Some(largest), Some(latest)) => {
            [name.to_owned(), format!("most {}", format(largest)), format!("last {}", format(latest))]
        }
        _ => [name.to_owned(), "no data".to_owned(), String::new()],
    };
    let room = width.saturating_sub(NAME);
    let values = &values[values.len().saturating_sub(room)..];
    // A minute is as wide as there is room for, up to four columns.
    let repeat = (room / values.len().max(1)).clamp(1, 4);
    let levels: Vec<Option<usize>> =
        values.iter().map(|value| value.map(|value| curve::level(value, largest.unwrap_or(0.0), LINES * 8))).collect();
    labels
        .into_iter()
        .enumerate()
        .map(|(index, label)| {
            let base = (LINES - 1 - index) * 8;
            let bar = |level: &Option<usize>| match level {
                None => ' ',
                Some(0) if base == 0 => '▁',
                Some(level) => EIGHTHS[level.saturating_sub(base).min(8)],
            };
            let bars: String = levels.iter().flat_map(|level| std::iter::repeat_n(bar(level), repeat)).collect();
            let label_style = if index == 0 { theme.heading } else { theme.dim };
            Line::from(vec![
                Span::styled(format!(" {}", parts::left(&label, NAME - 1)), label_style),
                Span::styled(bars, style),
            ])
        })
        .collect()
}
