//! What a shell and `man` need to know of the program, made from its arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;
use super::error::AppError;
use super::print;
use crate::run::Exit;

/// Name of the program.
const PROGRAM: &str = "workbench";

/// Prints a shell's completion script.
pub fn completions(shell: Shell) -> Result<Exit, AppError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), PROGRAM, &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}

/// Prints the manual page.
pub fn manual() -> Result<Exit, AppError> {
    let mut page = Vec::new();
    let manual = clap_mangen::Man::new(Arguments::command());
    manual.render(&mut page).map_err(AppError::Output)?;
    print(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Success)
}
