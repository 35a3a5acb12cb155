//! A run's folder `probe/`:
//!
//! ```text
//! images.safetensors    pictures [image, height, width, 3], the teacher's
//!                       logits [image, class]; names in its metadata
//! views.safetensors     what augmentation last made of them: views
//!                       [image, view, height, width, 3]
//! answers.bin           logits [image, class] of the student at every
//!                       evaluation, see `answers`
//! ```

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::answers::AnswersFile;
use super::arrays::{Array, Whole, check, read, write};
use crate::engine::failure::Failure;
use crate::event::inspection::{Picture, Probe, ProbeAnswers, ProbeImage};
use crate::run::RunFolder;
use crate::run::atomic::create_folder;
use crate::run::seal::Owner;
use crate::untrusted::kind_at;

const IMAGES: &str = "images.safetensors";
const VIEWS: &str = "views.safetensors";
/// The file of the student's answers.
const ANSWERS: &str = "answers.bin";

/// Where a run's probe lies.
#[derive(Debug, Clone)]
pub struct ProbeFolder {
    path: PathBuf,
    /// Whose it is, where that is known.
    owner: Option<Owner>,
    answers: AnswersFile,
}

/// What is written of the images beside their pixels.
#[derive(Serialize, Deserialize)]
struct About {
    classes: Vec<String>,
    sources: Vec<String>,
    labels: Vec<Option<u32>>,
}

/// When views were made.
#[derive(Serialize, Deserialize)]
struct When {
    step: u64,
    epoch: f64,
}

impl ProbeFolder {
    /// The probe of a run; it need not exist yet.
    #[must_use]
    pub fn new(run: &RunFolder) -> Self {
        let [owner] = run.owners(["probe"]);
        Self {
            path: run.probe(),
            answers: AnswersFile::new(&run.probe().join(ANSWERS), owner.as_ref()),
            owner,
        }
    }

    /// Replaces the images. Their views are none of this.
    pub fn write_images(
        &self,
        classes: &[String],
        images: &[ProbeImage],
        teacher: Option<&[Vec<f32>]>,
    ) -> Result<(), Failure> {
        // Not the folders above it: the run's may have been removed on purpose.
        create_folder(&self.path).map_err(|error| Failure::File {
            path: self.path.clone(),
            error,
        })?;
        let about = About {
            classes: classes.to_vec(),
            sources: images.iter().map(|image| image.source.clone()).collect(),
            labels: images.iter().map(|image| image.label).collect(),
        };
        let pictures: Vec<&Picture> = images.iter().map(|image| &image.picture).collect();
        let mut arrays = vec![pixels("pictures", &[images.len()], &pictures)];
        arrays.extend(teacher.map(|logits| Array::floats("teacher", logits)));
        write(
            &self.path.join(IMAGES),
            &arrays,
            &about,
            self.owner.as_ref(),
        )
    }

    /// Replaces the views, `[image][view]`, and adds what the student answers at
    /// the same point of its training.
    pub fn write_answers(
        &self,
        answers: &ProbeAnswers,
        views: &[Vec<Picture>],
    ) -> Result<(), Failure> {
        let about = When {
            step: answers.step,
            epoch: answers.epoch,
        };
        let shape = [views.len(), views.first().map_or(0, Vec::len)];
        let each: Vec<&Picture> = views.iter().flatten().collect();
        write(
            &self.path.join(VIEWS),
            &[pixels("views", &shape, &each)],
            &about,
            self.owner.as_ref(),
        )?;
        self.answers.append(answers)
    }

