//! A thousand alerting events on one symbol within a minute.

use faults::World;

use crate::support::trade_at;

/// Two rules that hold for every one of the events; one that never does.
const RULES: &str = r#"{"version":1,"rules":[
  {"id":"above-100","enabled":true,"severity":"critical","symbols":["*"],"cooldown_seconds":300,
   "condition":{"kind":"price_above","threshold":"100","trigger":"level"}},
  {"id":"above-110","enabled":true,"severity":"warning","symbols":["*"],"cooldown_seconds":900,
   "condition":{"kind":"price_above","threshold":"110","trigger":"level"}},
  {"id":"above-999","enabled":true,"severity":"info","symbols":["*"],
   "condition":{"kind":"price_above","threshold":"999","trigger":"level"}}]}"#;

const EVENTS: u64 = 1000;

/// Ten environments a stage, and calls carried out in no order in particular.
#[test]
fn a_storm_of_alerts_is_one_mail_a_rule_and_window_and_the_rest_is_audited() {
    let mut world = World::new(RULES, "2021-01-08T00:02:00Z".parse().unwrap());
    for number in 0..EVENTS {
        world.publish(&trade_at(&format!("storm-{number}"), &format!("{:09.6}", number_of(number)), "115"));
    }
    // A linear congruential generator (Knuth's MMIX): the same storm each time.
    let mut random = 42_u64;
    loop {
        let actions = world.actions();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let Some(action) = actions.get(usize::try_from(random >> 33).unwrap() % actions.len().max(1)) else { break };
        world.act(action, None);
    }

    let outcome = world.outcome();
    let window = |rule: &str| format!("cooldown#{rule}#BTCUSDT#2021-01-08T00:00:00.000000Z");
    let told: Vec<_> = outcome.told().into_iter().map(|(about, mails)| (about.to_owned(), mails)).collect();
    assert_eq!(told, [(window("above-100"), vec![false]), (window("above-110"), vec![false])]);
    let audit = world.aws.audit();
    let count =
        |stage: &str, status: &str| audit.iter().filter(|(id, is)| id.ends_with(stage) && is == status).count() as u64;
    assert_eq!(count("#ingestion", "STORED"), EVENTS);
    assert_eq!(count("#processing", "PROCESSED"), EVENTS);
    let sent = count("#notification", "SENT");
    assert!((1..=2).contains(&sent), "one event, or one for each rule: {sent}");
    assert_eq!(count("#notification", "SUPPRESSED"), EVENTS - sent);
    assert_eq!(audit.len() as u64, 3 * EVENTS, "one attempt each");
    assert_eq!(world.dead_letters, []);
}

/// Seconds within the minute, one event every 60 ms.
fn number_of(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap()) * 0.06
}
