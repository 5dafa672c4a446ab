//! Reading journals.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::header::{Finish, Header, Outcome};
use super::id::RunId;
use super::write::path;
use crate::error::{Error, Result};

/// The end of a file is looked for a last record within so many bytes; a [`Finish`] needs less than 1 KB.
const TAIL_BYTES: u64 = 16 * 1024;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A process is at it.
    Running,
    /// Its process ended without a word: a crash, a kill.
    Interrupted,
    /// It ended.
    #[serde(untagged)]
    Ended(Outcome),
}

impl State {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Ended(outcome) => outcome.as_str(),
        }
    }
}

/// A run, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What it is.
    #[serde(flatten)]
    pub header: Header,
    /// How far it is.
    pub state: State,
    /// How it ended.
    pub finish: Option<Finish>,
    /// Its journal.
    pub path: PathBuf,
}

/// A run with everything that it wrote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recording {
    /// What it is, and how far.
    #[serde(flatten)]
    pub entry: Entry,
    /// What it wrote between header and end, in order.
    pub records: Vec<Value>,
    /// True when its last line is half a line: it was cut off while it wrote.
    pub torn: bool,
}

impl Recording {
    /// The records of the kinds that `T` knows, in order; others are left out.
    pub fn records_as<T: DeserializeOwned>(&self) -> Vec<T> {
        self.records.iter().filter_map(|record| serde_json::from_value(record.clone()).ok()).collect()
    }
}

/// All runs in a directory, the latest first. A directory that is not there has none; a file that is no journal is left
/// out.
pub fn list(dir: &Path) -> Result<Vec<Entry>> {
    let failed = |source| Error::io(format!("failed to read the journal directory {}", dir.display()), source);
    let files = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut entries = Vec::new();
    for file in files {
        let name = file.map_err(failed)?.file_name();
        let run = name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
        if let Some(entry) = run.and_then(|run| entry(dir, &run).ok()) {
            entries.push(entry);
        }
    }
    entries.sort_by(|one, other| other.header.run.cmp(&one.header.run));
    Ok(entries)
}

/// The run of that name, or of `last` the latest of those that are meant.
pub fn find(dir: &Path, name: &str, meant: impl Fn(&Header) -> bool) -> Result<RunId> {
    let help = "`opsctl journal list` shows the runs; --journal-dir says where they are";
    if name == "last" {
        let latest = list(dir)?.into_iter().find(|entry| meant(&entry.header));
        let missing = || Error::usage(format!("there is no such run in {}", dir.display()), help);
        return Ok(latest.ok_or_else(missing)?.header.run);
    }
    let run: RunId = name.parse().map_err(|message: String| Error::usage(message, help))?;
    if path(dir, &run).is_file() {
        Ok(run)
    } else {
        Err(Error::usage(format!("there is no run {run} in {}", dir.display()), help))
    }
}

/// Reads a run.
pub fn open(dir: &Path, run: &RunId) -> Result<Recording> {
    let path = path(dir, run);
    let mut entry = entry(dir, run)?;
    let lines = read_lines(&path)?;
    let mut records = lines.records;
    records.remove(0);
    // A run that was taken up again has an end within; only one at the very end ends it.
    entry.finish = records.last().and_then(finish);
    if entry.finish.is_some() {
        records.pop();
    }
    Ok(Recording { entry, records, torn: lines.torn })
}

/// The records of one kind of a run, without reading the others: bodies are long. A torn line is left out.
pub fn records_of<T: DeserializeOwned>(dir: &Path, run: &RunId, kind: &str) -> Result<Vec<T>> {
    let path = path(dir, run);
    let failed = |source| Error::io(format!("failed to read the journal {}", path.display()), source);
    // The kind stands first in every record.
    let start = format!(r#"{{"record":"{kind}""#);
    let mut records = Vec::new();
    let mut lines = BufReader::new(File::open(&path).map_err(failed)?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        let value = line.starts_with(start.as_bytes()).then(|| serde_json::from_slice::<Value>(&line).ok());
        records.extend(value.flatten().and_then(|value| serde_json::from_value(value).ok()));
        line.clear();
    }
    Ok(records)
}

fn entry(dir: &Path, run: &RunId) -> Result<Entry> {
    let path = path(dir, run);
    let failed = |source| Error::io(format!("failed to read the journal {}", path.display()), source);
    let mut file = File::open(&path).map_err(failed)?;
    let mut first = String::new();
    BufReader::new(&file).read_line(&mut first).map_err(failed)?;
    let header: Header = serde_json::from_str(&first).map_err(|error| failed(error.into()))?;
    let finish = last_line(&mut file).map_err(failed)?.as_ref().and_then(finish);
    // Whoever writes holds the exclusive lock.
    let running = matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock));
    let state = match &finish {
        _ if running => State::Running,
        Some(finish) => State::Ended(finish.outcome),
        None => State::Interrupted,
    };
    Ok(Entry { header, state, finish, path })
}

fn finish(record: &Value) -> Option<Finish> {
    (record["record"] == "finish").then(|| serde_json::from_value(record.clone()).ok())?
}

fn last_line(file: &mut File) -> io::Result<Option<Value>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let last = tail.strip_suffix(b"\n").and_then(|tail| tail.rsplit(|byte| *byte == b'\n').next());
    Ok(last.and_then(|line| serde_json::from_slice(line).ok()))
}

/// How many bytes of a journal are whole lines.
pub(super) fn whole_lines(path: &Path) -> Result<u64> {
    Ok(read_lines(path)?.bytes)
}

struct Lines {
    records: Vec<Value>,
    bytes: u64,
    torn: bool,
}

/// Reads the lines of a journal. What cannot be read at its end is what a crash left of a line (or of several, when the
/// machine went down); what cannot be read in its midst is damage.
fn read_lines(path: &Path) -> Result<Lines> {
    let failed = |source| Error::io(format!("failed to read the journal {}", path.display()), source);
    let content = fs::read(path).map_err(failed)?;
    let mut lines = Lines { records: Vec::new(), bytes: 0, torn: false };
    let mut bad = None;
    for (number, line) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let record = line.strip_suffix(b"\n").and_then(|line| serde_json::from_slice(line).ok());
        match (record, bad) {
            (Some(record), None) => {
                lines.records.push(record);
                lines.bytes += line.len() as u64;
            }
            (Some(_), Some(bad)) => {
                return Err(Error::failed(
                    format!("failed to read the journal {}: line {bad} is damaged", path.display()),
                    "restore the file from a backup, or look at what is left of it with a text editor",
                ));
            }
            (None, _) => bad = bad.or(Some(number + 1)),
        }
    }
    lines.torn = bad.is_some();
    if lines.records.is_empty() {
        return Err(Error::failed(
            format!("failed to read the journal {}: it has no header", path.display()),
            "the run ended before it did anything: start it anew",
        ));
    }
    Ok(lines)
}
