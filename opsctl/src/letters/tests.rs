//! Reading, exporting and purging, against a queue in memory.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::fake::Queue;
use super::{Drain, ExportFile, Purge, PurgePlan, Purging, Selectors, export, plan, purge, survey};
use crate::change::{Change, Gate, Permit};
use crate::feed::stop::Stop;
use crate::journal::{self, Header, Journal, Outcome};
use crate::stack::{StageName, samples};

const STAGE: StageName = StageName::Processing;

async fn drain(queue: &Queue) -> (Drain, Vec<String>) {
    let mut drain = Drain::begin(&queue.client(), STAGE, &samples::stack().stages.processing).await.unwrap();
    let mut ids = Vec::new();
    loop {
        let letters = drain.next().await.unwrap();
        if letters.is_empty() {
            return (drain, ids);
        }
        ids.extend(letters.into_iter().map(|letter| letter.message_id));
    }
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[tokio::test]
async fn every_letter_is_read_once_and_given_back() {
    for count in [0, 1, 10, 11, 257] {
        let queue = Queue::with(count);
        let all = queue.visible();
        let (drain, ids) = drain(&queue).await;
        assert_eq!(sorted(ids), all);
        assert_eq!((drain.seen(), drain.depth().waiting), (count as u64, count as u64));
        assert!(queue.visible().is_empty(), "while they are in hand nobody else sees them");
        assert_eq!(drain.release().await, 0);
        assert_eq!(queue.visible(), all);
    }
}

#[tokio::test]
async fn a_receive_that_misses_letters_does_not_end_the_reading() {
    let queue = Queue::with(3);
    queue.contents().missed_once = queue.visible().into_iter().collect();
    let (_, ids) = drain(&queue).await;
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_survey_counts_every_letter_and_leaves_the_queue_as_it_was() {
    let queue = Queue::with(120);
    let stack = samples::stack();
    let found = survey(&queue.client(), STAGE, &stack.stages.processing, &Stop::never(), |_| {}).await.unwrap();
    assert_eq!((found.depth, found.sampled, found.in_flight), (120, 120, 0));
    let causes: Vec<_> = found.causes.iter().map(|cause| (cause.code.as_str(), cause.count)).collect();
    assert_eq!(causes, [("200", 120)]);
    assert_eq!(queue.visible().len(), 120);
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(lines: &[Value]) -> Vec<String> {
    sorted(lines.iter().map(|line| line["message_id"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn an_export_has_every_letter_once_and_its_file_is_its_owners() {
    let queue = Queue::with(25);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("letters.jsonl");
    let mut file = ExportFile::whole(&path).unwrap();
    let stack = samples::stack();
    let (selectors, stop) = (Selectors::default(), Stop::never());
    let stage = (STAGE, &stack.stages.processing);
    let seen = RefCell::new(Vec::new());
    let exported = export(&queue.client(), stage, &selectors, u64::MAX, &mut file, &stop, |read| {
        seen.borrow_mut().push(read);
        assert!(!path.exists(), "half a file has no name");
    })
    .await
    .unwrap();
    file.finish().unwrap();
    assert!(exported.is_complete(), "{exported:?}");
    assert_eq!((exported.read, exported.exported), (25, 25));
    assert_eq!(seen.borrow().last(), Some(&25));
    let lines = lines(&path);
    assert_eq!(ids(&lines), queue.visible());
    let body = lines[0]["body"].as_str().unwrap();
    assert_eq!(body, r#"{"detail":{"event_id":"m0000","symbol":"BTCUSDT","event_type":"trade"}}"#);
    assert_eq!(lines[0]["attributes"]["ErrorCode"]["value"], "200");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(ExportFile::whole(&path).is_err(), "no file is overwritten");
}

#[tokio::test]
async fn an_export_says_when_letters_were_in_somebody_elses_hand() {
    let queue = Queue::with(5);
    queue.contents().messages.insert("m0002".to_owned(), true);
    let dir = tempfile::tempdir().unwrap();
    let mut file = ExportFile::whole(&dir.path().join("letters.jsonl")).unwrap();
    let stack = samples::stack();
    let stage = (STAGE, &stack.stages.processing);
    let selectors = Selectors::default();
    let exported =
        export(&queue.client(), stage, &selectors, u64::MAX, &mut file, &Stop::never(), |_| {}).await.unwrap();
    assert_eq!((exported.exported, exported.counted.total(), exported.is_complete()), (4, 5, false));
}

/// A purge of the queue with its journal and file, below this directory.
struct Purged {
    purge: crate::error::Result<Purge>,
    file: Vec<Value>,
    run: journal::Recording,
}

fn permit(plan: &PurgePlan) -> Permit {
    let stack = samples::stack();
    let preview = plan.preview(&stack, Path::new("letters.jsonl"));
    let gate = Gate::new(&stack, false);
    assert!(gate.permit(&preview, "y").is_err(), "a purge wants its queue's name");
    gate.permit(&preview, &plan.queue).unwrap()
}

async fn purged(queue: &Queue, plan: &PurgePlan, stop: &Stop) -> Purged {
    let dir = tempfile::tempdir().unwrap();
    let (stack, client) = (samples::stack(), queue.client());
    let header = Header::new("dlq purge", Change::Purge, &stack, Value::Null);
    let journal = Journal::create(dir.path(), &header).unwrap();
    let file = dir.path().join("purged/letters.jsonl");
    let permit = permit(plan);
    let purging = Purging { client: &client, stack: &stack, plan, file: &file, journal: &journal, permit: &permit };
    let purge = purge(purging, stop, |progress| {
        assert!(progress.deleted <= progress.exported);
        let on_disk: BTreeSet<_> = ids(&lines(&file)).into_iter().collect();
        let lost = queue.contents().deleted.difference(&on_disk).next().cloned();
        assert_eq!(lost, None, "deleted and not on disk");
        if stop.is_requested() {
            return;
        }
        // The next look at it stops the purge, when the test wants one stopped.
        if queue.contents().refuse_delete.contains_key("stop") {
            stop.request();
        }
    })
    .await;
    Purged { purge, file: lines(&file), run: journal::open(dir.path(), &header.run).unwrap() }
}

async fn planned(queue: &Queue, selectors: &Selectors) -> PurgePlan {
    plan(&queue.client(), &samples::stack(), STAGE, selectors, &Stop::never(), |_| {}).await.unwrap()
}

#[tokio::test]
async fn a_purge_deletes_what_was_seen_before_and_nothing_that_came_later() {
    let queue = Queue::with(35);
    let plan = planned(&queue, &Selectors::default()).await;
    assert_eq!((plan.count(), plan.read, queue.visible().len()), (35, 35, 35));
    let receives = queue.contents().receives;
    queue.contents().arrive = vec![(receives + 1, "a-new-one".to_owned()), (receives + 3, "z-new-one".to_owned())];
    let Purged { purge, file, run } = purged(&queue, &plan, &Stop::never()).await;
    let purge = purge.unwrap();
    assert_eq!((purge.progress.deleted, purge.outcome()), (35, Outcome::Done));
    assert_eq!(ids(&file), plan.ids.iter().cloned().collect::<Vec<_>>());
    assert_eq!(queue.visible(), ["a-new-one", "z-new-one"]);
    assert!(queue.contents().deletes.iter().all(|size| *size <= 10));
    assert_eq!(run.entry.finish.map(|finish| finish.outcome), Some(Outcome::Done));
}

#[tokio::test]
async fn only_what_is_selected_is_purged_the_oldest_first() {
    let queue = Queue::with(12);
    let some = Selectors { id: vec!["m0003".to_owned(), "m0007".to_owned()], ..Selectors::default() };
    let plan = planned(&queue, &some).await;
    purged(&queue, &plan, &Stop::never()).await.purge.unwrap();
    assert_eq!(queue.visible().len(), 10);
    let three = Selectors { limit: Some(3), ..Selectors::default() };
    assert_eq!(planned(&queue, &three).await.ids.into_iter().collect::<Vec<_>>(), ["m0000", "m0001", "m0002"]);
}

#[tokio::test]
async fn a_delete_that_fails_is_tried_again_and_one_that_never_works_is_told() {
    let queue = Queue::with(15);
    queue.contents().refuse_delete = [("m0004".to_owned(), 1), ("m0009".to_owned(), 99)].into();
    let plan = planned(&queue, &Selectors::default()).await;
    let Purged { purge, file, run } = purged(&queue, &plan, &Stop::never()).await;
    let purge = purge.unwrap();
    assert_eq!((purge.progress.deleted, purge.outcome()), (14, Outcome::Partly));
    assert_eq!(purge.undeleted.iter().map(|letter| letter.message_id.as_str()).collect::<Vec<_>>(), ["m0009"]);
    assert_eq!((file.len(), queue.visible()), (15, vec!["m0009".to_owned()]));
    assert_eq!(run.entry.finish.map(|finish| finish.outcome), Some(Outcome::Partly));
}

#[tokio::test]
async fn a_stopped_purge_ends_between_two_batches_and_gives_the_rest_back() {
    let queue = Queue::with(95);
    let plan = planned(&queue, &Selectors::default()).await;
    queue.contents().refuse_delete.insert("stop".to_owned(), 0);
    let Purged { purge, file, run } = purged(&queue, &plan, &Stop::never()).await;
    let purge = purge.unwrap();
    assert_eq!((purge.stopped, purge.outcome()), (true, Outcome::Stopped));
    assert_eq!(purge.progress.deleted, file.len() as u64);
    assert_eq!(queue.visible().len(), 95 - file.len());
    assert!(!file.is_empty() && file.len() < 95);
    assert_eq!(run.entry.finish.map(|finish| finish.outcome), Some(Outcome::Stopped));
}

#[tokio::test]
async fn letters_that_somebody_took_meanwhile_are_told() {
    let queue = Queue::with(5);
    let plan = planned(&queue, &Selectors::default()).await;
    queue.contents().messages.remove("m0001");
    let purge = purged(&queue, &plan, &Stop::never()).await.purge.unwrap();
    assert_eq!((purge.progress.deleted, purge.not_found(), purge.outcome()), (4, 1, Outcome::Partly));
}
