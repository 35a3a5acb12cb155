//! Signs of life of a teacher that takes long to answer: a line before it is asked about
//! many images that says how long that may take, and one now and then that says how far
//! it is. A fast one has none.

use std::time::{Duration, Instant};

use super::classify::Classify;
use super::evaluate::{Answers, images_in_batch};
use super::failure::Failure;
use crate::data::{ImageSet, Images};
use crate::format::{count, duration};

/// What takes less is not announced.
const SHORT: Duration = Duration::from_secs(5);

/// Time between two lines.
const BETWEEN: Duration = Duration::from_secs(10);

/// Takes a line for a person who waits.
pub type Say<'a> = &'a dyn Fn(String);

/// How far a teacher is that is asked about so many images, or so many times.
pub struct Pace<'a> {
    say: Say<'a>,
    /// What it is asked for.
    what: String,
    /// What is counted: images, tries.
    unit: &'static str,
    total: usize,
    done: usize,
    start: Instant,
    /// When the last line was.
    said: Instant,
    between: Duration,
}

impl<'a> Pace<'a> {
    /// Nothing is announced; what goes on for long is.
    #[must_use]
    pub fn new(say: Say<'a>, what: String, unit: &'static str, total: usize) -> Self {
        let now = Instant::now();
        Self {
            say,
            what,
            unit,
            total,
            done: 0,
            start: now,
            said: now,
            between: BETWEEN,
        }
    }

    /// Asks a teacher about one image of a set first, which says how long the others take.
    ///
    /// # Errors
    /// The image cannot be read, or the teacher does not answer.
    pub fn of_set(
        say: Say<'a>,
        what: String,
        teacher: &dyn Classify,
        set: &ImageSet,
        images: &Images,
    ) -> Result<Self, Failure> {
        let mut pace = Self::new(say, what, "images", set.len());
        if teacher.kept().is_none() && !set.is_empty() {
            Answers::of(teacher, &set.subset(&[0]), images)?;
            let each = pace.start.elapsed().as_secs_f64() / teacher.at_once() as f64;
            pace.announce(each);
        }
        pace.start = Instant::now();
        pace.said = pace.start;
        Ok(pace)
    }

    /// Says how long it may take, if that is long, from the seconds of each.
    fn announce(&self, each: f64) {
        let expected = each * self.total as f64;
        if expected >= SHORT.as_secs_f64() {
            (self.say)(format!(
                "{}: {} {}, {} each, {} at most",
                self.what,
                count(self.total),
                self.unit,
                duration(each),
                duration(expected)
            ));
        }
    }

    /// Another batch of images of this size was answered.
    pub fn batch_done(&mut self, images: &Images) {
        self.more_done(images_in_batch(images));
    }

    /// So many more are done; the last of them may be fewer.
    pub fn more_done(&mut self, more: usize) {
        self.done = (self.done + more).min(self.total);
        if self.done < self.total && self.said.elapsed() >= self.between {
            self.said = Instant::now();
            let each = self.start.elapsed().as_secs_f64() / self.done.max(1) as f64;
            (self.say)(format!(
                "{}: {}/{} {}, {} left",
                self.what,
                count(self.done),
                count(self.total),
                self.unit,
                duration(each * (self.total - self.done) as f64)
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn what_takes_long_is_announced_and_followed_and_what_is_fast_is_not() {
        let lines = RefCell::new(Vec::new());
        let say = |line: String| lines.borrow_mut().push(line);
        let pace = |between| Pace {
            between,
            ..Pace::new(&say, "teacher check".to_owned(), "images", 150)
        };
        let mut fast = pace(Duration::from_secs(3600));
        fast.announce(0.03);
        fast.more_done(100);
        assert!(lines.borrow().is_empty(), "{lines:?}");
        let mut slow = pace(Duration::ZERO);
        slow.announce(4.0);
        slow.start = Instant::now()
            .checked_sub(Duration::from_secs(400))
            .unwrap();
        slow.more_done(100);
        // After the last there is nothing to wait for.
        slow.more_done(100);
        assert_eq!(
            lines.take(),
            [
                "teacher check: 150 images, 4.0 s each, 10 m 00 s at most",
                "teacher check: 100/150 images, 3 m 20 s left",
            ]
        );
    }
}
