//! What the domain's part of an event costs: time, and allocations.
//!
//! `cargo bench --package market --profile lambda` measures with the optimisation that is shipped. The events are real
//! ones (tests/data/btcusdt-2021-01-08.jsonl), a different one every time, so that no branch is learnt by heart.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on should stop there and say where")]

use std::{collections::BTreeMap, fs, hint::black_box, path::Path, time::Duration};

use divan::{AllocProfiler, Bencher};
use market::{
    business::{self, Thresholds},
    derived::{AlertDetail, ValidatedDetail},
    enrichment::{Enrichment, enrich},
    envelope::Envelope,
    event::{MarketEvent, Receipt, canonical_json, validate},
    indicators::compute,
    message::{self, Links},
    observation::Observation,
    rules::{Facts, References, RulesDocument, evaluate, references, required_windows},
    time,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Sizes of the window: the indicators' period and the default of `window_size`.
const WINDOWS: [usize; 2] = [20, 50];

fn main() {
    divan::main();
}

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// What a function gets: the real events in their envelopes.
fn payloads() -> Vec<String> {
    let envelope = |(index, detail): (usize, &str)| {
        format!(
            r#"{{"version":"0","id":"00000000-0000-4000-8000-{index:012}","detail-type":"MarketData.Raw","source":"marketdata.feed.bench","account":"000000000000","time":"2021-01-08T00:01:00Z","region":"us-east-1","resources":[],"detail":{detail}}}"#
        )
    };
    file("tests/data/btcusdt-2021-01-08.jsonl").lines().enumerate().map(envelope).collect()
}

fn validated(payload: &str) -> MarketEvent {
    let envelope = Envelope::parse(payload.as_bytes()).unwrap();
    let received_at = time::parse("2021-01-08T00:01:00Z").unwrap();
    validate(&envelope.detail, &Receipt::new(&envelope, received_at, Duration::from_mins(5))).unwrap()
}

/// An event with the window before it.
struct Case {
    event: MarketEvent,
    window: Vec<Observation>,
}

/// Every real event that has a full window of its own type.
fn cases(size: usize) -> Vec<Case> {
    let events: Vec<MarketEvent> = payloads().iter().map(|payload| validated(payload)).collect();
    let case = |(index, event): (usize, &MarketEvent)| {
        let alike = events[..index].iter().rev().filter(|earlier| earlier.event_type() == event.event_type());
        let window = Observation::window_before(event, alike.take(size).map(Observation::of).collect());
        (window.len() == size).then(|| Case { event: event.clone(), window })
    };
    events.iter().enumerate().filter_map(case).collect()
}

/// The rules that are deployed unless another file is named.
fn rules() -> RulesDocument {
    RulesDocument::parse(&file("lib/envs/alert-rules.json")).unwrap()
}

fn enriched(case: &Case, rules: &RulesDocument) -> (Enrichment, References) {
    let oldest = case.window.first().cloned();
    let moves: BTreeMap<_, _> =
        required_windows(rules, &case.event).into_iter().map(|seconds| (seconds, oldest.clone())).collect();
    (enrich(&case.event, &case.window), references(&case.event, &case.window, &moves))
}

/// Runs `work` on one of the cases after the other.
fn bench_each<C, T>(bencher: Bencher<'_, '_>, cases: &[C], work: impl Fn(&C) -> T) {
    let mut next = cases.iter().cycle();
    bencher
        .counter(divan::counter::ItemsCount::new(1_usize))
        .bench_local(|| next.next().map(|case| work(black_box(case))));
}

/// From bytes to a valid event, as ingestion does.
#[divan::bench]
fn parse_and_validate(bencher: Bencher<'_, '_>) {
    bench_each(bencher, &payloads(), |payload| validated(payload));
}

/// The payload that is stored.
#[divan::bench]
fn canonical_payload(bencher: Bencher<'_, '_>) {
    let details: Vec<_> =
        payloads().iter().map(|payload| Envelope::parse(payload.as_bytes()).unwrap().detail).collect();
    bench_each(bencher, &details, canonical_json);
}

/// A Validated event to text and back, as it passes the bus.
#[divan::bench]
fn validated_over_the_bus(bencher: Bencher<'_, '_>) {
    let details: Vec<_> =
        payloads().iter().map(|payload| ValidatedDetail::new(validated(payload), None, None)).collect();
    bench_each(bencher, &details, |detail| {
        let text = serde_json::to_string(detail).unwrap();
        ValidatedDetail::from_json(&serde_json::from_str(&text).unwrap()).unwrap()
    });
}

/// All indicators of an event.
#[divan::bench(args = WINDOWS)]
fn indicators(bencher: Bencher<'_, '_>, size: usize) {
    bench_each(bencher, &cases(size), |case| compute(&case.event, &case.window));
}

/// The business rules on an enriched event.
#[divan::bench]
fn tags(bencher: Bencher<'_, '_>) {
    let thresholds = Thresholds::default();
    let cases: Vec<_> = cases(50).into_iter().map(|case| (enrich(&case.event, &case.window), case)).collect();
    bench_each(bencher, &cases, |(enrichment, case)| business::tag(&case.event, &case.window, enrichment, &thresholds));
}

/// The shipped alert rules on an enriched event; hardly any fires.
#[divan::bench]
fn alert_rules(bencher: Bencher<'_, '_>) {
    let rules = rules();
    let cases: Vec<_> = cases(50).into_iter().map(|case| (enriched(&case, &rules), case)).collect();
    bench_each(bencher, &cases, |((enrichment, references), case)| {
        evaluate(&rules, &Facts { event: &case.event, enrichment, references, tags: &[] })
    });
}

/// All that processing thinks about an event: indicators, references, tags, alert rules.
#[divan::bench(args = WINDOWS)]
fn judge(bencher: Bencher<'_, '_>, size: usize) {
    let (rules, thresholds) = (rules(), Thresholds::default());
    bench_each(bencher, &cases(size), |case| {
        let (enrichment, references) = enriched(case, &rules);
        let tags = business::tag(&case.event, &case.window, &enrichment, &thresholds);
        evaluate(&rules, &Facts { event: &case.event, enrichment: &enrichment, references: &references, tags: &tags })
    });
}

/// The mail of one rule that fired.
#[divan::bench]
fn mail(bencher: Bencher<'_, '_>) {
    let rules = RulesDocument::parse(
        r#"{"version":1,"rules":[{"id":"always","severity":"info","symbols":["*"],
            "condition":{"kind":"price_above","threshold":"1","trigger":"level"}}]}"#,
    )
    .unwrap();
    let alert = |case: Case| {
        let (enrichment, references) = enriched(&case, &rules);
        let metadata = ValidatedDetail::new(case.event.clone(), None, None).metadata;
        let detail = AlertDetail::new(case.event, enrichment, references, vec![], vec![], &metadata, None);
        (evaluate(&rules, &detail.facts()).remove(0), detail)
    };
    let alerts: Vec<_> = cases(50).into_iter().map(alert).collect();
    bench_each(bencher, &alerts, |(firing, detail)| message::render(firing, detail, &Links::default(), false));
}
