//! Copies that are made only when something differs, and fingerprints that tell whether it does.

use std::fs;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::layout::{make_dir, remove, temporary_beside};
use crate::error::{Error, Result};

/// FNV-1a, 64 bits: tells whether a file was changed. Nothing here has to withstand a forger.
#[derive(Debug)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Fingerprint {
    /// Adds a named piece; its end is part of it, so that two pieces never look like one.
    pub fn add(&mut self, name: &str, content: &[u8]) {
        for piece in [name.as_bytes(), content] {
            self.write(&(piece.len() as u64).to_le_bytes());
            self.write(piece);
        }
    }

    /// Adds every file of a tree by its content.
    pub fn add_tree(&mut self, root: &Path, files: &[PathBuf]) -> Result<()> {
        for file in files {
            self.add(&file.to_string_lossy(), &read(&root.join(file))?);
        }
        Ok(())
    }

    /// Adds a big file that is replaced only when its content changes: by its length and the time of the change.
    pub fn add_replaced_file(&mut self, path: &Path) -> Result<()> {
        let failed = |source| Error::io(format!("failed to read {}", path.display()), source);
        let metadata = fs::metadata(path).map_err(failed)?;
        let changed = metadata.modified().map_err(failed)?.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.add(&path.to_string_lossy(), format!("{} {}", metadata.len(), changed.as_nanos()).as_bytes());
        Ok(())
    }

    /// The fingerprint as text.
    pub fn text(&self) -> String {
        format!("{:016x}", self.0)
    }
}

/// The files of a tree, relative, sorted, without those that `wanted` refuses. It sees directories too, and a refused
/// directory is not entered.
pub fn tree(root: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let failed = |dir: &Path, source| Error::io(format!("failed to list {}", dir.display()), source);
    let mut files = Vec::new();
    let mut dirs = vec![PathBuf::new()];
    while let Some(dir) = dirs.pop() {
        let path = root.join(&dir);
        for entry in fs::read_dir(&path).map_err(|source| failed(&path, source))? {
            let entry = entry.map_err(|source| failed(&path, source))?;
            let relative = dir.join(entry.file_name());
            if !wanted(&relative) {
                continue;
            }
            if entry.path().is_dir() {
                dirs.push(relative);
            } else {
                files.push(relative);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Makes `to` hold exactly these files of `from`; what it holds beyond them is removed where `ours` says that it was a
/// copy. Unchanged files are left alone.
pub fn copy_tree(from: &Path, to: &Path, files: &[PathBuf], ours: impl Fn(&Path) -> bool) -> Result<()> {
    make_dir(to)?;
    for file in files {
        let target = to.join(file);
        if let Some(parent) = target.parent() {
            make_dir(parent)?;
        }
        copy_if_different(&from.join(file), &target)?;
    }
    for stale in tree(to, ours)?.iter().filter(|file| !files.contains(file)) {
        remove(&to.join(stale))?;
    }
    Ok(())
}

/// Copies a file, permissions included, so that a reader, or a crash, meets the old one or the new one. Does nothing
/// when the contents are the same. Returns whether it copied.
pub fn copy_if_different(from: &Path, to: &Path) -> Result<bool> {
    let failed = |source| Error::io(format!("failed to copy {} to {}", from.display(), to.display()), source);
    if same_content(from, to).map_err(failed)? {
        return Ok(false);
    }
    if let Some(parent) = to.parent() {
        make_dir(parent)?;
    }
    let temporary = temporary_beside(to);
    fs::copy(from, &temporary).and_then(|_| fs::rename(&temporary, to)).map_err(failed)?;
    Ok(true)
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let length = fs::metadata(one)?.len();
    match fs::metadata(other) {
        Ok(metadata) if metadata.len() == length => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    Ok(fs::read(one)? == fs::read(other)?)
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::io(format!("failed to read {}", path.display()), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(pieces: &[(&str, &str)]) -> String {
        let mut fingerprint = Fingerprint::default();
        for (name, content) in pieces {
            fingerprint.add(name, content.as_bytes());
        }
        fingerprint.text()
    }

    #[test]
    fn a_fingerprint_changes_with_names_contents_and_borders() {
        let one = fingerprint(&[("main.tf", "ab"), ("x", "c")]);
        assert_eq!(one, fingerprint(&[("main.tf", "ab"), ("x", "c")]));
        assert_ne!(one, fingerprint(&[("main.tf", "ab"), ("y", "c")]));
        assert_ne!(one, fingerprint(&[("main.tf", "a"), ("x", "bc")]));
        assert_ne!(one, fingerprint(&[("main.tf", "ab")]));
        assert_eq!(Fingerprint::default().finish(), 0xcbf2_9ce4_8422_2325, "the published offset basis");
    }

    #[test]
    fn a_tree_is_copied_without_what_is_not_wanted_and_stale_copies_go() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        for file in ["main.tf", "envs/local.tfvars", ".terraform/x", "tests/a.tftest.hcl"] {
            let path = from.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        fs::create_dir_all(&to).unwrap();
        fs::write(to.join("old.tf"), "stale").unwrap();
        fs::write(to.join("terraform.tfstate"), "state").unwrap();
        let wanted = |path: &Path| !path.starts_with("tests") && !path.starts_with(".terraform");
        let files = tree(&from, wanted).unwrap();
        assert_eq!(files, [Path::new("envs/local.tfvars"), Path::new("main.tf")]);
        copy_tree(&from, &to, &files, |path| path.extension().is_none_or(|e| e == "tf")).unwrap();
        assert!(!to.join("old.tf").exists());
        assert!(to.join("terraform.tfstate").exists());
        assert_eq!(fs::read_to_string(to.join("envs/local.tfvars")).unwrap(), "envs/local.tfvars");
    }

    #[test]
    fn an_equal_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("deep/b"));
        fs::write(&from, "one").unwrap();
        assert!(copy_if_different(&from, &to).unwrap());
        let before = fs::metadata(&to).unwrap().modified().unwrap();
        assert!(!copy_if_different(&from, &to).unwrap());
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), before);
        fs::write(&from, "two").unwrap();
        assert!(copy_if_different(&from, &to).unwrap());
        assert_eq!(fs::read_to_string(&to).unwrap(), "two");
    }
}
