//! `opsctl redrive dlq` on a real queue: every letter is processed once and gone, whatever is done to the process and to its
//! calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use end_to_end::Stack;
use end_to_end::events::{id, text, unique};
use end_to_end::letters::real_events;
use end_to_end::proxy::{Fault, Proxy};
use end_to_end::stack::opsctl_command;
use end_to_end::wait::{PATIENCE, until};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::sleep;

/// Letters of one test, and the journal of its runs.
pub(crate) struct Letters {
    pub(crate) stack: Stack,
    pub(crate) symbol: String,
    pub(crate) events: Vec<Value>,
    journal: tempfile::TempDir,
}

impl Letters {
    /// Real events in ingestion's queue, as Lambda leaves them there.
    pub(crate) async fn new(stack: Stack, count: usize) -> Self {
        let symbol = unique("RED");
        let events = real_events(count, &symbol);
        stack.fill(&stack.stages.ingestion, &events).await;
        Self { stack, symbol, events, journal: tempfile::tempdir().expect("a directory") }
    }

    pub(crate) fn journal(&self) -> &str {
        self.journal.path().to_str().expect("UTF-8")
    }

    /// True once a plan is saved.
    fn has_begun(&self) -> bool {
        let files = std::fs::read_dir(self.journal()).expect("the directory");
        let texts = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
        texts.into_iter().any(|text| text.contains(r#""record":"plan_complete""#))
    }

    /// What every redrive of these letters is told.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let journal = ["--journal-dir", self.journal(), "--output", "json", "--yes", "redrive", "dlq", "ingestion"];
        journal.into_iter().chain(["--symbol", self.symbol.as_str(), "--execute", "--hold", "5"]).collect()
    }

    /// Each event is processed once, no letter is left, and the journal tells all of it.
    pub(crate) async fn check(&self) {
        let Self { stack, symbol, events, .. } = self;
        for event in events {
            stack.processed(event).await;
        }
        let rows = stack.rows_of(symbol).await;
        assert_eq!(rows.len(), events.len(), "none lost, none twice");
        let mut unanswered = 0;
        for event in events {
            let attempts = stack.processing_attempts(id(event)).await;
            unanswered += usize::from(!attempts.iter().any(|attempt| text(attempt, "status") == Some("PROCESSED")));
        }
        assert!(unanswered <= events.len() / 20 + 1, "{unanswered} updates whose answer was lost");
        let left = stack.take_dead_letters(&stack.stages.ingestion, symbol).await;
        assert!(left.is_empty(), "{} letters are left: {:?}", left.len(), left.first());
        let journal = Journal::read(self.journal.path());
        let ids: BTreeSet<String> = events.iter().map(|event| id(event).to_owned()).collect();
        assert_eq!(journal.planned.values().cloned().collect::<BTreeSet<_>>(), ids, "every body was saved");
        let planned: BTreeSet<String> = journal.planned.keys().cloned().collect();
        assert_eq!(journal.accepted, planned, "every acceptance is written down");
    }
}

/// What the journals of a directory say.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Event ids by message id.
    pub(crate) planned: BTreeMap<String, String>,
    pub(crate) accepted: BTreeSet<String>,
    pub(crate) proven: BTreeSet<String>,
    pub(crate) deleted: BTreeSet<String>,
    pub(crate) outcomes: Vec<String>,
}

impl Journal {
    pub(crate) fn read(dir: &Path) -> Self {
        let mut journal = Self::default();
        for file in std::fs::read_dir(dir).expect("the journal's directory") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("a journal");
            for record in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
                let field = |name: &str| record[name].as_str().map(str::to_owned).unwrap_or_default();
                match record["record"].as_str() {
                    Some("planned") => {
                        let body: Value = serde_json::from_str(&field("body")).expect("the envelope");
                        assert_eq!(body["detail"]["event_id"], record["event_id"], "the body is the event's");
                        journal.planned.insert(field("message_id"), field("event_id"));
                    }
                    Some("accepted") => {
                        journal.accepted.insert(field("message_id"));
                    }
                    Some("proven") => {
                        journal.proven.insert(field("message_id"));
                    }
                    Some("deleted") => {
                        let ids = record["message_ids"].as_array().expect("ids");
                        journal.deleted.extend(ids.iter().filter_map(|id| id.as_str().map(str::to_owned)));
                    }
                    Some("finish") => journal.outcomes.push(field("outcome")),
                    _ => {}
                }
            }
        }
        journal
    }
}

