//! The terminal: taken over for the screen, given back whatever happens.
//!
//! What libraries print while the screen is up would tear it, so standard
//! output and standard error go into a pipe that is read line by line; the
//! screen itself is drawn on the terminal that they led to. A panic gives the
//! terminal back before its message is printed, so that the message is read.
//! Panics are printed clean in any case.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use rustix::termios::ttyname;

use crate::untrusted::clean_text;

/// From now on a panic is printed as Rust prints it, with everything made visible
/// that a terminal would act on: its message may hold names from outside. One of a
/// thread that `is_caught` says is somebody's to report is not printed.
pub fn print_panics_clean(is_caught: fn() -> bool) {
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if is_caught() {
            return;
        }
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("<unnamed>");
        let mut text = format!("thread '{name}' {info}");
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            text = format!("{text}\n{trace}");
        }
        let _ = writeln!(io::stderr(), "{}", clean_text(&text));
    }));
}

/// What the screen is drawn on.
pub type Screen = Terminal<CrosstermBackend<BufWriter<File>>>;

/// The terminal while it is taken over. Gives it back when it is dropped.
pub struct TerminalGuard {
    saved: SavedStreams,
    /// The terminal itself.
    drawn_on: File,
}

/// What is needed to give the terminal back; taken by the first that does so.
type SavedStreams = Arc<Mutex<Option<Streams>>>;

/// Where standard output and standard error led before.
struct Streams {
    output: OwnedFd,
    error: OwnedFd,
}

impl TerminalGuard {
    /// Takes the terminal over. Lines that anybody prints from now on are given
    /// to `stray`, on a thread of its own.
    ///
    /// Standard input is the terminal from then on, whatever it was, and no read
    /// of it waits.
    ///
    /// # Errors
    /// If standard output is no terminal, or the system refuses.
    pub fn take(stray: impl Fn(String) + Send + 'static) -> io::Result<(Self, Screen)> {
        let output = io::stdout();
        if !output.is_terminal() {
            return Err(io::Error::other("stdout is not a terminal"));
        }
        dup2_stdin(&open_terminal()?)?;
        enable_raw_mode()?;
        let streams = Streams {
            output: rustix::io::dup(&output)?,
            error: rustix::io::dup(io::stderr())?,
        };
        let drawn_on = File::from(rustix::io::dup(&output)?);
        let saved: SavedStreams = Arc::new(Mutex::new(Some(streams)));
        let guard = Self { saved, drawn_on };
        execute!(
            &guard.drawn_on,
            EnterAlternateScreen,
            EnableMouseCapture,
            EnableBracketedPaste
        )?;
        Self::capture(stray)?;
        guard.give_back_on_panic();
        let screen = guard.blank()?;
        Ok((guard, screen))
    }

    /// A screen on which nothing has been drawn.
    fn blank(&self) -> io::Result<Screen> {
        let output = BufWriter::new(self.drawn_on.try_clone()?);
        Terminal::new(CrosstermBackend::new(output))
    }

    fn capture(stray: impl Fn(String) + Send + 'static) -> io::Result<()> {
        let (reader, writer) = rustix::pipe::pipe()?;
        dup2_stdout(&writer)?;
        dup2_stderr(&writer)?;
        drop(writer);
        std::thread::Builder::new()
            .name("stray output".to_owned())
            .spawn(move || {
                for line in BufReader::new(File::from(reader)).split(b'\n') {
                    let Ok(line) = line else { return };
                    stray(String::from_utf8_lossy(&line).into_owned());
                }
            })?;
        Ok(())
    }

    /// A panic of the thread that draws ends the program: it gives the terminal
    /// back first. One of another thread is that thread's to report; its message
    /// is captured like everything that is printed.
    fn give_back_on_panic(&self) {
        let saved = Arc::clone(&self.saved);
        let drawing = std::thread::current().id();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if std::thread::current().id() == drawing {
                give_back(&saved);
            }
            before(info);
        }));
    }

    /// Asks the terminal something and gathers what comes in, until `is_whole`
    /// says that it is all, at most for `limit`. To be called before anybody
    /// reads keys: those that are pressed meanwhile are among what comes in.
    ///
    /// Nothing waits inside a read, so nobody is left behind who would take the
    /// next key.
    ///
    /// # Errors
    /// If the terminal cannot be written to or read.
    pub fn ask(
        &self,
        question: &str,
        is_whole: impl Fn(&[u8]) -> bool,
        limit: Duration,
    ) -> io::Result<Vec<u8>> {
        let input = io::stdin();
        let mut gathered = Vec::new();
        (&self.drawn_on).write_all(question.as_bytes())?;
        let until = Instant::now() + limit;
        while !is_whole(&gathered) {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut waited = [PollFd::new(&input, PollFlags::IN)];
            match poll(&mut waited, Some(&left)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let mut bytes = [0; 256];
            match rustix::io::read(&input, &mut bytes) {
                Ok(0) => break,
                Ok(count) => gathered.extend(&bytes[..count]),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(gathered)
    }

    /// Width and height of a cell in pixels, as far as the system knows.
    #[must_use]
    pub fn cell(&self) -> Option<(u16, u16)> {
        let size = crossterm::terminal::window_size().ok()?;
        let width = size.width.checked_div(size.columns)?;
        let height = size.height.checked_div(size.rows)?;
        (width > 0 && height > 0).then_some((width, height))
    }

    /// Clears the screen; the next frame is drawn whole.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn clear(&self, screen: &mut Screen) -> io::Result<()> {
        screen.backend_mut().clear_region(ClearType::All)?;
        // Its own way to be drawn anew would ask the terminal where its cursor is.
        *screen = self.blank()?;
        Ok(())
    }

    /// Gives the terminal back, prints a note there, stops this process until it is
    /// continued, and takes the terminal over again.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn suspend(&self, screen: &mut Screen, note: &str) -> io::Result<()> {
        let output = screen.backend_mut();
        leave(output)?;
        write!(output, "{note}")?;
        Write::flush(output)?;
        signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
        enable_raw_mode()?;
        execute!(
            screen.backend_mut(),
            EnterAlternateScreen,
            EnableMouseCapture,
            EnableBracketedPaste
        )?;
        // Clearing would ask the terminal where its cursor is, and the thread that reads
        // the keys would take the answer.
        *screen = self.blank()?;
        Ok(())
    }
}

/// The terminal of standard input, else the one that controls this process,
/// opened anew: that reads of it do not wait is nothing to the shell, which has
/// it open as well.
fn open_terminal() -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let own = ttyname(io::stdin(), Vec::new());
    let own = own.and_then(|name| open(name, flags, Mode::empty()));
    Ok(own.or_else(|_| open("/dev/tty", flags, Mode::empty()))?)
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        give_back(&self.saved);
    }
}

fn leave(output: &mut impl Write) -> io::Result<()> {
    execute!(
        output,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        cursor::Show
    )?;
    disable_raw_mode()
}

/// Gives the terminal back, once. A failure cannot be shown any more.
fn give_back(saved: &SavedStreams) {
    let streams = saved.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(streams) = streams {
        let _ = dup2_stdout(&streams.output);
        let _ = dup2_stderr(&streams.error);
        let _ = leave(&mut io::stdout());
    }
}
