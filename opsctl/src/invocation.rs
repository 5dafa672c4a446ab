//! How this process was called, so that the commands it suggests reach the same stack.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::OnceLock;

use clap::ArgMatches;
use clap::parser::ValueSource;

/// The options that say which stack is meant, how it is reached, and where its journal is.
const REPEATED: [&str; 9] =
    ["stack_dir", "outputs", "env", "profile", "region", "endpoint_url", "local_dir", "project_dir", "journal_dir"];

/// They do not change while a process lives. None where none were remembered, as in tests.
static OPTIONS: OnceLock<Options> = OnceLock::new();

#[derive(Debug, Default)]
struct Options {
    local: bool,
    others: String,
}

/// Remembers the options of the command line for [`opsctl`]. With `local` the stack is the local one whatever they say.
pub fn remember(matches: &ArgMatches, local: bool) {
    // The first call counts: a process has one command line.
    let _ = OPTIONS.set(repeated(matches, local));
}

/// A command line of opsctl, ready to be copied into a shell: with the options of this process that say which stack is
/// meant. What the environment says is not repeated: the shell has it too.
pub fn opsctl(arguments: impl Display) -> String {
    OPTIONS.get().unwrap_or(&Options::default()).command(&arguments.to_string())
}

impl Options {
    fn command(&self, arguments: &str) -> String {
        // What begins so is about the local stack in any case.
        let local = if self.local && !arguments.starts_with("local ") { " --local" } else { "" };
        format!("opsctl{local}{} {arguments}", self.others).trim_end().to_owned()
    }
}

fn repeated(matches: &ArgMatches, local: bool) -> Options {
    let given = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
    let mut options = String::new();
    for name in REPEATED.into_iter().filter(|name| given(name)) {
        for value in matches.get_raw(name).into_iter().flatten() {
            let value = value.to_string_lossy();
            options.extend([" --", &name.replace('_', "-"), " ", &quoted(&value)]);
        }
    }
    Options { local: local || given("local"), others: options }
}

/// A word for a POSIX shell.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:/=,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn repeats(line: &str, local: bool) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        repeated(&Cli::command().try_get_matches_from(words).unwrap(), local).command("status")
    }

    #[test]
    fn what_says_which_stack_is_meant_is_repeated_wherever_it_stood() {
        assert_eq!(repeats("opsctl status", false), "opsctl status");
        assert_eq!(repeats("opsctl dlq list --local -v --no-color -o json", false), "opsctl --local status");
        let line = "opsctl --region eu-west-1 redrive dlq --profile ops --stack-dir ../lib --yes";
        assert_eq!(repeats(line, false), "opsctl --stack-dir ../lib --profile ops --region eu-west-1 status");
        assert_eq!(repeats("opsctl demo --local-dir it's", true), r"opsctl --local --local-dir 'it'\''s' status");
        let options = Options { local: true, others: " --local-dir there".to_owned() };
        assert_eq!(options.command("local down"), "opsctl --local-dir there local down");
    }

    #[test]
    fn every_global_option_is_repeated_or_makes_no_difference_to_the_stack() {
        let indifferent = ["local", "output", "read_only", "yes", "no_color", "verbose"];
        for option in Cli::command().get_arguments().filter(|option| option.is_global_set()) {
            let name = option.get_id().as_str();
            assert!(REPEATED.contains(&name) != indifferent.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        assert_eq!(quoted("AAPL"), "AAPL");
        assert_eq!(quoted("BRK B"), "'BRK B'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
