//! Who may change what, and what they must say first.

use serde::Serialize;

use super::{Change, Preview};
use crate::error::{Error, Result};
use crate::stack::Stack;

/// Stands between every mutation and the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    read_only: Option<String>,
    environment: String,
    is_production: bool,
    assume_yes: bool,
}

/// What the answer to a preview must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// None: any answer will do.
    Nothing,
    /// `y` or `yes`.
    Yes,
    /// Exactly this word.
    Word(String),
}

/// Proof that a change was previewed and confirmed. Only a [`Gate`] makes one, and whatever changes something asks for it.
#[derive(Debug)]
pub struct Permit {
    change: Change,
    environment: String,
}

impl Gate {
    /// A gate to this stack. `assume_yes` is `--yes`.
    pub fn new(stack: &Stack, assume_yes: bool) -> Self {
        Self {
            read_only: None,
            environment: stack.environment.clone(),
            is_production: stack.is_production(),
            assume_yes,
        }
    }

    /// A gate that lets nothing through; `why` completes "refused to …: …".
    #[must_use]
    pub fn read_only(mut self, why: impl Into<String>) -> Self {
        self.read_only = Some(why.into());
        self
    }

    /// Why nothing may be changed, when nothing may.
    pub fn why_read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// Refuses (exit code 6) when nothing may be changed.
    pub fn allows(&self, change: Change) -> Result<()> {
        allowed(self.why_read_only(), change)
    }

    /// What the answer to this preview must be. `--yes` answers all but one question: what cannot be undone (it has a word
    /// of its own) is never done in production without somebody at the terminal.
    pub fn needs(&self, preview: &Preview) -> Needed {
        match &preview.typed {
            Some(word) if self.is_production || !self.assume_yes => Needed::Word(word.clone()),
            _ if self.assume_yes => Needed::Nothing,
            None if self.is_production => Needed::Word(self.environment.clone()),
            _ if preview.change.goes_unasked() => Needed::Nothing,
            _ => Needed::Yes,
        }
    }

    /// Lets a change through when `answer` is what it needs; refuses (exit code 6) otherwise.
    pub fn permit(&self, preview: &Preview, answer: &str) -> Result<Permit> {
        self.allows(preview.change)?;
        let answer = answer.trim();
        let confirmed = match self.needs(preview) {
            Needed::Nothing => true,
            Needed::Yes => answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"),
            Needed::Word(word) => answer == word,
        };
        if confirmed {
            Ok(Permit { change: preview.change, environment: self.environment.clone() })
        } else {
            Err(Error::refused(format!("refused to {}: not confirmed", preview.summary), self.how_to_confirm(preview)))
        }
    }

    /// How to confirm; completes a sentence of help.
    pub fn how_to_confirm(&self, preview: &Preview) -> String {
        match self.needs(preview) {
            Needed::Nothing => "nothing has to be confirmed".to_owned(),
            Needed::Yes => "answer y when asked, or give --yes".to_owned(),
            Needed::Word(word) if preview.typed.is_some() && self.is_production => {
                format!("type {word} when asked: in production this needs somebody at the terminal")
            }
            Needed::Word(word) => format!("type {word} when asked, or give --yes"),
        }
    }
}

/// Refuses (exit code 6) a change when there is a reason why nothing may be changed.
pub fn allowed(read_only: Option<&str>, change: Change) -> Result<()> {
    match read_only {
        None => Ok(()),
        Some(why) => Err(Error::refused(
            format!("refused to {change}: {why}"),
            "leave out --read-only (or unset OPSCTL_READ_ONLY); in the dashboard, start it with --allow-writes",
        )),
    }
}

impl Permit {
    /// Refuses (exit code 6) when this was given for another change or another environment: a mistake in opsctl that must
    /// not reach AWS.
    pub fn check(&self, change: Change, stack: &Stack) -> Result<()> {
        if self.change == change && self.environment == stack.environment {
            return Ok(());
        }
        Err(Error::refused(
            format!(
                "refused to {change} in {}: what was confirmed is to {} in {}",
                stack.environment, self.change, self.environment
            ),
            "this is a fault of opsctl: nothing was changed; please report it",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitStatus;
    use crate::stack::samples;

    fn stack(environment: &str) -> Stack {
        Stack { environment: environment.to_owned(), ..samples::stack() }
    }

    fn preview(change: Change, typed: Option<&str>) -> Preview {
        Preview { typed: typed.map(str::to_owned), ..Preview::new(change, change.action(), Vec::new()) }
    }

    #[test]
    fn what_must_be_said_depends_on_the_change_the_place_and_yes() {
        let word = |word: &str| Needed::Word(word.to_owned());
        let (redrive, send) = (preview(Change::Redrive, None), preview(Change::SendTestEvents, None));
        let purge = preview(Change::Purge, Some("sqs-ingestion-dlq"));
        let cases = [
            ("dev", false, [Needed::Yes, Needed::Nothing, word("sqs-ingestion-dlq")]),
            ("dev", true, [Needed::Nothing, Needed::Nothing, Needed::Nothing]),
            ("prod", false, [word("prod"), word("prod"), word("sqs-ingestion-dlq")]),
            ("prod", true, [Needed::Nothing, Needed::Nothing, word("sqs-ingestion-dlq")]),
        ];
        for (environment, yes, expected) in cases {
            let gate = Gate::new(&stack(environment), yes);
            let needed = [&redrive, &send, &purge].map(|preview| gate.needs(preview));
            assert_eq!(needed, expected, "{environment}, --yes {yes}");
        }
    }

    #[test]
    fn only_the_needed_answer_opens_the_gate() {
        let redrive = preview(Change::Redrive, None);
        let dev = Gate::new(&stack("dev"), false);
        for (answer, opens) in [("y", true), (" YES\n", true), ("", false), ("n", false), ("yep", false)] {
            assert_eq!(dev.permit(&redrive, answer).is_ok(), opens, "{answer:?}");
        }
        let prod = Gate::new(&stack("prod"), false);
        for (answer, opens) in [("prod\n", true), ("y", false), ("PROD", false), ("", false)] {
            assert_eq!(prod.permit(&redrive, answer).is_ok(), opens, "{answer:?}");
        }
        let error = prod.permit(&redrive, "y").unwrap_err();
        assert_eq!(error.exit_status(), ExitStatus::Refused);
        assert!(error.help().is_some_and(|help| help.contains("prod")), "{error:?}");
    }

    #[test]
    fn read_only_lets_nothing_through_whatever_is_said() {
        let gate = Gate::new(&stack("dev"), true).read_only("--read-only is set");
        for change in Change::ALL {
            let error = gate.permit(&preview(change, None), "yes").unwrap_err();
            assert_eq!(error.exit_status(), ExitStatus::Refused);
            assert!(error.to_string().ends_with("--read-only is set"), "{error}");
        }
    }

    #[test]
    fn a_permit_is_for_one_change_and_one_environment() {
        let dev = stack("dev");
        let permit = Gate::new(&dev, true).permit(&preview(Change::Redrive, None), "").unwrap();
        assert!(permit.check(Change::Redrive, &dev).is_ok());
        assert!(permit.check(Change::Purge, &dev).is_err());
        assert!(permit.check(Change::Redrive, &stack("prod")).is_err());
    }
}
