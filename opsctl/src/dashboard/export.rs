//! Writing a panel to a file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use serde_json::Value;

use super::fetch::Done;

/// Writes a value to a new file that only its owner can read, and says where it is.
pub async fn write(file: PathBuf, value: Value) -> Done {
    let written = tokio::task::spawn_blocking(move || create(&file, &value).map_err(|error| (file, error))).await;
    match written {
        Ok(Ok(path)) => Done::Said(format!("written to {}", path.display())),
        Ok(Err((file, error))) => Done::Failed(format!("failed to write {}: {error}", file.display())),
        Err(error) => Done::Failed(format!("failed to write the panel to a file: {error}")),
    }
}

/// Never overwrites: a second export in the same second gets a name of its own.
fn create(file: &Path, value: &Value) -> io::Result<PathBuf> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut path = file.to_path_buf();
    for number in 2_u32.. {
        let mut options = std::fs::OpenOptions::new();
        match options.write(true).create_new(true).mode(Mode::RUSR.union(Mode::WUSR).as_raw_mode()).open(&path) {
            Ok(mut opened) => {
                serde_json::to_writer_pretty(&mut opened, value)?;
                opened.write_all(b"\n")?;
                return std::path::absolute(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                path = file.with_file_name(format!("{stem}-{number}.json"));
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_the_owners_alone_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("opsctl-alarms.json");
        let first = create(&file, &Value::from(1)).unwrap();
        let second = create(&file, &Value::from(2)).unwrap();
        assert_eq!(second, dir.path().join("opsctl-alarms-2.json"));
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "1\n");
        assert_eq!(first.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_said() {
        let Done::Failed(text) = write("/nonexistent/a.json".into(), Value::Null).await else { panic!("written") };
        assert!(text.starts_with("failed to write /nonexistent/a.json: "), "{text}");
    }
}
