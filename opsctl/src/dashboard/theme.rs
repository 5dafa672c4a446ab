//! Colours and marks as values. Nothing is told by a colour alone: each meaning also has a word or a mark, so the plain
//! theme loses nothing but looks.
//!
//! The palette is Okabe and Ito's (blue, orange, vermillion), which people with any of the common colour blindnesses
//! can tell apart; the terminal's own background stays.

use clap::ValueEnum;
use ratatui::style::{Color, Modifier, Style};

use crate::snapshot::{Health, Severity};

/// A choice of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ThemeName {
    /// Dark or light, as the variable COLORFGBG says; dark when it says nothing
    #[default]
    Auto,
    /// For dark backgrounds
    Dark,
    /// For light backgrounds
    Light,
    /// No colours: bold, underlined and reversed text only
    Plain,
}

/// Styles by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Titles.
    pub heading: Style,
    /// All is well.
    pub good: Style,
    /// Needs a look.
    pub warn: Style,
    /// Wrong.
    pub bad: Style,
    /// Wrong, and not to be overlooked.
    pub alert: Style,
    /// Keys, numbers to look at, curves.
    pub accent: Style,
    /// Secondary text.
    pub dim: Style,
    /// The row that keys act on.
    pub selected: Style,
    /// Only characters of ASCII are drawn.
    pub ascii: bool,
}

impl Theme {
    /// The theme of that name. `color_fgbg` is the variable of that name: `15;0` is light text on a dark background.
    pub fn new(name: ThemeName, ascii: bool, color_fgbg: Option<&str>) -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let coloured = |good: u8, warn: u8, bad: u8, accent: u8, on_bad: u8| {
            let colour = |index: u8| Style::new().fg(Color::Indexed(index));
            Self {
                heading: bold,
                good: colour(good).add_modifier(Modifier::BOLD),
                warn: colour(warn).add_modifier(Modifier::BOLD),
                bad: colour(bad).add_modifier(Modifier::BOLD),
                alert: bold.fg(Color::Indexed(on_bad)).bg(Color::Indexed(bad)),
                accent: colour(accent),
                dim: plain.add_modifier(Modifier::DIM),
                selected: plain.add_modifier(Modifier::REVERSED),
                ascii,
            }
        };
        match name {
            ThemeName::Auto if is_light(color_fgbg) => Self::new(ThemeName::Light, ascii, None),
            ThemeName::Auto | ThemeName::Dark => coloured(74, 214, 202, 80, 16),
            ThemeName::Light => coloured(25, 130, 160, 24, 231),
            ThemeName::Plain => Self {
                heading: bold,
                good: plain,
                warn: bold,
                bad: bold.add_modifier(Modifier::UNDERLINED),
                alert: bold.add_modifier(Modifier::REVERSED),
                accent: plain,
                dim: plain,
                selected: plain.add_modifier(Modifier::REVERSED),
                ascii,
            },
        }
    }

    /// How a health is written.
    pub fn health(&self, health: Health) -> (Style, &'static str) {
        match health {
            Health::Healthy => (self.good, "✓ HEALTHY"),
            Health::Degraded => (self.warn, "! WORKS, WITH WARNINGS"),
            Health::Unhealthy => (self.alert, "✗ UNHEALTHY"),
            Health::Unknown => (self.alert, "? UNKNOWN"),
        }
    }

    /// How a severity is marked.
    pub fn severity(&self, severity: Severity) -> (Style, &'static str) {
        match severity {
            Severity::Critical => (self.bad, "✗"),
            Severity::Warning => (self.warn, "!"),
            Severity::Info => (self.dim, "·"),
        }
    }
}

/// The background is the last number; 7 and 9 to 15 are the light ones of the sixteen.
fn is_light(color_fgbg: Option<&str>) -> bool {
    let background = color_fgbg.and_then(|text| text.rsplit(';').next()?.parse::<u8>().ok());
    matches!(background, Some(7 | 9..=15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_the_terminals_background() {
        let theme = |name, fgbg| Theme::new(name, false, fgbg);
        assert_eq!(theme(ThemeName::Auto, Some("0;15")), theme(ThemeName::Light, None));
        for fgbg in [Some("15;0"), Some("12;8"), Some("default"), None] {
            assert_eq!(theme(ThemeName::Auto, fgbg), theme(ThemeName::Dark, None), "{fgbg:?}");
        }
    }

    #[test]
    fn the_plain_theme_has_no_colour() {
        let theme = Theme::new(ThemeName::Plain, false, None);
        let Theme { heading, good, warn, bad, alert, accent, dim, selected, ascii: _ } = theme;
        for style in [heading, good, warn, bad, alert, accent, dim, selected] {
            assert_eq!((style.fg, style.bg), (None, None), "{style:?}");
        }
    }
}
