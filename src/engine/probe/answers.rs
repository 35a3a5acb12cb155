//! A run's `probe/answers.bin`: what its student answered on the probe's images at
//! every evaluation, in one file that grows, so that a long training is read at
//! once.
//!
//! ```text
//! header  "WBANSWR2", images u32, classes u32, run [u8; 32]
//! record  step u64, epoch f64, logits f32 [image, class], CRC-32C u32 of these
//! ```
//!
//! All little-endian, all records of one length, in ascending order of steps. A
//! record that was half written when a process died is none. `run` says whose
//! answers they are; files of older programs begin with "WBANSWER" and do not.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::engine::failure::Failure;
use crate::event::inspection::ProbeAnswers;
use crate::run::append_file::AppendFile;
use crate::run::seal::Owner;
use crate::untrusted::files::{data_end, only_zeros_from};
use crate::untrusted::open_regular;

const MAGIC: &[u8; 8] = b"WBANSWR2";
/// As programs wrote it that did not say whose answers they are.
const ANYONES: &[u8; 8] = b"WBANSWER";
/// Bytes of a record beside its logits.
const AROUND: u64 = 20;

/// Bytes of the largest record: 64 images of 200,000 classes are less.
const LARGEST_RECORD: u64 = 64 << 20;

/// Bytes of records that are read. Of a file with more every second is, or every
/// third: time is scrubbed more coarsely then.
const MOST_READ: u64 = 256 << 20;

/// How many logits a record has: images and classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Images, at least one.
    pub images: u32,
    /// Classes, at least one.
    pub classes: u32,
}

impl Shape {
    /// None if a record of this shape would be empty or too large.
    fn new(images: u32, classes: u32) -> Option<Self> {
        let logits = u64::from(images) * u64::from(classes);
        let fits = logits > 0 && logits <= (LARGEST_RECORD - AROUND) / 4;
        fits.then_some(Self { images, classes })
    }

    fn of(answers: &ProbeAnswers) -> Option<Self> {
        let classes = answers.logits.first().map_or(0, Vec::len);
        Self::new(
            u32::try_from(answers.logits.len()).ok()?,
            u32::try_from(classes).ok()?,
        )
    }

    /// Bytes of a record.
    fn record(self) -> u64 {
        AROUND + 4 * u64::from(self.images) * u64::from(self.classes)
    }
}

/// What stands before the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    shape: Shape,
    /// Whose answers they are, where that is known.
    run: Option<[u8; 32]>,
}

impl Header {
    fn bytes(self) -> Vec<u8> {
        let shape = [
            self.shape.images.to_le_bytes(),
            self.shape.classes.to_le_bytes(),
        ];
        let magic = if self.run.is_some() { MAGIC } else { ANYONES };
        let run = self.run.as_ref().map_or(&[][..], |run| run);
        [magic, shape.as_flattened(), run].concat()
    }

    fn length(self) -> u64 {
        16 + self.run.map_or(0, |run| run.len() as u64)
    }

    /// None if it was torn.
    fn read(file: &mut impl Read) -> io::Result<Option<Self>> {
        let mut header = Vec::new();
        file.take(48).read_to_end(&mut header)?;
        let Some((magic, rest)) = header.split_first_chunk::<8>() else {
            return Ok(None);
        };
        if magic != MAGIC && magic != ANYONES {
            return Err(unfit("is not a file of answers"));
        }
        let Some((shape, rest)) = rest.split_first_chunk::<8>() else {
            return Ok(None);
        };
        let run = if magic == MAGIC {
            let Some((run, _)) = rest.split_first_chunk::<32>() else {
                return Ok(None);
            };
            Some(*run)
        } else {
            None
        };
        let [images, classes] = [shape.first_chunk(), shape.last_chunk()]
            .map(|four| four.map_or(0, |four| u32::from_le_bytes(*four)));
        let shape = Shape::new(images, classes).ok_or_else(|| {
            unfit(&format!(
                "has a damaged header: {images} images of {classes} classes"
            ))
        })?;
        Ok(Some(Self { shape, run }))
    }
}

