//! Leaving while something trains, waits or is not saved.

use super::choice::Choice;

/// How one leaves, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Every experiment is saved first.
    SaveAll,
    /// What is not saved is lost, if there is any.
    Discard,
    /// One stays.
    Stay,
}

impl Choice<Leaving> {
    /// Asks whether to leave. `reasons` say what happens to what is under way;
    /// `unsaved` are the names of experiments that are not saved.
    #[must_use]
    pub fn quit(mut reasons: Vec<String>, unsaved: &[&str]) -> Self {
        let mut choices = Vec::new();
        let letters = if unsaved.is_empty() { "yn" } else { "sdn" };
        match unsaved {
            [] => choices.push(("quit".to_owned(), Leaving::Discard)),
            [_, others @ ..] => {
                let save = if others.is_empty() {
                    "save and quit"
                } else {
                    "save all and quit"
                };
                reasons.push(unsaved_ones(unsaved));
                choices.push((save.to_owned(), Leaving::SaveAll));
                choices.push(("quit without saving".to_owned(), Leaving::Discard));
            }
        }
        choices.push(("cancel".to_owned(), Leaving::Stay));
        Self::new("Quit the workbench?", reasons, choices).with_letters(letters.chars())
    }

    /// Asks the same about what is under way by now; the selected choice stays selected.
    #[must_use]
    pub fn quit_now(&self, reasons: Vec<String>, unsaved: &[&str]) -> Self {
        Self::quit(reasons, unsaved).selecting(self)
    }

    /// Whether nothing is lost by leaving.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.choices().all(|leaving| *leaving != Leaving::SaveAll)
    }
}

/// Which experiments are not saved; the first three by name.
fn unsaved_ones(names: &[&str]) -> String {
    match names {
        [one] => format!("The experiment {one} is not saved."),
        [first, second] => format!("2 experiments are not saved: {first} and {second}."),
        [first, second, third] => {
            format!("3 experiments are not saved: {first}, {second} and {third}.")
        }
        [first, second, third, rest @ ..] => format!(
            "{} experiments are not saved: {first}, {second}, {third} and {} more.",
            names.len(),
            rest.len()
        ),
        [] => String::new(),
    }
}
