//! The help, made from the tables of keys and commands.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::parts;
use crate::dashboard::commands::COMMANDS;
use crate::dashboard::keys::{Binding, Scope, TABLE};
use crate::dashboard::theme::Theme;

/// The scopes in the order of the help, with their headings.
pub const SECTIONS: [(&str, &[Scope]); 7] = [
    ("Everywhere", &[Scope::Screen, Scope::Always]),
    ("On a row", &[Scope::List, Scope::Events, Scope::Redrivable, Scope::Stage]),
    ("On a page of dead letters", &[Scope::Marks]),
    ("On an opened page", &[Scope::Page, Scope::Event]),
    ("While something is under way", &[Scope::Busy, Scope::Leaving]),
    ("When asked", &[Scope::Reading, Scope::Confirm, Scope::Form, Scope::Offer, Scope::Notice]),
    ("While typing", &[Scope::Text]),
];

/// Columns of its box, at most; 80 are always there.
const WIDTH: u16 = 80;

/// Draws it over the middle of `area`; returns how far it can be scrolled.
pub(super) fn draw(scroll: usize, area: Rect, buffer: &mut Buffer, theme: &Theme) -> usize {
    let lines = lines(theme);
    let area = area.centered_horizontally(ratatui::layout::Constraint::Max(WIDTH));
    Clear.render(area, buffer);
    let block = Block::bordered().title(Span::styled(" Help: keys and commands ", theme.heading));
    let inner = block.inner(area);
    block.render(area, buffer);
    let limit = lines.len().saturating_sub(usize::from(inner.height));
    parts::draw_text(&lines[scroll.min(limit)..], inner, buffer);
    limit
}

fn lines<'a>(theme: &Theme) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for (heading, scopes) in SECTIONS {
        lines.push(Line::styled(format!(" {heading}"), theme.heading));
        for binding in TABLE.iter().filter(|binding| scopes.contains(&binding.scope)) {
            lines.extend(entry(&keys(binding), binding.help, theme));
        }
        lines.push(Line::default());
    }
    lines.push(Line::styled(" Commands, after :", theme.heading));
    for command in COMMANDS {
        lines.extend(entry(format!("{} {}", command.name, command.argument).trim(), command.help, theme));
    }
    lines.extend(entry("PANEL", "The same as go PANEL", theme));
    lines.push(Line::default());
    lines.push(Line::styled(" Filter, after /", theme.heading));
    for line in crate::human::wrap(crate::filter::HELP, usize::from(WIDTH) - 6) {
        lines.push(Line::raw(format!("   {line}")));
    }
    lines
}

/// What to press or type, and beside it what that does.
fn entry<'a>(what: &str, help: &str, theme: &Theme) -> Vec<Line<'a>> {
    const WHAT: usize = 24;
    let lines = crate::human::wrap(help, usize::from(WIDTH) - WHAT - 6).into_iter().enumerate();
    lines
        .map(|(index, line)| {
            let what = if index == 0 { what } else { "" };
            Line::from(vec![Span::styled(format!("   {}", parts::left(what, WHAT)), theme.accent), Span::raw(line)])
        })
        .collect()
}

/// The keys of a binding as they are written in the help.
pub fn keys(binding: &Binding) -> String {
    binding.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
