//! A new run that starts from a checkpoint that another one kept.
//!
//! The other run is only read: neither it nor its later checkpoints change, and
//! both ways can be compared. The new folder appears whole or not at all, with
//! the plan, the journal and the series up to the checkpoint, and is resumed
//! like every other run.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use super::error::SessionError;
use super::previous;
use super::{Opened, ResumeChanges};
use crate::engine::{KeptCheckpoint, Prepared};
use crate::event::channel::JournalMark;
use crate::event::{Position, RunEvent};
use crate::run::append_file::crc_of;
use crate::run::kept::{kept_name, kept_position};
use crate::run::{Fork, RecordMark, RunError, RunFolder, RunPlan, StopSignal};
use crate::store::Journal;
use crate::untrusted::open_regular;

/// Opens a new run that starts from the checkpoint of this name.
pub fn fork(
    run: &RunFolder,
    from: Option<&str>,
    changes: &ResumeChanges,
    checkpoints: &Path,
    stop: &StopSignal,
) -> Result<(Opened, Prepared), SessionError> {
    let plan = previous::plan_of(run)?;
    let (at, kept) = find(run, from)?;
    if crc_of(&run.journal(), kept.mark.bytes).ok() != Some(kept.mark.crc32c) {
        return Err(SessionError::OtherJournal(run.journal()));
    }
    if !run.series().exists() && kept.mark.series > 0 {
        return Err(previous::missing(
            run,
            run.series(),
            "the checkpoint was kept with it",
        ));
    }
    if crc_of(&run.series(), kept.mark.series).ok() != Some(kept.mark.series_crc32c) {
        return Err(SessionError::OtherSeries(run.series()));
    }
    let plan = RunPlan {
        forked: Some(Fork {
            from: run.name(),
            at,
        }),
        // What it becomes is no longer what the study is about.
        study: None,
        ..plan
    };
    let name = plan.resolved.plan.name.clone();
    let text = run.experiment_text()?;
    let now = SystemTime::now();
    // It is looked through before it appears: what is refused leaves nothing.
    let (new, found) = RunFolder::create_filled(checkpoints, &name, &text, plan, now, |new| {
        let stopped = || {
            stop.reason()
                .map_or(Ok(()), |why| Err(SessionError::Stopped(why)))
        };
        record(run, new, at, kept.mark)?;
        stopped()?;
        kept.copy(run, new)?;
        stopped()?;
        let left_out = kept.copy_probe(run, new)?;
        stopped()?;
        let mut found = previous::look(new, changes, stop)?;
        found.warn(left_out.iter().map(|damage| {
            format!("the new run does without what is damaged of the probe: {damage}")
        }));
        Ok::<_, SessionError>(found)
    })?;
    let lock = new.lock()?;
    Ok(found.open(new, lock))
}

fn find(run: &RunFolder, from: Option<&str>) -> Result<(Position, KeptCheckpoint), SessionError> {
    if let Some(at) = from.and_then(kept_position)
        && let Some(kept) = KeptCheckpoint::find(run, at)?
    {
        return Ok((at, kept));
    }
    let kept = run.kept_positions().map_err(crate::engine::Failure::from)?;
    Err(SessionError::NotKept {
        run: run.path().to_owned(),
        wanted: from.map(str::to_owned),
        kept: kept.into_iter().map(kept_name).collect(),
    })
}

/// Gives the new run what was recorded up to the checkpoint.
fn record(
    run: &RunFolder,
    new: &RunFolder,
    at: Position,
    mark: JournalMark,
) -> Result<(), SessionError> {
    copy_start(&run.journal(), &new.journal(), mark.bytes)?;
    copy_start(&run.series(), &new.series(), mark.series)?;
    let mut journal = Journal::append_to(&new.journal())?;
    journal.append(&RunEvent::RunForked {
        from: run.name(),
        at,
    })?;
    journal.sync()?;
    let mark = journal.mark((mark.series, mark.series_crc32c));
    new.write_record_mark(&RecordMark::new(new.id(), mark))
        .map_err(|error| crate::engine::Failure::from(error).into())
}

fn copy_start(from: &Path, to: &Path, bytes: u64) -> Result<(), RunError> {
    let copied = open_regular(from).and_then(|source| {
        let mut target = File::create_new(to)?;
        let copied = io::copy(&mut source.take(bytes), &mut target)?;
        target.sync_all()?;
        Ok(copied)
    });
    let failed = |source| RunError::Io {
        action: "copy",
        path: from.to_owned(),
        source,
    };
    match copied {
        Ok(copied) if copied == bytes => Ok(()),
        Ok(_) => Err(failed(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(failed(error)),
    }
}
