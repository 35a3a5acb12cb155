//! Where the loop waits: for keys, and for messages of other threads.
//!
//! Both are waited for in one call of the system and read by the loop's own
//! thread. A thread that read the keys and passed them on would have to be given
//! a core first, and then the loop: on a machine whose cores all train, that is
//! two waits for a turn where one is enough.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SendError};
use std::time::Duration;

use crossterm::event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};

use super::message::Message;

/// By which other threads send the loop messages.
#[derive(Clone)]
pub struct Sender {
    queue: mpsc::Sender<Message>,
    bell: Arc<File>,
}

impl Sender {
    /// Sends the loop a message and wakes it.
    ///
    /// # Errors
    /// If the loop is gone; the message comes back.
    pub fn send(&self, message: Message) -> Result<(), SendError<Message>> {
        self.queue.send(message)?;
        // A bell that is full has been rung often enough.
        let _ = (&*self.bell).write(&[0]);
        Ok(())
    }
}

/// What the loop receives.
pub struct Mailbox {
    queue: Receiver<Message>,
    bell: File,
}

/// A mailbox, and by what it is filled.
///
/// # Errors
/// If the system has no more files to open.
pub fn mailbox() -> io::Result<(Sender, Mailbox)> {
    let (sender, queue) = mpsc::channel();
    let (bell, ring) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
    let sender = Sender {
        queue: sender,
        bell: Arc::new(File::from(ring)),
    };
    let bell = File::from(bell);
    Ok((sender, Mailbox { queue, bell }))
}

impl Mailbox {
    /// What was sent until now, in its order. Never waits.
    pub fn take(&self) -> impl Iterator<Item = Message> {
        // What is sent from here on rings again.
        let mut rings = [0; 1024];
        while matches!((&self.bell).read(&mut rings), Ok(count) if count == rings.len()) {}
        self.queue.try_iter()
    }

    /// Waits until a message is sent or something happens to `keys`, at most for
    /// `limit`. Returns what happened to `keys`.
    fn wait(&self, keys: Option<BorrowedFd<'_>>, limit: Duration) -> io::Result<PollFlags> {
        let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
        let mut waited = vec![PollFd::new(&self.bell, PollFlags::IN)];
        waited.extend(keys.map(|keys| PollFd::from_borrowed_fd(keys, PollFlags::IN)));
        match poll(&mut waited, Some(&limit)) {
            Ok(_) => Ok(waited.get(1).map_or(PollFlags::empty(), PollFd::revents)),
            // A signal; whatever it means comes as a message.
            Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
            Err(error) => Err(error.into()),
        }
    }
}

/// How long crossterm is asked for what has come already. It looks at all only
/// if that is more than nothing.
const NO_TIME: Duration = Duration::from_micros(50);

/// The terminal's keys, mouse and sizes. It is standard input, and reads of it do
/// not wait: see [`TerminalGuard`](crate::terminal::TerminalGuard).
#[derive(Default)]
pub struct Keys {
    /// Whether the terminal was lost.
    lost: bool,
}

impl Keys {
    /// Waits until a message was sent or something came from the terminal, at
    /// most for `limit`, and takes it all: the terminal's first. A terminal that
    /// is gone says [`Message::Lost`], once.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub fn wait(&mut self, mailbox: &Mailbox, limit: Duration) -> io::Result<Vec<Message>> {
        let input = io::stdin();
        let happened = mailbox.wait((!self.lost).then_some(input.as_fd()), limit)?;
        let mut taken = Vec::new();
        let hung_up = happened.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
        if hung_up || happened.contains(PollFlags::IN) && read_events(&mut taken).is_err() {
            taken.extend(self.lose());
        }
        taken.extend(mailbox.take());
        Ok(taken)
    }

    /// Notes that the terminal is gone. Returns what that means, the first time.
    pub fn lose(&mut self) -> Option<Message> {
        let before = std::mem::replace(&mut self.lost, true);
        (!before).then_some(Message::Lost)
    }

    /// Whether the terminal was lost.
    pub fn are_lost(&self) -> bool {
        self.lost
    }
}

/// Everything that came from the terminal until now.
fn read_events(taken: &mut Vec<Message>) -> io::Result<()> {
    while event::poll(NO_TIME)? {
        taken.push(Message::Input(event::read()?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn count(mailbox: &Mailbox) -> usize {
        mailbox.take().count()
    }

    #[test]
    fn a_message_ends_the_wait_and_keys_do() {
        let (sender, mailbox) = mailbox().unwrap();
        let (keys, press) = rustix::pipe::pipe().unwrap();
        let started = Instant::now();
        let other = thread::spawn(move || sender.send(Message::Terminate).is_ok());
        assert!(mailbox.wait(Some(keys.as_fd()), LONG).unwrap().is_empty());
        assert!(other.join().unwrap());
        assert_eq!(count(&mailbox), 1);
        rustix::io::write(&press, b"q").unwrap();
        assert_eq!(
            mailbox.wait(Some(keys.as_fd()), LONG).unwrap(),
            PollFlags::IN
        );
        drop(press);
        let happened = mailbox.wait(Some(keys.as_fd()), LONG).unwrap();
        assert!(happened.contains(PollFlags::HUP));
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn what_was_taken_wakes_nobody_again_however_much_it_was() {
        let (sender, mailbox) = mailbox().unwrap();
        // More than the bell holds.
        for _ in 0..100_000 {
            sender.send(Message::Terminate).unwrap();
        }
        assert_eq!(count(&mailbox), 100_000);
        let started = Instant::now();
        let little = Duration::from_millis(20);
        mailbox.wait(None, little).unwrap();
        assert!(started.elapsed() >= little);
        sender.send(Message::Terminate).unwrap();
        mailbox.wait(None, LONG).unwrap();
        assert_eq!(count(&mailbox), 1);
    }

    #[test]
    fn a_message_comes_back_when_the_loop_has_ended() {
        let (sender, mailbox) = mailbox().unwrap();
        drop(mailbox);
        assert!(sender.send(Message::Terminate).is_err());
    }
}
