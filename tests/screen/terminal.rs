//! A terminal that the program runs in: keys in, the screen out.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longest wait for something to appear. Machines that test are slow.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The program.
const WORKBENCH: &str = env!("CARGO_BIN_EXE_workbench");

/// A program in a terminal.
pub struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    /// What runs in it.
    pub program: Program,
    master: Box<dyn MasterPty + Send>,
    /// Reads the screen until it is stopped.
    reader: (Arc<AtomicBool>, JoinHandle<()>),
}

impl Terminal {
    /// Starts the workbench in `folder` on a terminal of this size.
    pub fn start(folder: &Path, size: (u16, u16)) -> Self {
        Self::start_with(folder, size, &[])
    }

    /// The same, with these variables in its environment.
    pub fn start_with(folder: &Path, size: (u16, u16), variables: &[(&str, &str)]) -> Self {
        Self::start_on(folder, size, variables, &[])
    }

    /// The same, with these arguments.
    pub fn start_on(
        folder: &Path,
        size: (u16, u16),
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let mut command = with_environment(WORKBENCH, folder);
        command.args(arguments);
        for (name, value) in variables {
            command.env(name, value);
        }
        Self::start_command(size, command)
    }

    /// Starts it from a shell that continues it after the next line when it was stopped.
    pub fn start_in_shell(folder: &Path, size: (u16, u16)) -> Self {
        let mut command = with_environment("sh", folder);
        command.args(["-c", "set -m; \"$0\"; read line; fg", WORKBENCH]);
        Self::start_command(size, command)
    }

    fn start_command((columns, rows): (u16, u16), command: CommandBuilder) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            NonZero::new(rows).unwrap(),
            NonZero::new(columns).unwrap(),
            0,
        )));
        let mut output = pair.master.try_clone_reader().unwrap();
        let parser = Arc::clone(&screen);
        let enough = Arc::new(AtomicBool::new(false));
        let closing = Arc::clone(&enough);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes)
                && !closing.load(Ordering::Relaxed)
            {
                parser.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self {
            screen,
            keys: pair.master.take_writer().unwrap(),
            program: Program(child),
            master: pair.master,
            reader: (enough, reader),
        }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, (columns, rows): (u16, u16)) {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let mut parser = self.screen.lock().unwrap();
        let (rows, columns) = (NonZero::new(rows), NonZero::new(columns));
        parser
            .screen_mut()
            .set_size(rows.unwrap(), columns.unwrap());
        self.master.resize(size).unwrap();
    }

    /// What the screen shows.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Looks at the screen.
    pub fn look<T>(&self, at: impl FnOnce(&vt100::Screen) -> T) -> T {
        at(self.screen.lock().unwrap().screen())
    }

    /// Waits until the screen shows all of these.
    pub fn until(&self, wanted: &[&str]) {
        self.until_it(&format!("{wanted:?}"), |text| {
            wanted.iter().all(|wanted| text.contains(wanted))
        });
    }

    /// Waits until the screen shows none of these.
    pub fn until_absent(&self, unwanted: &str) {
        self.until_it(&format!("no {unwanted}"), |text| !text.contains(unwanted));
    }

    /// Waits until something holds of what the screen shows.
    pub fn until_it(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let started = Instant::now();
        while !holds(&self.text()) {
            assert!(
                started.elapsed() < PATIENCE,
                "waited for {what}; the screen shows\n{}",
                self.text()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Whether the program left the terminal as it found it: on its first
    /// screen, with a cursor.
    pub fn is_given_back(&self) -> bool {
        // The last that a program writes is read after its end.
        let started = Instant::now();
        loop {
            let parser = self.screen.lock().unwrap();
            let given_back = !parser.screen().alternate_screen() && !parser.screen().hide_cursor();
            if given_back || started.elapsed() > PATIENCE {
                return given_back;
            }
            drop(parser);
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for the end. Returns the exit code.
    pub fn end(&mut self) -> u32 {
        self.program.end()
    }

    /// Takes the terminal away from the program, as a lost connection does.
    pub fn hang_up(self) -> Program {
        let (enough, reader) = self.reader;
        // It ends with what it reads next: the program draws.
        enough.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        self.program
    }
}

fn with_environment(program: &str, folder: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.cwd(folder);
    command.env("TERM", "xterm-256color");
    command.env("LC_ALL", "C.UTF-8");
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    command.env("XDG_STATE_HOME", folder.join("state"));
    command
}

/// The process that runs in a terminal.
pub struct Program(Box<dyn Child + Send + Sync>);

impl Program {
    /// Its number.
    pub fn number(&self) -> u32 {
        self.0.process_id().unwrap()
    }

    /// Waits for the end. Returns the exit code.
    pub fn end(&mut self) -> u32 {
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind.
        let _ = self.0.kill();
    }
}