    /// Gives another run what there is after `step` steps. What is damaged is left out
    /// and named in the answer: the new run makes it anew as it trains.
    ///
    /// # Errors
    /// If the other run's cannot be written.
    pub fn copy(&self, to: &Self, step: u64) -> Result<Vec<String>, Failure> {
        if kind_at(&self.path).is_none() {
            return Ok(Vec::new());
        }
        create_folder(&to.path).map_err(|error| Failure::File {
            path: to.path.clone(),
            error,
        })?;
        let mut left_out = Vec::new();
        for name in [IMAGES, VIEWS] {
            let [from, to_file] = [&self.path, &to.path].map(|folder| folder.join(name));
            if kind_at(&from).is_none() {
                continue;
            }
            // Its length first, because it may be any.
            let whole = check(&from, self.owner.as_ref())
                .and_then(|()| Whole::read(&from, self.owner.as_ref()));
            match whole {
                Ok(whole) => whole.write(&to_file, to.owner.as_ref())?,
                Err(damage) => left_out.push(damage.to_string()),
            }
        }
        left_out.extend(self.answers.copy(&to.answers, step)?);
        Ok(left_out)
    }

    /// Forgets the student's answers after more than `step` steps.
    pub fn forget_after(&self, step: u64) -> Result<(), Failure> {
        self.answers.forget_after(step)
    }

    /// As [`read`](Self::read), of a run that recorded answers at its last evaluation,
    /// after so many steps, if it did.
    ///
    /// # Errors
    /// Also if the answers of that evaluation are not there.
    pub fn read_until(&self, evaluated: Option<u64>) -> Result<Option<Probe>, Failure> {
        let probe = self.read()?;
        let recorded = probe.as_ref().and_then(|probe| probe.students.last());
        self.reaches(recorded.map(|answers| answers.step), evaluated)?;
        Ok(probe)
    }

    /// What is wrong with it, as far as names, headers, lengths and the last answers show
    /// it, of a run that recorded answers at its last evaluation, after so many
    /// steps, if it did. Contents are held against their checksums when they are
    /// [read](Self::read).
    #[must_use]
    pub fn problems(&self, evaluated: Option<u64>) -> Vec<String> {
        let last = self.answers.last_step();
        let recorded = last.as_ref().is_ok_and(Option::is_some);
        let answers = last.and_then(|last| self.reaches(last, evaluated));
        let files = [IMAGES, VIEWS].map(|name| {
            let path = self.path.join(name);
            if kind_at(&path).is_some() {
                return check(&path, self.owner.as_ref());
            }
            if recorded {
                return Err(lost(
                    path,
                    "missing, and answers on its images were recorded".to_owned(),
                ));
            }
            Ok(())
        });
        let all = [answers].into_iter().chain(files);
        all.filter_map(|found| Some(found.err()?.to_string()))
            .collect()
    }

    /// Sees that the answers that were recorded last, after so many steps, are those of
    /// the last evaluation.
    fn reaches(&self, recorded: Option<u64>, evaluated: Option<u64>) -> Result<(), Failure> {
        let Some(evaluated) = evaluated.filter(|step| recorded < Some(*step)) else {
            return Ok(());
        };
        let path = self.path.join(ANSWERS);
        let reason = match recorded {
            None if path.exists() => {
                format!("it holds no answers, and the run was evaluated at step {evaluated}")
            }
            None => format!("missing, and the run was evaluated at step {evaluated}"),
            Some(step) => format!(
                "it ends with the evaluation at step {step}, and the run's last was at step \
                 {evaluated}: its end is lost"
            ),
        };
        Err(lost(path, reason))
    }

