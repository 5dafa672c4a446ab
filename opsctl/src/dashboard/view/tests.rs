use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::*;
use crate::dashboard::event::Event;
use crate::dashboard::testing::{draw, lines, state, text};
use crate::dashboard::theme::ThemeName;
use crate::dashboard::update::update;
use crate::snapshot::samples;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn press(state: &mut State, keys: &str) {
    for key in keys.chars() {
        let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
        update(state, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }
}

#[test]
fn whole_screen() {
    for size in SIZES {
        let name = |what: &str| format!("{what}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name("healthy"), text(&mut state(samples::healthy()), size));
        insta::assert_snapshot!(name("unhealthy"), text(&mut state(samples::unhealthy()), size));
        insta::assert_snapshot!(name("unreachable"), text(&mut state(samples::unreachable()), size));
    }
}

#[test]
fn every_panel_alone() {
    for panel in Panel::ALL {
        for size in SIZES {
            let mut state = state(samples::unhealthy());
            press(&mut state, &format!("{}z", panel.number()));
            insta::assert_snapshot!(format!("{}_{}x{}", panel.name(), size.0, size.1), text(&mut state, size));
        }
    }
}

#[test]
fn pages() {
    let mut stage = state(samples::unhealthy());
    press(&mut stage, "1j\n");
    insta::assert_snapshot!("page_stage", text(&mut stage, (80, 40)));
    let mut alarm = state(samples::unhealthy());
    press(&mut alarm, "2\n");
    insta::assert_snapshot!("page_alarm", text(&mut alarm, (80, 24)));
    let mut help = state(samples::healthy());
    press(&mut help, "?");
    insta::assert_snapshot!("help", text(&mut help, (100, 80)));
}

#[test]
fn no_meaning_is_lost_without_colours() {
    let coloured = Theme::new(ThemeName::Dark, false, None);
    let plain = Theme::new(ThemeName::Plain, false, None);
    for snapshot in [samples::healthy(), samples::unhealthy(), samples::unreachable(), samples::stale()] {
        for size in SIZES {
            let with = draw(&mut state(snapshot.clone()), size, &coloured);
            let without = draw(&mut state(snapshot.clone()), size, &plain);
            assert_eq!(lines(&with), lines(&without));
            let coloured = |cell: &&ratatui::buffer::Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
            assert_eq!(without.content.iter().find(coloured), None, "a colour in the plain theme");
            assert!(with.content.iter().any(|cell| coloured(&cell)));
        }
    }
}

#[test]
fn ascii_is_ascii() {
    let theme = Theme::new(ThemeName::Plain, true, None);
    for panel in Panel::ALL {
        let mut state = state(samples::unhealthy());
        press(&mut state, &format!("{}z", panel.number()));
        let text = lines(&draw(&mut state, (120, 40), &theme));
        assert!(text.is_ascii(), "{text}");
    }
    insta::assert_snapshot!("ascii_80x24", lines(&draw(&mut state(samples::unhealthy()), (80, 24), &theme)));
}

#[test]
fn the_verdict_cannot_be_overlooked() {
    let of = |snapshot, name| {
        let buffer = draw(&mut state(snapshot), (80, 24), &Theme::new(name, false, None));
        // The word stands behind two spaces and its mark.
        buffer[(4, 1)].style()
    };
    let bad = of(samples::unhealthy(), ThemeName::Dark);
    assert_eq!((bad.bg, bad.fg), (Some(Color::Indexed(202)), Some(Color::Indexed(16))));
    assert_eq!(of(samples::healthy(), ThemeName::Dark).fg, Some(Color::Indexed(74)));
    assert!(of(samples::unhealthy(), ThemeName::Plain).add_modifier.contains(Modifier::REVERSED | Modifier::BOLD));
}

#[test]
fn good_data_stay_beside_the_error() {
    let text = text(&mut state(samples::stale()), (80, 24));
    assert!(text.contains("✗ throttled, STALE 2 m old"), "{text}");
    assert!(text.contains("alarms unknown: failed to read"), "{text}");
    let mut all = state(samples::stale());
    press(&mut all, "0z");
    let all = lines(&draw(&mut all, (80, 24), &Theme::new(ThemeName::Dark, false, None)));
    assert!(all.contains("alarms were last read"), "{all}");
}

#[test]
fn a_window_that_is_too_small_says_so() {
    for size in [(79, 24), (80, 23), (20, 3), (1, 1)] {
        let text = text(&mut state(samples::unhealthy()), size);
        assert!(size.0 < 24 || text.contains("needs 80 × 24"), "{text}");
    }
}

#[test]
fn ten_thousand_events_are_a_list_like_any_other() {
    let mut state = state(samples::healthy());
    let event = samples::healthy().events.data.unwrap().swap_remove(0);
    let events: Vec<_> = (0..10_000)
        .map(|number| crate::aws::events::StoredEvent { event_id: format!("e{number:05}"), ..event.clone() })
        .collect();
    state.log.merge(&events);
    press(&mut state, "5zG");
    let text = text(&mut state, (200, 60));
    assert!(text.contains("e09999") && !text.contains("e00000"), "{text}");
}
