//! The screen as a picture.

use anstyle::{Color, RgbColor};
use anstyle_svg::Term;

/// A dark terminal's colours, and no others than the screen's own: its palette is of the 256.
const TERM: Term =
    Term::new().bg_color(Color::Rgb(RgbColor(0x16, 0x18, 0x1d))).fg_color(Color::Rgb(RgbColor(0xd8, 0xdc, 0xe2)));

/// An SVG of a screen, given as escape sequences, a line a row.
pub fn svg(styled: &str) -> String {
    TERM.render_svg(styled)
}
