//! Whether answers that were computed elsewhere are those on the training images: the
//! validation images alone would not show that the rows of the others were mixed up.

use super::{Answer, CLEAR, LEAST_GAIN, Objection, Skill, likeliest};
use crate::data::Images;
use crate::engine::evaluate::Answers;
use crate::engine::kept_answers::KeptAnswers;
use crate::event::inspection::metrics::argmax;
use crate::format::percent;
use crate::untrusted::Show as _;

/// What speaks against answers that are clearly worse on training images than on
/// validation images: a teacher's own training makes them better there.
pub fn worse_in_training(
    kept: &KeptAnswers,
    images: &Images,
    valid: &Answers,
) -> Option<Objection> {
    let classes = images.classes.len();
    let answer = |image: usize| {
        let label = images.train.label(image)? as usize;
        let output = argmax(kept.find(&images.train, image)?);
        Some((image, Answer { label, output }))
    };
    let train: Vec<_> = (0..images.train.len()).filter_map(answer).collect();
    let [there, here] = [train, likeliest(valid, &images.valid)].map(|it| Skill::of(&it, classes));
    let variance = |skill: &Skill| {
        skill.accuracy * (1.0 - skill.accuracy) / f64::from(skill.images.max(1) as u32)
    };
    let error = (variance(&there) + variance(&here)).sqrt();
    let gap = here.accuracy - there.accuracy;
    (there.images > 0 && gap > LEAST_GAIN.max(CLEAR * error)).then(|| Objection {
        message: format!(
            "{} is right on {} of a class's training images, and on {} of its validation images: \
             its rows for training images may belong to other images",
            kept.path().shown(),
            percent(there.accuracy),
            percent(here.accuracy)
        ),
        remedy: "write the file again: scripts/make-logits".to_owned(),
    })
}
