//! What frames the panels: the line on top that says what is shown, and the footer.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::parts;
use super::pipeline::off;
use crate::dashboard::keys::{Action, Scope, TABLE};
use crate::dashboard::state::{Overlay, Prompt, State};
use crate::dashboard::theme::Theme;
use crate::human;
use crate::stack::StageName;

/// From so many columns on there is room for how to act; below that a key says it.
const WIDE: u16 = 110;

/// The line on top: which stack, which time, what may be done.
pub(super) fn draw_top(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let stack = &state.stack;
    let name_style = if stack.is_production() { theme.alert } else { theme.heading };
    let wide = area.width >= WIDE;
    let (writes, style) = match (&state.read_only, wide) {
        (Some(_), true) => ("read-only: --allow-writes to act", theme.dim),
        (Some(_), false) => ("read-only [W]", theme.dim),
        (None, _) => ("WRITES ALLOWED", theme.warn),
    };
    let right = Line::from(vec![time(state, theme), Span::raw("  "), Span::styled(writes, style), Span::raw(" ")]);
    let width = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
    // Somebody has paused a stage on purpose, and may have forgotten it: it is said whatever else is shown.
    let paused = paused(state);
    // The environment always, the project where there is room for it.
    let names = [format!(" {} {} ", stack.project, stack.environment), format!(" {} ", stack.environment)];
    let fits = |name: &&String| name.chars().count() + paused.chars().count() < usize::from(area.width - width);
    let mut left = Line::from(Span::styled(names.iter().find(fits).unwrap_or(&names[1]).clone(), name_style));
    if !paused.is_empty() {
        let room = usize::from(area.width - width).saturating_sub(left.width() + 1);
        left.push_span(Span::raw(" "));
        left.push_span(Span::styled(parts::cut(&paused, room), theme.alert));
    }
    // As much of the place as there is room for.
    let places = match &state.endpoint {
        Some(endpoint) => [format!("at {endpoint}"), endpoint.clone(), String::new()],
        None => [
            format!("{} account {}", stack.region, stack.account_id),
            format!("{} {}", stack.region, stack.account_id),
            stack.region.clone(),
        ],
    };
    let room = usize::from(area.width - width).saturating_sub(left.width() + 2);
    let place = places.into_iter().find(|place| place.chars().count() <= room).unwrap_or_default();
    left.push_span(Span::styled(format!(" {place}"), theme.dim));
    left.render(Rect { width: area.width - width, ..area }, buffer);
    right.render(Rect { x: area.right() - width, width, ..area }, buffer);
}

/// Which stages are paused; nothing when none is.
fn paused(state: &State) -> String {
    let paused = StageName::ALL.into_iter().filter(|stage| off(state, *stage) == Some("PAUSED"));
    let paused: Vec<&str> = paused.map(StageName::as_str).collect();
    if paused.is_empty() { String::new() } else { format!(" PAUSED: {} ", paused.join(", ")) }
}

fn time<'a>(state: &State, theme: &Theme) -> Span<'a> {
    let clock = |at: Timestamp| at.strftime("%F %T UTC").to_string();
    match state.at {
        None => Span::styled(format!("{} LIVE", state.now.strftime("%T UTC")), theme.heading),
        Some(at) => Span::styled(format!(" PAST: {}, {} ago ", clock(at), human::since(at, state.now)), theme.alert),
    }
}

/// The last line: what is typed, else what was said, else what keys there are; and what watching costs.
pub(super) fn draw_bottom(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme) -> Option<(u16, u16)> {
    if let Some(Overlay::Prompt(prompt, input)) = &state.overlay {
        let sign = match prompt {
            Prompt::Command => ":",
            Prompt::Filter => "/",
        };
        let width = usize::from(area.width).saturating_sub(2);
        let scroll = input.visual_scroll(width);
        let text: String = input.value().chars().skip(scroll).collect();
        Line::from(vec![Span::styled(sign, theme.accent), Span::raw(text)]).render(area, buffer);
        let column = u16::try_from(input.visual_cursor().saturating_sub(scroll) + 1).unwrap_or(u16::MAX);
        return Some(((area.x + column).min(area.right().saturating_sub(1)), area.y));
    }
    let right = Line::from(state.polling.footer());
    let right_width = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
    let left = match &state.toast {
        Some(toast) => {
            let (mark, style) = if toast.is_error { ("✗ ", theme.bad) } else { ("✓ ", theme.good) };
            Line::from(vec![Span::styled(format!(" {mark}"), style), Span::raw(toast.text.clone())])
        }
        None => hints(&state.scopes(), usize::from(area.width - right_width).saturating_sub(2), theme),
    };
    if state.toast.is_some() {
        left.render(area, buffer);
        return None;
    }
    left.render(Rect { width: area.width - right_width, ..area }, buffer);
    right.style(theme.dim).render(Rect { x: area.right() - right_width, width: right_width, ..area }, buffer);
    None
}

/// The hints of the key table that hold now, as many as there is room for, the most special first.
fn hints<'a>(scopes: &[Scope], width: usize, theme: &Theme) -> Line<'a> {
    let mut line = Line::from(" ");
    let hints = TABLE.iter().filter(|binding| scopes.contains(&binding.scope)).filter_map(|binding| {
        let hint = format!(" {}  ", binding.hint?);
        Some((binding.action == Action::Help, binding.keys.first()?.to_string(), hint))
    });
    let hints: Vec<_> = hints.collect();
    let length = |key: &str, hint: &str| key.chars().count() + hint.chars().count();
    // There is always room for the help, which has all the others.
    let mut kept: usize = hints.iter().filter(|(is_help, ..)| *is_help).map(|(_, key, hint)| length(key, hint)).sum();
    for (is_help, key, hint) in hints {
        if is_help {
            kept = 0;
        } else if line.width() + length(&key, &hint) + kept > width {
            continue;
        }
        line.push_span(Span::styled(key, theme.accent));
        line.push_span(Span::raw(hint));
    }
    line
}

/// Says how large the terminal must be.
pub(super) fn draw_too_small(area: Rect, buffer: &mut Buffer, theme: &Theme, minimum: (u16, u16)) {
    let lines = [
        Line::styled("opsctl: window too small", theme.heading),
        Line::raw(format!("needs {} × {}", minimum.0, minimum.1)),
        Line::raw(format!("has {} × {}", area.width, area.height)),
    ];
    parts::draw_text(&lines, area, buffer);
}
