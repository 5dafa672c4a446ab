//! Real events, repeated and in any order, in concurrent invocations whose calls are interleaved in any way: every event is
//! processed once, from numbers that can be recomputed, and told about once.

use std::collections::{BTreeMap, BTreeSet};

use faults::{Action, Fault, World};
use market::enrichment::enrich;
use market::event::{MarketEvent, canonical_json};
use market::observation::Observation;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{event_of, plain, real_trades, rows_by_id};

/// Thresholds in the middle of the prices of that day's first minute; the second rule asks for a change, so that whether it
/// fires depends on what had arrived.
const RULES: &str = r#"{"version":1,"rules":[
  {"id":"level","enabled":true,"severity":"critical","symbols":["BTC*"],"cooldown_seconds":300,
   "condition":{"kind":"price_above","threshold":"39440","trigger":"level"}},
  {"id":"crossing","enabled":true,"severity":"info","symbols":["BTC*"],"cooldown_seconds":0,
   "condition":{"kind":"price_above","threshold":"39435"}}]}"#;

/// What a scheduler does at its next steps.
#[derive(Debug, Clone)]
struct Plan {
    /// Positions in the feed, in the order of their publication.
    feed: Vec<usize>,
    /// Which of the possible actions, modulo their number; the first one when there are no more choices.
    choices: Vec<u16>,
    /// Deliveries that Lambda makes twice: at which step, and which of those that wait.
    repeats: Vec<(usize, usize)>,
    /// Calls that go wrong, by their number.
    faults: Vec<(usize, Fault)>,
}

fn plans(faults: impl Strategy<Value = Vec<(usize, Fault)>>) -> impl Strategy<Value = Plan> {
    let feed = prop::collection::vec(0..6_usize, 1..8);
    let choices = prop::collection::vec(any::<u16>(), 0..200);
    let repeats = prop::collection::vec((0..100_usize, any::<usize>()), 0..3);
    (feed, choices, repeats, faults).prop_map(|(feed, choices, repeats, faults)| Plan {
        feed,
        choices,
        repeats,
        faults,
    })
}

fn no_faults() -> impl Strategy<Value = Vec<(usize, Fault)>> {
    Just(Vec::new())
}

fn two_faults() -> impl Strategy<Value = Vec<(usize, Fault)>> {
    prop::collection::vec((0..80_usize, prop::sample::select(Fault::ALL.to_vec())), 1..=2)
}

/// The feed: six trades from the first seconds of the day.
fn feed() -> Vec<Value> {
    real_trades().into_iter().step_by(17).take(6).collect()
}

fn run(plan: &Plan) -> World {
    let mut world = World::new(RULES, "2021-01-08T00:02:00Z".parse().unwrap());
    let feed = feed();
    for position in &plan.feed {
        world.publish(&feed[*position]);
    }
    let (mut step, mut calls) = (0, 0);
    loop {
        if let Some((_, position)) = plan.repeats.iter().find(|(at, _)| *at == step) {
            world.repeat(*position);
        }
        let actions = world.actions();
        let Some(action) =
            actions.get(usize::from(plan.choices.get(step).copied().unwrap_or(0)) % actions.len().max(1))
        else {
            return world;
        };
        let is_call = matches!(action, Action::Call(_));
        let fault = plan.faults.iter().find(|(at, _)| is_call && *at == calls).map(|(_, fault)| *fault);
        world.act(action, fault);
        step += 1;
        calls += usize::from(is_call);
    }
}

/// Each event that was published is stored as it came and processed, once, and its numbers are those of the window that
/// the audit trail names.
fn check_rows(world: &World, plan: &Plan) {
    let feed = feed();
    let published: BTreeMap<_, _> =
        plan.feed.iter().map(|position| (feed[*position]["event_id"].as_str().unwrap(), &feed[*position])).collect();
    let rows = rows_by_id(world);
    assert!(rows.keys().eq(published.keys()), "{rows:#?}");
    let events: BTreeMap<String, MarketEvent> =
        published.iter().map(|(id, detail)| ((*id).to_owned(), event_of(detail))).collect();
    for (id, row) in &rows {
        assert_eq!(row["status"]["S"], "PROCESSED", "{row}");
        assert_eq!(row["payload"]["S"], canonical_json(published[id.as_str()]).as_str());
    }
    let audit = world.aws.items(fake_aws::world::AUDIT);
    let mut done = BTreeSet::new();
    for entry in audit.iter().filter(|entry| entry["stage"]["S"] == "processing" && entry["status"]["S"] == "PROCESSED")
    {
        let id = entry["event_id"]["S"].as_str().unwrap();
        assert!(done.insert(id), "{id} was processed twice");
        let event = &events[id];
        let window = entry["window_event_ids"]["L"].as_array().unwrap().iter();
        let window = window.map(|id| Observation::of(&events[id["S"].as_str().unwrap()])).collect();
        let window: Vec<_> = Observation::window_before(event, window);
        let computed: Value = serde_json::from_str(&serde_json::to_string(&enrich(event, &window)).unwrap()).unwrap();
        assert_eq!(plain(&rows[id]["enrichment"]), computed, "{id} from {window:?}");
    }
    if plan.faults.is_empty() {
        assert_eq!(done.len(), rows.len(), "every processed row has its audit row");
    }
}

/// Who must be told about what: the rules that the rows say, by rule and window.
fn due(world: &World) -> BTreeMap<String, BTreeSet<String>> {
    let mut due: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (id, row) in rows_by_id(world) {
        for rule in row["alert_rules"]["L"].as_array().into_iter().flatten() {
            let about = match rule["S"].as_str().unwrap() {
                "level" => "cooldown#level#BTCUSDT#2021-01-08T00:00:00.000000Z".to_owned(),
                rule => format!("cooldown#{rule}#BTCUSDT#{id}"),
            };
            due.entry(about).or_default().insert(id.clone());
        }
    }
    due
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_processes_and_tells_once(plan in plans(no_faults())) {
        let world = run(&plan);
        check_rows(&world, &plan);
        let outcome = world.outcome();
        let told: BTreeMap<_, _> = outcome.told().into_iter().map(|(about, mails)| (about.to_owned(), mails)).collect();
        let expected: BTreeMap<_, _> = due(&world).into_keys().map(|about| (about, vec![false])).collect();
        prop_assert_eq!(told, expected);
        prop_assert_eq!(&world.dead_letters, &[]);
        prop_assert!(outcome.rejected.is_empty());
    }

    #[test]
    fn two_faults_in_any_interleaving_lose_nothing(plan in plans(two_faults())) {
        let world = run(&plan);
        check_rows(&world, &plan);
        let outcome = world.outcome();
        prop_assert!(outcome.rejected.is_empty());
        let told = outcome.told();
        let due = due(&world);
        prop_assert!(told.keys().all(|about| due.contains_key(*about)), "{told:?}");
        for (about, causes) in &due {
            let mails = told.get(about.as_str()).map(Vec::as_slice).unwrap_or_default();
            prop_assert!(mails.len() <= 2 && mails.iter().skip(1).all(|again| *again), "{about}: {mails:?}");
            // Else a person is told by the dead letter of the event that should have told.
            let left = world.dead_letters.iter().any(|letter| causes.iter().any(|id| letter.body.contains(id)));
            prop_assert!(!mails.is_empty() || left, "{about}: {:?}", world.dead_letters);
        }
    }
}