#[tokio::test]
async fn three_hundred_letters_are_processed_once_and_gone() {
    let (stack, _guard) = Stack::exclusive().await;
    let letters = Letters::new(stack, 300).await;

    // Without --execute nothing happens.
    let preview = ["--output", "json", "redrive", "dlq", "ingestion", "--symbol", &letters.symbol];
    let (code, out, err) = letters.stack.opsctl(&preview).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "{err}");
    let preview: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((preview["dry_run"].as_bool(), preview["letters"].as_array().map(Vec::len)), (Some(true), Some(300)));
    assert!(letters.stack.rows_of(&letters.symbol).await.is_empty(), "a preview sends nothing");

    let arguments = [&letters.arguments()[..], &["--follow", "120"]].concat();
    let (code, out, err) = letters.stack.opsctl(&arguments).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "{err}\n{out}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let sent = report["letters"].as_array().expect("letters");
    assert_eq!(sent.len(), 300);
    for letter in sent {
        assert_eq!(
            (letter["outcome"].as_str(), letter["stage_says"]["word"].as_str()),
            (Some("redriven"), Some("through"))
        );
    }
    letters.check().await;
    let journal = Journal::read(letters.journal.path());
    assert_eq!((journal.deleted.len(), journal.outcomes), (300, vec!["done".to_owned()]));
}

/// Kills a redrive so often at moments of this seed, and resumes it.
async fn killed(count: usize, kills: usize, seed: u64, rate: &str) {
    let (stack, _guard) = Stack::exclusive().await;
    let letters = Letters::new(stack, count).await;
    let fresh = [&letters.arguments()[..], &["--follow", "0", "--rate", rate]].concat();
    let resumed = ["--journal-dir", letters.journal(), "-o", "json", "-y", "redrive", "dlq", "--resume", "last"];
    let resumed = [&resumed[..], &["--follow", "0"]].concat();
    let mut random = seed;
    let mut hits = 0;
    for _ in 0..kills {
        // Knuth's numbers; the moments are between 0.1 and 3.1 s after it has begun.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let arguments = if letters.has_begun() { &resumed } else { &fresh };
        let mut command = opsctl_command(&letters.stack.local_dir);
        let command = command.arg("--local").args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("opsctl starts");
        // A kill before that would have nothing to resume.
        until("the journal begins", PATIENCE, || async {
            letters.has_begun().then_some(()).ok_or("no file".to_owned())
        })
        .await;
        sleep(Duration::from_millis(100 + (random >> 33) % 3000)).await;
        // SIGKILL: nothing of the process's own runs any more.
        child.kill().await.expect("it is killed");
        let status = child.wait().await.expect("it ends");
        hits += usize::from(status.code().is_none());
        let journal = Journal::read(letters.journal.path());
        assert!(journal.deleted.is_subset(&journal.accepted), "deleted without proof: {journal:?}");
    }
    assert!(hits > 0, "every run had ended before it was killed");
    let (code, out, err) = letters.stack.opsctl(&resumed).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "{err}\n{out}");
    letters.check().await;
}

#[tokio::test]
async fn a_redrive_killed_at_any_moment_goes_on_where_it_was() {
    killed(120, 4, 20_261_124, "25").await;
}

/// `make bench-redrive`: some minutes.
#[tokio::test]
#[ignore = "takes minutes; run by make bench-redrive"]
async fn five_thousand_letters_survive_ten_kills() {
    killed(5000, 10, 5000, "400").await;
}

/// The calls as far away as AWS is: what the redrive takes, and what a plain loop of receive, send, delete takes. It prints
/// the ratio and asserts only that both did their work.
#[tokio::test]
#[ignore = "takes minutes; run by make bench-redrive"]
async fn a_redrive_against_a_plain_loop() {
    const LETTERS: usize = 500;
    let (stack, _guard) = Stack::exclusive().await;
    let proxy = Proxy::start(&stack.endpoint, Duration::from_millis(15), |_| None).await;
    let letters = Letters::new(stack, LETTERS).await;
    let begun = Instant::now();
    let (code, report, err) = through(&proxy, &letters).await;
    let redrive = begun.elapsed();
    assert_eq!(code, Some(0), "{err}\n{report}");
    letters.check().await;

    let Letters { stack, .. } = letters;
    let letters = Letters::new(stack, LETTERS).await;
    let begun = Instant::now();
    let done = letters.plain_loop(&proxy).await;
    let plain = begun.elapsed();
    assert_eq!(done, LETTERS);
    let ratio = plain.as_secs_f64() / redrive.as_secs_f64();
    println!(
        "{LETTERS} letters, 15 ms a call: redrive {redrive:.1?} (plan and start included), plain loop {plain:.1?}: {ratio:.1} ×"
    );
}