    /// Everything that is recorded; none if the student has not answered yet.
    ///
    /// # Errors
    /// If a file cannot be read or is not what it should be.
    pub fn read(&self) -> Result<Option<Probe>, Failure> {
        let students = self.answers.read()?;
        let shape = self.answers.shape()?;
        let path = self.path.join(IMAGES);
        if shape.is_none() || students.is_empty() && !path.exists() {
            return Ok(None);
        }
        let (about, arrays) = read::<About>(&path, self.owner.as_ref())?;
        let ([count, height, width, 3], pixels) = arrays.bytes::<4>("pictures")? else {
            return Err(arrays.unfit("holds no pictures in colour"));
        };
        if about.sources.len() != count || about.labels.len() != count || count == 0 {
            return Err(arrays.unfit("names other images than it holds"));
        }
        let classes = about.classes.len();
        let is_of_these =
            |images: usize, logits: usize| images == count && (classes == 0 || logits == classes);
        if let Some(shape) = shape
            && !is_of_these(shape.images as usize, shape.classes as usize)
        {
            return Err(arrays.unfit("is of other images or classes than answers.bin"));
        }
        let teacher = arrays.floats("teacher")?;
        if let Some(rows) = &teacher
            && !is_of_these(rows.len(), rows.first().map_or(0, Vec::len))
        {
            return Err(arrays.unfit("holds a teacher's answers on other images"));
        }
        if students.is_empty() {
            return Ok(None);
        }
        let mut views = self.views(count)?;
        let images = cut(pixels, (height, width))
            .zip(about.sources.into_iter().zip(about.labels))
            .enumerate()
            .map(|(at, (picture, (source, label)))| ProbeImage {
                source,
                label,
                picture,
                views: views.get_mut(at).map(std::mem::take).unwrap_or_default(),
            })
            .collect();
        Ok(Some(Probe {
            classes: about.classes,
            images,
            teacher,
            students,
        }))
    }

    /// The views, `[image][view]`, of `count` images; none if they were deleted.
    fn views(&self, count: usize) -> Result<Vec<Vec<Picture>>, Failure> {
        let path = self.path.join(VIEWS);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let (_, arrays) = read::<When>(&path, self.owner.as_ref())?;
        let ([images, each, height, width, 3], pixels) = arrays.bytes::<5>("views")? else {
            return Err(arrays.unfit("holds no views in colour"));
        };
        if images != count {
            return Err(arrays.unfit("is of other images"));
        }
        if pixels.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = cut(pixels, (height, width));
        Ok((0..images)
            .map(|_| all.by_ref().take(each).collect())
            .collect())
    }
}

/// That a file of it, or its end, is not there.
fn lost(path: PathBuf, reason: String) -> Failure {
    Failure::File {
        path,
        error: io::Error::other(reason + "; restore it from a copy"),
    }
}

/// Pictures of one size as an array `[shape.., height, width, 3]`.
fn pixels(name: &'static str, shape: &[usize], pictures: &[&Picture]) -> Array {
    let size = pictures.first().map_or([0, 0, 3], |picture| {
        [picture.height as usize, picture.width as usize, 3]
    });
    let bytes = pictures.iter().flat_map(|picture| picture.rgb.iter());
    Array::bytes(name, [shape, &size].concat(), bytes.copied().collect())
}

