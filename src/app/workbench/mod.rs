//! The screen's loop: what wakes it, what it carries out, when it draws.
//!
//! One channel wakes the loop: keys, events of the training here, runs that
//! were found or grew, answers of the planner, samples of the machine. What
//! waits is taken in at once and drawn once; input is drawn immediately, the
//! rest at most thirty times a second, so that a fast training never makes the
//! screen slow, nor the screen the training.

mod carry_out;
mod catalogue;
mod config;
mod files;
mod inspect;
mod launcher;
mod layout;
mod machine;
mod message;
mod pictures;
mod planner;
mod reload;
mod run_files;
mod state;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::Signals;

use self::message::Message;
use self::state::{Flow, State};
use super::arguments::Arguments;
use crate::run::Exit;
use crate::terminal::{Screen, TerminalGuard};
use crate::ui::{Clock, Incoming, LogLine, News, Ui};

/// Least time between two frames that no input asked for.
const FRAME: Duration = Duration::from_millis(33);

/// Longest wait: clocks on the screen go on when nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// Opens the screen, until it is left. An error is a message about the
/// arguments, the settings or the terminal.
pub fn run(arguments: &Arguments) -> Result<Exit, String> {
    if !arguments.experiments.is_dir() {
        return Err(format!(
            "error: there is no folder `{}`; name a folder of experiments: `workbench FOLDER`",
            arguments.experiments.display()
        ));
    }
    let (settings, keymap, theme) = config::load()?;
    let (sender, messages) = channel();
    let stray = sender.clone();
    let (guard, mut screen) = TerminalGuard::take(move |line| {
        if !line.trim().is_empty() {
            let _ = stray.send(Message::news(News::Logged(LogLine::info(line))));
        }
    })
    .map_err(|error| {
        format!(
            "error: the screen needs a terminal: {error}. Without one, use `workbench --run FILE`"
        )
    })?;
    let setting = settings.pictures;
    let ui = Ui::new(settings, keymap, theme).with_layout(&layout::read());
    let mut state = State::new(arguments, ui, sender.clone());
    let result = open(&mut state, &mut screen).and_then(|()| {
        // Some terminals never answer; the first frame does not wait for that.
        let (graphics, typed) = pictures::ask(&guard, setting);
        state.show_pictures(graphics);
        for event in typed {
            let _ = sender.send(Message::Incoming(Incoming::Input(event)));
        }
        spawn_sources(&sender, arguments)?;
        turn(state, &guard, &mut screen, &messages)
    });
    drop(guard);
    result.map_err(|error| format!("error: the terminal: {error}"))
}

/// Draws the first frame.
fn open(state: &mut State, screen: &mut Screen) -> io::Result<()> {
    state.begin(screen.size()?);
    screen.draw(|frame| state.draw(frame))?;
    Ok(())
}

fn spawn_sources(sender: &Sender<Message>, arguments: &Arguments) -> io::Result<()> {
    let input = sender.clone();
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            while let Ok(event) = crossterm::event::read() {
                if input
                    .send(Message::Incoming(Incoming::Input(event)))
                    .is_err()
                {
                    return;
                }
            }
            let _ = input.send(Message::Terminate);
        })?;
    let signals = sender.clone();
    let mut arriving = Signals::new([SIGTERM, SIGHUP])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in arriving.forever() {
                if signals.send(Message::Terminate).is_err() {
                    return;
                }
            }
        })?;
    machine::watch(sender.clone())?;
    catalogue::watch(arguments.checkpoints.clone(), sender.clone())?;
    Ok(())
}

/// Takes in, carries out and draws, until it is left.
fn turn(
    mut state: State,
    guard: &TerminalGuard,
    screen: &mut Screen,
    messages: &Receiver<Message>,
) -> io::Result<Exit> {
    let begun = Instant::now();
    let mut drawn = begun;
    let mut wait = Duration::ZERO;
    loop {
        let first = match messages.recv_timeout(wait) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Success),
        };
        state.take_in(Message::Incoming(Incoming::Clock(Clock {
            elapsed: begun.elapsed(),
            now: SystemTime::now(),
        })));
        let mut input = false;
        let quiet = first.is_none();
        for message in first.into_iter().chain(messages.try_iter()) {
            input |= matches!(message, Message::Incoming(Incoming::Input(_)));
            match state.take_in(message) {
                Flow::Go => {}
                Flow::Suspend => guard.suspend(screen)?,
                Flow::Copy(text) => copy(screen, &text)?,
                Flow::Leave(exit) => return Ok(exit),
            }
        }
        let since = drawn.elapsed();
        if input || quiet || since >= FRAME {
            state.settle();
            screen.draw(|frame| state.draw(frame))?;
            drawn = Instant::now();
            wait = TICK;
        } else {
            wait = FRAME.saturating_sub(since);
        }
    }
}

fn copy(screen: &mut Screen, text: &str) -> io::Result<()> {
    use crossterm::clipboard::CopyToClipboard;
    crossterm::execute!(
        screen.backend_mut(),
        CopyToClipboard::to_clipboard_from(text)
    )
}