impl Letters {
    /// What one would write first: receive one, send it, delete it.
    async fn plain_loop(&self, proxy: &Proxy) -> usize {
        let stack = &self.stack;
        let (sqs, lambda, stage) = (&stack.sqs, &stack.lambda, &stack.stages.ingestion);
        let sqs = aws_sdk_sqs::Client::from_conf(sqs.config().to_builder().endpoint_url(proxy.url()).build());
        let lambda = aws_sdk_lambda::Client::from_conf(lambda.config().to_builder().endpoint_url(proxy.url()).build());
        let mut done = 0;
        loop {
            let answer = sqs.receive_message().queue_url(&stage.dlq_url).send().await.expect("ReceiveMessage");
            let Some(message) = answer.messages.unwrap_or_default().pop() else { return done };
            let payload = Blob::new(message.body.expect("a body"));
            let invoke = lambda.invoke().function_name(&stage.function_name).invocation_type(InvocationType::Event);
            invoke.payload(payload).send().await.expect("Invoke");
            let receipt = message.receipt_handle.expect("a receipt");
            sqs.delete_message().queue_url(&stage.dlq_url).receipt_handle(receipt).send().await.expect("DeleteMessage");
            done += 1;
        }
    }
}

/// opsctl on the stack behind a proxy.
pub(crate) fn opsctl_behind(proxy: &Proxy, stack: &Stack) -> Command {
    let mut command = opsctl_command(&stack.local_dir);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    command.arg("--outputs").arg(stack.local_dir.join("outputs.json")).args(["--endpoint-url", &proxy.url()]);
    command
}

/// Redrives through a proxy that does this to the calls.
async fn through(proxy: &Proxy, letters: &Letters) -> (Option<i32>, Value, String) {
    let mut command = opsctl_behind(proxy, &letters.stack);
    let output = command.args(letters.arguments()).args(["--follow", "0"]).output().await.expect("opsctl runs");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// `SplitMix64` (Steele, Lea, Flood): as good as random, and the same every time. Neighbours do not look alike either, so a
/// call and its retries do not share their luck.
fn draw(number: u64) -> u64 {
    let sum = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (sum ^ (sum >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A tenth of the sends and of the deletes fail, one way or the other, and now and then SQS asks to slow down.
fn bad_day(call: &end_to_end::proxy::Call<'_>) -> Option<Fault> {
    match (call.action, draw(call.number) % 100) {
        ("Lambda.Invoke", 0..4) | ("SQS.DeleteMessageBatch", 0..3) => Some(Fault::Fails),
        ("Lambda.Invoke", 4..8) | ("SQS.DeleteMessageBatch", 3..6) => Some(Fault::LostAnswer),
        ("Lambda.Invoke", 8..13) | ("SQS.ReceiveMessage" | "SQS.DeleteMessageBatch", 6..10) => Some(Fault::Throttled),
        ("SQS.DeleteMessageBatch", 10..60) => Some(Fault::OneEntryFails),
        _ => None,
    }
}

#[tokio::test]
async fn failing_calls_lost_answers_and_throttling_lose_and_double_nothing() {
    let (stack, _guard) = Stack::exclusive().await;
    let letters = Letters::new(stack, 200).await;
    let proxy = Proxy::start(&letters.stack.endpoint, Duration::ZERO, bad_day).await;
    let (code, report, err) = through(&proxy, &letters).await;
    assert_eq!(code, Some(0), "{err}\n{report}");
    for fault in [Fault::Fails, Fault::LostAnswer, Fault::Throttled] {
        assert!(proxy.count("Lambda.Invoke", fault) > 0, "{fault:?} happened to no send");
    }
    assert!(proxy.count("SQS.DeleteMessageBatch", Fault::OneEntryFails) > 0, "no entry of a delete failed");
    letters.check().await;
}

#[tokio::test]
async fn what_is_never_accepted_stays_and_is_sent_by_the_next_run() {
    let (stack, _guard) = Stack::exclusive().await;
    let letters = Letters::new(stack, 30).await;
    let proxy = Proxy::start(&letters.stack.endpoint, Duration::ZERO, |call| {
        (call.action == "Lambda.Invoke").then_some(Fault::Fails)
    })
    .await;
    let (code, report, err) = through(&proxy, &letters).await;
    assert_eq!(code, Some(1), "{err}\n{report}");
    let journal = Journal::read(letters.journal.path());
    assert_eq!((journal.accepted.len(), journal.deleted.len()), (0, 0));
    assert!(letters.stack.rows_of(&letters.symbol).await.is_empty());

    let resumed = ["--journal-dir", letters.journal(), "-o", "json", "-y", "redrive", "dlq", "--resume", "last"];
    let (code, out, err) = letters.stack.opsctl(&resumed).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "{err}\n{out}");
    letters.check().await;
}
