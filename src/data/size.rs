//! The size to train at, where the experiment gives none: the most common one of
//! the images' headers.

use std::collections::HashMap;
use std::fmt;

use thiserror::Error;

use super::image_error::ImageError;
use super::source::Origin;
use crate::experiment::plan::SIDES;

/// Headers that are looked at, spread evenly over a larger set.
const SAMPLE: usize = 512;

/// Greatest side that is taken over. A photograph is no statement of the size to
/// train at, and would exhaust memory.
const MAX_TAKEN_OVER: u32 = 512;

/// Sizes that a message lists.
const LISTED: usize = 3;

/// Why images have the size they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeReason {
    /// The experiment gives it.
    Given,
    /// Every image has it.
    Uniform,
    /// More images have it than have any other.
    MostCommon(Share),
}

/// Images with one size among those that were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many have the size.
    pub images: usize,
    /// How many were looked at.
    pub of: usize,
}

impl fmt::Display for SizeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("given"),
            Self::Uniform => f.write_str("the size of every image"),
            Self::MostCommon(Share { images, of }) if images == of => {
                write!(f, "the size of all {of} images that were looked at")
            }
            Self::MostCommon(Share { images, of }) => {
                write!(f, "the size of {images} of {of} images that were looked at")
            }
        }
    }
}

/// Images have no size that can be taken over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SizeError {
    /// One is the most common, and nobody would train at it unasked.
    #[error(
        "{} of {} images have {} × {} pixels, but only a size of {} to {MAX_TAKEN_OVER} pixels a side \
         is taken over; give data.size, as in size: ({example}, {example})",
        share.images, share.of, size.1, size.0, SIDES.start()
    )]
    OutOfRange {
        /// Width and height, pixels.
        size: (u32, u32),
        /// How many images have it.
        share: Share,
        /// A size that could be meant, pixels a side.
        example: u32,
    },
    /// None is that of half of the images.
    #[error(
        "the images have no common size, {found}; give data.size, as in size: ({}, {})",
        example.1, example.0
    )]
    NoneInCommon {
        /// The most frequent sizes, for people.
        found: String,
        /// Width and height that could be meant, pixels.
        example: (u32, u32),
    },
}

/// Width and height, pixels, and why.
pub(super) type FoundSize = ((u32, u32), SizeReason);

/// Finds the size, width first, of images whose headers are read by `read`. None
/// if no image has a good header: then none has a size.
///
/// # Errors
/// If no size is that of half of the images, or if it is not one to train at.
pub(super) fn find(
    origin: &Origin,
    read: impl Fn(&[usize]) -> Vec<Result<(u32, u32), ImageError>>,
) -> Result<Option<FoundSize>, SizeError> {
    if let Some(size) = origin.uniform_size() {
        return in_range(size, Share::all(origin.len()))
            .map(|size| Some((size, SizeReason::Uniform)));
    }
    let count = origin.len();
    let sample: Vec<usize> = (0..count.min(SAMPLE))
        .map(|k| k * count / count.min(SAMPLE))
        .collect();
    let mut sizes: Vec<(u32, u32)> = read(&sample).into_iter().flatten().collect();
    if sizes.is_empty() && sample.len() < count {
        // So much damage is rare, and then worth a look at everything.
        let all: Vec<usize> = (0..count).collect();
        sizes = read(&all).into_iter().flatten().collect();
    }
    if sizes.is_empty() {
        return Ok(None);
    }
    let (size, share) = most_common(&sizes)?;
    Ok(Some((
        in_range(size, share)?,
        SizeReason::MostCommon(share),
    )))
}

fn most_common(sizes: &[(u32, u32)]) -> Result<((u32, u32), Share), SizeError> {
    let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
    for size in sizes {
        *counts.entry(*size).or_default() += 1;
    }
    let mut found: Vec<((u32, u32), usize)> = counts.into_iter().collect();
    found.sort_by_key(|&(size, images)| (usize::MAX - images, size));
    let of = sizes.len();
    let (size, images) = found[0];
    let is_tied = found.get(1).is_some_and(|second| second.1 == images);
    if 2 * images >= of && !is_tied {
        return Ok((size, Share { images, of }));
    }
    let listed: Vec<String> = found
        .iter()
        .take(LISTED)
        .map(|((width, height), images)| format!("{images} of {of} have {height} × {width} pixels"))
        .collect();
    let example = found
        .iter()
        .map(|(size, _)| *size)
        .find(|&size| is_in_range(size))
        .unwrap_or((224, 224));
    Err(SizeError::NoneInCommon {
        found: listed.join(", "),
        example,
    })
}

