//! A run's folder `probe/`:
//!
//! ```text
//! images.safetensors          pictures [image, height, width, 3], views
//!                             [image, view, height, width, 3], the teacher's
//!                             logits [image, class]; names in its metadata
//! student-000000351.safetensors   logits [image, class] after 351 steps
//! ```

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use crate::engine::failure::Failure;
use crate::event::inspection::{Picture, Probe, ProbeAnswers, ProbeImage};
use crate::run::RunFolder;
use crate::run::atomic::write_file;

const IMAGES: &str = "images.safetensors";
const ANSWERS: &str = "student-";
const EXTENSION: &str = "safetensors";
/// Entry of a file's metadata that holds what is no array.
const ABOUT: &str = "probe";

/// Where a run's probe lies.
#[derive(Debug, Clone)]
pub struct ProbeFolder {
    path: PathBuf,
}

/// What is written of the images beside their pixels.
#[derive(Serialize, Deserialize)]
struct About {
    classes: Vec<String>,
    sources: Vec<String>,
    labels: Vec<Option<u32>>,
}

/// What is written of answers beside the logits.
#[derive(Serialize, Deserialize)]
struct When {
    step: u64,
    epoch: f64,
}

/// An array on its way into a file.
struct Written<'a> {
    kind: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl View for &Written<'_> {
    fn dtype(&self) -> Dtype {
        self.kind
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl ProbeFolder {
    /// The probe of a run; it need not exist yet.
    #[must_use]
    pub fn new(run: &RunFolder) -> Self {
        Self { path: run.probe() }
    }

    /// Replaces the images.
    pub fn write_images(
        &self,
        classes: &[String],
        images: &[ProbeImage],
        teacher: Option<&[Vec<f32>]>,
    ) -> Result<(), Failure> {
        let about = About {
            classes: classes.to_vec(),
            sources: images.iter().map(|image| image.source.clone()).collect(),
            labels: images.iter().map(|image| image.label).collect(),
        };
        let (height, width) = images
            .first()
            .map_or((0, 0), |image| (image.picture.height, image.picture.width));
        let size = [height as usize, width as usize, 3];
        let views = images.first().map_or(0, |image| image.views.len());
        let pixels = |pictures: &mut dyn Iterator<Item = &Picture>| {
            let bytes: Vec<u8> = pictures.flat_map(|picture| picture.rgb.clone()).collect();
            Cow::Owned(bytes)
        };
        let mut arrays = vec![
            (
                "pictures",
                Written {
                    kind: Dtype::U8,
                    shape: [&[images.len()][..], &size].concat(),
                    bytes: pixels(&mut images.iter().map(|image| &image.picture)),
                },
            ),
            (
                "views",
                Written {
                    kind: Dtype::U8,
                    shape: [&[images.len(), views][..], &size].concat(),
                    bytes: pixels(&mut images.iter().flat_map(|image| &image.views)),
                },
            ),
        ];
        arrays.extend(teacher.map(|logits| ("teacher", floats(logits))));
        self.write(IMAGES, &arrays, &about)
    }

    /// Adds what the student answers at one point of its training.
    pub fn write_answers(&self, answers: &ProbeAnswers) -> Result<(), Failure> {
        let name = format!("{ANSWERS}{:09}.{EXTENSION}", answers.step);
        let about = When {
            step: answers.step,
            epoch: answers.epoch,
        };
        self.write(&name, &[("student", floats(&answers.logits))], &about)
    }

    /// Forgets the student's answers after more than `step` steps.
    pub fn forget_after(&self, step: u64) -> Result<(), Failure> {
        for (later, path) in self.answers()? {
            if later > step {
                fs::remove_file(&path).map_err(|error| Failure::File { path, error })?;
            }
        }
        Ok(())
    }

    /// Everything that is recorded; none if the run has recorded nothing yet.
    ///
    /// # Errors
    /// If a file cannot be read or is not what it should be.
    pub fn read(&self) -> Result<Option<Probe>, Failure> {
        let path = self.path.join(IMAGES);
        if !path.exists() {
            return Ok(None);
        }
        let (about, arrays) = read::<About>(&path)?;
        let unfit = |what: &str| Failure::Checkpoint {
            path: path.clone(),
            message: format!("{what}; delete the folder to do without it"),
        };
        let array = |name: &str| arrays.iter().find(|(known, _, _)| known == name);
        let (_, shape, pictures) = array("pictures").ok_or_else(|| unfit("has no pictures"))?;
        let &[count, height, width, 3] = shape.as_slice() else {
            return Err(unfit("has pictures of an unknown shape"));
        };
        if about.sources.len() != count || about.labels.len() != count || width * height == 0 {
            return Err(unfit("names other images than it holds"));
        }
        let cut = |bytes: &[u8]| -> Vec<Picture> {
            let cut = bytes.chunks_exact(3 * width * height);
            cut.map(|rgb| Picture {
                width: width as u32,
                height: height as u32,
                rgb: rgb.to_vec(),
            })
            .collect()
        };
        let views = array("views").map_or_else(Vec::new, |(_, _, bytes)| cut(bytes));
        let each = views.len() / count.max(1);
        let images = cut(pictures)
            .into_iter()
            .zip(about.sources.into_iter().zip(about.labels))
            .enumerate()
            .map(|(at, (picture, (source, label)))| ProbeImage {
                source,
                label,
                picture,
                views: views[at * each..(at + 1) * each].to_vec(),
            })
            .collect();
        let teacher = array("teacher")
            .map(|(_, shape, bytes)| rows(shape, bytes).ok_or_else(|| unfit("has torn logits")))
            .transpose()?;
        let mut students = Vec::new();
        for (_, path) in self.answers()? {
            students.push(read_answers(&path)?);
        }
        Ok((!students.is_empty()).then_some(Probe {
            classes: about.classes,
            images,
            teacher,
            students,
        }))
    }

    /// Files of answers with their steps, ascending.
    fn answers(&self) -> Result<Vec<(u64, PathBuf)>, Failure> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                let path = self.path.clone();
                return Err(Failure::File { path, error });
            }
        };
        let mut found: Vec<(u64, PathBuf)> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?.to_owned();
                let step = name
                    .strip_prefix(ANSWERS)?
                    .split('.')
                    .next()?
                    .parse()
                    .ok()?;
                Some((step, path))
            })
            .collect();
        found.sort();
        Ok(found)
    }

    fn write(
        &self,
        name: &str,
        arrays: &[(&str, Written<'_>)],
        about: &impl Serialize,
    ) -> Result<(), Failure> {
        let path = self.path.join(name);
        let failed = |error| Failure::File {
            path: path.clone(),
            error,
        };
        fs::create_dir_all(&self.path).map_err(failed)?;
        let text = serde_json::to_string(about).map_err(|error| failed(error.into()))?;
        let metadata = HashMap::from([(ABOUT.to_owned(), text)]);
        let views = arrays.iter().map(|(name, array)| (*name, array));
        let bytes = safetensors::serialize(views, Some(metadata))
            .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        write_file(&path, &bytes).map_err(failed)
    }
}

fn read_answers(path: &Path) -> Result<ProbeAnswers, Failure> {
    let (when, arrays) = read::<When>(path)?;
    let logits = arrays
        .iter()
        .find(|(name, _, _)| name == "student")
        .and_then(|(_, shape, bytes)| rows(shape, bytes));
    let logits = logits.ok_or_else(|| Failure::Checkpoint {
        path: path.to_owned(),
        message: "has no logits; delete it to do without it".to_owned(),
    })?;
    Ok(ProbeAnswers {
        step: when.step,
        epoch: when.epoch,
        logits,
    })
}

type Arrays = Vec<(String, Vec<usize>, Vec<u8>)>;

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<(T, Arrays), Failure> {
    let unfit = |message: String| Failure::Checkpoint {
        path: path.to_owned(),
        message,
    };
    let bytes = fs::read(path).map_err(|error| Failure::File {
        path: path.to_owned(),
        error,
    })?;
    let (_, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| unfit(error.to_string()))?;
    let about = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get(ABOUT))
        .ok_or_else(|| unfit("is not a probe's file".to_owned()))?;
    let about = serde_json::from_str(about).map_err(|error| unfit(error.to_string()))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| unfit(error.to_string()))?;
    let array = |(name, view): (String, TensorView<'_>)| {
        (name, view.shape().to_vec(), view.data().to_vec())
    };
    Ok((about, tensors.tensors().into_iter().map(array).collect()))
}

