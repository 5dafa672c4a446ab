//! The settings: one call, cached, stale when they cannot be read.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use fake_aws::{FakeAws, Fault, world};
use pipeline::clock::ManualClock;
use pipeline::settings::{
    InUse, IngestionSettings, MAX_AGE, MAX_EARLIER_VERSIONS, NotificationSettings, ProcessingSettings, RETRY_AFTER,
    Settings, SettingsCache, SettingsError,
};
use serde_json::json;

const RULES: &str = r#"{"version":1,"rules":[{"id":"above","enabled":true,"severity":"info","symbols":["*"],
  "condition":{"kind":"price_above","threshold":"1"}}]}"#;

fn cache<S: Settings>(aws: &FakeAws) -> (SettingsCache<S>, Arc<ManualClock>) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    (SettingsCache::new(&aws.sdk_config(), world::PREFIX, clock.clone()), clock)
}

#[tokio::test]
async fn a_stage_reads_exactly_its_own_parameters_in_one_call() {
    let aws = FakeAws::pipeline();
    cache::<IngestionSettings>(&aws).0.get().await.unwrap();
    cache::<ProcessingSettings>(&aws).0.get().await.unwrap();
    cache::<NotificationSettings>(&aws).0.get().await.unwrap();
    assert_eq!(aws.operations(), ["GetParameters"; 3]);
    let names = |names: &[&str]| -> Vec<_> { names.iter().map(|name| format!("{}/{name}", world::PREFIX)).collect() };
    let asked: Vec<_> = aws.calls().into_iter().map(|call| call.request).collect();
    let ingestion = names(&["events-table", "audit-table", "event-bus-name", "ingestion/dlq-url", "ingestion/config"]);
    let processing = names(&[
        "events-table",
        "audit-table",
        "event-bus-name",
        "processing/dlq-url",
        "processing/config",
        "alert-rules",
    ]);
    let notification =
        names(&["audit-table", "alerts-topic-arn", "notification/dlq-url", "notification/config", "alert-rules"]);
    assert_eq!(asked, [json!({"Names": ingestion}), json!({"Names": processing}), json!({"Names": notification})]);
}

