//! The pipeline: what flows through it, and how each stage does.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::parts::{self, NOTHING, Title, UNKNOWN, left, number, right, short_duration, unless_zero};
use super::{curve, flow};
use crate::aws::functions::StageFunction;
use crate::aws::metrics::{Series, StageMetrics};
use crate::dashboard::rows::Panel;
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::snapshot::SourceName;
use crate::stack::StageName;

/// Lines that it needs: title, two of the drawing, heading, stages.
pub(super) const HEIGHT: u16 = 7;

/// Columns of a row without its curves.
const NUMBERS: usize = 14 + 8 + 7 + 10 + 8 + 8 + 8 + 9;

/// Draws it; returns where its rows are.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme, focused: bool) -> Rect {
    let snapshot = &state.snapshot;
    let minutes = snapshot.metrics.data.iter().flatten().next().map(|metrics| metrics.window.minutes);
    let span = minutes.map(|minutes| format!(", {minutes} minutes")).unwrap_or_default();
    let mut note = parts::note(state, &snapshot.metrics, Some(SourceName::Metrics), theme);
    // Functions are read apart from their metrics; their trouble is said too.
    if snapshot.functions.error.is_some() {
        note.push(Span::raw(if note.is_empty() { "functions " } else { "; functions " }));
        note.extend(parts::note(state, &snapshot.functions, Some(SourceName::Functions), theme));
    }
    let area = Title { text: format!("1 Pipeline{span}"), note, focused }.draw(area, buffer, theme);
    parts::draw_text(&flow::lines(state, theme), area, buffer);
    let area = parts::below(area, 2);
    let curves = Curves::fitting(usize::from(area.width).saturating_sub(NUMBERS));
    parts::draw_text(&[heading(curves, theme)], area, buffer);
    let rows = parts::below(area, 1);
    let selected = state.selected(Panel::Pipeline).filter(|_| focused);
    parts::draw_list(rows, buffer, theme, StageName::ALL.len(), selected, |index| {
        row(state, StageName::ALL[index], curves, theme)
    });
    rows
}

/// How wide the curves are; none where there is no room.
#[derive(Clone, Copy)]
struct Curves {
    rate: usize,
    errors: usize,
    age: usize,
}

impl Curves {
    fn fitting(room: usize) -> Self {
        let take = |used: usize| match room.saturating_sub(used + 1).min(15) {
            // Less than that shows no curve.
            0..5 => 0,
            width => width + 1,
        };
        let rate = take(0);
        let errors = take(rate);
        let age = take(rate + errors);
        Self { rate, errors, age }
    }
}

/// A curve with the space before it.
fn cell(curve: &str, width: usize) -> String {
    if width == 0 { String::new() } else { format!(" {}", left(curve, width - 1)) }
}

fn heading<'a>(curves: Curves, theme: &Theme) -> Line<'a> {
    let text = format!(
        " {:<13}{:>8}{}{:>7}{}{:>10}{:>8}{:>8}{:>8}{:>9}{}",
        "stage",
        "a minute",
        cell("", curves.rate),
        "errors",
        cell("", curves.errors),
        "throttled",
        "p50",
        "p99",
        "busy",
        "waited",
        cell("", curves.age)
    );
    Line::styled(text, theme.dim)
}

fn row<'a>(state: &State, stage: StageName, curves: Curves, theme: &Theme) -> Line<'a> {
    let all = state.snapshot.metrics.data.as_ref();
    let metrics = all.map(|all| all.iter().find(|metrics| metrics.stage == stage));
    // Unknown when never read; nothing when read and CloudWatch has no point.
    let text = |value: &dyn Fn(&StageMetrics) -> Option<String>| match metrics {
        None => UNKNOWN.to_owned(),
        Some(metrics) => metrics.and_then(value).unwrap_or_else(|| NOTHING.to_owned()),
    };
    let drawn = |series: fn(&StageMetrics) -> &Series, width: usize| {
        let curve = metrics.flatten().map(|metrics| curve::series(series(metrics), metrics.window, width.max(1) - 1));
        cell(&curve.unwrap_or_default(), width)
    };
    let errors = text(&|metrics| metrics.errors.sum().map(number));
    let throttles = text(&|metrics| metrics.throttles.sum().map(number));
    let (error_style, throttle_style) = (unless_zero(&errors, theme.bad), unless_zero(&throttles, theme.warn));
    let busy = text(&|metrics| metrics.concurrency.max().map(number));
    let limit = limit(state, stage);
    let busy_style = if busy == limit { theme.warn } else { Style::new() };
    let name_style = if off(state, stage).is_some() { theme.alert } else { Style::new() };
    Line::from(vec![
        Span::styled(stage.as_str(), name_style),
        Span::raw(" ".repeat(13 - stage.as_str().len())),
        Span::raw(right(&text(&|metrics| metrics.per_minute().map(number)), 8)),
        Span::styled(drawn(|metrics| &metrics.invocations, curves.rate), theme.accent),
        Span::styled(right(&errors, 7), error_style),
        Span::styled(drawn(|metrics| &metrics.errors, curves.errors), error_style),
        Span::styled(right(&throttles, 10), throttle_style),
        Span::raw(right(&text(&|metrics| Some(short_duration(metrics.duration?.p50_ms))), 8)),
        Span::raw(right(&text(&|metrics| Some(short_duration(metrics.duration?.p99_ms))), 8)),
        Span::styled(right(&format!("{busy}/{limit}"), 8), busy_style),
        Span::raw(right(&text(&|metrics| metrics.async_age_ms.max().map(short_duration)), 9)),
        Span::styled(drawn(|metrics| &metrics.async_age_ms, curves.age), theme.accent),
    ])
}

/// Environments that the stage may use, at most.
fn limit(state: &State, stage: StageName) -> String {
    match (&state.snapshot.functions.data, function(state, stage)) {
        (None, _) => UNKNOWN.to_owned(),
        (Some(_), function) => match function.and_then(|function| function.reserved_concurrency) {
            None => "pool".to_owned(),
            Some(limit) => limit.to_string(),
        },
    }
}

/// The stage's function, as far as it is known.
pub(super) fn function(state: &State, stage: StageName) -> Option<&StageFunction> {
    state.snapshot.functions.data.iter().flatten().find(|function| function.stage == stage)
}

/// Why the stage takes no events.
pub(super) fn off(state: &State, stage: StageName) -> Option<&'static str> {
    let function = function(state, stage)?;
    if function.is_paused() {
        Some("PAUSED")
    } else if !function.rule_enabled {
        Some("RULE OFF")
    } else if !function.active {
        Some("BROKEN")
    } else {
        None
    }
}