fn unfit(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what}; delete the folder to do without it"),
    )
}

fn damaged(at: u64, count: u64) -> io::Error {
    unfit(&format!("record {} of {count} is damaged", at + 1))
}

/// The file.
#[derive(Debug, Clone)]
pub struct AnswersFile {
    path: PathBuf,
    run: Option<[u8; 32]>,
}

impl AnswersFile {
    /// The file at a path; it need not exist yet. `owner` is whose it is, where
    /// that is known.
    #[must_use]
    pub fn new(path: &Path, owner: Option<&Owner>) -> Self {
        let run = owner.map(|owner| {
            let mut hash = blake3::Hasher::new();
            hash.update(owner.id.as_bytes());
            hash.update(owner.place.as_bytes());
            *hash.finalize().as_bytes()
        });
        Self {
            path: path.to_owned(),
            run,
        }
    }

    /// Appends what was answered. Answers of the same or a later step, which are
    /// given again, and answers on other images are replaced.
    ///
    /// # Errors
    /// If the file cannot be read or written, or is none of these.
    pub fn append(&self, answers: &ProbeAnswers) -> Result<(), Failure> {
        let shape = Shape::of(answers)
            .ok_or_else(|| self.failed(unfit("would have no answers or too many")))?;
        let header = Header {
            shape,
            run: self.run,
        };
        let length = match self.header()? {
            Some(known) if known.shape == shape => self.length_before(known, answers.step)?,
            Some(known) => {
                self.check_first(known)?;
                0
            }
            None => 0,
        };
        let logits = answers.logits.iter().flatten();
        let mut record = answers.step.to_le_bytes().to_vec();
        record.extend(answers.epoch.to_le_bytes());
        record.extend(logits.flat_map(|logit| logit.to_le_bytes()));
        record.extend(crc32c::crc32c(&record).to_le_bytes());
        let mut file = self.open(length)?;
        if length == 0 {
            file.append(&header.bytes())
                .map_err(|e| self.failed(e.source))?;
        }
        file.append(&record).map_err(|e| self.failed(e.source))
    }

    /// Gives another run the answers up to `step` steps, which are then its own. From
    /// damage on they are left out; the answer says where it is.
    ///
    /// # Errors
    /// If the other run's file cannot be written.
    pub fn copy(&self, to: &Self, step: u64) -> Result<Option<String>, Failure> {
        let found = self.existing().and_then(|file| Ok((file, self.header()?)));
        let (file, header) = match found {
            Ok((Some(file), Some(header))) => (file, header),
            Ok(_) => return Ok(None),
            Err(damage) => return Ok(Some(damage.to_string())),
        };
        let own = Header {
            run: to.run,
            ..header
        };
        let mut target = to.open(0)?;
        let mut append = |bytes: &[u8]| target.append(bytes).map_err(|e| to.failed(e.source));
        append(&own.bytes())?;
        let count = match records(&file, header) {
            Ok(count) => count,
            Err(error) => return Ok(Some(self.failed(error).to_string())),
        };
        let mut record = vec![0; header.shape.record() as usize];
        let mut before = None;
        for at in 0..count {
            let begin = header.length() + at * header.shape.record();
            let found = file.read_exact_at(&mut record, begin);
            let found = found.map(|()| decoded(&record, header.shape).map(|it| it.step));
            let damage = match found {
                Ok(Some(reached)) if reached > step => return Ok(None),
                Ok(Some(reached)) if Some(reached) > before => {
                    append(&record)?;
                    before = Some(reached);
                    continue;
                }
                // Half of a record is no damage at the end.
                Ok(None) if at + 1 == count || only_zeros_from(&file, begin).unwrap_or(false) => {
                    return Ok(None);
                }
                Ok(_) => damaged(at, count),
                Err(error) => error,
            };
            return Ok(Some(self.failed(damage).to_string()));
        }
        Ok(None)
    }

