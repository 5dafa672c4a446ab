//! Writing a journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::header::{Finish, Header, Outcome};
use super::id::RunId;
use super::read;
use crate::error::{Error, Result};

/// A journal that is being written. It holds the file's lock, so a run has one writer at a time, over processes too.
#[derive(Debug)]
pub struct Journal {
    run: RunId,
    path: PathBuf,
    file: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// A write that failed may have left half a line behind: nothing may follow it.
    broken: bool,
}

/// Where the journal of a run is.
pub(super) fn path(dir: &Path, run: &RunId) -> PathBuf {
    dir.join(format!("{run}.jsonl"))
}

impl Journal {
    /// Begins the journal of a run: its directory (0700) if there is none, its file (0600), the header. All of it is on
    /// disk when this returns.
    pub fn create(dir: &Path, header: &Header) -> Result<Self> {
        let failed = |source| Error::io(format!("failed to make the journal directory {}", dir.display()), source);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let path = path(dir, &header.run);
        let failed = |source| Error::io(format!("failed to begin the journal {}", path.display()), source);
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        file.try_lock().map_err(|error| failed(error.into()))?;
        // The file's name has to survive a crash of the machine too.
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        let journal =
            Self { run: header.run.clone(), path: path.clone(), file: Mutex::new(Open { file, broken: false }) };
        journal.write(&tagged("header", header)?)?;
        journal.sync()?;
        Ok(journal)
    }

    /// Takes up the journal of an earlier run. Half a line at its end, which a crash leaves, is cut off first. Refused (exit
    /// code 6) while another process writes it.
    pub fn append(dir: &Path, run: &RunId) -> Result<Self> {
        let path = path(dir, run);
        let failed = |source| Error::io(format!("failed to open the journal {}", path.display()), source);
        let file = OpenOptions::new().append(true).open(&path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => Error::refused(
                format!("refused to take up run {run}: another process is at it"),
                "wait for it to end, or stop it; `opsctl journal list` shows what is running",
            ),
            std::fs::TryLockError::Error(source) => failed(source),
        })?;
        let whole = read::whole_lines(&path)?;
        file.set_len(whole).map_err(failed)?;
        let journal = Self { run: run.clone(), path: path.clone(), file: Mutex::new(Open { file, broken: false }) };
        journal.write(&json!({ "record": "resumed", "at": Timestamp::now() }))?;
        journal.sync()?;
        Ok(journal)
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a record, an object with its kind in `record`. It survives the end of the process; for the machine's there
    /// is [`Journal::sync`].
    pub fn write(&self, record: &impl Serialize) -> Result<()> {
        self.write_all(std::slice::from_ref(record))
    }

    /// Writes several records in one go.
    pub fn write_all<T: Serialize>(&self, records: &[T]) -> Result<()> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record).map_err(|error| self.failed(error.into()))?;
            lines.push(b'\n');
        }
        let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if open.broken {
            return Err(self.failed(io::Error::other("an earlier write failed half-way")));
        }
        open.file.write_all(&lines).map_err(|source| {
            open.broken = true;
            self.failed(source)
        })
    }

    /// Returns once everything written is on disk. Blocks for as long as the disk takes.
    pub fn sync(&self) -> Result<()> {
        let open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        open.file.sync_data().map_err(|source| self.failed(source))
    }

    /// Ends the run: nothing is to be written after this.
    pub fn finish(&self, outcome: Outcome, summary: impl Into<String>) -> Result<()> {
        let finish = Finish { outcome, summary: summary.into(), at: Timestamp::now() };
        self.write(&tagged("finish", &finish)?)?;
        self.sync()
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::io(format!("failed to write the journal {}", self.path.display()), source)
    }
}

/// A record with its kind in front.
fn tagged(kind: &str, record: &impl Serialize) -> Result<Value> {
    let failed = |source: serde_json::Error| Error::io(format!("failed to format the {kind} record"), source.into());
    let mut value = json!({ "record": kind });
    if let (Value::Object(to), Value::Object(from)) = (&mut value, serde_json::to_value(record).map_err(failed)?) {
        to.extend(from);
    }
    Ok(value)
}
