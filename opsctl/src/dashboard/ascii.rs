//! `--ascii`: whatever was drawn, and whatever AWS said, comes out in ASCII.

use ratatui::buffer::Buffer;

/// Replaces every character that is not ASCII by its likeness, after all is drawn: so no view has to think of it.
pub fn fold(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            cell.set_symbol(likeness(cell.symbol()));
        }
    }
}

/// Characters and what is drawn for any of them. Bars grow from `_` to `#`.
const LIKENESS: [(&str, &str); 17] = [
    ("─━—–╌▃", "-"),
    ("│┃┊▏▎▍▌", "|"),
    ("┌┐└┘├┤┬┴┼╭╮╰╯✓▅", "+"),
    ("▶→›❯≥", ">"),
    ("◀←‹≤", "<"),
    ("↑▲", "^"),
    ("↓▼", "v"),
    ("✗×", "x"),
    ("●■▆", "*"),
    ("·•▂", "."),
    ("…", "~"),
    ("“”", "\""),
    ("‘’", "'"),
    ("▁", "_"),
    ("▄", "="),
    ("▇", "%"),
    ("█▋▊▉", "#"),
];

fn likeness(symbol: &str) -> &'static str {
    LIKENESS.iter().find(|(characters, _)| characters.contains(symbol)).map_or("?", |(_, ascii)| ascii)
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn text_of_any_script_becomes_ascii_of_the_same_width() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "a─▶é…▁█ 株x", Style::new());
        fold(&mut buffer);
        let line: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(line, "a->?~_# ? x ");
    }
}
