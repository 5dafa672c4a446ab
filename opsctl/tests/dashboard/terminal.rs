//! However it ends, the terminal is as it was, and the exit code says how.

use opsctl_harness::{FakeAws, Modes, Terminal};
use rustix::process::Signal;

use crate::support::{ENVIRONMENT, OPSCTL, Start, arguments, dashboard, healthy_dashboard};

/// How the terminal is while the dashboard has it.
const TAKEN: Modes =
    Modes { cooked: false, alternate_screen: true, cursor_hidden: true, mouse: false, bracketed_paste: true };

#[track_caller]
fn assert_given_back(terminal: &mut Terminal, code: i32) {
    let status = terminal.wait_for_end();
    assert_eq!(status.code(), Some(code), "{status}: {}", terminal.text());
    assert_eq!(terminal.modes(), Modes::SHELL);
}

#[test]
fn quitting_gives_the_terminal_back() {
    for key in ["q", "\x03", ":quit\r"] {
        let mut terminal = healthy_dashboard(&FakeAws::start());
        terminal.wait_for_modes(TAKEN);
        terminal.press(key);
        assert_given_back(&mut terminal, 0);
        assert_eq!(terminal.text().trim(), "", "nothing of it is left on the screen");
    }
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let signals = [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)];
    for (signal, code) in signals {
        let mut terminal = healthy_dashboard(&FakeAws::start());
        terminal.signal(signal);
        assert_given_back(&mut terminal, code);
    }
}

#[test]
fn it_ends_when_the_window_is_closed() {
    let mut terminal = healthy_dashboard(&FakeAws::start());
    terminal.close();
    assert_eq!(terminal.wait_for_end().code(), Some(129));
}

// The trigger is in debug builds only.
#[cfg(debug_assertions)]
#[test]
fn a_panic_gives_the_terminal_back_and_is_told_there() {
    for (place, code) in [("loop", 101), ("task", 1)] {
        let aws = FakeAws::start();
        let environment = [("OPSCTL_TEST_PANIC", place)];
        let mut terminal = Start { environment: &environment, ..Start::default() }.dashboard(&aws);
        terminal.wait_for_text("HEALTHY");
        terminal.press("\x1b[24~");
        assert_given_back(&mut terminal, code);
        let screen = terminal.text();
        assert!(screen.contains("a test wants it"), "{screen}");
        assert!(!screen.contains("Pipeline"), "nothing of the dashboard is on the shell's screen: {screen}");
    }
}

#[test]
fn an_error_before_the_first_frame_leaves_the_terminal_alone() {
    let aws = FakeAws::start();
    let arguments = ["--outputs", "/nonexistent.json", "dashboard"];
    let mut terminal = Terminal::start(OPSCTL, arguments, &ENVIRONMENT, "/".as_ref(), (80, 24));
    assert_given_back(&mut terminal, 1);
    assert!(terminal.text().contains("/nonexistent.json"), "{}", terminal.text());
    assert!(aws.calls().is_empty());
}

/// As a shell with job control does it: the dashboard is one of its jobs.
#[test]
fn ctrl_z_goes_back_to_the_shell_and_fg_comes_back() {
    let aws = FakeAws::start();
    let environment: Vec<_> = ENVIRONMENT.into_iter().chain([("PS1", "shell> "), ("PATH", "/usr/bin:/bin")]).collect();
    let mut terminal = Terminal::start("bash", ["--norc", "--noprofile", "-i"], &environment, "/".as_ref(), (120, 40));
    terminal.wait_for_text("shell>");
    let command: Vec<String> = arguments(&aws, &[]).iter().map(|argument| format!("'{argument}'")).collect();
    terminal.press(&format!("'{OPSCTL}' {}\r", command.join(" ")));
    terminal.wait_for_text("HEALTHY");
    terminal.wait_for_modes(TAKEN);

    terminal.press("\x1a");
    let screen = terminal.wait_for_text("Stopped");
    assert!(!screen.contains("Pipeline"), "{screen}");
    // The shell edits lines itself, so that its terminal is not cooked; all else is as it was.
    let modes = terminal.modes();
    assert!(!modes.alternate_screen && !modes.cursor_hidden, "{modes:?}");
    terminal.press("echo still $((40 + 2))\r");
    terminal.wait_for_text("still 42");

    terminal.press("fg\r");
    terminal.wait_for("the dashboard", |screen| screen.contains("1 Pipeline") && screen.contains("HEALTHY"));
    terminal.wait_for_modes(TAKEN);
    terminal.press("2");
    terminal.wait_for_text("▶ 2 Alarms");

    terminal.press("q");
    terminal.wait_for_text("still 42");
    terminal.press("echo ended with $?\r");
    terminal.wait_for_text("ended with 0");
    terminal.press("exit\r");
    terminal.wait_for_end();
}

#[test]
fn where_no_shell_could_bring_it_back_it_is_not_suspended() {
    let terminal = healthy_dashboard(&FakeAws::start());
    terminal.press("\x1a");
    terminal.wait_for_text("not suspended");
    terminal.wait_for_modes(TAKEN);
}

#[test]
fn the_mouse_is_the_terminals_unless_it_is_asked_for() {
    let aws = FakeAws::start();
    let mut terminal = Start { arguments: &["--mouse"], ..Start::default() }.dashboard(&aws);
    terminal.wait_for_text("HEALTHY");
    terminal.wait_for_modes(Modes { mouse: true, ..TAKEN });
    // A click into the alarms.
    let screen = terminal.text();
    let row = screen.lines().position(|line| line.contains("2 Alarms")).expect("the panel") + 1;
    terminal.press(&format!("\x1b[<0;5;{row}M\x1b[<0;5;{row}m"));
    terminal.wait_for_text("▶ 2 Alarms");
    terminal.press("q");
    assert_given_back(&mut terminal, 0);
}

#[test]
fn it_follows_the_size_of_the_window() {
    let terminal = healthy_dashboard(&FakeAws::start());
    terminal.resize(79, 24);
    let screen = terminal.wait_for_text("needs 80 × 24");
    assert!(screen.contains("has 79 × 24"), "{screen}");
    for size in [(80, 24), (250, 70), (120, 40)] {
        terminal.resize(size.0, size.1);
        terminal.wait_for("the whole screen", |screen| {
            let lines: Vec<&str> = screen.lines().collect();
            // Titles go over the whole width, the footer stands on the last row.
            let wide =
                lines.iter().any(|line| line.contains("1 Pipeline") && line.chars().count() == usize::from(size.0));
            wide && lines.len() == usize::from(size.1) && lines.last().is_some_and(|line| line.contains("help"))
        });
    }
}

#[test]
fn without_colours_none_is_written_and_in_ascii_nothing_else() {
    let aws = FakeAws::start();
    let plain = Start { environment: &[("NO_COLOR", "1")], arguments: &["--ascii"], ..Start::default() };
    let mut terminal = plain.dashboard(&aws);
    terminal.wait_for_text("HEALTHY");
    terminal.press("q");
    assert_given_back(&mut terminal, 0);
    let written = terminal.written();
    assert!(written.is_ascii());
    for colour in ["38;5;", "48;5;", "38;2;", "48;2;"] {
        assert!(!written.contains(colour), "{colour}");
    }
    // The same screen does have colours when they are wanted: what is looked for above is what is written.
    let mut terminal = dashboard(&aws);
    terminal.wait_for_text("HEALTHY");
    terminal.press("q");
    assert_given_back(&mut terminal, 0);
    assert!(terminal.written().contains("38;5;"));
}
