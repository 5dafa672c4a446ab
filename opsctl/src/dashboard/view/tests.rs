use ratatui::style::{Color, Modifier};

use super::*;
use crate::dashboard::testing::{draw, lines, press, state, text};
use crate::dashboard::theme::ThemeName;
use crate::snapshot::samples;

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
    assert!(text.contains("✗ throttled, STALE 2 m"), "{text}");
    assert!(text.contains("alarms unknown: failed to read"), "{text}");
    let mut all = state(samples::stale());
    press(&mut all, "0z");
    let all = lines(&draw(&mut all, (80, 24), &Theme::new(ThemeName::Dark, false, None)));
    assert!(all.contains("dead letters were last read 2 m ago"), "{all}");
    assert!(all.contains("failed to read the state of 36 alarms") && all.contains("(for 2 m)"), "{all}");
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
