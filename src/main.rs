//! The program: arguments to the application, its outcome to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    workbench::app::main()
}
