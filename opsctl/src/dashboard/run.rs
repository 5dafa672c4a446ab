//! The loop: hears, updates, draws. It never waits for AWS: calls are tasks that send back what they bring.

use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, EventStream};
use futures::StreamExt;
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::actions::{Leaving, Operator, Order};
use super::event::{Effect, Event};
use super::fetch::{Done, Fetcher};
use super::rows::Panel;
use super::state::State;
use super::terminal::Screen;
use super::theme::Theme;
use super::update::update;
use super::view;
use crate::error::{Error, Result};
use crate::snapshot::SourceName;

/// At most so many frames a second: a burst of keys or answers is one frame.
const FRAME: Duration = Duration::from_millis(16);
/// Ages on the screen move so often.
const TICK: Duration = Duration::from_secs(1);

/// How the screen is drawn and used.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Colours and marks.
    pub theme: Theme,
    /// Whether the mouse is used; it then cannot select text.
    pub mouse: bool,
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The person quit.
    Quit,
    /// A signal asked for it: its number.
    Signal(i32),
}

/// Runs until the person quits, a signal comes or the terminal is gone. However it ends, what is under way is ended first,
/// unless somebody asked twice. The text says what came of that.
pub async fn run(
    state: State,
    fetcher: Fetcher,
    operator: Operator,
    options: Options,
) -> (Result<Ended>, Option<String>) {
    let screen = match Screen::take(options.mouse) {
        Ok(screen) => screen,
        Err(source) => return (Err(Error::io("failed to use the terminal", source)), None),
    };
    let mut dashboard = Dashboard {
        state,
        fetcher,
        operator,
        screen,
        theme: options.theme,
        tasks: JoinSet::new(),
        ended: None,
        at_once: false,
        is_dirty: true,
        may_draw_at: Instant::now(),
    };
    let ended = dashboard.run().await;
    let Dashboard { mut state, screen, mut operator, at_once, .. } = dashboard;
    drop(screen);
    // The terminal is gone, or drawing failed: what is under way is ended all the same, unless a signal comes again.
    if !at_once && let Ok(mut signals) = Signals::new() {
        tokio::select! {
            () = drain(&mut state, &mut operator) => {}
            _ = signals.next() => {}
        }
    }
    (ended, state.actions.farewell())
}

