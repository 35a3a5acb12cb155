//! Reads a run for who looks at it, with all that is wrong with it: what it was watched
//! by is the engine's, and everything else the store's.

use crate::engine::ProbeFolder;
use crate::run::RunFolder;
use crate::store::{Owner, RunEntry, RunTail};

/// A run as it stands, and how far it was read.
pub fn read_run(folder: &RunFolder, owner: Owner) -> (RunEntry, RunTail) {
    let (mut entry, tail) = RunEntry::read(folder, owner);
    // A training writes while it is looked at.
    if entry.owner == Owner::None {
        let found = ProbeFolder::new(folder).problems(entry.last_probed());
        entry.problems.extend(found);
    }
    (entry, tail)
}
