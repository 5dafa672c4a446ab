//! One dead letter: why it is there, and its body.

use ratatui::text::Line;

use super::{body, field, heading};
use crate::aws::dead_letters::DeadLetter;
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::dashboard::view::letters::origin;
use crate::dashboard::view::parts::{self, NOTHING};

pub(super) fn lines<'a>(state: &State, letter: &DeadLetter, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let mut lines =
        field("why", &format!("{} {}: {}", origin(letter.origin), letter.code, letter.message), width, theme);
    lines.extend(field("stage", letter.stage.as_str(), width, theme));
    if let Some(sent) = letter.sent_at {
        let sent = format!("{} ({} ago)", sent.strftime("%F %T UTC"), parts::elapsed(sent, state.now));
        lines.extend(field("there since", &sent, width, theme));
    }
    lines.extend(field("event", letter.event_id.as_deref().unwrap_or(NOTHING), width, theme));
    lines.extend(field("symbol", letter.symbol.as_deref().unwrap_or(NOTHING), width, theme));
    lines.extend(heading("Body", theme));
    lines.extend(body(&letter.body, width));
    lines
}