fn floats(rows: &[Vec<f32>]) -> Written<'static> {
    let bytes: Vec<u8> = rows
        .iter()
        .flatten()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Written {
        kind: Dtype::F32,
        shape: vec![rows.len(), rows.first().map_or(0, Vec::len)],
        bytes: Cow::Owned(bytes),
    }
}

fn rows(shape: &[usize], bytes: &[u8]) -> Option<Vec<Vec<f32>>> {
    let &[count, classes] = shape else {
        return None;
    };
    let values: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect();
    (values.len() == count * classes && classes > 0)
        .then(|| values.chunks_exact(classes).map(<[f32]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

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

    fn answers(step: u64) -> ProbeAnswers {
        ProbeAnswers {
            step,
            epoch: step as f64 / 2.0,
            logits: vec![vec![step as f32, 0.5], vec![-1.0, 2.0]],
        }
    }

    #[test]
    fn a_probe_comes_back_as_it_was_written_and_later_answers_are_forgotten() {
        let place = tempfile::tempdir().unwrap();
        let run =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        let folder = ProbeFolder::new(&run);
        assert!(folder.read().unwrap().is_none());
        let images = [image("x.png", 3), image("y.png", 9)];
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let teacher = [vec![0.0, 1.0], vec![2.0, 3.0]];
        folder
            .write_images(&classes, &images, Some(&teacher))
            .unwrap();
        for step in [1000, 20, 4] {
            folder.write_answers(&answers(step)).unwrap();
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
    fn a_torn_file_is_named() {
        let place = tempfile::tempdir().unwrap();
        let run =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        fs::create_dir_all(run.probe()).unwrap();
        fs::write(run.probe().join(IMAGES), "no tensors").unwrap();
        let error = ProbeFolder::new(&run).read().unwrap_err().to_string();
        assert!(error.contains("images.safetensors"), "{error}");
    }
}
