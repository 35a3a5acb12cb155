//! The screen's loop: what wakes it, what it executes, when it draws.
//!
//! Keys wake the loop, and one mailbox ([`mail`]): events of the training here,
//! runs that were found or grew, answers of the planner, samples of the machine.
//! What waits is taken in at once and drawn once. Input is drawn immediately,
//! answers to it at most thirty times a second, and what a training does at most
//! ten, so that a fast training never makes the screen slow, nor the screen the
//! training.

mod autosave;
mod catalogue;
mod cluster;
mod config;
mod effects;
mod error;
mod files;
mod folders;
mod inspect;
mod launcher;
mod layout;
mod lr_test;
mod machine;
mod mail;
mod message;
mod planner;
mod question;
mod reload;
mod run_files;
mod state;
mod trash;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossterm::event::Event;
use signal_hook::consts::{SIGHUP, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;

pub use self::error::ScreenError;
use self::launcher::EngineSessions;
use self::mail::{Keys, Mailbox, Sender};
use self::message::Message;
use self::state::{Flow, State};
use super::arguments::Arguments;
use crate::run::Exit;
use crate::terminal::{Screen, TerminalGuard};
use crate::ui::{Clock, LogLine, News, Ui};
use crate::untrusted::is_absent;

/// Least time between two frames that no input requested.
const FRAME: Duration = Duration::from_millis(33);

/// Least time between two frames that only a training asks for. A curve does not
/// look smoother with more of them, and each takes its share of the cores that
/// train.
const TRAINING_FRAME: Duration = Duration::from_millis(100);

/// Longest wait: clocks on the screen continue when nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// Opens the screen, until it is left.
///
/// # Errors
/// What is wrong with the arguments, the settings or the terminal.
pub fn run(arguments: &Arguments) -> Result<Exit, ScreenError> {
    let (experiments, file) = place(&arguments.experiments)?;
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(ScreenError::Dumb);
    }
    let (settings, keymap, theme) = config::load()?;
    let (sender, mailbox) = mail::mailbox().map_err(ScreenError::Pipe)?;
    let stray = sender.clone();
    let (guard, mut screen) = TerminalGuard::take(move |line| {
        if !line.trim().is_empty() {
            let _ = stray.send(Message::log(LogLine::info(line)));
        }
    })
    .map_err(ScreenError::NoTerminal)?;
    let ui = Ui::new(settings.clone(), keymap, theme)
        .with_experiments(experiments.clone(), file)
        .with_layout(&layout::read());
    let sessions = Arc::new(EngineSessions {
        checkpoints: arguments.checkpoints.clone(),
    });
    let mut state = State::new(experiments, sessions, ui, sender.clone());
    let result = open(&mut state, &mut screen).and_then(|()| {
        // Some terminals never answer; the first frame does not wait for that.
        let answers = question::ask(&guard, &settings);
        state.on_terminal(&answers);
        for event in answers.typed {
            let _ = sender.send(Message::Input(event));
        }
        spawn_sources(&sender, arguments)?;
        turn(state, &guard, &mut screen, &mailbox)
    });
    // The screen first: where the terminal is gone it complains, which must not
    // reach a standard error that is gone, too.
    drop(screen);
    drop(guard);
    result.map_err(ScreenError::Terminal)
}

/// The folder of experiments, and the one of them that was named.
fn place(named: &Path) -> Result<(PathBuf, Option<PathBuf>), ScreenError> {
    match named.metadata() {
        Ok(found) if found.is_dir() => Ok((named.to_owned(), None)),
        Ok(_) if files::is_experiment(named) => {
            let folder = match named.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            let name = named.file_name().unwrap_or_default();
            Ok((folder.to_owned(), Some(folder.join(name))))
        }
        // It is made with the first experiment.
        Err(error) if is_absent(&error) && !files::is_experiment(named) => {
            Ok((named.to_owned(), None))
        }
        _ => Err(ScreenError::NoExperiments(named.to_owned())),
    }
}

