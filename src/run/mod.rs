//! Runs on disk: the folder, who may write to it, how its files are replaced,
//! why a run stops and what its process answers.
//!
//! Knows where things lie, never what is in them: the journal and the series
//! belong to `store`, weights to `engine`.

pub mod append_file;
pub mod atomic;
pub mod atomic_dir;
pub mod bench;
pub mod claim;
pub mod exit;
pub mod exports;
pub mod find;
pub mod folder;
pub mod kept;
mod litter;
pub mod lock;
pub mod notes;
pub mod own_weights;
pub mod plan_file;
pub mod queue;
pub mod record_mark;
pub mod rename;
pub mod seal;
pub mod stop;
pub mod temporary;
pub mod timestamp;
pub mod trash;

pub use atomic_dir::AtomicDir;
pub use bench::{BenchResult, ForeignResult, KnownModels};
pub use claim::Claim;
pub use exit::Exit;
pub use find::ModelsFolder;
pub use folder::{RunError, RunFolder, Started, USUAL_FOLDER};
pub use lock::{Holder, LockError, LockWatch, RunLock};
pub use notes::{Notes, NotesChange};
pub use own_weights::{Origin, OwnWeights, WEIGHTS};
pub use plan_file::{Fork, PlanError, RunPlan, STUDIES, StudyRole, StudyRun, WeightsIdentity};
pub use queue::{Ahead, Renewal, Ticket};
pub use record_mark::{CheckpointMark, NotRecorded, RecordMark};
pub use rename::{MoveError, check_name};
pub use seal::{Owner, SealError, Sealed};
pub use stop::{Awaited, SignalGuard, StopSignal};
pub use temporary::{TemporaryError, TemporaryFile, TemporaryFolder};