    /// Forgets what was answered after more than `step` steps.
    ///
    /// # Errors
    /// If the file cannot be read or cut off, or is none of these.
    pub fn forget_after(&self, step: u64) -> Result<(), Failure> {
        let Some(header) = self.header()? else {
            return Ok(());
        };
        let length = self.length_before(header, step.saturating_add(1))?;
        self.open(length).map(drop)
    }

    /// Everything that was answered, or of very much an even part; nothing
    /// without a file.
    ///
    /// # Errors
    /// If the file cannot be read, is none of these, or is damaged elsewhere
    /// than at its end.
    pub fn read(&self) -> Result<Vec<ProbeAnswers>, Failure> {
        let (Some(file), Some(header)) = (self.existing()?, self.header()?) else {
            return Ok(Vec::new());
        };
        let shape = header.shape;
        let read = || -> io::Result<Vec<ProbeAnswers>> {
            let count = records(&file, header)?;
            let stride = (count * shape.record()).div_ceil(MOST_READ).max(1);
            // The last is among them.
            let first = count.saturating_sub(1) % stride;
            let mut record = vec![0; shape.record() as usize];
            let mut answers = Vec::new();
            for at in (first..count).step_by(stride as usize) {
                let begin = header.length() + at * shape.record();
                file.read_exact_at(&mut record, begin)?;
                match decoded(&record, shape) {
                    Some(decoded) => answers.push(decoded),
                    None if at + 1 == count || only_zeros_from(&file, begin)? => break,
                    None => return Err(damaged(at, count)),
                }
            }
            Ok(answers)
        };
        read().map_err(|error| self.failed(error))
    }

    /// The step of the last answers, which alone are read; none without a file, or with
    /// one that holds none.
    ///
    /// # Errors
    /// As [`read`](Self::read), as far as the end shows it.
    pub fn last_step(&self) -> Result<Option<u64>, Failure> {
        let (Some(file), Some(header)) = (self.existing()?, self.header()?) else {
            return Ok(None);
        };
        let shape = header.shape;
        let find = || -> io::Result<Option<u64>> {
            let count = records(&file, header)?;
            let mut record = vec![0; shape.record() as usize];
            for at in (0..count).rev() {
                let begin = header.length() + at * shape.record();
                file.read_exact_at(&mut record, begin)?;
                match decoded(&record, shape) {
                    Some(answers) => return Ok(Some(answers.step)),
                    None if at + 1 == count || only_zeros_from(&file, begin)? => {}
                    None => return Err(damaged(at, count)),
                }
            }
            Ok(None)
        };
        find().map_err(|error| self.failed(error))
    }

    /// How many answers of how many classes it holds; none without a file, or
    /// with one that was never finished.
    ///
    /// # Errors
    /// If the file cannot be read or is none of these.
    pub fn shape(&self) -> Result<Option<Shape>, Failure> {
        Ok(self.header()?.map(|header| header.shape))
    }

    /// None without a file, or with one that was never finished.
    fn header(&self) -> Result<Option<Header>, Failure> {
        let Some(mut file) = self.existing()? else {
            return Ok(None);
        };
        let header = Header::read(&mut file).map_err(|error| self.failed(error))?;
        let whose = header.and_then(|header| header.run);
        if self.run.is_some() && whose.is_some() && whose != self.run {
            return Err(self.failed(unfit("was written by another run")));
        }
        Ok(header)
    }

