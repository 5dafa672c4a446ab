//! The small drawing of what flows: rates below the arrows, dead letters and pauses below the stages.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::parts::{self, NOTHING, UNKNOWN, number};
use super::pipeline::off;
use crate::aws::metrics::StageMetrics;
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::stack::StageName;

const ARROWS: [(&str, StageName); 3] = [
    (" ──raw──▶ ", StageName::Ingestion),
    (" ──validated──▶ ", StageName::Processing),
    (" ──alert──▶ ", StageName::Notification),
];

/// The two lines of it, 75 columns wide.
pub(super) fn lines<'a>(state: &State, theme: &Theme) -> [Line<'a>; 2] {
    let (metrics, queues) = (&state.snapshot.metrics.data, &state.snapshot.dead_letters.data);
    let mut drawing = Line::from(" feed");
    let mut below = Line::from("     ");
    for (arrow, stage) in ARROWS {
        let rate = metrics.iter().flatten().find(|metrics| metrics.stage == stage).and_then(StageMetrics::per_minute);
        let rate = match (metrics, rate) {
            (None, _) => UNKNOWN.to_owned(),
            (Some(_), None) => NOTHING.to_owned(),
            (Some(_), Some(rate)) => format!("{}/min", number(rate)),
        };
        drawing.push_span(Span::styled(arrow, theme.accent));
        below.push_span(Span::raw(centred(&rate, arrow.chars().count())));

        let queue = queues.iter().flatten().find(|queue| queue.stage == stage);
        let (word, style) = match (off(state, stage), queue.map(|queue| queue.depth)) {
            (Some(word), _) => (word.to_owned(), theme.alert),
            (None, None) => (format!("{UNKNOWN} dead"), theme.dim),
            (None, Some(0)) => (String::new(), theme.heading),
            (None, Some(dead)) => (dead_letters(dead, stage.as_str().len()), theme.bad),
        };
        let name_style = if queue.is_none() && off(state, stage).is_none() { theme.heading } else { style };
        drawing.push_span(Span::styled(stage.as_str(), name_style));
        let width = stage.as_str().len();
        let word = parts::cut(&word, width);
        let pad = width - word.chars().count();
        below.push_span(Span::styled(" ".repeat(pad / 2), Style::new()));
        below.push_span(Span::styled(word, style));
        below.push_span(Span::styled(" ".repeat(pad - pad / 2), Style::new()));
    }
    [drawing, below]
}

/// As much as there is room for: a number that is cut would be another one.
fn dead_letters(count: u64, width: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a count of letters")]
    let texts = [format!("✗{count} dead"), format!("✗{count}"), format!("✗{}", number(count as f64))];
    let fitting = texts.iter().find(|text| text.chars().count() <= width);
    fitting.unwrap_or(&texts[2]).clone()
}

fn centred(text: &str, width: usize) -> String {
    let text = parts::cut(text, width);
    format!("{text:^width$}")
}
