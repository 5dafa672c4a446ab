//! Where everything of the local stack lives.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The three stages, in the order an event passes them.
pub const STAGES: [&str; 3] = ["ingestion", "processing", "notification"];

/// The paths of one local stack. What is expensive to make and the same for every stack is in the project's cache.
#[derive(Debug, Clone)]
pub struct Layout {
    project: PathBuf,
    dir: PathBuf,
}

impl Layout {
    /// The layout of the stack in `dir` (`--local-dir`) of the project with this root. Both are absolute.
    pub fn new(project: impl Into<PathBuf>, dir: impl Into<PathBuf>) -> Self {
        Self { project: project.into(), dir: dir.into() }
    }

    /// The project's root.
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// `--local-dir`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The Terraform as the user wrote it. It is read, never written.
    pub fn lib(&self) -> PathBuf {
        self.project.join("lib")
    }

    /// The emulator's sources and requirements.
    pub fn emulator_sources(&self) -> PathBuf {
        self.project.join("opsctl/emulator")
    }

    /// The Go module that pins the providers we can build.
    pub fn provider_sources(&self) -> PathBuf {
        self.project.join("opsctl/providers")
    }

    /// What all local stacks of the project share.
    pub fn cache(&self) -> PathBuf {
        self.project.join(".local/cache")
    }

    /// The emulator's Python environment.
    pub fn venv(&self) -> PathBuf {
        self.cache().join("venv")
    }

    /// The providers built here, in the layout of a filesystem mirror.
    pub fn providers(&self) -> PathBuf {
        self.cache().join("providers")
    }

    /// The Terraform CLI configuration that points to mirrors. Written only when the registry cannot be reached.
    pub fn terraform_rc(&self) -> PathBuf {
        self.cache().join("terraform.rc")
    }

    /// Guards the cache.
    pub fn cache_lock(&self) -> PathBuf {
        self.cache().join("lock")
    }

    /// Guards this stack.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// The functions as built for this machine: `{stage}_handler/bootstrap`.
    pub fn functions(&self) -> PathBuf {
        self.dir.join("functions")
    }

    /// The bootstrap of a stage.
    pub fn bootstrap(&self, stage: &str) -> PathBuf {
        self.functions().join(format!("{stage}_handler")).join("bootstrap")
    }

    /// What belongs to the emulator process.
    pub fn emulator(&self) -> PathBuf {
        self.dir.join("emulator")
    }

    /// What the emulator keeps over a restart.
    pub fn emulator_state(&self) -> PathBuf {
        self.emulator().join("state")
    }

    /// What the emulator says.
    pub fn emulator_log(&self) -> PathBuf {
        self.emulator().join("log")
    }

    /// The copy of [`Layout::lib`] that Terraform works in, with its state and lock file.
    pub fn stack(&self) -> PathBuf {
        self.dir.join("stack")
    }

    /// How the last apply went; see [`super::record`].
    pub fn apply_record(&self) -> PathBuf {
        self.dir.join("apply.json")
    }

    /// Which process is applying, while it does.
    pub fn terraform_process(&self) -> PathBuf {
        self.dir.join("terraform.json")
    }

    /// The description of the running stack for other programs.
    pub fn stack_json(&self) -> PathBuf {
        self.dir.join("stack.json")
    }

    /// The log of a step.
    pub fn log(&self, step: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{step}.log"))
    }
}

/// Makes a directory and its parents.
pub(super) fn make_dir(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|source| Error::io(format!("failed to make {}", dir.display()), source))
}

/// Writes a file so that a reader, or a crash, meets the old content or the new one and nothing between.
pub(super) fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = temporary_beside(path);
    std::fs::write(&temporary, content)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|source| Error::io(format!("failed to write {}", path.display()), source))
}

/// A name beside `path` that no other process uses.
pub(super) fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    PathBuf::from(name)
}

/// Removes a file or a directory with all below it; that it is not there is fine.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed =
        if path.is_dir() && !path.is_symlink() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("failed to remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}
