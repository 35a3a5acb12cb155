//! What a list of runs shows, is sorted by, filtered by and compared by: the same on
//! the screen and without one.
//!
//! [`RunSummary`] is what is known of a run, kept until the run changes. [`Field`]
//! is anything that can be asked of it: a column of the table, a metric, or a
//! field of its configuration. [`Filter`] is the language of conditions on these.
//! Nothing here reads a file or draws.

mod field;
mod filter;
pub mod gates;
pub mod pareto;
mod summary;
#[cfg(test)]
pub(crate) mod testing;

pub use field::{
    COMPARED, Column, Field, Fields, Key, columns, compare, export_words, legend, study_words,
    trained_words, written,
};
pub use filter::{Filter, FilterError};
pub use gates::{GateStatus, Verdict, all_hold};
pub use pareto::{Pareto, ParetoCost, ParetoPoint};
pub use summary::{RunSummary, Subject};
