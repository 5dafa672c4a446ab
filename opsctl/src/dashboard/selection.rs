//! What the selected thing gives: text to copy, an address in AWS's console, a value to export.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::event::Effect;
use super::links;
use super::pages::{Loaded, Topic};
use super::rows::{List, Panel};
use super::state::State;

/// What to copy of the selected thing: its name or id, of a letter its body.
pub fn text(state: &State) -> Option<String> {
    let list = state.list();
    let index = state.cursor().position(&list);
    if let Some(page) = state.pages.last() {
        return Some(match (&page.topic, index) {
            (Topic::Letters(_), Some(index)) => page.letters()?.get(index)?.body.clone(),
            (Topic::Stage(stage) | Topic::Letters(stage), _) => stage.to_string(),
            (Topic::Alarm(name), _) => name.clone(),
            (Topic::Letter(letter), _) => letter.body.clone(),
            (Topic::Traces(_), Some(index)) => page.traces()?.get(index)?.id.clone(),
            (Topic::Report(paper), _) => paper.copy.clone(),
            (Topic::Event(text) | Topic::Traces(text) | Topic::Trace(text), _) => text.clone(),
        });
    }
    let index = index?;
    Some(match &list {
        List::Findings(findings) => format!("{}: {}", findings[index].message, findings[index].action),
        List::Stages => state.stack.stages.get(list.stage(index)?).function_name.clone(),
        List::Alarms(alarms) => alarms[index].name.clone(),
        List::Letters(rows) => match rows[index].cause {
            Some(cause) => cause.example.clone(),
            None => rows[index].queue.name.clone(),
        },
        List::Services(services) => services[index].name.clone(),
        List::Events(events) => events[index].event_id.clone(),
        List::None | List::Lines(_) | List::Keyed(_) => return None,
    })
}

/// The address of the selected thing in AWS's console; an error says why there is none.
pub fn link(state: &State) -> Result<String, String> {
    if let Some(endpoint) = &state.endpoint {
        return Err(format!("AWS's console does not show what is at {endpoint}"));
    }
    let stack = &state.stack;
    let function = |stage| links::function(stack, &stack.stages.get(stage).function_name);
    if let Some(page) = state.pages.last() {
        return Ok(match &page.topic {
            Topic::Stage(stage) => function(*stage),
            Topic::Alarm(name) => links::alarm(stack, name),
            Topic::Letters(stage) => links::queue(stack, &stack.stages.get(*stage).dlq_url),
            Topic::Letter(letter) => links::queue(stack, &stack.stages.get(letter.stage).dlq_url),
            Topic::Event(_) => match &page.data.data {
                Some(Loaded::Event(detail)) if !detail.rows.is_empty() => {
                    links::item(stack, &detail.rows[0].event.key())
                }
                _ => return Err("no row of it is known".to_owned()),
            },
            Topic::Traces(_) => links::traces(stack),
            Topic::Trace(id) => links::trace(stack, id),
            Topic::Report(_) => return Err("AWS's console does not know it; `opsctl journal` does".to_owned()),
        });
    }
    let list = state.list();
    let nothing = || "nothing is selected that AWS's console shows".to_owned();
    let index = state.cursor().position(&list).ok_or_else(nothing)?;
    match &list {
        List::Alarms(alarms) => Ok(links::alarm(stack, &alarms[index].name)),
        List::Letters(rows) => Ok(links::queue(stack, &stack.stages.get(rows[index].queue.stage).dlq_url)),
        List::Services(_) => Ok(links::traces(stack)),
        List::Events(events) => Ok(links::item(stack, &events[index].key())),
        list => list.stage(index).map(function).ok_or_else(nothing),
    }
}

/// The effect that writes the page on top, or else the panel with the focus, to a file in the current directory.
pub fn export(state: &State) -> Effect {
    let stamp = state.shown_at().strftime("%Y%m%dT%H%M%SZ");
    let snapshot = &state.snapshot;
    let (name, data) = match state.pages.last() {
        Some(page) => {
            let about = match &page.topic {
                Topic::Letter(letter) => json!({"letter": letter, "body": letter.body}),
                Topic::Stage(stage) => {
                    json!(snapshot.metrics.data.iter().flatten().find(|metrics| metrics.stage == *stage))
                }
                Topic::Alarm(name) => json!(snapshot.alarms.data.iter().flatten().find(|alarm| alarm.name == *name)),
                Topic::Report(paper) => paper.value.clone(),
                Topic::Letters(_) | Topic::Event(_) | Topic::Traces(_) | Topic::Trace(_) => Value::Null,
            };
            ("page", json!({"title": page.topic.title(), "about": about, "data": page.data}))
        }
        None => (
            state.focus.name(),
            match state.focus {
                Panel::Verdict => json!(state.verdict),
                Panel::Pipeline => json!({"metrics": snapshot.metrics, "functions": snapshot.functions}),
                Panel::Alarms => json!(snapshot.alarms),
                Panel::Letters => json!(snapshot.dead_letters),
                Panel::Latencies => json!(snapshot.latencies),
                Panel::Events => json!({"filter": state.filter, "events": state.events()}),
            },
        ),
    };
    let value = json!({"stack": snapshot.stack, "shown_at": state.shown_at(), "panel": name, "data": data});
    Effect::Export { file: PathBuf::from(format!("opsctl-{name}-{stamp}.json")), value: Box::new(value) }
}