/// Pictures of `height` × `width` pixels, one after another.
fn cut(bytes: &[u8], (height, width): (usize, usize)) -> impl Iterator<Item = Picture> {
    bytes
        .chunks_exact(3 * width * height)
        .map(move |rgb| Picture {
            width: width as u32,
            height: height as u32,
            rgb: rgb.to_vec(),
        })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use tempfile::TempDir;

    use super::*;
    use crate::untrusted::testing::{grow_sparse, make_pipe};

    /// The probe of a new run.
    fn probe() -> (TempDir, RunFolder, ProbeFolder) {
        let place = tempfile::tempdir().unwrap();
        let run =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        let folder = ProbeFolder::new(&run);
        (place, run, folder)
    }

    fn image(source: &str, shade: u8) -> ProbeImage {
        let picture = |shade| Picture {
            width: 2,
            height: 1,
            rgb: vec![shade; 6],
        };
        ProbeImage {
            source: source.to_owned(),
            label: Some(u32::from(shade)),
            picture: picture(shade),
            views: vec![picture(shade + 1), picture(shade + 2)],
        }
    }

    fn views(images: &[ProbeImage]) -> Vec<Vec<Picture>> {
        images.iter().map(|image| image.views.clone()).collect()
    }

    fn answers(step: u64) -> ProbeAnswers {
        ProbeAnswers {
            step,
            epoch: step as f64 / 2.0,
            logits: vec![vec![step as f32, 0.5], vec![-1.0, 2.0]],
        }
    }

    /// Writes the images, and answers after so many steps.
    fn write_probe(folder: &ProbeFolder, steps: &[u64]) {
        let images = [image("x.png", 3), image("y.png", 9)];
        folder.write_images(&[], &images, None).unwrap();
        for &step in steps {
            let recorded = folder.write_answers(&answers(step), &views(&images));
            recorded.unwrap();
        }
    }

    #[test]
    fn a_probe_comes_back_as_it_was_written_and_later_answers_are_forgotten() {
        let (_place, _, folder) = probe();
        assert!(folder.read().unwrap().is_none());
        let images = [image("x.png", 3), image("y.png", 9)];
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let teacher = [vec![0.0, 1.0], vec![2.0, 3.0]];
        folder
            .write_images(&classes, &images, Some(&teacher))
            .unwrap();
        assert!(folder.read().unwrap().is_none());
        for step in [4, 20, 1000] {
            folder
                .write_answers(&answers(step), &views(&images))
                .unwrap();
        }
        let probe = folder.read().unwrap().unwrap();
        assert_eq!(probe.images, images);
        assert_eq!(probe.classes, classes);
        assert_eq!(probe.teacher.unwrap(), teacher);
        assert_eq!(probe.students, [answers(4), answers(20), answers(1000)]);
        folder.forget_after(20).unwrap();
        let steps: Vec<u64> = folder
            .read()
            .unwrap()
            .unwrap()
            .students
            .iter()
            .map(|s| s.step)
            .collect();
        assert_eq!(steps, [4, 20]);
    }

    #[test]
    fn files_of_another_runs_probe_are_refused_unless_they_were_given() {
        let owned = || {
            let (place, _, folder) = probe();
            let owner = Owner {
                id: place.path().to_string_lossy().into_owned(),
                place: "probe".to_owned(),
            };
            let answers = AnswersFile::new(&folder.path.join(ANSWERS), Some(&owner));
            let owner = Some(owner);
            (
                place,
                ProbeFolder {
                    owner,
                    answers,
                    ..folder
                },
            )
        };
        let record = |folder: &ProbeFolder, shade| {
            let images = [image("x.png", shade), image("y.png", shade)];
            folder.write_images(&[], &images, None).unwrap();
            folder.write_answers(&answers(4), &views(&images)).unwrap();
        };
        let ((_one, one), (_two, two)) = (owned(), owned());
        record(&one, 3);
        record(&two, 9);
        for name in [IMAGES, VIEWS, ANSWERS] {
            let path = two.path.join(name);
            let own = fs::read(&path).unwrap();
            fs::copy(one.path.join(name), &path).unwrap();
            let error = two.read().unwrap_err().to_string();
            assert!(error.contains("was written by another run"), "{error}");
            assert!(error.contains(name), "{error}");
            fs::write(&path, own).unwrap();
        }
        assert!(two.read().unwrap().is_some());
        // A fork has what it was given.
        let (_fork, fork) = owned();
        assert_eq!(one.copy(&fork, 4).unwrap(), [] as [&str; 0]);
        assert_eq!(fork.read().unwrap(), one.read().unwrap());
        // Files of a program that did not say whose they are stay readable.
        let (_old, _, old) = probe();
        record(&old, 5);
        for name in [IMAGES, VIEWS, ANSWERS] {
            fs::copy(old.path.join(name), two.path.join(name)).unwrap();
        }
        assert_eq!(two.read().unwrap(), old.read().unwrap());
    }

    #[test]
    fn of_a_damaged_probe_a_fork_is_given_what_is_whole_whatever_lies_there() {
        let (_place, run, folder) = probe();
        write_probe(&folder, &[4, 20]);
        let given = |damaged: Option<&str>, why: &str| {
            let (_fork, new, fork) = probe();
            let left_out = folder.copy(&fork, 4).unwrap();
            assert_eq!(
                left_out.len(),
                usize::from(damaged.is_some()),
                "{left_out:?}"
            );
            for name in [IMAGES, VIEWS] {
                let found = kind_at(&new.probe().join(name));
                assert_eq!(found.is_some(), Some(name) != damaged);
            }
            if let Some(name) = damaged {
                assert!(left_out[0].contains(name), "{left_out:?}");
                assert!(left_out[0].contains(why), "{why}: {left_out:?}");
            }
            let students = fork.answers.read().unwrap();
            assert_eq!(students, [answers(4)]);
        };
        given(None, "");
        for name in [IMAGES, VIEWS] {
            let path = run.probe().join(name);
            let whole = fs::read(&path).unwrap();
            let claimed = format!("bytes and was written with {}", whole.len());
            for longer in [1, 128 << 20, 1 << 40] {
                grow_sparse(&path, longer);
                given(Some(name), &claimed);
                fs::write(&path, &whole).unwrap();
            }
            fs::write(&path, &whole[..whole.len() - 1]).unwrap();
            given(Some(name), &claimed);
            let mut other = whole.clone();
            *other.last_mut().unwrap() ^= 255;
            fs::write(&path, other).unwrap();
            given(Some(name), "its content differs from its checksum");
            make_pipe(&path);
            given(Some(name), "it is a pipe");
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink("nowhere", &path).unwrap();
            given(Some(name), "");
            fs::remove_file(&path).unwrap();
            fs::write(&path, &whole).unwrap();
        }
    }

    #[test]
    fn answers_that_the_run_recorded_and_that_are_lost_are_named() {
        let (_place, run, folder) = probe();
        assert!(folder.read_until(None).unwrap().is_none());
        let error = folder.read_until(Some(20)).unwrap_err().to_string();
        let missing = "answers.bin: missing, and the run was evaluated at step 20";
        assert!(error.contains(missing), "{error}");
        write_probe(&folder, &[4, 20]);
        for evaluated in [None, Some(4), Some(20)] {
            assert!(folder.read_until(evaluated).unwrap().is_some());
        }
        let path = run.probe().join(ANSWERS);
        let length = fs::metadata(&path).unwrap().len();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(length - 1).unwrap();
        let error = folder.read_until(Some(20)).unwrap_err().to_string();
        assert!(
            error.contains("ends with the evaluation at step 4") && error.contains("at step 20"),
            "{error}"
        );
    }

    #[test]
    fn what_is_missing_cut_or_of_another_run_is_named_without_reading_the_rest() {
        let (_place, run, folder) = probe();
        assert_eq!(folder.problems(None), [] as [&str; 0]);
        write_probe(&folder, &[]);
        assert_eq!(folder.problems(None), [] as [&str; 0]);
        write_probe(&folder, &[4, 20]);
        for evaluated in [None, Some(20)] {
            assert_eq!(folder.problems(evaluated), [] as [&str; 0]);
        }
        let late = folder.problems(Some(24));
        assert!(
            late.len() == 1 && late[0].contains("its end is lost"),
            "{late:?}"
        );
        for (name, cut) in [
            (IMAGES, "is damaged: it has"),
            (VIEWS, "is damaged: it has"),
            (ANSWERS, "its end is lost"),
        ] {
            let path = run.probe().join(name);
            let whole = fs::read(&path).unwrap();
            let named = |why: &str| {
                let found = folder.problems(Some(20));
                let is_it = found.len() == 1 && found[0].contains(name) && found[0].contains(why);
                assert!(is_it, "{name}, {why}: {found:?}");
            };
            fs::write(&path, &whole[..whole.len() - 1]).unwrap();
            named(cut);
            fs::write(&path, "nothing").unwrap();
            named("");
            make_pipe(&path);
            named("it is a pipe");
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink("nowhere", &path).unwrap();
            named("");
            fs::remove_file(&path).unwrap();
            named("missing");
            fs::write(&path, &whole).unwrap();
        }
        fs::remove_dir_all(run.probe()).unwrap();
        let lost = folder.problems(Some(20));
        assert!(
            lost.len() == 1 && lost[0].contains("answers.bin: missing"),
            "{lost:?}"
        );
    }

    #[test]
    fn a_picture_with_other_pixels_is_named() {
        let (_place, run, folder) = probe();
        let images = [image("x.png", 3), image("y.png", 9)];
        folder.write_images(&[], &images, None).unwrap();
        folder.write_answers(&answers(4), &views(&images)).unwrap();
        for changed in [IMAGES, VIEWS] {
            let path = run.probe().join(changed);
            let whole = fs::read(&path).unwrap();
            let mut other = whole.clone();
            *other.last_mut().unwrap() ^= 255;
            fs::write(&path, other).unwrap();
            let error = folder.read().unwrap_err().to_string();
            let why = "its content differs from its checksum";
            assert!(error.contains(changed) && error.contains(why), "{error}");
            fs::write(&path, whole).unwrap();
        }
    }

    #[test]
    fn a_torn_file_is_named() {
        let (_place, run, folder) = probe();
        fs::create_dir_all(run.probe()).unwrap();
        let images = [image("x.png", 3), image("y.png", 9)];
        folder.write_images(&[], &images, None).unwrap();
        folder.write_answers(&answers(4), &views(&images)).unwrap();
        for torn in [VIEWS, IMAGES] {
            let path = run.probe().join(torn);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            let error = folder.read().unwrap_err().to_string();
            assert!(error.contains(torn), "{error}");
            fs::write(&path, whole).unwrap();
            assert!(folder.read().unwrap().is_some());
        }
    }

    #[test]
    fn any_damage_to_any_file_is_named_or_changes_nothing() {
        let (_place, run, folder) = probe();
        let images = [image("x.png", 0), image("y.png", 1)];
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let teacher = [vec![0.0, 1.0], vec![2.0, 3.0]];
        folder
            .write_images(&classes, &images, Some(&teacher))
            .unwrap();
        for step in [4, 20] {
            folder
                .write_answers(&answers(step), &views(&images))
                .unwrap();
        }
        for name in [IMAGES, VIEWS, ANSWERS] {
            let path = run.probe().join(name);
            let whole = fs::read(&path).unwrap();
            for at in 0..whole.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut bytes = whole.clone();
                    bytes[at] ^= flip;
                    fs::write(&path, &bytes).unwrap();
                    match folder.read() {
                        Ok(probe) => assert!(probe.is_none_or(|probe| probe.images.len() == 2)),
                        Err(error) => assert!(error.to_string().contains("probe"), "{error}"),
                    }
                }
            }
            // Headers that claim everything.
            for claim in [u64::MAX, 1 << 40, 1 << 25] {
                let mut bytes = whole.clone();
                bytes[..8].copy_from_slice(&claim.to_le_bytes());
                fs::write(&path, &bytes).unwrap();
                assert!(folder.read().unwrap_err().to_string().contains(name));
            }
            fs::write(&path, &whole).unwrap();
            grow_sparse(&path, 1 << 40);
            match folder.read() {
                Ok(probe) => assert_eq!((name, probe.unwrap().students.len()), (ANSWERS, 2)),
                Err(error) => assert!(error.to_string().contains("it is larger than 256 MiB")),
            }
            make_pipe(&path);
            let error = folder.read().unwrap_err().to_string();
            assert!(error.contains("it is a pipe"), "{error}");
            fs::remove_file(&path).unwrap();
            match name {
                IMAGES => assert!(folder.read().unwrap_err().to_string().contains(IMAGES)),
                VIEWS => assert!(folder.read().unwrap().unwrap().images[0].views.is_empty()),
                _ => assert!(folder.read().unwrap().is_none()),
            }
            fs::write(&path, &whole).unwrap();
        }
        assert_eq!(folder.read().unwrap().unwrap().students.len(), 2);
    }

    #[test]
    fn a_run_that_was_removed_is_not_made_again_for_its_probe() {
        let place = tempfile::tempdir().unwrap();
        let run =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        fs::remove_dir_all(run.path()).unwrap();
        let folder = ProbeFolder::new(&run);
        let images = [image("x.png", 3)];
        assert!(folder.write_images(&[], &images, None).is_err());
        assert!(folder.write_answers(&answers(4), &views(&images)).is_err());
        assert!(!run.path().exists());
    }
}
