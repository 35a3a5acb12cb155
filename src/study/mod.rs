//! Studies: what helps a student, answered by several variants of one experiment with
//! several seeds at equal cost.
//!
//! A file says what is compared ([`spec`]); it is read and held against the experiment that
//! all are variants of ([`read`]). What each variant costs decides how long it trains
//! ([`budget`]). Runs say in their plan which run of a study they are, so what is done and
//! what comes next is a function of the study and of the runs that there are ([`cells`]).
//! The results are means and differences over seeds ([`table`], [`spread`]). On a cluster
//! each run is a task of a job ([`slurm`]).
//!
//! Never trains, and reads no files but those of the study and of its experiment.

pub mod budget;
pub mod cells;
pub mod estimate;
pub mod read;
pub mod slurm;
pub mod spec;
pub mod spread;
pub mod table;
pub mod wording;

pub use cells::{Outlook, Progress, Standing, Unused};
pub use estimate::Estimate;
pub use read::{Cell, Study, Variant};
pub use spec::{Budget, is_study};
pub use spread::{CONFIDENCE, Difference, Spread};
pub use table::{Compared, StudyTable};

#[cfg(test)]
pub(crate) mod testing;
