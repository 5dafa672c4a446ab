//! The terminal, borrowed: however the program ends, it is given back as it was.

use std::cell::Cell;
use std::io::{self, BufWriter, Stdout, Write};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use ratatui::{Frame, Terminal};

/// Whether the terminal is ours now. The panic hook has to know it too, so it cannot belong to a value.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Held while a frame is written: a panic in another thread gives the terminal back after it, not in its midst.
static FRAME: Mutex<()> = Mutex::new(());

thread_local! {
    /// Whether this thread is the one that draws: its own panic has nobody to wait for.
    static DRAWS: Cell<bool> = const { Cell::new(false) };
}
static HOOK: Once = Once::new();

/// The terminal while it is ours. Dropping it gives the terminal back.
pub struct Screen {
    /// Never dropped: it would show the cursor, which [`give_back`] does, and where the terminal is gone it would complain
    /// of that to standard error, which is gone as well, and panic.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal: raw, on its alternate screen. A panic from here on, in any thread, gives it back before the
    /// panic is told.
    pub fn take(mouse: bool) -> io::Result<Self> {
        HOOK.call_once(|| {
            let tell = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_back();
                tell(info);
            }));
        });
        // The buffer holds a frame of a large terminal, which then goes out in one piece.
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout()));
        let mut screen = Self { terminal: ManuallyDrop::new(Terminal::new(backend)?), mouse };
        screen.enter()?;
        Ok(screen)
    }

    fn enter(&mut self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        if self.mouse {
            execute!(io::stdout(), EnableMouseCapture)?;
        }
        self.redraw()
    }

    /// Draws a frame; only what has changed is written.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let frame = FRAME.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread has panicked, and the screen is the shell's again.
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        DRAWS.set(true);
        // Terminals that know it show the frame at once; the others skip it.
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(view)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        DRAWS.set(false);
        drop(frame);
        Ok(())
    }

    /// Forgets what is on the screen, so that the next frame is written in full.
    ///
    /// Not by `Terminal::clear`: that asks the terminal where its cursor is, for which it waits two seconds with every
    /// key unanswered, and fails where the terminal never tells.
    pub fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Puts text on the clipboard of the terminal, also through SSH (OSC 52). Whether the terminal allows it is not told.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }

    /// Gives the terminal back, stops the process group as Ctrl-Z does in a shell, and takes the terminal again when the
    /// group goes on. False, and nothing was done, where no shell could bring it back: it would stand still for ever.
    pub fn suspend(&mut self) -> io::Result<bool> {
        if rustix::process::getsid(None)? == rustix::process::getpid() {
            return Ok(false);
        }
        give_back();
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
        self.enter()?;
        Ok(true)
    }

    /// Takes the terminal again after somebody else stopped this process and let it go on.
    pub fn resume(&mut self) -> io::Result<()> {
        self.enter()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back once. There is nobody to tell an error to: the terminal may be gone.
fn give_back() {
    let _frame = (!DRAWS.get()).then(|| FRAME.lock().unwrap_or_else(PoisonError::into_inner));
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = execute!(out, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        let _ = out.flush();
    }
}
