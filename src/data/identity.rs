//! What distinguishes one set of images from another, so that what was learnt from one
//! is not taken for what would be learnt from the other.
//!
//! The content is what a set is; the trace is what can be known of it without
//! reading its files. Reading all files of a set that is streamed takes a pass
//! over the disk, so its content is taken over from an identity that is already
//! known while the trace is the same.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::images::Images;
use super::pool::start_of;
use super::set::ImageSet;
use crate::event::{Dataset, SetIdentity};
use crate::format;
use crate::untrusted::Show as _;

/// What a set without labels has in place of a label.
const NO_LABEL: u64 = u64::MAX;

/// What an image that cannot be read has in place of the start of its hash.
const UNREADABLE: u64 = 0;

/// Images that are looked at before what was found is hashed and let go: of millions
/// the hashes alone would take more than the images' list.
const AT_A_TIME: usize = 1 << 14;

impl Images {
    /// What each set holds. `known` are identities of an earlier time, or none;
    /// the files of a streamed set are read only if its trace is not that of
    /// the known one. The first call decides; later ones return the same.
    ///
    /// Images that cannot be read any more count as changed and are reported
    /// through [`Self::warnings`].
    #[must_use]
    pub fn identity(
        &self,
        known: &BTreeMap<Dataset, SetIdentity>,
    ) -> BTreeMap<Dataset, SetIdentity> {
        self.datasets()
            .map(|(name, set)| (name, set.identity(known.get(&name)).clone()))
            .collect()
    }

    /// What a person should know of images that are trained on and evaluated: how
    /// many have the same content. Knows only of sets that [`Self::identity`] read.
    #[must_use]
    pub fn shared(&self) -> Vec<String> {
        let Some(learnt) = self.train.hashes.get() else {
            return Vec::new();
        };
        let sorted = |mut hashes: Vec<u64>| {
            hashes.sort_unstable();
            hashes
        };
        let learnt = sorted(learnt.clone());
        // As files, of training images that are in memory beside a set that is not.
        let learnt_files = OnceCell::new();
        let sets = self.datasets().filter_map(|(name, set)| {
            let what = match name {
                Dataset::Valid => "validation",
                Dataset::Test => "test",
                Dataset::Train | Dataset::Unlabelled => return None,
            };
            let hashes = set.hashes.get()?;
            // Pixels in memory have other hashes than the files that they are from.
            let (hashes, learnt) = match (set.in_memory(), self.train.in_memory()) {
                (true, false) => (Cow::Owned(set.file_starts()), &learnt),
                (false, true) => {
                    let of_files = || sorted(self.train.file_starts());
                    (Cow::Borrowed(hashes), learnt_files.get_or_init(of_files))
                }
                _ => (Cow::Borrowed(hashes), &learnt),
            };
            let is_shared = |hash: &u64| *hash != UNREADABLE && learnt.binary_search(hash).is_ok();
            let first = set.name(hashes.iter().position(is_shared)?);
            let count = hashes.iter().filter(|hash| is_shared(hash)).count();
            let images = format::plural(
                count,
                &format!("{what} image is also a training image"),
                &format!("{what} images are also training images"),
            );
            Some(format!("{images}, such as {}", first.shown()))
        });
        sets.collect()
    }
}

impl ImageSet {
    /// What the set holds; see [`Images::identity`].
    pub(super) fn identity(&self, known: Option<&SetIdentity>) -> &SetIdentity {
        self.identity.get_or_init(|| {
            self.workers().run(|| {
                // Before the content: a file that changes in between is read again
                // the next time.
                let trace = self.trace();
                let content = match known {
                    Some(known)
                        if !self.in_memory()
                            && known.trace == trace
                            && known.images == self.len() =>
                    {
                        known.content.clone()
                    }
                    _ => self.content_or(known),
                };
                SetIdentity {
                    images: self.len(),
                    content,
                    trace,
                }
            })
        })
    }

