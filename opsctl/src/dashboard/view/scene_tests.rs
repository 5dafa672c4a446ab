//! Every scene, every panel and every page, at every size: as it looks, without colours, and in ASCII.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::*;
use crate::dashboard::samples::pages;
use crate::dashboard::testing::{draw, lines, press, state, text};
use crate::dashboard::theme::ThemeName;
use crate::snapshot::{Snapshot, samples};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// What a person on call may find.
fn scenes() -> [(&'static str, Snapshot); 9] {
    [
        ("calm", samples::healthy()),
        ("crash", samples::crash()),
        ("poisoned", samples::poisoned()),
        ("recovery", samples::recovery()),
        ("past", samples::past()),
        ("several", samples::unhealthy()),
        ("failing", samples::failing()),
        ("unreachable", samples::unreachable()),
        ("hanging", samples::hanging()),
    ]
}

fn scene(snapshot: Snapshot) -> State {
    let at = snapshot.at;
    let mut state = state(snapshot);
    if let Some(at) = at {
        // Looked at an hour and a half later.
        state.at = Some(at);
        state.now = at + jiff::SignedDuration::from_mins(90);
        state.judge();
    }
    state
}

/// All that can be on the screen.
fn screens() -> Vec<(String, State)> {
    let scenes = scenes().into_iter().map(|(name, snapshot)| (name.to_owned(), scene(snapshot)));
    let panels = Panel::ALL.into_iter().map(|panel| {
        let mut state = state(samples::unhealthy());
        press(&mut state, &format!("{}z", panel.number()));
        (panel.name().to_owned(), state)
    });
    let help = {
        let mut state = state(samples::healthy());
        press(&mut state, "?");
        ("help".to_owned(), state)
    };
    let pages = pages().into_iter().map(|(name, state)| (format!("page_{name}"), state));
    scenes.chain(panels).chain([help]).chain(pages).collect()
}

#[test]
fn all_that_can_be_on_the_screen() {
    for (name, mut state) in screens() {
        for size in SIZES {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), text(&mut state, size));
        }
    }
}

#[test]
fn without_colours_nothing_is_lost() {
    let plain = Theme::new(ThemeName::Plain, false, None);
    for (name, mut state) in screens() {
        for size in SIZES {
            for coloured in [ThemeName::Dark, ThemeName::Light] {
                let coloured = Theme::new(coloured, false, None);
                let with = draw(&mut state, size, &coloured);
                let without = draw(&mut state, size, &plain);
                assert_eq!(lines(&with), lines(&without), "{name}");
                let is_coloured = |cell: &&ratatui::buffer::Cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset);
                assert_eq!(without.content.iter().find(is_coloured), None, "{name}: a colour in the plain theme");
            }
        }
    }
}

#[test]
fn in_ascii_nothing_is_lost() {
    let ascii = Theme::new(ThemeName::Plain, true, None);
    for (name, mut state) in screens() {
        for size in SIZES {
            let folded = lines(&draw(&mut state, size, &ascii));
            assert!(folded.is_ascii(), "{folded}");
            assert!(!folded.contains('?') || text(&mut state, size).contains('?'), "{name} has no likeness: {folded}");
        }
        insta::assert_snapshot!(format!("ascii_{name}"), lines(&draw(&mut state, SIZES[0], &ascii)));
    }
}

/// Marks and colours belong together: the first lines of a crash in each theme, with the style of every run of cells.
#[test]
fn styles() {
    for name in [ThemeName::Dark, ThemeName::Light, ThemeName::Plain] {
        let theme = Theme::new(name, false, None);
        let buffer = draw(&mut scene(samples::crash()), SIZES[0], &theme);
        insta::assert_snapshot!(format!("styles_{name:?}").to_lowercase(), styles_of(&buffer, 12));
    }
}

/// `3-14 fg 16 bg 202 bold: ✗ UNHEALTHY`, a line each run of one style; what is plain is left out.
fn styles_of(buffer: &Buffer, rows: u16) -> String {
    let mut runs = String::new();
    for y in 0..rows.min(buffer.area.height) {
        let mut x = 0;
        while x < buffer.area.width {
            let style = |x: u16| (buffer[(x, y)].fg, buffer[(x, y)].bg, buffer[(x, y)].modifier);
            let end = (x..buffer.area.width).find(|end| style(*end) != style(x)).unwrap_or(buffer.area.width);
            let words: String = (x..end).map(|x| buffer[(x, y)].symbol()).collect();
            if style(x) != (Color::Reset, Color::Reset, Modifier::empty()) && !words.trim().is_empty() {
                let (fg, bg, modifier) = style(x);
                let line = format!("{y:>2} {x:>3}-{:<3} {fg:?} on {bg:?} {modifier:?}: {words}", end - 1);
                runs.push_str(line.trim_end());
                runs.push('\n');
            }
            x = end;
        }
    }
    runs
}

/// At every size up to a large monitor's the screen is filled, and nothing runs into anything else.
#[test]
fn every_size_is_drawn() {
    for (name, mut state) in screens() {
        for width in (80..=250).step_by(17) {
            for height in [24, 33, 34, 49, 50, 70] {
                let text = text(&mut state, (width, height));
                let rows: Vec<&str> = text.lines().collect();
                assert_eq!(rows.len(), usize::from(height), "{name}");
                assert!(rows[usize::from(height) - 1].contains(' '), "{name}: the footer is empty at {width}x{height}");
            }
        }
    }
}