/// Stops what goes on and waits until it has ended.
async fn drain(state: &mut State, operator: &mut Operator) {
    operator.take(Order::Stop);
    while operator.is_busy() {
        match operator.next().await {
            Ok(Some(told)) => {
                update(state, Event::Told(told, Timestamp::now()));
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

struct Dashboard {
    state: State,
    fetcher: Fetcher,
    operator: Operator,
    screen: Screen,
    theme: Theme,
    tasks: JoinSet<Done>,
    ended: Option<Ended>,
    /// The person would not wait for what is under way.
    at_once: bool,
    is_dirty: bool,
    may_draw_at: Instant,
}

impl Dashboard {
    async fn run(&mut self) -> Result<Ended> {
        let failed = |source| Error::io("failed to use the terminal", source);
        let mut input = EventStream::new();
        let mut signals = Signals::new()?;
        let mut tick = tokio::time::interval(TICK);
        while self.ended.is_none() {
            if self.is_dirty && Instant::now() >= self.may_draw_at {
                self.draw().map_err(failed)?;
            }
            self.start_what_is_due();
            tokio::select! {
                biased;
                event = input.next() => match event {
                    Some(Ok(event)) => self.hear(event).map_err(failed)?,
                    Some(Err(error)) => return Err(failed(error)),
                    // The terminal is gone.
                    None => self.ended = Some(Ended::Signal(SignalKind::hangup().as_raw_value())),
                },
                signal = signals.next() => self.obey(signal).map_err(failed)?,
                told = self.operator.next() => {
                    if let Some(told) = told? {
                        self.update(Event::Told(told, Timestamp::now())).map_err(failed)?;
                    }
                }
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.take(done).map_err(failed)?,
                    Err(error) => {
                        return Err(Error::failed(
                            format!("a task of the dashboard ended early: {error}"),
                            "this is a fault of opsctl: please report it with what was said above",
                        ));
                    }
                },
                () = tokio::time::sleep_until(self.may_draw_at), if self.is_dirty => {}
                _ = tick.tick() => self.update(Event::Tick(Timestamp::now())).map_err(failed)?,
                () = self.fetcher.wait() => {}
            }
        }
        Ok(self.ended.unwrap_or(Ended::Quit))
    }

    fn draw(&mut self) -> std::io::Result<()> {
        let mut drawn = None;
        self.screen.draw(|frame| drawn = Some(view::draw(&self.state, frame, &self.theme)))?;
        self.state.drawn = drawn.unwrap_or_default();
        self.is_dirty = false;
        self.may_draw_at = Instant::now() + FRAME;
        Ok(())
    }

    fn hear(&mut self, event: TerminalEvent) -> std::io::Result<()> {
        match event {
            TerminalEvent::Key(key) => {
                #[cfg(debug_assertions)]
                match super::faults::wanted(key) {
                    Some(super::faults::Place::Loop) => super::faults::panic(),
                    Some(super::faults::Place::Task) => drop(self.tasks.spawn(async { super::faults::panic() })),
                    None => {}
                }
                self.update(Event::Key(key))
            }
            TerminalEvent::Paste(text) => self.update(Event::Paste(text)),
            TerminalEvent::Mouse(mouse) => self.update(Event::Mouse(mouse)),
            // Drawing finds out the new size.
            TerminalEvent::Resize(..) => {
                self.is_dirty = true;
                Ok(())
            }
            TerminalEvent::FocusGained | TerminalEvent::FocusLost => Ok(()),
        }
    }

    fn update(&mut self, event: Event) -> std::io::Result<()> {
        self.is_dirty = true;
        for effect in update(&mut self.state, event) {
            self.perform(effect)?;
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> std::io::Result<()> {
        match effect {
            Effect::Quit => {
                self.at_once = self.state.actions.is_busy();
                self.ended = Some(match self.state.actions.leaving {
                    Some(Leaving::Signal(number)) => Ended::Signal(number),
                    Some(Leaving::Quit) | None => Ended::Quit,
                });
            }
            Effect::Change(order) => self.operator.take(order),
            Effect::Suspend => {
                if !self.screen.suspend()? {
                    self.state.complain("no shell could bring it back from there, so it is not suspended");
                }
                self.update(Event::Tick(Timestamp::now()))?;
            }
            Effect::Redraw => self.screen.redraw()?,
            Effect::Faster => self.pace(Fetcher::faster),
            Effect::Slower => self.pace(Fetcher::slower),
            Effect::Travel(at) => self.fetcher.travel(at),
            Effect::Refresh => self.fetcher.refresh(),
            Effect::Load(topic) => {
                let fetcher = self.fetcher.task();
                self.tasks.spawn(async move { fetcher.load(topic).await });
            }
            Effect::Copy(text) => {
                self.screen.copy(&text)?;
                let lines = text.lines().count();
                let what = if lines > 1 { format!("{lines} lines") } else { text };
                self.state.say(format!("copied, where the terminal allows it: {what}"));
            }
            Effect::Export { file, value } => {
                self.tasks.spawn(super::export::write(file, *value));
            }
        }
        Ok(())
    }

    fn pace(&mut self, change: fn(&mut Fetcher)) {
        change(&mut self.fetcher);
        self.state.polling = self.fetcher.polling();
        let stretch = self.state.polling.stretch.unwrap_or(1.0);
        self.state.say(match stretch {
            1.0 => "reading as often as planned".to_owned(),
            stretch if stretch < 1.0 => {
                format!("reading {} times as often as planned, which costs as much more", 1.0 / stretch)
            }
            stretch => format!("reading only every {stretch} times as long as planned: data come later"),
        });
    }

    fn start_what_is_due(&mut self) {
        let now = Timestamp::now();
        for source in self.fetcher.due(now, &visible(&self.state)) {
            let fetcher = self.fetcher.task();
            self.tasks.spawn(async move { fetcher.read(source, now).await });
        }
    }

    fn take(&mut self, done: Done) -> std::io::Result<()> {
        match done {
            Done::Read { update, calls, looked_at } => {
                let update = self.fetcher.finished(update, &calls, looked_at);
                self.state.polling = self.fetcher.polling();
                match update {
                    Some((update, at)) => self.update(Event::Fetched(Box::new(update), at)),
                    None => Ok(()),
                }
            }
            Done::Loaded { topic, result, calls } => {
                self.fetcher.spent(&calls);
                self.update(Event::Loaded(topic, Box::new(result), Timestamp::now()))
            }
            Done::Said(text) => self.update(Event::Said(text)),
            Done::Failed(text) => self.update(Event::Failed(text)),
        }
    }

    fn obey(&mut self, signal: SignalKind) -> std::io::Result<()> {
        if signal == SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()) {
            return self.perform(Effect::Suspend);
        }
        if signal == SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()) {
            self.is_dirty = true;
            return self.screen.resume();
        }
        self.update(Event::Signal(signal.as_raw_value()))
    }
}

/// The sources that the screen shows: events are read often only while somebody looks at them.
fn visible(state: &State) -> Vec<SourceName> {
    let covered = !state.pages.is_empty() || (state.zoom && state.focus != Panel::Events);
    SourceName::ALL.into_iter().filter(|source| *source != SourceName::Events || !covered).collect()
}

/// The signals that are not left to their default.
struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    fn new() -> Result<Self> {
        use rustix::process::Signal as Number;
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::quit(),
            SignalKind::from_raw(Number::TSTP.as_raw()),
            SignalKind::from_raw(Number::CONT.as_raw()),
        ];
        let open = |kind| signal(kind).map(|signal| (kind, signal));
        let signals = kinds.into_iter().map(open).collect::<std::io::Result<_>>();
        signals.map(Self).map_err(|source| Error::io("failed to listen to signals", source))
    }

    async fn next(&mut self) -> SignalKind {
        let waiting = self.0.iter_mut().map(|(kind, signal)| {
            Box::pin(async move {
                signal.recv().await;
                *kind
            })
        });
        futures::future::select_all(waiting).await.0
    }
}
