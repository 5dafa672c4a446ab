//! A pseudo-terminal with a program in it.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

/// After this time a wait gives up: no machine is so slow.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a state that nothing tells of is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A program in a terminal.
pub struct Terminal {
    pty: Option<Arc<Pty>>,
    child: Child,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

struct Seen {
    parser: vt100::Parser<Clipboard>,
    /// All that the program wrote.
    written: Vec<u8>,
    /// True once nobody can write any more.
    ended: bool,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text())
    }
}

/// What was put on the clipboard last, as it was sent: in base64.
#[derive(Debug, Default)]
struct Clipboard(Option<String>);

impl vt100::Callbacks for Clipboard {
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _kind: &[u8], data: &[u8]) {
        self.0 = Some(String::from_utf8_lossy(data).into_owned());
    }
}

/// How the terminal is set: what a shell wants to find as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mode of the terminal")]
pub struct Modes {
    /// Lines are edited and keys echoed, as at a shell's prompt.
    pub cooked: bool,
    /// The alternate screen is shown.
    pub alternate_screen: bool,
    /// The cursor is hidden.
    pub cursor_hidden: bool,
    /// The mouse is reported.
    pub mouse: bool,
    /// Pasted text is marked.
    pub bracketed_paste: bool,
}

impl Modes {
    /// As a shell wants it.
    pub const SHELL: Self =
        Self { cooked: true, alternate_screen: false, cursor_hidden: false, mouse: false, bracketed_paste: false };
}

