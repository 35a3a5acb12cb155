//! A way through folders of image files.
//!
//! Hidden files and folders are passed over, and so are files that neither
//! look like images nor are named like ones. A file with an image's name is
//! always listed: if it turns out to be no image it counts as a bad one. Links
//! are followed; a real folder is entered once, however many links lead to it,
//! and what the kernel makes up is never entered.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::SourceError;
use crate::data::{decode, file};
use crate::untrusted::FileId;

/// Folders that systems and archives leave behind.
const LITTER: [&str; 3] = ["__MACOSX", "@eaDir", "$RECYCLE.BIN"];

/// What a folder itself holds, sorted by bytes.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub folders: Vec<PathBuf>,
    pub images: Vec<PathBuf>,
    /// Folders that are passed over because their names begin with a dot.
    pub hidden: Vec<PathBuf>,
}

/// What was found directly in the folder that a walk began at.
#[derive(Debug)]
pub(super) struct Top {
    /// Number of images.
    pub images: usize,
    /// Subfolders, sorted by bytes.
    pub folders: Vec<PathBuf>,
}

/// Goes through folders and gathers the images below them.
pub(super) struct Walk {
    /// Images so far.
    pub paths: Vec<PathBuf>,
    /// Folders so far that hold images themselves.
    pub folders: HashMap<FileId, PathBuf>,
    /// Ways to a folder that had been entered before in the same walk.
    pub repeated: Vec<PathBuf>,
    /// Folders without images that are named like one.
    pub like_images: Vec<PathBuf>,
    /// What is wrong with subfolders, where that does not end the walk.
    pub passed_over: Option<Vec<SourceError>>,
    entered: HashMap<FileId, Entered>,
    /// Folders that hold everything that is walked through.
    above: Vec<FileId>,
    /// Number of the walk under way.
    turn: usize,
}

/// A folder that has been entered.
struct Entered {
    path: PathBuf,
    turn: usize,
}

/// What was found in a folder that was entered for the first time.
struct Visited {
    id: FileId,
    /// The device that it lies on.
    device: u64,
    listing: Listing,
}

/// A folder that is still to be entered.
struct Ahead {
    path: PathBuf,
    /// Folders above it since the walk began.
    depth: usize,
    /// Device of the folder that holds it.
    device: Option<u64>,
}

impl Walk {
    /// Walks from `folder` itself.
    pub fn from(folder: &Path) -> Result<Self, SourceError> {
        let mut walk = Self::below(folder)?;
        walk.above.remove(0);
        Ok(walk)
    }

    /// Walks from folders in `folder`.
    pub fn below(folder: &Path) -> Result<Self, SourceError> {
        let real = fs::canonicalize(folder).map_err(SourceError::io(folder))?;
        let above = real.ancestors().map(|folder| {
            let metadata = fs::metadata(folder).map_err(SourceError::io(folder))?;
            Ok(FileId::of(&metadata))
        });
        Ok(Self {
            paths: Vec::new(),
            folders: HashMap::new(),
            repeated: Vec::new(),
            like_images: Vec::new(),
            passed_over: None,
            entered: HashMap::new(),
            above: above.collect::<Result<_, _>>()?,
            turn: 0,
        })
    }

    /// Appends the images of a folder, then those of its subfolders, each sorted.
    /// A loop and no recursion: folders can be nested deeper than any stack.
    pub fn enter(&mut self, folder: &Path) -> Result<Top, SourceError> {
        self.turn += 1;
        let mut top = Top {
            images: 0,
            folders: Vec::new(),
        };
        let mut above: Vec<FileId> = Vec::new();
        let mut ahead = vec![Ahead {
            path: folder.to_owned(),
            depth: 0,
            device: None,
        }];
        while let Some(next) = ahead.pop() {
            above.truncate(next.depth);
            match self.visit(&next, &above) {
                Ok(None) => self.repeated.push(next.path),
                Ok(Some(Visited {
                    id,
                    device,
                    listing,
                })) => {
                    if next.depth == 0 {
                        top.images = listing.images.len();
                        top.folders.clone_from(&listing.folders);
                    }
                    if !listing.images.is_empty() {
                        self.folders.insert(id, next.path);
                    } else if next.depth > 0 && decode::is_named_like_image(&next.path) {
                        self.like_images.push(next.path);
                    }
                    self.paths.extend(listing.images);
                    above.push(id);
                    ahead.extend(listing.folders.into_iter().rev().map(|path| Ahead {
                        path,
                        depth: next.depth + 1,
                        device: Some(device),
                    }));
                }
                Err(error) => match &mut self.passed_over {
                    Some(passed_over) if next.depth > 0 => passed_over.push(error),
                    _ => return Err(error),
                },
            }
        }
        Ok(top)
    }

    /// Lists a folder, unless it has been entered before in this walk.
    fn visit(&mut self, next: &Ahead, above: &[FileId]) -> Result<Option<Visited>, SourceError> {
        let path = &next.path;
        let metadata = folder_metadata(path)?;
        let id = FileId::of(&metadata);
        if above.contains(&id) || self.above.contains(&id) {
            return Err(SourceError::Cycle { path: path.clone() });
        }
        if let Some(earlier) = self.entered.get(&id) {
            if earlier.turn == self.turn {
                return Ok(None);
            }
            return Err(SourceError::InTwoClasses {
                path: path.clone(),
                other: earlier.path.clone(),
            });
        }
        if next.device != Some(metadata.dev()) && file::is_kernels_folder(path) {
            return Err(SourceError::Unreadable {
                path: path.clone(),
                reason: "is a virtual folder (such as /proc); not read".to_owned(),
            });
        }
        let entered = Entered {
            path: path.clone(),
            turn: self.turn,
        };
        self.entered.insert(id, entered);
        let listing = list(path)?;
        Ok(Some(Visited {
            id,
            device: metadata.dev(),
            listing,
        }))
    }
}

fn folder_metadata(folder: &Path) -> Result<Metadata, SourceError> {
    let metadata = fs::metadata(folder).map_err(SourceError::io(folder))?;
    if metadata.is_dir() {
        return Ok(metadata);
    }
    Err(SourceError::NotAFolder {
        path: folder.to_owned(),
    })
}

/// What a folder itself holds.
pub(super) fn list(folder: &Path) -> Result<Listing, SourceError> {
    folder_metadata(folder)?;
    let mut listing = Listing::default();
    for entry in fs::read_dir(folder).map_err(SourceError::io(folder))? {
        let entry = entry.map_err(SourceError::io(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(SourceError::io(&path))?;
        let name = entry.file_name();
        if is_hidden(&name) || LITTER.iter().any(|litter| name == *litter) {
            if is_hidden(&name) && kind.is_dir() {
                listing.hidden.push(path);
            }
            continue;
        }
        let (is_folder, is_file) = if kind.is_symlink() {
            // A broken one still counts by its name.
            fs::metadata(&path).map_or((false, false), |m| (m.is_dir(), m.is_file()))
        } else {
            (kind.is_dir(), kind.is_file())
        };
        if is_folder {
            listing.folders.push(path);
        } else if decode::is_named_like_image(&path) || is_file && looks_like_image(&path) {
            listing.images.push(path);
        }
    }
    listing.folders.sort();
    listing.images.sort();
    listing.hidden.sort();
    Ok(listing)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn looks_like_image(path: &Path) -> bool {
    file::start(path, decode::SIGNATURE as u64).is_ok_and(|start| decode::looks_like_image(&start))
}
