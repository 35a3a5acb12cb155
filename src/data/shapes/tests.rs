use std::collections::HashSet;

use super::*;

fn spec(classes: u32, size: u32, difficulty: f32) -> Shapes {
    Shapes {
        classes,
        count: 1000,
        size,
        difficulty,
        seed: 1,
    }
}

#[test]
fn a_picture_depends_on_seed_and_index_alone() {
    let spec = spec(10, 24, 0.5);
    assert_eq!(render(&spec, 7), render(&spec, 7));
    let other = Shapes {
        seed: 2,
        ..spec.clone()
    };
    assert_ne!(render(&spec, 7).0, render(&other, 7).0);
    let longer = Shapes {
        count: 9,
        ..spec.clone()
    };
    assert_eq!(render(&spec, 7), render(&longer, 7));
}

#[test]
fn no_picture_occurs_twice_in_a_set_or_in_two() {
    for difficulty in [0.0, 1.0] {
        let mut seen = HashSet::new();
        for seed in 0..2 {
            let spec = Shapes {
                seed,
                ..spec(4, 12, difficulty)
            };
            for index in 0..500 {
                assert!(seen.insert(render(&spec, index).0.into_raw()), "{index}");
            }
        }
    }
}

#[test]
fn labels_go_round_the_classes_and_each_has_a_name_of_its_own() {
    for classes in 2..=10 {
        let spec = spec(classes, 8, 0.2);
        let labels: Vec<u32> = (0..2 * classes)
            .map(|index| render(&spec, index).1)
            .collect();
        let expected: Vec<u32> = (0..classes).chain(0..classes).collect();
        assert_eq!(labels, expected);
        let names: HashSet<String> = class_names(&spec).into_iter().collect();
        assert_eq!(names.len(), classes as usize);
    }
}

#[test]
fn pictures_have_the_size_that_was_asked_for() {
    for size in [0, 1, 8, 33, 256] {
        assert_eq!(render(&spec(3, size, 1.0), 5).0.dimensions(), (size, size));
    }
}

#[test]
fn a_harder_picture_is_noisier() {
    // Mean difference of neighbouring values, over a few pictures.
    let roughness = |difficulty| -> f64 {
        let mut total = 0.0;
        for index in 0..40 {
            let (image, _) = render(&spec(4, 32, difficulty), index);
            for row in image.as_raw().chunks_exact(96) {
                for (here, right) in row.iter().zip(&row[3..]) {
                    total += f64::from(here.abs_diff(*right));
                }
            }
        }
        total / f64::from(40 * 32 * 31 * 3)
    };
    let (clean, middle, hard) = (roughness(0.0), roughness(0.5), roughness(1.0));
    assert!(
        clean + 5.0 < middle && middle + 5.0 < hard,
        "{clean} {middle} {hard}"
    );
}

#[test]
fn the_shape_is_as_often_darker_than_its_background_as_brighter() {
    let brighter = (0..2000_u32)
        .filter(|&index| {
            let (image, _) = render(
                &Shapes {
                    classes: 2,
                    ..spec(2, 8, 0.0)
                },
                index,
            );
            let mut values: Vec<u8> = image.pixels().map(|pixel| pixel.0[1]).collect();
            values.sort_unstable();
            let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / 64.0;
            // At difficulty 0 the background is flat, and more than half.
            mean > f64::from(values[32])
        })
        .count();
    assert!((850..1150).contains(&brighter), "{brighter}");
}

/// A linear classifier: one-of-K targets, least squares with a ridge.
struct Linear {
    weights: Vec<Vec<f64>>,
}

impl Linear {
    fn fit(inputs: &[Vec<f64>], labels: &[u32], classes: u32, ridge: f64) -> Self {
        let width = inputs[0].len();
        let mut gram = vec![vec![0.0; width]; width];
        let mut targets = vec![vec![0.0; width]; classes as usize];
        for (input, &label) in inputs.iter().zip(labels) {
            for (row, &value) in input.iter().enumerate() {
                targets[label as usize][row] += value;
                for (sum, other) in gram[row].iter_mut().zip(&input[..=row]) {
                    *sum += value * other;
                }
            }
        }
        for (row, sums) in gram.iter_mut().enumerate() {
            sums[row] += ridge;
        }
        cholesky(&mut gram);
        let weights = targets.iter().map(|target| solve(&gram, target)).collect();
        Self { weights }
    }

    fn accuracy(&self, inputs: &[Vec<f64>], labels: &[u32]) -> f64 {
        let right = inputs.iter().zip(labels).filter(|(input, label)| {
            let scores = self.weights.iter().map(|weights| dot(weights, input));
            let best = scores.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
            best.map(|(class, _)| class as u32) == Some(**label)
        });
        right.count() as f64 / inputs.len() as f64
    }
}

fn dot(first: &[f64], second: &[f64]) -> f64 {
    first.iter().zip(second).map(|(a, b)| a * b).sum()
}

/// The lower triangle becomes its own Cholesky factor.
fn cholesky(matrix: &mut [Vec<f64>]) {
    for row in 0..matrix.len() {
        let (above, rest) = matrix.split_at_mut(row);
        let current = &mut rest[0];
        for column in 0..row {
            let sum = dot(&current[..column], &above[column][..column]);
            current[column] = (current[column] - sum) / above[column][column];
        }
        let sum = dot(&current[..row], &current[..row]);
        current[row] = (current[row] - sum).sqrt();
    }
}

fn solve(factor: &[Vec<f64>], target: &[f64]) -> Vec<f64> {
    let mut solution = target.to_vec();
    for row in 0..solution.len() {
        let sum = dot(&factor[row][..row], &solution[..row]);
        solution[row] = (solution[row] - sum) / factor[row][row];
    }
    for row in (0..solution.len()).rev() {
        let below: f64 = (row + 1..solution.len())
            .map(|other| factor[other][row] * solution[other])
            .sum();
        solution[row] = (solution[row] - below) / factor[row][row];
    }
    solution
}

/// Raw pixels from −1 to 1, and a constant.
fn inputs(images: &[RgbImage]) -> Vec<Vec<f64>> {
    let input = |image: &RgbImage| -> Vec<f64> {
        let values = image.iter().map(|&value| f64::from(value) / 127.5 - 1.0);
        values.chain([1.0]).collect()
    };
    images.iter().map(input).collect()
}

#[test]
fn a_linear_model_on_raw_pixels_stays_near_chance() {
    const CLASSES: u32 = 4;
    let spec = spec(CLASSES, 16, 0.5);
    let (images, labels): (Vec<RgbImage>, Vec<u32>) =
        (0..1500).map(|index| render(&spec, index)).unzip();
    let (train, test) = (0..1000, 1000..1500);
    let measure = |images: &[RgbImage]| {
        let inputs = inputs(images);
        let model = Linear::fit(
            &inputs[train.clone()],
            &labels[train.clone()],
            CLASSES,
            100.0,
        );
        model.accuracy(&inputs[test.clone()], &labels[test.clone()])
    };
    let accuracy = measure(&images);
    // Chance is 25 %. A person recognises nearly all of them.
    assert!(accuracy < 0.45, "{accuracy}");

    // The model is not to blame: it reads a class that one corner gives away.
    let mut marked = images.clone();
    for (image, &label) in marked.iter_mut().zip(&labels) {
        for class in 0..CLASSES {
            let level = if class == label { 255 } else { 0 };
            image.put_pixel(class, 0, image::Rgb([level; 3]));
        }
    }
    let accuracy = measure(&marked);
    assert!(accuracy > 0.95, "{accuracy}");
}