    /// Sees that the header is right of a file that is about to be rewritten
    /// because it is of other images.
    fn check_first(&self, header: Header) -> Result<(), Failure> {
        let Some(file) = self.existing()? else {
            return Ok(());
        };
        let check = || -> io::Result<()> {
            let mut record = vec![0; header.shape.record() as usize];
            match file.read_exact_at(&mut record, header.length()) {
                Ok(()) if decoded(&record, header.shape).is_none() => {
                    Err(unfit("has a header that does not match its records"))
                }
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
                _ => Ok(()),
            }
        };
        check().map_err(|error| self.failed(error))
    }

    /// Bytes up to the first record of `step` or a later one.
    fn length_before(&self, header: Header, step: u64) -> Result<u64, Failure> {
        let Some(file) = self.existing()? else {
            return Ok(0);
        };
        let shape = header.shape;
        let find = || -> io::Result<u64> {
            let begin = header.length();
            let mut length = begin + records(&file, header)? * shape.record();
            let mut record = vec![0; shape.record() as usize];
            while length > begin {
                file.read_exact_at(&mut record, length - shape.record())?;
                // One that a machine lost as it went down is none, either.
                let kept = decoded(&record, shape).is_some_and(|answers| answers.step < step);
                if kept {
                    break;
                }
                length -= shape.record();
            }
            Ok(length)
        };
        find().map_err(|error| self.failed(error))
    }

