//! What keys and answers do, on recorded snapshots.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::SignedDuration;

use super::event::{Effect, Event};
use super::pages::{Loaded, Topic};
use super::rows::Panel;
use super::state::{Overlay, State};
use super::testing::state;
use super::update::update;
use crate::aws::{AwsError, AwsErrorKind};
use crate::snapshot::{Health, Update, samples};
use crate::stack::StageName;

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    update(state, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn typed(state: &mut State, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|character| press(state, KeyCode::Char(character))).collect()
}

fn command(state: &mut State, text: &str) -> Vec<Effect> {
    let mut effects = typed(state, &format!(":{text}"));
    effects.extend(press(state, KeyCode::Enter));
    effects
}

#[test]
fn tab_and_numbers_go_to_every_panel() {
    let mut state = state(samples::healthy());
    for panel in Panel::ALL.into_iter().skip(1).chain([Panel::Verdict]) {
        press(&mut state, KeyCode::Tab);
        assert_eq!(state.focus, panel);
    }
    press(&mut state, KeyCode::BackTab);
    assert_eq!(state.focus, Panel::Events);
    for panel in Panel::ALL {
        typed(&mut state, &panel.number().to_string());
        assert_eq!(state.focus, panel);
    }
    typed(&mut state, "2l");
    assert_eq!(state.focus, Panel::Letters);
    typed(&mut state, "h");
    assert_eq!(state.focus, Panel::Alarms);
}

#[test]
fn w_goes_to_what_is_worst_and_to_its_row() {
    let mut lost = state(samples::unhealthy());
    typed(&mut lost, "w");
    assert_eq!((lost.verdict.findings[0].lint, lost.focus), ("events-lost", Panel::Letters));
    let mut snapshot = samples::healthy();
    snapshot.alarms = samples::unhealthy().alarms;
    let mut state = state(snapshot);
    typed(&mut state, "w");
    let finding = &state.verdict.findings[0];
    assert_eq!(state.focus, Panel::of_lint(finding.lint));
    assert_eq!(finding.lint, "alarm-ringing", "{finding:?}");
    let selected = state.selected(Panel::Alarms).unwrap();
    let shown = super::rows::alarms(state.snapshot.alarms.data.as_ref().unwrap());
    assert!(finding.message.starts_with(&shown[selected].name), "{}", shown[selected].name);
}

#[test]
fn enter_opens_what_is_selected_and_asks_for_what_it_needs() {
    let mut state = state(samples::unhealthy());
    typed(&mut state, "3j");
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(effects, [Effect::Load(Topic::Letters(StageName::Ingestion))]);
    assert!(state.pages.last().unwrap().loading);
    press(&mut state, KeyCode::Esc);
    assert!(state.pages.is_empty());
    typed(&mut state, "1");
    assert_eq!(press(&mut state, KeyCode::Enter), [], "the snapshot has all of a stage");
    assert_eq!(state.pages.last().unwrap().topic, Topic::Stage(StageName::Ingestion));
}

#[test]
fn a_page_keeps_its_good_data_beside_a_later_error() {
    let mut state = state(samples::unhealthy());
    let topic = Topic::Letters(StageName::Ingestion);
    typed(&mut state, "3");
    press(&mut state, KeyCode::Enter);
    let now = state.now;
    update(&mut state, Event::Loaded(topic.clone(), Box::new(Ok(Loaded::Letters(Vec::new()))), now));
    let error = AwsError {
        kind: AwsErrorKind::Denied,
        doing: "look into queue q".to_owned(),
        code: None,
        reason: "no".to_owned(),
    };
    assert_eq!(typed(&mut state, "R"), [Effect::Refresh, Effect::Load(topic.clone())]);
    update(&mut state, Event::Loaded(topic, Box::new(Err(error)), now + SignedDuration::from_secs(1)));
    let page = state.pages.last().unwrap();
    assert!(page.data.data.is_some() && page.data.error.is_some() && !page.loading);
}

#[test]
fn a_filter_narrows_the_events_and_a_wrong_one_changes_nothing() {
    let mut state = state(samples::healthy());
    typed(&mut state, "5/type:trade");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.events().iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>(), ["trade"]);
    command(&mut state, "filter type:nonsense");
    assert_eq!(state.events().len(), 1);
    assert!(state.toast.as_ref().is_some_and(|toast| toast.is_error), "{:?}", state.toast);
    command(&mut state, "filter");
    assert_eq!(state.events().len(), 2);
}

