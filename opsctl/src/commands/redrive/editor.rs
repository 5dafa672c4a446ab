//! Letters in the user's editor.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::Command;

use crate::error::{Error, Result};
use crate::redrive::{Mended, Selection, from_sheets, sheets};

/// More letters than anybody changes by hand.
const MOST: usize = 200;

/// Lets the user change the letters. The text is in a file that only they can read, and is kept when it cannot be used.
pub(super) fn edit(selection: &mut Selection, mended: &mut Mended) -> Result<()> {
    let count = selection.letters.len();
    if count > MOST {
        return Err(Error::usage(
            format!("{count} letters are selected: too many to edit by hand, the most are {MOST}"),
            "select fewer with --limit, --id or --cause, or change them all alike with --set",
        ));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::refused(
            "refused to edit: there is no terminal",
            "run it on a terminal, or use --set FIELD=VALUE",
        ));
    }
    let failed = |source| Error::io("failed to write the letters to a temporary file", source);
    let mut file = tempfile::Builder::new().prefix("opsctl-letters-").suffix(".json").tempfile().map_err(failed)?;
    file.write_all(sheets(selection, mended).as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var_os(name).filter(|it| !it.is_empty()));
    let editor = editor.unwrap_or_else(|| OsString::from("vi"));
    // As git does: the variable may hold arguments, which the shell takes apart.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{} \"$1\"", editor.to_string_lossy()))
        .arg("sh")
        .arg(file.path())
        .status()
        .map_err(|source| Error::io(format!("failed to start the editor {}", editor.display()), source))?;
    if !status.success() {
        return Err(Error::refused(
            format!("refused to go on: the editor {} ended with {status}", editor.display()),
            "nothing was changed; set VISUAL or EDITOR to an editor that waits until the file is closed",
        ));
    }
    let text = std::fs::read_to_string(file.path())
        .map_err(|source| Error::io("failed to read the letters back from the temporary file", source))?;
    from_sheets(&text, selection, mended).map_err(|reason| {
        let kept = file.keep().map(|(_, path)| format!("; the text is kept in {}", path.display()));
        let kept = kept.unwrap_or_default();
        Error::usage(format!("failed to read the edited letters: {reason}"), format!("nothing was changed{kept}"))
    })
}
