//! CIFAR-10 and CIFAR-100 binary batches.
//!
//! A record is one label byte (CIFAR-100: a coarse one, then the fine one that
//! is used here) and 3072 bytes of pixels, a plane of 32 × 32 for red, green and
//! blue each. Format: A. Krizhevsky, *Learning multiple layers of features from
//! tiny images*, 2009, and its download page.

use crate::untrusted::Show as _;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::binary::{self, Layout, RecordFile, Records};
use super::{Found, Origin, SourceError};

/// Which of the two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ten classes.
    Ten,
    /// A hundred fine classes.
    Hundred,
}

const SIDE: u32 = 32;
const PIXELS: u64 = 3 * (SIDE as u64) * (SIDE as u64);

/// Twenty times all of CIFAR; a packed file that holds more is a bomb.
const MAX_RECORDS: u64 = 1 << 20;

const TEN: &str = "airplane automobile bird cat deer dog frog horse ship truck";

const HUNDRED: &str = "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy \
    bridge bus butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud \
    cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster \
    house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle \
    mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree \
    plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew \
    skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank \
    telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf \
    woman worm";

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Ten => "CIFAR-10",
            Self::Hundred => "CIFAR-100",
        }
    }

    fn classes(self) -> Vec<String> {
        let names = match self {
            Self::Ten => TEN,
            Self::Hundred => HUNDRED,
        };
        names.split_whitespace().map(str::to_owned).collect()
    }

    /// Bytes before the pixels; the last is the label.
    fn skip(self) -> u64 {
        match self {
            Self::Ten => 1,
            Self::Hundred => 2,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Ten => Self::Hundred,
            Self::Hundred => Self::Ten,
        }
    }

    fn record(self) -> u64 {
        self.skip() + PIXELS
    }
}

/// Lists the batches in the given order.
pub(super) fn find(paths: &[PathBuf], kind: Kind) -> Result<Found, SourceError> {
    if paths.is_empty() {
        return Err(SourceError::NoFiles { kind: kind.name() });
    }
    let mut labels = Vec::new();
    let files = paths
        .iter()
        .map(|path| open(path, kind, &mut labels))
        .collect::<Result<_, _>>()?;
    let records = Records {
        files,
        layout: Layout::Planes,
        size: (SIDE, SIDE),
    };
    Ok(Found::outside_folders(
        kind.classes(),
        labels,
        Origin::Records(records),
    ))
}

/// Opens one batch and appends its labels.
fn open(path: &Path, kind: Kind, labels: &mut Vec<u32>) -> Result<RecordFile, SourceError> {
    let limit = MAX_RECORDS * kind.record();
    let binary::Content {
        mut file,
        length: bytes,
        stamp,
        version,
    } = binary::seekable(path, limit)?;
    if bytes > limit {
        return Err(SourceError::CifarTooLong {
            path: path.to_owned(),
            limit,
            kind: kind.name(),
        });
    }
    if bytes % kind.record() != 0 {
        return Err(SourceError::CifarLength {
            path: path.to_owned(),
            bytes,
            kind: kind.name(),
            record: kind.record(),
            hint: length_hint(bytes, kind),
        });
    }
    file.seek(SeekFrom::Start(0))
        .map_err(SourceError::io(path))?;
    let count = (bytes / kind.record()) as usize;
    super::check_records((labels.len() + count) as u64, || path.shown().to_string())?;
    let mut reader = BufReader::with_capacity(1 << 18, &file);
    let mut record = vec![0; kind.record() as usize];
    for index in 0..count {
        reader
            .read_exact(&mut record)
            .map_err(SourceError::io(path))?;
        labels.push(label(path, kind, index, &record)?);
    }
    Ok(RecordFile {
        path: path.to_owned(),
        content: Mutex::new(file),
        stamp,
        version,
        header: 0,
        skip: kind.skip(),
        count,
    })
}

fn label(path: &Path, kind: Kind, index: usize, record: &[u8]) -> Result<u32, SourceError> {
    let label = record[kind.skip() as usize - 1];
    let classes = match kind {
        Kind::Ten => 10,
        Kind::Hundred => 100,
    };
    if label < classes {
        return Ok(u32::from(label));
    }
    Err(SourceError::CifarLabel {
        path: path.to_owned(),
        record: index,
        label,
        kind: kind.name(),
        classes,
        hint: "; the file is damaged or of another kind: download it again",
    })
}

fn length_hint(bytes: u64, kind: Kind) -> &'static str {
    if bytes.is_multiple_of(kind.other().record()) {
        match kind {
            Kind::Ten => "; it looks like CIFAR-100: use Cifar100",
            Kind::Hundred => "; it looks like CIFAR-10: use Cifar10",
        }
    } else {
        "; it is cut off or not the binary version: download it again"
    }
}