    fn existing(&self) -> Result<Option<File>, Failure> {
        match open_regular(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn open(&self, length: u64) -> Result<AppendFile, Failure> {
        AppendFile::open(&self.path, length).map_err(|refused| self.failed(refused.source))
    }

    fn failed(&self, error: io::Error) -> Failure {
        Failure::File {
            path: self.path.clone(),
            error,
        }
    }
}

/// Complete records of a file. Holes at its end hold none, however long they are.
fn records(file: &File, header: Header) -> io::Result<u64> {
    Ok(data_end(file)?.saturating_sub(header.length()) / header.shape.record())
}

/// None if the checksum is not that of the record.
fn decoded(record: &[u8], shape: Shape) -> Option<ProbeAnswers> {
    let (content, checksum) = record.split_last_chunk::<4>()?;
    if u32::from_le_bytes(*checksum) != crc32c::crc32c(content) {
        return None;
    }
    let (step, rest) = content.split_first_chunk::<8>()?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    let (values, _) = rest.as_chunks::<4>();
    let values: Vec<f32> = values
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect();
    Some(ProbeAnswers {
        step: u64::from_le_bytes(*step),
        epoch: f64::from_le_bytes(*epoch),
        logits: values
            .chunks_exact((shape.classes as usize).max(1))
            .map(<[f32]>::to_vec)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::untrusted::testing::{grow_sparse, make_pipe};

    fn answers(step: u64) -> ProbeAnswers {
        ProbeAnswers {
            step,
            epoch: step as f64 / 2.0,
            logits: vec![vec![step as f32, 0.5, -1.0], vec![-1.0, 2.0, 0.25]],
        }
    }

    fn owner(id: &str) -> Owner {
        Owner {
            id: id.to_owned(),
            place: "probe".to_owned(),
        }
    }

    fn file(steps: &[u64]) -> (tempfile::TempDir, AnswersFile) {
        let place = tempfile::tempdir().unwrap();
        let file = AnswersFile::new(&place.path().join("answers.bin"), Some(&owner("a")));
        for step in steps {
            file.append(&answers(*step)).unwrap();
        }
        (place, file)
    }

    fn steps(file: &AnswersFile) -> Vec<u64> {
        let read = file.read().unwrap();
        for known in &read {
            assert_eq!(*known, answers(known.step));
        }
        read.iter().map(|answers| answers.step).collect()
    }

    #[test]
    fn answers_come_back_and_what_is_given_again_replaces_what_was_given() {
        let (_place, file) = file(&[1, 20, 300]);
        assert_eq!(steps(&file), [1, 20, 300]);
        file.append(&answers(300)).unwrap();
        assert_eq!(steps(&file), [1, 20, 300]);
        file.append(&answers(7)).unwrap();
        assert_eq!(steps(&file), [1, 7]);
    }

    #[test]
    fn what_comes_after_a_step_is_forgotten() {
        let (_place, file) = file(&[1, 20, 300]);
        file.forget_after(20).unwrap();
        assert_eq!(steps(&file), [1, 20]);
        file.forget_after(0).unwrap();
        assert!(steps(&file).is_empty());
        let (_place, none) = self::file(&[]);
        none.forget_after(5).unwrap();
        assert!(steps(&none).is_empty());
    }

    #[test]
    fn a_torn_end_is_none_wherever_it_was_torn_and_is_written_over() {
        let (_place, file) = file(&[1, 20]);
        let whole = fs::read(&file.path).unwrap();
        for length in 0..whole.len() {
            fs::write(&file.path, &whole[..length]).unwrap();
            let before = steps(&file);
            assert!(before.len() < 2, "{length}: {before:?}");
            file.append(&answers(30)).unwrap();
            assert_eq!(steps(&file), [before, vec![30]].concat());
        }
        let mut damaged = whole.clone();
        let at = damaged.len() - 5;
        damaged[at] ^= 1;
        fs::write(&file.path, damaged).unwrap();
        assert_eq!(steps(&file), [1]);
        file.append(&answers(30)).unwrap();
        assert_eq!(steps(&file), [1, 30]);
    }

    #[test]
    fn answers_on_other_images_begin_anew() {
        let (_place, file) = file(&[1, 20]);
        let other = ProbeAnswers {
            logits: vec![vec![1.0, 2.0]],
            ..answers(30)
        };
        file.append(&other).unwrap();
        assert_eq!(file.read().unwrap(), [other]);
    }

    #[test]
    fn answers_of_another_run_are_neither_read_nor_written_on() {
        let (_place, file) = file(&[1, 20]);
        let others = AnswersFile::new(&file.path, Some(&owner("b")));
        let before = fs::read(&file.path).unwrap();
        for error in [
            others.read().map(drop).unwrap_err(),
            others.append(&answers(30)).unwrap_err(),
            others.forget_after(1).unwrap_err(),
        ] {
            let error = error.to_string();
            assert!(error.contains("was written by another run"), "{error}");
        }
        assert_eq!(fs::read(&file.path).unwrap(), before);
        // What is copied on purpose is the other's own.
        let copy = AnswersFile::new(&file.path.with_extension("copy"), Some(&owner("b")));
        assert_eq!(file.copy(&copy, 20).unwrap(), None);
        assert_eq!(steps(&copy), [1, 20]);
        copy.append(&answers(30)).unwrap();
        assert_eq!(steps(&copy), [1, 20, 30]);
        // A program that kept no plan did not say whose they are.
        let unknown = AnswersFile::new(&file.path.with_extension("old"), None);
        unknown.append(&answers(1)).unwrap();
        let known = AnswersFile::new(&unknown.path, Some(&owner("b")));
        known.append(&answers(2)).unwrap();
        assert_eq!(steps(&known), [1, 2]);
    }

    #[test]
    fn answers_are_given_up_to_a_step_or_to_damage_however_long_the_file_is() {
        let given = |file: &AnswersFile, step| {
            let folder = tempfile::tempdir().unwrap();
            let copy = AnswersFile::new(&folder.path().join("answers.bin"), Some(&owner("b")));
            let damage = file.copy(&copy, step).unwrap();
            (steps(&copy), damage.unwrap_or_default())
        };
        let (_place, file) = file(&[1, 20, 300]);
        let none = String::new();
        assert_eq!(given(&file, 299), (vec![1, 20], none.clone()));
        let whole = fs::read(&file.path).unwrap();
        grow_sparse(&file.path, 1 << 40);
        assert_eq!(given(&file, 300), (vec![1, 20, 300], none.clone()));
        // Data that no evaluation wrote, after a hole.
        let end = File::options().write(true).open(&file.path).unwrap();
        end.write_all_at(b"data", 1 << 40).unwrap();
        let (known, damage) = given(&file, 1000);
        assert_eq!(known, [1, 20, 300]);
        assert!(damage.contains("answers.bin: record 4 of"), "{damage}");
        let mut bytes = whole.clone();
        let second = 48 + file.shape().unwrap().unwrap().record() as usize;
        bytes[second] ^= 1;
        fs::write(&file.path, &bytes).unwrap();
        let (known, damage) = given(&file, 300);
        assert_eq!(known, [1]);
        assert!(damage.contains("record 2 of 3 is damaged"), "{damage}");
        // Half of a record is no damage at the end.
        fs::write(&file.path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(given(&file, 300), (vec![1, 20], none));
        make_pipe(&file.path);
        let (known, damage) = given(&file, 300);
        assert!(
            known.is_empty() && damage.contains("it is a pipe"),
            "{damage}"
        );
    }

    #[test]
    fn damage_is_named() {
        let (_place, file) = file(&[1, 20, 300]);
        let mut bytes = fs::read(&file.path).unwrap();
        bytes[48 + 17] ^= 1;
        fs::write(&file.path, &bytes).unwrap();
        let error = file.read().unwrap_err().to_string();
        assert!(
            error.contains("answers.bin: record 1 of 3 is damaged"),
            "{error}"
        );
        fs::write(&file.path, "something else").unwrap();
        let error = file.append(&answers(1)).unwrap_err().to_string();
        assert!(
            error.contains("answers.bin: is not a file of answers"),
            "{error}"
        );
    }

    #[test]
    fn a_header_with_any_bit_turned_is_named_and_takes_no_memory() {
        let (_place, file) = file(&[1, 20, 300]);
        let whole = fs::read(&file.path).unwrap();
        for bit in 0..8 * 48 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file.path, &bytes).unwrap();
            for sparse in [0, 1 << 40] {
                grow_sparse(&file.path, sparse);
                match file.read() {
                    Err(error) => assert!(error.to_string().contains("answers.bin: "), "{error}"),
                    // A record would be longer than the file is.
                    Ok(read) => assert!(read.is_empty(), "bit {bit}: {read:?}"),
                }
                let _ = file.shape().and_then(|_| file.forget_after(1000));
            }
        }
        let mut bytes = whole;
        bytes[8] = 1;
        fs::write(&file.path, &bytes).unwrap();
        let error = file.append(&answers(400)).unwrap_err().to_string();
        assert!(
            error.contains("a header that does not match its records"),
            "{error}"
        );
        assert_eq!(fs::read(&file.path).unwrap(), bytes);
    }

    #[test]
    fn zeros_at_the_end_are_none_however_many_there_are() {
        let (_place, file) = file(&[1, 20]);
        for zeros in [1, 1000, 1 << 40] {
            grow_sparse(&file.path, zeros);
            assert_eq!(steps(&file), [1, 20]);
        }
        file.append(&answers(30)).unwrap();
        assert_eq!(steps(&file), [1, 20, 30]);
        assert!(fs::metadata(&file.path).unwrap().len() < 1000);
        make_pipe(&file.path);
        let error = file.read().unwrap_err().to_string();
        assert!(
            error.ends_with("it is a pipe, not a regular file"),
            "{error}"
        );
    }

    #[test]
    fn of_very_many_answers_an_even_part_is_read_with_the_last() {
        let (_place, file) = file(&[]);
        let logits = vec![vec![0.5; 4_000_000]];
        let count = 20;
        for step in 1..=count {
            let logits = logits.clone();
            file.append(&ProbeAnswers {
                step,
                epoch: 0.0,
                logits,
            })
            .unwrap();
        }
        let read = file.read().unwrap();
        let steps: Vec<u64> = read.iter().map(|answers| answers.step).collect();
        assert_eq!(steps, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    }
}
