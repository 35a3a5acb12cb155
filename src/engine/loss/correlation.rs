//! DIST: knowledge distillation from a stronger teacher (Huang et al., 2022).

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use super::root;

/// T² (β·inter + γ·intra) with p = softmax(·/T): inter is 1 − Pearson's
/// correlation of student and teacher, averaged over rows, intra the same over
/// columns.
#[must_use]
pub fn dist(
    student: Tensor<2>,
    teacher: Tensor<2>,
    temperature: f64,
    (beta, gamma): (f64, f64),
) -> Tensor<1> {
    let student = log_softmax(student / temperature, 1).exp();
    let teacher = log_softmax(teacher / temperature, 1).exp();
    let inter = distance(student.clone(), teacher.clone());
    let intra = distance(student.transpose(), teacher.transpose());
    (inter * beta + intra * gamma) * (temperature * temperature)
}

/// Mean over rows of 1 − their correlation; that of a constant row is 0.
fn distance(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    /// As published.
    const EPSILON: f64 = 1e-8;
    let centred = |rows: Tensor<2>| rows.clone() - rows.mean_dim(1);
    let (a, b) = (centred(a), centred(b));
    let length = |rows: &Tensor<2>| root(rows.clone().square().sum_dim(1));
    let lengths = length(&a) * length(&b) + EPSILON;
    let correlation = (a * b).sum_dim(1) / lengths;
    -correlation.mean() + 1.0
}
