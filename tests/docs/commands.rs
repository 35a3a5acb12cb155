//! Commands that pages show, parsed by the program's own parser.

use std::fs;

use clap::CommandFactory;

use super::arguments::Arguments;
use super::pages::{Page, is_of_the_reader, load, root};

/// The arguments of a command of the workbench; `None` of anything else.
pub fn words(line: &str) -> Option<Vec<String>> {
    let mut line = line.trim();
    for before in ["$ ", "- ", "run: "] {
        line = line.strip_prefix(before).unwrap_or(line);
    }
    // A remark behind the command.
    let end = line.find(" #").into_iter().chain(line.find("  ")).min();
    let mut words = split(&line[..end.unwrap_or(line.len())]).into_iter();
    let program = words.next()?;
    if program == "cargo" {
        let is_run = words.next().is_some_and(|word| word == "run");
        return is_run.then(|| words.skip_while(|word| word != "--").skip(1).collect());
    }
    (program == "workbench" || program.ends_with("/workbench")).then(|| words.collect())
}

/// Words as a shell splits them, up to a pipe, a redirection or another command.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '|' | '>' | '&' | ';') => break,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Commands that the program does not take.
pub fn complaints(page: &Page) -> Vec<String> {
    let commands = page.commands().into_iter();
    commands
        .filter_map(|(line, words)| {
            let error = parse(&words).err()?;
            Some(page.complaint(line, &format!("workbench {}: {error}", words.join(" "))))
        })
        .collect()
}

fn parse(words: &[String]) -> Result<(), String> {
    let program = ["workbench".to_owned()];
    let arguments = match Arguments::read(program.iter().chain(words)) {
        Ok(arguments) => arguments,
        // `--help` and `--version`.
        Err(error) if !error.use_stderr() => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    if arguments.resume.is_some() {
        return match arguments.resume_changes() {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
    }
    let overrides = arguments.overrides().map_err(|error| error.to_string())?;
    let file = arguments.run.or(arguments.check);
    match file.as_deref().and_then(|path| path.to_str()) {
        Some(path) if path.starts_with("experiments/") && !is_of_the_reader(path) => {
            let text = fs::read_to_string(root().join(path));
            load(
                &text.map_err(|error| format!("{path}: {error}"))?,
                &overrides,
            )
        }
        _ => Ok(()),
    }
}

/// Options in prose that the program does not have.
pub fn unknown_options(page: &Page) -> Vec<String> {
    let mut command = Arguments::command();
    command.build();
    let known: Vec<String> = command
        .get_arguments()
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect();
    let spans = page.spans().into_iter();
    spans
        .filter_map(|(line, span)| {
            let option = span.split([' ', '=']).next()?;
            let unknown = option.starts_with("--") && !known.iter().any(|name| name == option);
            unknown.then(|| page.complaint(line, &format!("there is no option {option}")))
        })
        .collect()
}
