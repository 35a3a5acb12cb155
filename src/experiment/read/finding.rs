//! Something wrong at a place in a text that has no name yet.

use super::diagnostic::Severity;
use super::tree::Span;

/// A message and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
    /// The known name that was probably meant.
    pub nearest: Option<String>,
    /// Whether it comes before all others, wherever it is.
    pub leads: bool,
    /// How bad it is.
    pub severity: Severity,
}

impl Finding {
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            help: None,
            nearest: None,
            leads: false,
            severity: Severity::Error,
        }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Comes before all others.
    pub fn leading(mut self) -> Self {
        self.leads = true;
        self
    }

    /// Names the known name nearest to `written`, or lists all of them. `what` says
    /// what they are: `fields`.
    pub fn known(mut self, what: &str, written: &str, known: &[&str]) -> Self {
        self.nearest = crate::experiment::nearest::nearest(written, known.iter().copied())
            .map(ToOwned::to_owned);
        self.help = Some(match (&self.nearest, known) {
            (Some(nearest), [_]) => format!("did you mean `{nearest}`?"),
            (Some(nearest), _) => {
                format!("did you mean `{nearest}`? {what} are {}", listed(known))
            }
            (None, []) => "nothing can be written here".to_owned(),
            (None, [only]) => format!("only `{only}` is allowed here"),
            (None, _) => format!("{what} are {}", listed(known)),
        });
        self
    }
}

/// `a, b and c`.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