    /// Hexadecimal hash of the set's labels and images, in order.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.identity(None).content.clone()
    }

    /// The content, or the known one if it is the same as an older program hashed it.
    fn content_or(&self, known: Option<&SetIdentity>) -> String {
        let content = self.content();
        match known {
            Some(known)
                if known.content != content && self.content_without_shape() == known.content =>
            {
                known.content.clone()
            }
            _ => content,
        }
    }

    fn content(&self) -> String {
        let hash = |index| match self.kept(index) {
            Some(pixels) => blake3::hash(pixels),
            None => self.raw_hash(index),
        };
        let mut content = blake3::Hasher::new();
        let mut starts = Vec::with_capacity(self.len());
        for range in self.ranges() {
            let images: Vec<blake3::Hash> = range.clone().into_par_iter().map(hash).collect();
            for (index, image) in range.zip(&images) {
                self.update(&mut content, index, image);
                let is_lost = self.is_lost(index);
                starts.push(if is_lost { UNREADABLE } else { start_of(image) });
            }
        }
        // Only the first caller's content counts.
        let _ = self.hashes.set(starts);
        content.finalize().to_hex().to_string()
    }

    /// Reads all files again, once, where the set's content is known by its trace alone:
    /// from then on a file that was written since is known by its own hash. Returns
    /// whether the set holds what it held.
    pub(super) fn recall(&self) -> bool {
        let Some(known) = self.identity.get() else {
            return false;
        };
        if self.in_memory() || self.hashes.get().is_some() {
            return false;
        }
        // One image after the other: threads that wait for each other here may be those
        // that would share the work.
        *self.recalled.get_or_init(|| {
            let mut content = blake3::Hasher::new();
            let mut starts = Vec::with_capacity(self.len());
            for index in 0..self.len() {
                let Some(image) = self.file_hash(index) else {
                    return false;
                };
                self.update(&mut content, index, &image);
                starts.push(start_of(&image));
            }
            let holds = content.finalize().to_hex().as_str() == known.content;
            if holds {
                for (index, start) in starts.into_iter().enumerate() {
                    self.remember(index, start);
                }
            }
            holds
        })
    }

    /// The start of each hash of what an image was read from, for a set whose pixels
    /// are in memory.
    fn file_starts(&self) -> Vec<u64> {
        let of = |index| {
            self.file_hash(index)
                .map_or(UNREADABLE, |hash| start_of(&hash))
        };
        let indices = (0..self.len()).into_par_iter();
        self.workers().run(|| indices.map(of).collect())
    }

    /// As programs hashed it that left out the shape of records; empty where there
    /// is no such content.
    fn content_without_shape(&self) -> String {
        if self.in_memory() {
            return String::new();
        }
        let mut content = blake3::Hasher::new();
        for range in self.ranges() {
            let images = range.clone().into_par_iter();
            let images = images.map(|index| self.hash_without_shape(index));
            let Some(images) = images.collect::<Option<Vec<_>>>() else {
                return String::new();
            };
            for (index, image) in range.zip(&images) {
                self.update(&mut content, index, image);
            }
        }
        content.finalize().to_hex().to_string()
    }

    /// Adds an image with its label to the hash of the content.
    fn update(&self, content: &mut blake3::Hasher, index: usize, image: &blake3::Hash) {
        let label = self.label(index).map_or(NO_LABEL, u64::from);
        content.update(&label.to_le_bytes());
        content.update(image.as_bytes());
    }

    fn trace(&self) -> String {
        let mut trace = blake3::Hasher::new();
        for range in self.ranges() {
            let images = range.clone().into_par_iter();
            let stamps: Vec<Vec<u8>> = images.map(|index| self.stamp(index)).collect();
            for (index, stamp) in range.zip(&stamps) {
                let name = self.name(index);
                let name = name.as_os_str().as_encoded_bytes();
                trace.update(&(name.len() as u64).to_le_bytes());
                trace.update(name);
                trace.update(stamp);
            }
        }
        trace.finalize().to_hex().to_string()
    }

    /// All indices, in order, [`AT_A_TIME`].
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let all = self.len();
        let starts = (0..all).step_by(AT_A_TIME);
        starts.map(move |start| start..all.min(start + AT_A_TIME))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::{self, File};
    use std::path::Path;
    use std::time::SystemTime;

    use crate::data::fixtures::{folder, idx, plan, save, shapes};
    use crate::data::{ImageSet, Images};
    use crate::event::{Dataset, SetIdentity};
    use crate::experiment::plan::ValidPlan;
    use crate::experiment::spec::Source;

    type Known = BTreeMap<Dataset, SetIdentity>;

    fn fingerprint(count: u32, seed: u64, memory: u64) -> String {
        let mut plan = plan(shapes(count, seed));
        plan.memory = memory;
        Images::open(&plan, 0).unwrap().train.fingerprint()
    }

    fn identity(root: &Path, memory: u64, known: &Known) -> Known {
        let mut plan = plan(Source::ImageFolder(root.to_owned()));
        plan.memory = memory;
        Images::open(&plan, 0).unwrap().identity(known)
    }

    fn same(one: &Known, other: &Known) -> bool {
        one.len() == other.len() && one.iter().all(|(name, set)| set.same_as(&other[name]))
    }

    #[test]
    fn the_same_images_have_the_same_fingerprint_in_memory_or_streamed() {
        for memory in [0, u64::MAX] {
            assert_eq!(fingerprint(40, 1, memory), fingerprint(40, 1, memory));
        }
    }

    #[test]
    fn other_images_or_fewer_have_another_fingerprint_in_memory_or_streamed() {
        for memory in [0, u64::MAX] {
            assert_ne!(fingerprint(40, 1, memory), fingerprint(40, 2, memory));
            assert_ne!(fingerprint(40, 1, memory), fingerprint(44, 1, memory));
        }
    }

    #[test]
    fn every_set_has_an_identity_and_a_holdout_two() {
        let dir = tempfile::tempdir().unwrap();
        let root = folder(dir.path(), &["a", "b"], 10);
        let known = identity(&root, 0, &Known::new());
        let counts: Vec<_> = known
            .iter()
            .map(|(name, set)| (*name, set.images))
            .collect();
        assert_eq!(counts, [(Dataset::Train, 18), (Dataset::Valid, 2)]);
        let [train, valid] = [Dataset::Train, Dataset::Valid].map(|name| &known[&name]);
        assert!(!train.same_as(valid));
        assert_ne!(train.trace, valid.trace);
    }

    #[test]
    fn images_copied_elsewhere_are_the_same_and_leave_another_trace() {
        let dir = tempfile::tempdir().unwrap();
        for memory in [0, u64::MAX] {
            let one = folder(&dir.path().join("one"), &["a", "b"], 5);
            let other = folder(&dir.path().join("other"), &["a", "b"], 5);
            let known = identity(&one, memory, &Known::new());
            let moved = identity(&other, memory, &known);
            assert!(same(&known, &moved));
            assert_ne!(known[&Dataset::Train].trace, moved[&Dataset::Train].trace);
        }
    }

    #[test]
    fn one_other_pixel_is_noticed_even_if_length_and_time_are_set_back() {
        for memory in [0, u64::MAX] {
            let dir = tempfile::tempdir().unwrap();
            for (class, number) in [("a", 0), ("a", 1), ("a", 2), ("b", 3), ("b", 4), ("b", 5)] {
                let name = format!("{class}/{number}.bmp");
                save(&dir.path().join(name), number, (6, 8));
            }
            let known = identity(dir.path(), memory, &Known::new());
            for number in 0..3 {
                let path = dir.path().join(format!("a/{number}.bmp"));
                let changed = fs::metadata(&path).unwrap().modified().unwrap();
                let mut bytes = fs::read(&path).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                bytes[60] ^= 0x80;
                fs::write(&path, bytes).unwrap();
                let file = File::options().write(true).open(&path).unwrap();
                file.set_modified(changed).unwrap();
            }
            assert!(!same(&known, &identity(dir.path(), memory, &known)));
        }
    }

    fn idx_identity(dir: &Path, labels: &[u8], shape: [u8; 2], known: &Known) -> Known {
        let files = idx(dir, labels, false);
        let mut bytes = fs::read(&files.images).unwrap();
        (bytes[11], bytes[15]) = (shape[0], shape[1]);
        fs::write(&files.images, bytes).unwrap();
        let mut plan = plan(Source::Idx(files));
        plan.memory = 0;
        plan.size = Some((4, 4));
        Images::open(&plan, 0).unwrap().identity(known)
    }

    #[test]
    fn another_shape_or_label_of_the_same_bytes_is_another_set() {
        let dir = tempfile::tempdir().unwrap();
        let labels = [0, 1, 0, 1];
        let known = idx_identity(dir.path(), &labels, [3, 2], &Known::new());
        let again = idx_identity(dir.path(), &labels, [3, 2], &known);
        assert!(same(&known, &again));
        let turned = idx_identity(dir.path(), &labels, [2, 3], &known);
        assert!(!same(&known, &turned));

        let trace = |known: &Known| known[&Dataset::Train].trace.clone();
        let pair = idx(dir.path(), &labels, false);
        let mut plan = plan(Source::Idx(pair.clone()));
        plan.memory = 0;
        plan.size = Some((4, 4));
        let open = |known: &Known| Images::open(&plan, 0).unwrap().identity(known);
        let known = open(&Known::new());
        let mut bytes = fs::read(&pair.labels).unwrap();
        bytes[8..].rotate_left(1);
        fs::write(&pair.labels, bytes).unwrap();
        let other = open(&known);
        assert_ne!(trace(&known), trace(&other));
        assert!(!same(&known, &other));
    }

    #[test]
    fn records_that_an_older_program_hashed_without_their_shape_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = plan(Source::Idx(idx(dir.path(), &[0, 1, 0, 1], false)));
        plan.memory = 0;
        plan.size = Some((4, 4));
        let images = Images::open(&plan, 0).unwrap();
        let now = images.identity(&Known::new());
        let mut older = now.clone();
        for (name, set) in images.datasets() {
            let older = older.get_mut(&name).unwrap();
            older.content = set.content_without_shape();
            older.trace = "of another program".to_owned();
        }
        assert!(!same(&older, &now));
        assert!(same(
            &older,
            &Images::open(&plan, 0).unwrap().identity(&older)
        ));
    }

    #[test]
    fn images_that_are_trained_on_and_evaluated_are_counted_by_content() {
        let dir = tempfile::tempdir().unwrap();
        let train = folder(&dir.path().join("train"), &["a", "b"], 10);
        let test = dir.path().join("test");
        for (class, number) in [("a", 100), ("b", 101)] {
            save(&test.join(class).join("new.png"), number, (6, 8));
        }
        let mut plan = plan(Source::ImageFolder(train.clone()));
        plan.test = Some(Source::ImageFolder(test.clone()));
        let shared = |memory| {
            let mut plan = plan.clone();
            plan.memory = memory;
            let images = Images::open(&plan, 0).unwrap();
            assert!(images.shared().is_empty());
            let _ = images.identity(&Known::new());
            images.shared()
        };
        for memory in [0, u64::MAX] {
            assert!(shared(memory).is_empty());
        }
        for number in 0..6 {
            let name = format!("a/{number:03}.png");
            fs::copy(train.join(&name), test.join(&name)).unwrap();
        }
        for memory in [0, u64::MAX] {
            let message = shared(memory).join(" ");
            assert!(
                message.contains("test images are also training images, such as"),
                "{message}"
            );
            assert!(message.contains("test/a/00"), "{message}");
        }
    }

    #[test]
    fn images_shared_by_a_streamed_set_and_one_in_memory_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let many = folder(&dir.path().join("many"), &["a", "b"], 10);
        let few = dir.path().join("few");
        for number in 0..3 {
            let name = format!("a/{number:03}.png");
            fs::create_dir_all(few.join("a")).unwrap();
            fs::copy(many.join(&name), few.join(&name)).unwrap();
        }
        save(&few.join("b/new.png"), 101, (6, 8));
        let shared = |train: &Path, test: &Path| {
            let mut plan = plan(Source::ImageFolder(train.to_owned()));
            plan.valid = ValidPlan::Set(Source::ImageFolder(test.to_owned()));
            plan.memory = 8 * 8 * 3 * 6;
            let images = Images::open(&plan, 0).unwrap();
            let _ = images.identity(&Known::new());
            let in_memory = [&images.train, &images.valid].map(ImageSet::in_memory);
            (in_memory, images.shared().join(" "))
        };
        for (train, test, in_memory) in [(&many, &few, [false, true]), (&few, &many, [true, false])]
        {
            let (found, message) = shared(train, test);
            assert_eq!(found, in_memory);
            let expected = "3 validation images are also training images, such as";
            assert!(message.starts_with(expected), "{in_memory:?}: {message}");
        }
    }

    #[test]
    fn two_images_that_change_places_are_another_set() {
        for memory in [0, u64::MAX] {
            let dir = tempfile::tempdir().unwrap();
            let root = folder(dir.path(), &["a", "b"], 3);
            let known = identity(&root, memory, &Known::new());
            let [one, two, spare] =
                ["a/000.png", "a/001.png", "spare"].map(|name| dir.path().join(name));
            fs::rename(&one, &spare).unwrap();
            fs::rename(&two, &one).unwrap();
            fs::rename(&spare, &two).unwrap();
            assert!(!same(&known, &identity(&root, memory, &known)));
        }
    }

    #[test]
    fn files_that_only_look_touched_are_read_again_and_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let root = folder(dir.path(), &["a", "b"], 3);
        let known = identity(&root, 0, &Known::new());
        for class in ["a", "b"] {
            for number in 0..3 {
                let path = root.join(format!("{class}/{number:03}.png"));
                let file = File::options().write(true).open(path).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            }
        }
        let touched = identity(&root, 0, &known);
        assert!(same(&known, &touched));
        assert_ne!(known[&Dataset::Train].trace, touched[&Dataset::Train].trace);
    }

    #[test]
    fn files_of_the_same_trace_are_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let root = folder(dir.path(), &["a", "b"], 3);
        let mut known = identity(&root, 0, &Known::new());
        // Nobody who reads the files can come to this.
        known.get_mut(&Dataset::Train).unwrap().content = "known".to_owned();
        let again = identity(&root, 0, &known);
        assert_eq!(again[&Dataset::Train].content, "known");
        assert_eq!(again, known);
        // What is in memory is hashed whatever the trace says.
        assert_ne!(
            identity(&root, u64::MAX, &known)[&Dataset::Train].content,
            "known"
        );
    }

    #[test]
    fn an_identity_survives_the_journal() {
        let dir = tempfile::tempdir().unwrap();
        let root = folder(dir.path(), &["a", "b"], 2);
        let known = identity(&root, 0, &Known::new());
        let text = serde_json::to_string(&known).unwrap();
        assert!(text.contains("\"Train\":{\"images\":2"), "{text}");
        assert_eq!(serde_json::from_str::<Known>(&text).unwrap(), known);
    }
}