#[test]
fn what_is_typed_is_no_key() {
    let mut state = state(samples::healthy());
    assert_eq!(typed(&mut state, ":q"), []);
    assert!(matches!(state.overlay, Some(Overlay::Prompt(..))));
    press(&mut state, KeyCode::Esc);
    assert_eq!(typed(&mut state, "q"), [Effect::Quit]);
}

#[test]
fn commands_are_known_by_their_beginning_and_mistakes_are_said() {
    let mut state = state(samples::healthy());
    assert_eq!(command(&mut state, "qu"), [Effect::Quit]);
    command(&mut state, "alarms");
    assert_eq!(state.focus, Panel::Alarms);
    assert_eq!(command(&mut state, "event e1"), [Effect::Load(Topic::Event("e1".to_owned()))]);
    for wrong in ["frobnicate", "event", "go nowhere", "at yesterday"] {
        state.toast = None;
        assert_eq!(command(&mut state, wrong), []);
        assert!(state.toast.as_ref().is_some_and(|toast| toast.is_error), "{wrong}");
    }
}

#[test]
fn the_past_shows_nothing_of_the_present_and_l_is_live_again() {
    let mut state = state(samples::unhealthy());
    let now = state.now;
    let minute_ago = now - SignedDuration::from_mins(1);
    assert_eq!(typed(&mut state, "["), [Effect::Travel(Some(minute_ago))]);
    assert_eq!(state.shown_at(), minute_ago);
    assert!(state.snapshot.alarms.data.is_none() && state.events().is_empty());
    assert_eq!(state.snapshot.at, Some(minute_ago));
    let Update::Alarms(alarms) = Update::Alarms(Ok(samples::healthy().alarms.data.unwrap())) else { unreachable!() };
    update(&mut state, Event::Fetched(Box::new(Update::Alarms(alarms)), minute_ago));
    assert_eq!(state.now, now, "the past moves no clock");
    assert!(state.snapshot.alarms.data.is_some());
    assert_eq!(typed(&mut state, "]"), [Effect::Travel(None)], "a step that reaches now is live");
    typed(&mut state, "{");
    assert_eq!(typed(&mut state, "L"), [Effect::Travel(None)]);
    assert_eq!(typed(&mut state, "L"), [], "it is live already");
    assert_eq!(command(&mut state, "at 10m"), [Effect::Travel(Some(now - SignedDuration::from_mins(10)))]);
}

#[test]
fn data_that_grow_old_change_the_verdict_without_a_fetch() {
    let mut state = state(samples::healthy());
    assert_eq!(state.verdict.health, Health::Healthy);
    let later = state.now + SignedDuration::from_mins(2);
    update(&mut state, Event::Tick(later));
    assert_eq!(state.verdict.health, Health::Unknown);
}

#[test]
fn the_events_can_be_held_still_while_the_rest_goes_on() {
    let mut state = state(samples::healthy());
    typed(&mut state, "p");
    let mut events = samples::healthy().events.data.unwrap();
    "new".clone_into(&mut events[0].event_id);
    let now = state.now;
    update(&mut state, Event::Fetched(Box::new(Update::Events(Ok(events))), now));
    assert!(state.events().iter().all(|event| event.event_id != "new"));
    typed(&mut state, "p");
    assert!(state.events().iter().any(|event| event.event_id == "new"));
}

#[test]
fn what_was_said_goes_after_a_while() {
    let mut state = state(samples::healthy());
    update(&mut state, Event::Said("written".to_owned()));
    let now = state.now;
    update(&mut state, Event::Tick(now + SignedDuration::from_secs(7)));
    assert!(state.toast.is_some());
    update(&mut state, Event::Tick(now + SignedDuration::from_secs(8)));
    assert!(state.toast.is_none());
}

#[test]
fn what_is_selected_can_be_taken_along() {
    let mut state = state(samples::unhealthy());
    typed(&mut state, "2");
    let Some(Effect::Copy(name)) = typed(&mut state, "y").pop() else { panic!("nothing was copied") };
    let Some(Effect::Copy(link)) = typed(&mut state, "o").pop() else { panic!("no link") };
    assert!(link.contains(&name), "{link}");
    let Some(Effect::Export { file, value }) = typed(&mut state, "e").pop() else { panic!("no export") };
    assert_eq!(file.to_str(), Some("opsctl-alarms-20261122T121430Z.json"));
    assert_eq!(value["data"]["data"][0]["name"].as_str().map(str::is_empty), Some(false));
    state.endpoint = Some("http://127.0.0.1:1".to_owned());
    assert_eq!(typed(&mut state, "o"), [], "AWS's console does not have it");
}