#[tokio::test]
async fn settings_are_typed() {
    let aws = FakeAws::pipeline();
    aws.set("ingestion/config", r#"{"max_future_skew_seconds":7,"event_retention_days":2}"#);
    let ingestion = cache::<IngestionSettings>(&aws).0.get().await.unwrap();
    assert_eq!(ingestion.max_future_skew, Duration::from_secs(7));
    assert_eq!(ingestion.retention, Some(Duration::from_hours(48)));
    aws.set("processing/config", r#"{"spread_wide_bps":12.5,"sequence_gap":3,"alert_tags":["crossed"]}"#);
    let processing = cache::<ProcessingSettings>(&aws).0.get().await.unwrap();
    assert_eq!(processing.window_size, 50);
    assert_eq!(processing.thresholds.spread_wide_bps.to_string(), "12.5");
    assert_eq!(processing.thresholds.sequence_gap, 3);
    assert_eq!(processing.thresholds.alert_tags, [market::business::Tag::Crossed]);
    aws.set("notification/config", r#"{"console_url_base":" ","runbook_url":"https://r"}"#);
    let notification = cache::<NotificationSettings>(&aws).0.get().await.unwrap();
    assert_eq!(
        (notification.console_url_base.as_deref(), notification.runbook_url.as_deref()),
        (None, Some("https://r"))
    );
}

#[tokio::test]
async fn settings_are_read_again_after_their_age_and_not_before() {
    let aws = FakeAws::pipeline();
    let (cache, clock) = cache::<IngestionSettings>(&aws);
    cache.get().await.unwrap();
    aws.set("events-table", "another");
    clock.advance(MAX_AGE.saturating_sub(Duration::from_secs(11)));
    assert_eq!(cache.get().await.unwrap().events_table, world::EVENTS);
    assert_eq!(aws.operations().len(), 1);
    clock.advance(Duration::from_secs(11));
    assert_eq!(cache.get().await.unwrap().events_table, "another");
    assert_eq!(aws.operations().len(), 2);
}

#[tokio::test]
async fn stale_settings_stay_in_use_and_are_tried_again_soon() {
    let aws = FakeAws::pipeline();
    let (cache, clock) = cache::<IngestionSettings>(&aws);
    cache.get().await.unwrap();
    aws.fail("GetParameters", 0, Fault::Refused(400, "ThrottlingException"));
    clock.advance(MAX_AGE);
    assert_eq!(cache.get().await.unwrap().events_table, world::EVENTS);
    aws.set("events-table", "another");
    assert_eq!(cache.get().await.unwrap().events_table, world::EVENTS, "not tried again at once");
    clock.advance(RETRY_AFTER);
    assert_eq!(cache.get().await.unwrap().events_table, "another");
    assert_eq!(aws.operations().len(), 3);
}

#[tokio::test]
async fn without_any_settings_the_error_names_the_parameter_and_the_remedy() {
    let aws = FakeAws::pipeline();
    aws.delete_parameter("/market-data/test/ingestion/dlq-url");
    let (cache, _) = cache::<IngestionSettings>(&aws);
    let error = cache.get().await.unwrap_err();
    assert_eq!(error, SettingsError::Missing(vec!["/market-data/test/ingestion/dlq-url".to_owned()]));
    assert!(error.to_string().contains("terraform apply"), "{error}");
    aws.set("ingestion/dlq-url", " ");
    assert!(matches!(cache.get().await, Err(SettingsError::Missing(_))), "blank is missing");
    aws.set("ingestion/dlq-url", "https://q");
    aws.set("ingestion/config", "{");
    let error = cache.get().await.unwrap_err().to_string();
    assert!(error.contains("/market-data/test/ingestion/config is not valid"), "{error}");
    aws.set("ingestion/config", "{}");
    cache.get().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_denied_says_where_to_look() {
    let aws = FakeAws::pipeline();
    aws.fail("GetParameters", 0, Fault::Refused(400, "AccessDeniedException"));
    let error = cache::<IngestionSettings>(&aws).0.get().await.unwrap_err().to_string();
    assert!(
        error.starts_with("failed to read the parameters below /market-data/test: AccessDeniedException"),
        "{error}"
    );
    assert!(error.ends_with("check the policy of the function's role"), "{error}");
}

#[tokio::test]
async fn a_window_out_of_range_is_refused() {
    let aws = FakeAws::pipeline();
    for bad in [r#"{"window_size":0}"#, r#"{"window_size":501}"#] {
        aws.set("processing/config", bad);
        let error = cache::<ProcessingSettings>(&aws).0.get().await.unwrap_err().to_string();
        assert!(error.contains("window_size must be 1 to 500"), "{error}");
    }
}

#[tokio::test]
async fn a_bad_rules_document_leaves_the_last_good_one_in_use_and_lets_the_rest_change() {
    let aws = FakeAws::pipeline();
    aws.set("alert-rules", RULES);
    let (cache, clock) = cache::<ProcessingSettings>(&aws);
    assert_eq!(cache.get().await.unwrap().rules.document.rules.len(), 1);
    aws.set("alert-rules", r#"{"version":1,"rules":[{"id":"NOT VALID"}]}"#);
    aws.set("processing/config", r#"{"window_size":9}"#);
    clock.advance(MAX_AGE);
    let settings = cache.get().await.unwrap();
    assert_eq!((settings.rules.document.rules.len(), settings.window_size), (1, 9));
    aws.set("alert-rules", r#"{"version":1,"rules":[]}"#);
    clock.advance(MAX_AGE);
    assert_eq!(cache.get().await.unwrap().rules.document.rules.len(), 0);
}

#[tokio::test]
async fn a_stage_that_starts_with_a_bad_rules_document_uses_the_last_good_version() {
    let aws = FakeAws::pipeline();
    for version in [r#"{"version":1,"rules":[]}"#, RULES, "nonsense", r#"{"version":2}"#] {
        aws.set("alert-rules", version);
    }
    let (cache, clock) = cache::<NotificationSettings>(&aws);
    let settings = cache.get().await.unwrap();
    assert_eq!((settings.rules.document.rules.len(), settings.rules.in_use), (1, InUse::Earlier(3)));
    let asked = |call: fake_aws::Call| call.request["Names"].as_array().unwrap().len();
    assert_eq!(aws.calls().into_iter().map(asked).collect::<Vec<_>>(), [5, 1, 1], "one by one, the latest first");

    clock.advance(MAX_AGE);
    let settings = cache.get().await.unwrap();
    assert_eq!((settings.rules.document.rules.len(), settings.rules.in_use), (1, InUse::Kept));
    assert_eq!(aws.calls().len(), 4, "what it has it does not look for again");

    aws.set("alert-rules", RULES);
    clock.advance(MAX_AGE);
    assert_eq!(cache.get().await.unwrap().rules.in_use, InUse::Current);
}

#[tokio::test]
async fn a_stage_works_without_rules_when_no_version_is_valid_and_goes_on_looking() {
    let aws = FakeAws::pipeline();
    for _ in 0..=MAX_EARLIER_VERSIONS {
        aws.set("alert-rules", "nonsense");
    }
    let (cache, clock) = cache::<ProcessingSettings>(&aws);
    let settings = cache.get().await.unwrap();
    assert_eq!((settings.rules.document.rules.len(), settings.rules.in_use), (0, InUse::None));
    assert_eq!(aws.calls().len(), 1 + MAX_EARLIER_VERSIONS);
    clock.advance(MAX_AGE);
    assert_eq!(cache.get().await.unwrap().rules.in_use, InUse::None);
    assert_eq!(aws.calls().len(), 2 * (1 + MAX_EARLIER_VERSIONS));

    aws.delete_parameter("/market-data/test/alert-rules");
    assert!(
        self::cache::<NotificationSettings>(&aws).0.get().await.is_err(),
        "no document at all is a missing parameter"
    );
}

#[tokio::test]
async fn earlier_rules_that_may_be_there_are_not_done_without() {
    let aws = FakeAws::pipeline();
    aws.set("alert-rules", RULES);
    aws.set("alert-rules", "nonsense");
    let (cache, _) = cache::<ProcessingSettings>(&aws);
    aws.fail("GetParameters", 1, Fault::Refused(400, "ThrottlingException"));
    let error = cache.get().await.unwrap_err().to_string();
    assert!(error.starts_with("failed to read the parameters below /market-data/test: Throttling"), "{error}");
    assert_eq!(cache.get().await.unwrap().rules.in_use, InUse::Earlier(2), "the next attempt looks again");
    // What is not allowed will not be allowed at the next attempt either: better an alert less than no event at all.
    let (cache, _) = self::cache::<ProcessingSettings>(&aws);
    aws.fail("GetParameters", 1, Fault::Refused(400, "AccessDeniedException"));
    assert_eq!(cache.get().await.unwrap().rules.in_use, InUse::None);
}
