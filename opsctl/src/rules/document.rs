//! Reading a document with the functions' own validator, every fault with its place in the text.

use std::io::{self, Write};

use market::fault::{Fault, FaultCode};
use market::rules::RulesDocument;
use serde::Serialize;

use super::locate::locate;
use crate::error::{Error, Result};
use crate::output::Styles;

/// What a parameter of the standard and advanced tiers together can hold, in bytes; lib/main.tf checks the same.
pub const MAX_BYTES: usize = 8192;

/// A fault of a document and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocatedFault {
    /// Line, counted from 1.
    pub line: usize,
    /// Character in the line, counted from 1.
    pub column: usize,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

/// Validates a document. `Err` are all faults, in the order of the text.
pub fn check(text: &str) -> Result<RulesDocument, Vec<LocatedFault>> {
    let faults = match RulesDocument::parse(text) {
        Ok(document) => {
            let bytes = stored(&document).len();
            if bytes <= MAX_BYTES {
                return Ok(document);
            }
            let message = format!("has {bytes} bytes as it would be stored; the parameter holds {MAX_BYTES}");
            vec![Fault::new("", FaultCode::TooLarge, message)]
        }
        Err(invalid) => invalid.faults,
    };
    let mut located: Vec<_> = faults.into_iter().map(|fault| place(text, fault)).collect();
    located.sort_by_key(|fault| (fault.line, fault.column));
    Err(located)
}

/// The document as it is stored: compact, every default written out, so that one meaning has one text.
pub fn stored(document: &RulesDocument) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

fn place(text: &str, fault: Fault) -> LocatedFault {
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        return LocatedFault { line: error.line().max(1), column: error.column().max(1), fault };
    }
    let before = &text[..locate(text, &fault.field).unwrap_or_default()];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    LocatedFault { line, column, fault }
}

/// Writes faults as compilers do, one a line: `rules.json:12:9: rules[2].id: …`.
pub fn write_faults(out: &mut dyn Write, origin: &str, faults: &[LocatedFault], styles: &Styles) -> io::Result<()> {
    let bad = styles.bad;
    for LocatedFault { line, column, fault } in faults {
        writeln!(out, "{bad}{origin}:{line}:{column}{bad:#}: {fault}")?;
    }
    Ok(())
}

/// Reads a file, or standard input for `-`. Returns its text and what to call it.
pub fn read_file(file: &std::path::Path) -> Result<(String, String)> {
    if file.as_os_str() == "-" {
        let text = io::read_to_string(io::stdin().lock());
        let text = text.map_err(|source| Error::io("failed to read the rules from standard input", source))?;
        return Ok((text, "standard input".to_owned()));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|source| Error::io(format!("failed to read the rules from {}", file.display()), source))?;
    Ok((text, file.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_at_its_line() {
        let text = "{\n  \"version\": 1,\n  \"rules\": [\n    {\"id\": \"a\", \"severity\": \"high\",\n     \"symbols\": [\"btc\"]}\n  ]\n}\n";
        let faults = check(text).unwrap_err();
        let places: Vec<_> =
            faults.iter().map(|found| (found.line, found.column, found.fault.field.as_str())).collect();
        let expected = [(4, 5, "rules[0].condition"), (4, 17, "rules[0].severity"), (5, 18, "rules[0].symbols[0]")];
        assert_eq!(places, expected);
    }

    #[test]
    fn what_is_no_json_is_at_the_place_where_it_breaks() {
        let faults = check("{\n  \"version\": 1,\n  \"rules\": [,]\n}").unwrap_err();
        assert_eq!((faults[0].line, faults[0].column, faults[0].fault.code), (3, 13, FaultCode::NotJson));
        assert_eq!(check("").unwrap_err()[0].line, 1);
    }

    #[test]
    fn a_document_that_no_parameter_holds_is_refused() {
        let rule = |number: usize| {
            format!(
                r#"{{"id":"r-{number}","description":"{}","severity":"info","symbols":["*"],"condition":{{"kind":"tag","tag":"locked"}}}}"#,
                "x".repeat(150)
            )
        };
        let document = |count: usize| {
            format!(r#"{{"version":1,"rules":[{}]}}"#, (0..count).map(rule).collect::<Vec<_>>().join(","))
        };
        assert_eq!(check(&document(20)).map(|read| read.rules.len()), Ok(20));
        assert_eq!(check(&document(40)).unwrap_err()[0].fault.code, FaultCode::TooLarge);
    }
}
