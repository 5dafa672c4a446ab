//! `opsctl dlq` on real queues: nothing is disturbed by a look, nothing is missing in an export, nothing is deleted that was
//! not exported.

use std::collections::BTreeSet;

use end_to_end::Stack;
use end_to_end::events::unique;
use end_to_end::wait::{PATIENCE, until};
use serde_json::{Value, json};

/// Letters of one test.
struct Batch {
    mark: String,
    count: usize,
}

impl Batch {
    /// Rejected events with a text that nobody else's have, in processing's queue.
    async fn publish(stack: &Stack, count: usize) -> Self {
        let batch = Self { mark: unique("LETTER-"), count };
        for number in 0..count {
            let event_id = format!("{}-{number}", batch.mark);
            let entry =
                stack.entry("MarketData.Validated", "marketdata.ingestion", &json!({ "event_id": event_id }), None);
            stack.eventbridge.put_events().entries(entry).send().await.expect("PutEvents");
        }
        until(&format!("{count} letters with {}", batch.mark), PATIENCE, || async {
            let found = batch.export(stack).await.len();
            if found == count { Ok(()) } else { Err(format!("{found} of them")) }
        })
        .await;
        batch
    }

    /// The letters as `opsctl dlq export` writes them.
    async fn export(&self, stack: &Stack) -> Vec<Value> {
        let (code, out, err) =
            stack.opsctl(&["dlq", "export", "processing", "--match", &self.mark]).await.expect("opsctl runs");
        // 5: somebody else had letters in hand, which tests do that run at the same time.
        assert!(matches!(code, Some(0 | 5)), "{code:?} {err}");
        out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    fn ids(&self) -> BTreeSet<String> {
        (0..self.count).map(|number| format!("{}-{number}", self.mark)).collect()
    }
}

fn event_ids(letters: &[Value]) -> BTreeSet<String> {
    letters.iter().filter_map(|letter| letter["event_id"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn letters_are_listed_exported_and_purged_one_by_one() {
    let (stack, _guard) = Stack::exclusive().await;
    let batch = Batch::publish(&stack, 23).await;

    // Every letter once, with its body as it is; and all of them are there as before.
    let letters = batch.export(&stack).await;
    assert_eq!((letters.len(), event_ids(&letters)), (23, batch.ids()));
    for letter in &letters {
        assert_eq!((letter["origin"].as_str(), letter["stage"].as_str()), (Some("rejected"), Some("processing")));
        let body: Value = serde_json::from_str(letter["body"].as_str().expect("has a body")).expect("an envelope");
        assert_eq!(body["detail"]["event_id"], letter["event_id"]);
        assert_eq!(letter["attributes"]["Stage"]["value"], "processing");
    }
    let (code, out, err) =
        stack.opsctl(&["-o", "json", "dlq", "list", "processing", "--all"]).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "{err}");
    let list: Value = serde_json::from_str(&out).expect("JSON");
    let sampled = list["queues"][0]["sampled"].as_u64();
    assert!(sampled >= Some(23) && list["queues"][0]["in_flight"] == 0, "{list}");

    // A look shows reason and event, and hides nothing.
    let one = letters[0]["message_id"].as_str().expect("has an id");
    let peek = ["-o", "json", "dlq", "peek", "processing", "--all", "--id", one];
    let (code, out, err) = stack.opsctl(&peek).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "{err}");
    let peeked: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(peeked["letters"][0]["body"], letters[0]["body"]);
    assert_eq!(peeked["letters"].as_array().map(Vec::len), Some(1));

    // Nobody confirmed: nothing is deleted.
    let purge = ["dlq", "purge", "processing", "--match", &batch.mark];
    let (code, _, err) = stack.opsctl(&purge).await.expect("opsctl runs");
    assert_eq!(code, Some(6), "{err}");
    assert_eq!(batch.export(&stack).await.len(), 23);

    // Five first, then the rest. What is deleted is in the file.
    let dir = tempfile::tempdir().expect("a directory");
    let mut purged = BTreeSet::new();
    for (number, selection) in [&["--limit", "5"][..], &[]].into_iter().enumerate() {
        let file = dir.path().join(format!("purged-{number}.jsonl")).display().to_string();
        let purge = [&["-o", "json", "--yes"][..], &purge, &["--to", &file], selection].concat();
        let (code, out, err) = stack.opsctl(&purge).await.expect("opsctl runs");
        assert_eq!(code, Some(0), "{err}");
        let report: Value = serde_json::from_str(&out).expect("JSON");
        let written = std::fs::read_to_string(&file).expect("the file is there");
        let written: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(report["deleted"], written.len(), "{report}");
        purged.extend(event_ids(&written));
        let left = event_ids(&batch.export(&stack).await);
        assert!(left.is_disjoint(&purged), "deleted ones are gone");
        assert_eq!(left.union(&purged).cloned().collect::<BTreeSet<_>>(), batch.ids(), "each is there or in a file");
        let run = report["run"].as_str().expect("has a run");
        let (code, out, _) = stack.opsctl(&["-o", "json", "journal", "show", run]).await.expect("opsctl runs");
        assert_eq!(code, Some(0));
        assert!(out.contains("\"outcome\": \"done\""), "{out}");
    }
    assert_eq!(purged, batch.ids());
}
