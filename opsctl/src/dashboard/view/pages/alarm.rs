//! One alarm: what it says, since when, why.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{field, heading};
use crate::aws::alarms::{AlarmState, Transition};
use crate::dashboard::pages::{Loaded, Page};
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::dashboard::view::alarms::{mark, state_word};
use crate::dashboard::view::parts;
use crate::human;

pub(super) fn lines<'a>(state: &State, page: &Page, name: &str, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let Some(alarm) = state.snapshot.alarms.data.iter().flatten().find(|alarm| alarm.name == name) else {
        return vec![Line::raw(" it is not among the stack's alarms any more")];
    };
    let (style, sign) = mark(alarm, theme);
    let mut lines = vec![Line::from(vec![
        Span::styled(format!(" {sign} "), style),
        Span::styled(format!("{} {}", alarm.name, state_word(alarm)), theme.heading),
    ])];
    lines.extend(field("watches", &alarm.kind.replace('-', " "), width, theme));
    if let Some(stage) = alarm.stage {
        lines.extend(field("stage", stage.as_str(), width, theme));
    }
    if let Some(since) = alarm.since {
        let since = format!("{} ({})", since.strftime("%F %T UTC"), parts::elapsed(since, state.shown_at()));
        lines.extend(field("since", &since, width, theme));
    }
    lines.extend(field("why", alarm.reason.as_deref().unwrap_or("CloudWatch gives no reason"), width, theme));
    if !alarm.actions_enabled {
        lines.extend(field("muted", "its actions are switched off: nobody is told when it rings", width, theme));
    }
    lines.extend(heading("What it did in the last 24 hours", theme));
    match (&page.data.data, &page.data.error) {
        (Some(Loaded::History(transitions)), _) if transitions.is_empty() => {
            lines.push(Line::raw(" nothing: it stayed as it is"));
        }
        (Some(Loaded::History(transitions)), _) => {
            lines.extend(transitions.iter().flat_map(|transition| change(transition, width, theme)));
        }
        (_, Some(error)) => {
            lines.extend(field("✗ unknown", &format!("{}; {}", error.message, error.help), width, theme));
        }
        _ => lines.push(Line::styled(" reading…", theme.dim)),
    }
    lines
}

fn change<'a>(transition: &Transition, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let word = |state| match state {
        AlarmState::Alarm => "RINGS",
        AlarmState::Missing => "missing",
        AlarmState::InsufficientData => "no data",
        AlarmState::Ok => "ok",
    };
    let style = if transition.to == AlarmState::Alarm { theme.bad } else { Style::new() };
    let mut lines = vec![Line::from(vec![
        Span::styled(format!(" {}  ", transition.at.strftime("%F %T")), theme.dim),
        Span::raw(format!("{:>7} → ", word(transition.from))),
        Span::styled(word(transition.to), style),
    ])];
    let reason = transition.reason.as_deref().unwrap_or_default();
    for line in human::wrap(reason, width.saturating_sub(24)).into_iter().filter(|line| !line.is_empty()) {
        lines.push(Line::styled(format!("                       {line}"), theme.dim));
    }
    lines
}