impl Terminal {
    /// Starts a program in a new terminal of `columns` by `rows`, with exactly this environment and `TERM`.
    ///
    /// # Panics
    /// When there is no pseudo-terminal, or the program does not start.
    pub fn start<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
        dir: &Path,
        (columns, rows): (u16, u16),
    ) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, columns)).expect("it has a size");
        let command = Command::new(program).args(arguments).env_clear().env("TERM", "xterm-256color");
        let command = command.envs(environment.iter().copied()).current_dir(dir);
        let child = command.spawn(pts).expect("the program starts");
        let pty = Arc::new(pty);
        let parser = vt100::Parser::new_with_callbacks(cells(rows), cells(columns), 1_000, Clipboard::default());
        let seen = Arc::new((Mutex::new(Seen { parser, written: Vec::new(), ended: false }), Condvar::new()));
        let (reader, told) = (Arc::downgrade(&pty), Arc::clone(&seen));
        thread::spawn(move || read(&reader, &told));
        Self { pty: Some(pty), child, seen }
    }

    /// Types, as bytes: `q`, `\x1b[A`, `\x03`.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn press(&self, keys: &str) {
        let mut pty: &Pty = self.pty.as_ref().expect("the terminal is open");
        pty.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Makes the window larger or smaller.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) {
        // The screen first: what is written for the new size must find it.
        self.lock().parser.set_size(cells(rows), cells(columns));
        self.pty.as_ref().expect("the terminal is open").resize(Size::new(rows, columns)).expect("it has a size");
    }

    /// Closes the window: the program is hung up on.
    pub fn close(&mut self) {
        self.pty = None;
    }

    /// Sends a signal to the program.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// The program's process id.
    ///
    /// # Panics
    /// Never: a child has an id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What is on the screen: its rows without spaces at their ends.
    pub fn text(&self) -> String {
        text(self.lock().parser.screen())
    }

    /// The same with its styles as escape sequences, a line a row, every space written.
    pub fn styled(&self) -> String {
        let seen = self.lock();
        let screen = seen.parser.screen();
        let (rows, columns) = screen.size();
        let row = |row: u16| {
            let mut line = String::new();
            let mut last = String::new();
            for cell in (0..columns.get()).filter_map(|column| screen.cell(row, column)) {
                if cell.is_wide_continuation() {
                    continue;
                }
                let style = style(cell);
                if style != last {
                    line.push_str(&style);
                    last = style;
                }
                line.push_str(if cell.has_contents() { cell.contents() } else { " " });
            }
            line + "\x1b[0m"
        };
        (0..rows.get()).map(row).collect::<Vec<_>>().join("\n")
    }

    /// Waits until nothing has been written for a while: a screen that is read then is no half frame.
    pub fn wait_until_still(&self) {
        let mut before = None;
        while before != Some(self.bytes_written()) {
            before = Some(self.bytes_written());
            thread::sleep(POLL * 10);
        }
    }

    /// Everything that was ever written, escape sequences included.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.lock().written).into_owned()
    }

    /// How many bytes were written so far.
    pub fn bytes_written(&self) -> usize {
        self.lock().written.len()
    }

    /// What was put on the clipboard last, in base64 as terminals get it.
    pub fn clipboard(&self) -> Option<String> {
        self.lock().parser.callbacks().0.clone()
    }

    /// How the terminal is set now.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn modes(&self) -> Modes {
        let attributes = tcgetattr(self.pty.as_ref().expect("the terminal is open")).expect("it is a terminal");
        let seen = self.lock();
        let screen = seen.parser.screen();
        Modes {
            cooked: attributes.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG),
            alternate_screen: screen.alternate_screen(),
            cursor_hidden: screen.hide_cursor(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
            bracketed_paste: screen.bracketed_paste(),
        }
    }

    /// Waits until the screen is as wanted, and gives it.
    ///
    /// # Panics
    /// When it never is.
    #[track_caller]
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        let (_, changed) = &*self.seen;
        let mut seen = self.lock();
        loop {
            let screen = text(seen.parser.screen());
            if wanted(&screen) {
                return screen;
            }
            assert!(!seen.ended, "the program ended before {what} was seen:\n{screen}");
            assert!(began.elapsed() < PATIENCE, "{what} was never seen:\n{screen}");
            seen = changed.wait_timeout(seen, POLL * 10).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until that text is on the screen, and gives the screen.
    ///
    /// # Panics
    /// When it never is.
    #[track_caller]
    pub fn wait_for_text(&self, wanted: &str) -> String {
        self.wait_for(&format!("{wanted:?}"), |screen| screen.contains(wanted))
    }

    /// Waits until the terminal is set so: what sets it may come a moment after what is seen.
    ///
    /// # Panics
    /// When it never is.
    #[track_caller]
    pub fn wait_for_modes(&self, wanted: Modes) {
        let began = Instant::now();
        while self.modes() != wanted {
            assert!(began.elapsed() < PATIENCE, "{wanted:?} was never so: {:?}", self.modes());
            thread::sleep(POLL);
        }
    }

    /// Waits until the program has ended and all that it wrote was read.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child")
                && (self.pty.is_none() || self.lock().ended)
            {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the program does not end:\n{}", self.text());
            thread::sleep(POLL);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only where a test has failed, or does not care for the end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes in what is written, until nobody can write any more or the window is closed.
fn read(pty: &Weak<Pty>, (seen, changed): &(Mutex<Seen>, Condvar)) {
    let mut buffer = [0; 1 << 14];
    loop {
        // Nobody can write any more: that is an error of the system's here, not the end of a file.
        let count = pty.upgrade().and_then(|pty| (&*pty).read(&mut buffer).ok()).unwrap_or_default();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if count == 0 {
            seen.ended = true;
        } else {
            seen.written.extend_from_slice(&buffer[..count]);
            seen.parser.process(&buffer[..count]);
        }
        changed.notify_all();
        if count == 0 {
            return;
        }
    }
}

fn text(screen: &vt100::Screen) -> String {
    let (_, columns) = screen.size();
    let rows: Vec<String> = screen.rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n")
}

/// The sequence that switches to a cell's style from any other.
fn style(cell: &vt100::Cell) -> String {
    // A sequence each: what reads them need not know how they are joined.
    let colour = |colour, base: u8| match colour {
        vt100::Color::Default => String::new(),
        vt100::Color::Idx(index) => format!("\x1b[{base};5;{index}m"),
        vt100::Color::Rgb(red, green, blue) => format!("\x1b[{base};2;{red};{green};{blue}m"),
    };
    let effects =
        [(cell.bold(), "\x1b[1m"), (cell.dim(), "\x1b[2m"), (cell.underline(), "\x1b[4m"), (cell.inverse(), "\x1b[7m")];
    let effects: String = effects.into_iter().filter(|(on, _)| *on).map(|(_, sequence)| sequence).collect();
    format!("\x1b[0m{effects}{}{}", colour(cell.fgcolor(), 38), colour(cell.bgcolor(), 48))
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has rows and columns")
}
