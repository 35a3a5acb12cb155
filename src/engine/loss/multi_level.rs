//! Multi-level logit distillation (Jin et al., 2023).

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use super::kl_divergence;

/// Temperatures by which probabilities are compared, as multiples of the given one: with 4
/// they are the published 2, 3, 4, 5 and 6.
const MULTIPLES: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];

/// Mean over five temperatures T of T²·KL(`p_t`, `p_s`), of 1/B ‖`P_s` `P_s`ᵀ − `P_t` `P_t`ᵀ‖² and of
/// 1/C ‖`P_s`ᵀ `P_s` − `P_t`ᵀ `P_t`‖², added up, with P = softmax(·/T) `[batch, classes]`. As the paper has
/// it; the masks by the teacher's confidence of the authors' code are left out.
#[must_use]
pub fn multi_level(student: &Tensor<2>, teacher: &Tensor<2>, temperature: f64) -> Tensor<1> {
    let losses = MULTIPLES.map(|multiple| {
        let temperature = temperature * multiple;
        let student = log_softmax(student.clone() / temperature, 1);
        let teacher = log_softmax(teacher.clone() / temperature, 1);
        at_temperature(student, teacher, temperature)
    });
    Tensor::cat(losses.to_vec(), 0).mean()
}

/// The loss at one temperature, from log-probabilities.
fn at_temperature(student: Tensor<2>, teacher: Tensor<2>, temperature: f64) -> Tensor<1> {
    let [images, classes] = student.dims();
    let (p_student, p_teacher) = (student.clone().exp(), teacher.clone().exp());
    let of_images = |p: Tensor<2>| p.clone().matmul(p.transpose());
    let of_classes = |p: Tensor<2>| p.clone().transpose().matmul(p);
    let apart =
        |a: Tensor<2>, b: Tensor<2>, count: usize| (a - b).square().sum() / count.max(1) as f64;
    let batch = apart(
        of_images(p_student.clone()),
        of_images(p_teacher.clone()),
        images,
    );
    let class = apart(of_classes(p_student), of_classes(p_teacher), classes);
    kl_divergence(teacher, student) * (temperature * temperature) + batch + class
}
