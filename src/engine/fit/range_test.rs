//! A learning-rate range test: steps of the training with a learning rate that grows.
//!
//! The steps are those of a run, from its images to its optimizer; what a run does between
//! them is left out: nothing is evaluated or saved, controllers change no knob and
//! no finish begins. What it trained is dropped.

use std::collections::BTreeMap;

use super::Fit;
use crate::engine::failure::Failure;
use crate::engine::step::StepError;
use crate::event::{RunEvent, StepRow};
use crate::experiment::lr_range::{LrCurve, LrEnd, LrPoint, LrRange, LrWatch};

impl Fit<'_> {
    /// Tests a range of learning rates. `goes_on` is asked before each step, with the
    /// number of steps taken.
    ///
    /// # Errors
    /// The first step cannot be taken, or one for another reason than its numbers.
    pub fn range_test(
        mut self,
        range: LrRange,
        goes_on: &mut dyn FnMut(u32) -> bool,
    ) -> Result<LrCurve, Failure> {
        let mut points = Vec::new();
        let mut watch = LrWatch::default();
        for step in 0..range.steps {
            if !goes_on(step) {
                let end = LrEnd::Stopped;
                return Ok(LrCurve { points, end });
            }
            let lr = range.lr(step);
            let mut batch = self.next_batch()?;
            let loss = match self.attempt(&mut batch, lr) {
                Ok(report) => report.total,
                Err(error) if step > 0 && error.overflowed().is_some() => {
                    let end = LrEnd::Diverged;
                    return Ok(LrCurve { points, end });
                }
                Err(error) => return Err(self.not_taken(&error)),
            };
            self.log_tested(range, step, lr, loss);
            self.state.step += 1;
            points.push(LrPoint { lr, loss });
            if watch.diverges(loss) {
                let end = LrEnd::Diverged;
                return Ok(LrCurve { points, end });
            }
        }
        let end = LrEnd::Completed;
        Ok(LrCurve { points, end })
    }

    /// Shows a step and its numbers. A range test is as long as an epoch is elsewhere.
    fn log_tested(&self, range: LrRange, step: u32, lr: f64, loss: f64) {
        self.emit(RunEvent::StepLogged(StepRow {
            phase: self.context.phase,
            step: u64::from(step),
            epoch: f64::from(step) / f64::from(range.steps),
            seconds: self.meter.seconds(),
            values: BTreeMap::from([
                (format!("knob/{}", self.context.training.lr.name), lr),
                ("loss/total".to_owned(), loss),
            ]),
        }));
    }

    /// Why a step was not taken, of which there is no run that could be resumed.
    fn not_taken(&self, error: &StepError) -> Failure {
        let training = self.context.training;
        if let StepError::OutOfMemory { fits, .. } = error {
            let remedy = match fits {
                Some(fits) => format!("set accumulate={}", training.batch.div_ceil(*fits)),
                None => "not even one fits: use smaller images or smaller models".to_owned(),
            };
            return Failure::RangeTest(format!("{error}; {remedy}"));
        }
        match (error.overflowed(), self.context.start_weights) {
            (Some(what), Some(path)) => Failure::StartWeights {
                path: path.to_owned(),
                what,
            },
            (Some(what), None) => Failure::RangeTest(format!(
                "{what} is not finite in the first step, before any learning rate took effect; \
                 see to the images, the teacher, the temperature and the weights of the terms"
            )),
            (None, _) => Failure::RangeTest(error.to_string()),
        }
    }
}
