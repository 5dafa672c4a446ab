//! `opsctl replay`: started, watched, cancelled while it runs; no second effect, no mail, no rule that was not asked for.

use end_to_end::Stack;
use end_to_end::events::{id, time, trade, unique};
use serde_json::{Value, json};

async fn opsctl(stack: &Stack, args: &[&str]) -> (Option<i32>, Value) {
    let (code, out, err) =
        stack.opsctl(&[&["-o", "json", "--yes", "replay"], args].concat()).await.expect("opsctl runs");
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}{err}")))
}

/// Seconds suffice: the archive goes by the second at which an event was published.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time of which the archive has nothing but what comes after this.
async fn fresh_second() -> String {
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    now()
}

#[tokio::test]
async fn a_replay_is_started_and_watched_to_its_end_and_only_repairs() {
    let (stack, _guard) = Stack::exclusive().await;
    let from = fresh_second().await;
    let symbol = unique("REPLAY");
    let events: Vec<_> = (0..3).map(|n| trade(&symbol, "100", &time(10 - n))).collect();
    stack.publish(&events).await;
    for event in &events {
        stack.processed(event).await;
    }
    stack.forget(&events[0]).await;
    let to = fresh_second().await;

    let span = ["--from", &from, "--to", &to];
    let (code, shown) = opsctl(&stack, &[&["start"], &span[..], &["--dry-run"]].concat()).await;
    assert_eq!((code, &shown["started"]), (Some(0), &json!(false)));
    assert_eq!(shown["preview"]["calls"][0]["action"], "StartReplay");
    let (_, before) = opsctl(&stack, &["list", "--limit", "1000"]).await;
    let name = shown["plan"]["name"].as_str().expect("a name");
    assert!(!before.to_string().contains(name), "a dry run starts nothing");

    let (code, done) = opsctl(&stack, &[&["start"], &span[..], &["--wait"]].concat()).await;
    let name = done["plan"]["name"].as_str().expect("a name");
    assert_eq!((code, &done["watch"]["replay"]["state"]), (Some(0), &json!("completed")), "{done}");
    assert!(!before.to_string().contains(name), "every replay has a name of its own");

    // What was lost is there again; what was not is recognised. Only ingestion got the replayed events: processing sees but
    // what ingestion published of the lost one.
    let restored = stack.processed(&events[0]).await;
    assert_eq!(restored["replay"].as_s().map(String::as_str), Ok(name));
    for event in &events[1..] {
        stack.audited(id(event), "ingestion", "DUPLICATE").await;
        assert_eq!(stack.audit_statuses(id(event), "processing").await, ["PROCESSED"]);
    }

    let (code, watched) = opsctl(&stack, &["watch", name]).await;
    assert_eq!((code, &watched["replay"]["state"]), (Some(0), &json!("completed")), "one that is over is only shown");
    let (code, over) = opsctl(&stack, &["cancel", name]).await;
    assert_eq!((code, &over["cancelled"]), (Some(0), &json!(false)), "one that is over is not cancelled: {over}");
    for command in ["watch", "cancel"] {
        let (code, _, err) = stack.opsctl(&["--yes", "replay", command, "mistyped"]).await.expect("opsctl runs");
        assert!(code == Some(2) && err.contains("opsctl replay list"), "{code:?} {err}");
    }
    let again = [&["start"], &span[..], &["--name", name]].concat();
    let (code, _, err) = stack.opsctl(&[&["--yes", "replay"], &again[..]].concat()).await.expect("opsctl runs");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains(name) && err.contains("already exists"), "{err}");
}

#[tokio::test]
async fn a_replay_is_cancelled_while_it_runs() {
    let (stack, _guard) = Stack::exclusive().await;
    let from = fresh_second().await;
    // Events that no rule takes: they only make the replay long.
    let filler = json!({ "nothing": "to do" });
    let calls = (0..100).map(|_| {
        let entries = (0..10).map(|_| stack.entry("Filler", "test.filler", &filler, None)).collect();
        stack.eventbridge.put_events().set_entries(Some(entries)).send()
    });
    for call in calls {
        call.await.expect("PutEvents");
    }
    let late = trade(&unique("LATE"), "100", &time(0));
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    stack.publish(std::slice::from_ref(&late)).await;
    stack.processed(&late).await;
    let to = fresh_second().await;

    let (code, started) = opsctl(&stack, &["start", "--from", &from, "--to", &to]).await;
    let name = started["plan"]["name"].as_str().expect("a name");
    assert_eq!((code, &started["started"]), (Some(0), &json!(true)));
    let (code, cancelled) = opsctl(&stack, &["cancel", name]).await;
    assert_eq!((code, &cancelled["cancelled"]), (Some(0), &json!(true)), "{cancelled}");
    let (code, watched) = opsctl(&stack, &["watch", name]).await;
    assert_eq!((code, &watched["replay"]["state"]), (Some(5), &json!("cancelled")), "{watched}");
    assert_eq!(stack.audit_statuses(id(&late), "ingestion").await, ["STORED"], "it never came to the late one");

    let run = cancelled["run"].as_str().expect("has a run");
    let (code, out, _) = stack.opsctl(&["-o", "json", "journal", "show", run]).await.expect("opsctl runs");
    assert_eq!(code, Some(0));
    assert!(out.contains("\"outcome\": \"done\""), "{out}");
}

#[tokio::test]
async fn replayed_alerts_send_no_mail() {
    let (stack, _guard) = Stack::exclusive().await;
    let from = fresh_second().await;
    // Ten per cent within a minute: a rule of lib/envs/alert-rules.json fires.
    let symbol = unique("MUTED");
    let [calm, jump] = [("100", 10_000), ("110", 0)].map(|(price, ago)| trade(&symbol, price, &time(ago)));
    for event in [&calm, &jump] {
        stack.publish(std::slice::from_ref(event)).await;
        stack.processed(event).await;
    }
    stack.audited(id(&jump), "notification", "SENT").await;
    stack.forget(&jump).await;
    let to = fresh_second().await;
    let (code, done) = opsctl(&stack, &["start", "--from", &from, "--to", &to, "--wait"]).await;
    assert_eq!(code, Some(0), "{done}");
    assert_eq!(done["plan"]["mail"], json!({ "mail": "rules", "rules": [] }));
    stack.audited(id(&jump), "notification", "REPLAY_MUTED").await;
    let statuses = stack.audit_statuses(id(&jump), "notification").await;
    assert_eq!(statuses, ["SENT", "REPLAY_MUTED"], "no second mail");
}
