//! What the process answers to its caller.

use crate::event::Outcome;

/// How the process ends, for scripts and schedulers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Completed, early stopping included, and every gate passed.
    Success,
    /// Completed; a gate failed or was not evaluated.
    GateFailed,
    /// The experiment file or the arguments are wrong; nothing was run.
    Usage,
    /// The run could not continue.
    RunFailed,
    /// Stopped on request, saved, can be resumed.
    Interrupted,
}

impl Exit {
    /// The end of a run with this outcome whose gates hold or not.
    #[must_use]
    pub fn of(outcome: &Outcome, gates_hold: bool) -> Self {
        match outcome {
            Outcome::Completed | Outcome::StoppedEarly { .. } if gates_hold => Self::Success,
            Outcome::Completed | Outcome::StoppedEarly { .. } => Self::GateFailed,
            Outcome::Stopped { .. } => Self::Interrupted,
            Outcome::Failed { .. } => Self::RunFailed,
        }
    }

    /// The process's exit code: 0, 1, 2, 3, or 130 as shells use it for
    /// SIGINT.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::GateFailed => 1,
            Self::Usage => 2,
            Self::RunFailed => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_run_has_its_own_code() {
        let stopped = Outcome::Stopped {
            reason: "Ctrl+C".to_owned(),
        };
        let failed = Outcome::Failed {
            message: "loss is NaN".to_owned(),
        };
        let early = Outcome::StoppedEarly {
            epoch: 7,
            planned: None,
            reason: "no improvement of valid/top1".to_owned(),
        };
        assert_eq!(Exit::of(&early, true).code(), 0);
        assert_eq!(Exit::of(&early, false).code(), 1);
        assert_eq!(Exit::of(&Outcome::Completed, true).code(), 0);
        assert_eq!(Exit::of(&Outcome::Completed, false).code(), 1);
        for gates_hold in [true, false] {
            assert_eq!(Exit::of(&failed, gates_hold).code(), 3);
            assert_eq!(Exit::of(&stopped, gates_hold).code(), 130);
        }
    }
}
