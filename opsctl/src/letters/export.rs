//! Letters written to a file or to standard output, one JSON document a line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_sdk_sqs::Client;
use jiff::Timestamp;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::{Drain, LetterRecord, Selectors};
use crate::aws::AwsError;
use crate::aws::dead_letters::Depth;
use crate::error::{Error, Result};
use crate::feed::stop::Stop;
use crate::stack::{Stage, StageName};

/// Where letters are written. Files hold market data: they are readable by their owner only, and none is overwritten.
#[derive(Debug)]
pub struct ExportFile {
    to: To,
    name: String,
}

#[derive(Debug)]
enum To {
    /// Standard output.
    Standard(io::Stdout),
    /// A file that has its name only once it is whole.
    Whole { file: BufWriter<NamedTempFile>, path: PathBuf },
    /// A file that has its name from the beginning, for what must survive a crash half-way.
    Growing(BufWriter<File>),
}

impl ExportFile {
    /// Standard output.
    pub fn standard_output() -> Self {
        Self { to: To::Standard(io::stdout()), name: "standard output".to_owned() }
    }

    /// A file that appears when [`ExportFile::finish`] is reached.
    pub fn whole(path: &Path) -> Result<Self> {
        if path.exists() {
            return Err(Error::usage(
                format!("refused to overwrite {}", path.display()),
                "give another name, or remove it first",
            ));
        }
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::with_prefix_in(".opsctl-export-", dir)
            .map_err(|source| Error::io(format!("failed to make a file in {}", dir.display()), source))?;
        let to = To::Whole { file: BufWriter::new(file), path: path.to_owned() };
        Ok(Self { to, name: path.display().to_string() })
    }

    /// A file that is there at once, below a directory that is made if there is none.
    pub fn growing(path: &Path) -> Result<Self> {
        let failed = |source| Error::io(format!("failed to make {}", path.display()), source);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(failed)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        // The file's name has to survive a crash of the machine too.
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        }
        Ok(Self { to: To::Growing(BufWriter::new(file)), name: path.display().to_string() })
    }

    /// The file's name, or "standard output".
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes a letter.
    pub fn write(&mut self, record: &LetterRecord) -> Result<()> {
        let out: &mut dyn Write = match &mut self.to {
            To::Standard(out) => out,
            To::Whole { file, .. } => file,
            To::Growing(file) => file,
        };
        let mut line = serde_json::to_vec(record).map_err(|error| failed(&self.name, error.into()))?;
        line.push(b'\n');
        out.write_all(&line).map_err(|source| failed(&self.name, source))
    }

    /// Returns once everything written is on disk.
    pub fn sync(&mut self) -> Result<()> {
        let synced = match &mut self.to {
            To::Standard(out) => out.flush(),
            To::Whole { file, .. } => file.flush().and_then(|()| file.get_ref().as_file().sync_all()),
            To::Growing(file) => file.flush().and_then(|()| file.get_ref().sync_data()),
        };
        synced.map_err(|source| failed(&self.name, source))
    }

    /// Nothing more is to be written: a whole file gets its name.
    pub fn finish(mut self) -> Result<()> {
        self.sync()?;
        if let To::Whole { file, path } = self.to {
            let file = file.into_inner().map_err(|error| failed(&self.name, error.into_error()))?;
            file.persist_noclobber(&path).map_err(|error| failed(&self.name, error.error))?;
        }
        Ok(())
    }
}

fn failed(name: &str, source: io::Error) -> Error {
    Error::io(format!("failed to write to {name}"), source)
}

/// What was exported from one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Export {
    /// The stage that it belongs to.
    pub stage: StageName,
    /// The queue's name.
    pub queue: String,
    /// How many letters SQS counted before; an estimate that may be a minute late.
    pub counted: Depth,
    /// How many were read.
    pub read: u64,
    /// How many of those were meant, and written.
    pub exported: u64,
    /// How many of those in hand could not be given back at once; they are seen again within a minute.
    pub not_given_back: u64,
    /// True when the end of the queue was reached.
    pub to_the_end: bool,
    /// Why it ended early.
    pub error: Option<AwsError>,
}

impl Export {
    /// True when as many letters were read as SQS had counted, those included that somebody else had in hand.
    pub fn is_complete(&self) -> bool {
        self.to_the_end && self.read >= self.counted.total()
    }
}

/// Writes the letters of a queue that are meant, each once, at most `limit`, and gives all back. `progress` hears how many
/// were read. Asked to stop, or failing half-way, it tells what was written until then.
pub async fn export(
    client: &Client,
    (name, stage): (StageName, &Stage),
    selectors: &Selectors,
    limit: u64,
    file: &mut ExportFile,
    stop: &Stop,
    progress: impl Fn(u64),
) -> Result<Export> {
    let mut drain = Drain::begin(client, name, stage).await?;
    let mut export = Export {
        stage: name,
        queue: stage.dlq_name.clone(),
        counted: drain.depth(),
        read: 0,
        exported: 0,
        not_given_back: 0,
        to_the_end: false,
        error: None,
    };
    let written = async {
        while !stop.is_requested() && export.exported < limit {
            let letters = match drain.next().await {
                Ok(letters) => letters,
                Err(error) => {
                    export.error = Some(error);
                    break;
                }
            };
            if letters.is_empty() {
                export.to_the_end = true;
                break;
            }
            let now = Timestamp::now();
            for letter in letters {
                export.read += 1;
                if selectors.matches(&letter, now) && export.exported < limit {
                    file.write(&LetterRecord::new(name, letter))?;
                    export.exported += 1;
                }
            }
            progress(export.read);
        }
        Ok(())
    }
    .await;
    export.not_given_back = drain.release().await;
    written.map(|()| export)
}