fn is_in_range((width, height): (u32, u32)) -> bool {
    let fits = |side: u32| SIDES.contains(&side) && side <= MAX_TAKEN_OVER;
    fits(width) && fits(height)
}

fn in_range(size: (u32, u32), share: Share) -> Result<(u32, u32), SizeError> {
    if is_in_range(size) {
        return Ok(size);
    }
    Err(SizeError::OutOfRange {
        size,
        share,
        example: if size.0.max(size.1) > MAX_TAKEN_OVER {
            224
        } else {
            32
        },
    })
}

impl Share {
    fn all(of: usize) -> Self {
        Self { images: of, of }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{FoundSize, Origin, Share, SizeError, SizeReason, find};
    use crate::data::image_error::ImageError;

    type Found = Result<Option<FoundSize>, SizeError>;

    fn found(sizes: &[Option<(u32, u32)>]) -> Found {
        let origin = Origin::Files(vec![PathBuf::new(); sizes.len()]);
        find(&origin, |indices| {
            let read = |&index: &usize| sizes[index].ok_or(ImageError::Empty);
            indices.iter().map(read).collect()
        })
    }

    fn many(counts: &[((u32, u32), usize)]) -> Vec<Option<(u32, u32)>> {
        counts
            .iter()
            .flat_map(|(size, count)| vec![Some(*size); *count])
            .collect()
    }

    #[test]
    fn one_odd_image_sorted_first_decides_nothing() {
        let sizes = many(&[((1, 1), 1), ((40, 30), 8), ((32, 32), 2)]);
        let share = Share { images: 8, of: 11 };
        let expected = ((40, 30), SizeReason::MostCommon(share));
        assert_eq!(found(&sizes).unwrap(), Some(expected));
    }

    #[test]
    fn a_large_set_is_sampled_from_its_beginning_to_its_end() {
        let sizes = many(&[((9, 9), 4000), ((40, 30), 6000)]);
        let (size, reason) = found(&sizes).unwrap().unwrap();
        assert_eq!(size, (40, 30));
        let share = Share {
            images: 307,
            of: 512,
        };
        assert_eq!(reason, SizeReason::MostCommon(share));
    }

    #[test]
    fn a_size_that_is_not_that_of_half_of_the_images_is_not_taken_over() {
        let sizes = many(&[((40, 30), 4), ((30, 40), 3), ((8, 9), 2), ((7, 7), 1)]);
        let error = found(&sizes).unwrap_err().to_string();
        for part in [
            "4 of 10 have 30 × 40 pixels, 3 of 10 have 40 × 30 pixels, 2 of 10 have 9 × 8",
            "size: (30, 40)",
        ] {
            assert!(error.contains(part), "{error}");
        }
        // Two halves are no majority of one of them.
        assert!(found(&many(&[((40, 30), 5), ((30, 40), 5)])).is_err());
        assert!(found(&many(&[((40, 30), 5), ((30, 40), 4), ((9, 9), 1)])).is_ok());
    }

    #[test]
    fn a_found_size_has_the_limits_of_a_written_one() {
        for size in [(1, 1), (3, 100), (100, 3), (513, 100), (6000, 4000)] {
            let error = found(&many(&[(size, 3)])).unwrap_err().to_string();
            assert!(error.contains("of 4 to 512 pixels a side"), "{error}");
        }
        assert!(found(&many(&[((4, 512), 3)])).is_ok());
    }

    #[test]
    fn unreadable_images_have_no_say_and_none_at_all_gives_no_size() {
        let mut sizes = vec![None; 600];
        assert_eq!(found(&sizes).unwrap(), None);
        // Between two images of the sample.
        sizes[1] = Some((8, 8));
        let share = Share { images: 1, of: 1 };
        let expected = ((8, 8), SizeReason::MostCommon(share));
        assert_eq!(found(&sizes).unwrap(), Some(expected));
    }
}