/// Draws the first frame.
fn open(state: &mut State, screen: &mut Screen) -> io::Result<()> {
    state.begin(screen.size()?);
    screen.draw(|frame| state.draw(frame))?;
    Ok(())
}

fn spawn_sources(sender: &Sender, arguments: &Arguments) -> io::Result<()> {
    let signals = sender.clone();
    let mut arriving = Signals::new([SIGTERM, SIGHUP, SIGWINCH])?;
    // It may have got another size before anybody watched.
    if let Some(message) = resized() {
        let _ = sender.send(message);
    }
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in arriving.forever() {
                let message = match signal {
                    SIGWINCH => resized(),
                    SIGHUP => Some(Message::Lost),
                    _ => Some(Message::Terminate),
                };
                if message.is_some_and(|message| signals.send(message).is_err()) {
                    return;
                }
            }
        })?;
    machine::watch(sender.clone())?;
    catalogue::watch(arguments.checkpoints.clone(), sender.clone())?;
    Ok(())
}

/// The terminal's size as it is now.
fn resized() -> Option<Message> {
    let (columns, rows) = crossterm::terminal::size().ok()?;
    let event = Event::Resize(columns, rows);
    Some(Message::Input(event))
}

/// Takes in, executes and draws, until it is left.
fn turn(
    mut state: State,
    guard: &TerminalGuard,
    screen: &mut Screen,
    mailbox: &Mailbox,
) -> io::Result<Exit> {
    let mut keys = Keys::default();
    let started = Instant::now();
    let mut drawn = started;
    // How old the frame may be that is shown.
    let mut due = Duration::ZERO;
    loop {
        let wait = due.saturating_sub(drawn.elapsed());
        let messages = keys.wait(mailbox, wait)?;
        state.take_in(Message::Clock(Clock {
            elapsed: started.elapsed(),
            now: SystemTime::now(),
        }));
        let mut resized = false;
        for message in messages {
            due = due.min(patience(&message));
            resized |= matches!(message, Message::Input(Event::Resize(..)));
            match state.take_in(message) {
                Flow::Go => {}
                Flow::Suspend => guard.suspend(screen, state.note_of_suspension())?,
                Flow::Copy(text) => copy(screen, &text),
                Flow::Leave(exit) => return Ok(exit),
            }
        }
        if resized
            && let Some(cell) = guard.cell()
            && state.set_cell(cell)
        {
            // A terminal that is gone is noticed as it is drawn on.
            let _ = guard.clear(screen);
        }
        if drawn.elapsed() >= due {
            state.settle();
            // What trains is saved although nobody sees it.
            if !keys.are_lost()
                && screen.draw(|frame| state.draw(frame)).is_err()
                && let Some(lost) = keys.lose()
                && let Flow::Leave(exit) = state.take_in(lost)
            {
                return Ok(exit);
            }
            drawn = Instant::now();
            due = TICK;
        }
    }
}

/// How old the frame that is shown may become before it shows this.
fn patience(message: &Message) -> Duration {
    match message {
        Message::Input(_) => Duration::ZERO,
        Message::Happened(..)
        | Message::Grew(_)
        | Message::Clock(_)
        | Message::News(News::Machine(_)) => TRAINING_FRAME,
        Message::News(_)
        | Message::Waits(_)
        | Message::Withdrawn(_)
        | Message::Launched(..)
        | Message::Replanned(..)
        | Message::Ended(..)
        | Message::Found(_)
        | Message::Results(..)
        | Message::Notes(..)
        | Message::Lives(..)
        | Message::RunRenamed { .. }
        | Message::RunRemoved(_)
        | Message::Trash(_)
        | Message::Terminate
        | Message::Lost => FRAME,
    }
}

/// A terminal that is gone is noticed where it is drawn on.
fn copy(screen: &mut Screen, text: &str) {
    use crossterm::clipboard::CopyToClipboard;
    let copied = CopyToClipboard::to_clipboard_from(text);
    let _ = crossterm::execute!(screen.backend_mut(), copied);
}
