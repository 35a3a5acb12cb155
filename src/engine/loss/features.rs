//! Feature maps of student and teacher, `[batch, channels, height, width]`.

use burn::tensor::Tensor;
use burn::tensor::module::adaptive_avg_pool2d;

use super::root;

/// What vectors are divided by is at least this, as in PyTorch's `normalize`.
const LEAST_NORM: f64 = 1e-12;

/// Squares of distances are at least this, as in the authors' code of relational distillation.
const LEAST_SQUARE: f64 = 1e-12;

/// What a 1×1 convolution with bias makes of maps; of its kernel `[outputs, channels]` and its
/// bias `[outputs]`.
#[must_use]
pub fn regress(maps: Tensor<4>, kernel: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
    let [batch, channels, height, width] = maps.dims();
    let [outputs, _] = kernel.dims();
    let pixels = maps.reshape([batch, channels, height * width]);
    let sums = kernel.unsqueeze_dim::<3>(0).matmul(pixels);
    let sums = sums + bias.reshape([1, outputs, 1]);
    sums.reshape([batch, outputs, height, width])
}

/// Mean of (s − t)² over all values: what a regressor makes of the student's map against the
/// teacher's (`FitNets`; Romero et al., 2015).
#[must_use]
pub fn hint(student: Tensor<4>, teacher: Tensor<4>) -> Tensor<1> {
    mean((student - teacher).square())
}

/// Mean over batch and pixels of (`Q_s/‖Q_s‖ − Q_t/‖Q_t‖`)², with Q the mean over channels of A²
/// (Zagoruyko and Komodakis, 2017). The larger of two maps is averaged to the size of the
/// smaller one first, as Tian et al. (2020) do.
#[must_use]
pub fn attention(student: Tensor<4>, teacher: Tensor<4>) -> Tensor<1> {
    let sides = |map: &Tensor<4>| [map.dims()[2], map.dims()[3]];
    let (ours, theirs) = (sides(&student), sides(&teacher));
    let least = [ours[0].min(theirs[0]), ours[1].min(theirs[1])];
    let [student, teacher] = [student, teacher].map(|map| {
        let map = if sides(&map) == least {
            map
        } else {
            adaptive_avg_pool2d(map, least)
        };
        let [batch, _, height, width] = map.dims();
        normalized(map.square().mean_dim(1).reshape([batch, height * width]))
    });
    mean((student - teacher).square())
}

/// 1/b² ‖`G_s` − `G_t`‖², with G = A Aᵀ of maps as rows, its rows divided by their norms (Tung and
/// Mori, 2019).
#[must_use]
pub fn similarity(student: Tensor<4>, teacher: Tensor<4>) -> Tensor<1> {
    let [student, teacher] = [student, teacher].map(|maps| {
        let rows = rows(maps);
        normalized(rows.clone().matmul(rows.transpose()))
    });
    mean((student - teacher).square())
}

/// Smooth L1 of the distances between pairs of images, each divided by the mean of all, times the
/// first weight, and of the cosines of the angles between triples times the second (Park et al.,
/// 2019).
#[must_use]
pub fn relation(
    student: Tensor<4>,
    teacher: Tensor<4>,
    (distance, angle): (f64, f64),
) -> Tensor<1> {
    let (student, teacher) = (Relations::of(student), Relations::of(teacher));
    let pairs = smooth_l1(student.relative_distances() - teacher.relative_distances());
    let triples = smooth_l1(student.cosines() - teacher.cosines());
    pairs * distance + triples * angle
}

/// How the images of a batch lie to each other.
struct Relations {
    /// Scalar products of their embeddings, `[batch, batch]`, the mean of all being 0.
    products: Tensor<2>,
    /// Their own products with themselves, `[batch, 1]`.
    norms: Tensor<2>,
    /// Distances.
    distances: Tensor<2>,
    /// 1 for two that lie apart, and 0 for one and itself, or another that is nowhere else.
    apart: Tensor<2>,
}

impl Relations {
    /// Neither distances nor angles depend on where 0 lies, but how they are rounded does.
    fn of(maps: Tensor<4>) -> Self {
        /// What is left of equal images by rounding, as a share.
        const ROUNDING: f64 = 1e-6;
        let rows = rows(maps);
        let rows = rows.clone() - rows.mean_dim(0);
        let products = rows.clone().matmul(rows.clone().transpose());
        let norms = rows.square().sum_dim(1);
        let sums = norms.clone() + norms.clone().transpose();
        let squares = sums.clone() - products.clone() * 2.0;
        let [batch, _] = squares.dims();
        let others = -Tensor::<2>::eye(batch, &squares.device()) + 1.0;
        let rounding = (sums * ROUNDING).detach();
        let apart = squares.clone().detach().greater(rounding).float() * others;
        Self {
            distances: squares.clamp_min(LEAST_SQUARE).sqrt(),
            products,
            norms,
            apart,
        }
    }

    /// Distances, `[batch, batch]`, divided by the mean of those between two images.
    fn relative_distances(&self) -> Tensor<2> {
        let distances = self.distances.clone() * self.apart.clone();
        let mean = distances.clone().sum() / self.apart.clone().sum().clamp_min(1.0);
        distances / mean.clamp_min(LEAST_NORM).reshape([1, 1])
    }

    /// Cosines of the angles at i between j and k, `[batch, batch, batch]`.
    fn cosines(&self) -> Tensor<3> {
        let [batch, _] = self.products.dims();
        let products = &self.products;
        // (e_j − e_i)·(e_k − e_i)
        let inner = products.clone().reshape([1, batch, batch])
            - products.clone().reshape([batch, batch, 1])
            - products.clone().reshape([batch, 1, batch])
            + self.norms.clone().reshape([batch, 1, 1]);
        let inverse = self.apart.clone() / self.distances.clone();
        inner * inverse.clone().reshape([batch, batch, 1]) * inverse.reshape([batch, 1, batch])
    }
}

/// Mean of ½x² where |x| < 1, and of |x| − ½ beyond.
fn smooth_l1<const D: usize>(difference: Tensor<D>) -> Tensor<1> {
    let size = difference.abs();
    let inner = size.clone().clamp_max(1.0);
    mean(inner.clone() * (size - inner * 0.5))
}

/// Every image's values as a row.
fn rows(maps: Tensor<4>) -> Tensor<2> {
    maps.flatten(1, 3)
}

/// Rows of length 1.
fn normalized(rows: Tensor<2>) -> Tensor<2> {
    let lengths = root(rows.clone().square().sum_dim(1));
    rows / lengths.clamp_min(LEAST_NORM)
}

/// Mean of all values. Rows are added up first: the sum of millions at once is split by what
/// threads have time, and not the same twice.
fn mean<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    let dims = values.dims();
    let count: usize = dims.iter().product();
    let rows = dims[0].max(1);
    let rows = values.reshape([rows, count / rows]);
    rows.sum_dim(1).sum() / count.max(1) as f64
}

#[cfg(test)]
#[path = "features_tests.rs"]
mod tests;
