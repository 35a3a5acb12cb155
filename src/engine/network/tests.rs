use super::*;
use crate::experiment::architecture::build;
use crate::experiment::model::{
    EfficientNetVariant, MobileNetV3Variant, Model, RegNetVariant, Stem,
};

fn network(model: &Model, size: (u32, u32), seed: u64) -> Network {
    Network::new(build(model, size, 5).unwrap(), seed, &Device::flex())
}

fn small_resnet(seed: u64) -> Network {
    network(&Model::ResNetCifar { depth: 8, width: 4 }, (12, 12), seed)
}

fn images(count: usize, side: usize) -> Tensor<4> {
    let values: Vec<f32> = (0..count * 3 * side * side)
        .map(|i| ((i as f32) * 0.37).sin())
        .collect();
    Tensor::from_data(
        TensorData::new(values, [count, 3, side, side]),
        &Device::flex(),
    )
}

fn host(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn value(network: &Network, name: &str) -> Vec<f32> {
    let found = network.parameters().iter().find(|p| p.name == name);
    host(found.unwrap().value.clone())
}

#[test]
fn every_family_gives_logits_in_training_and_evaluation() {
    let models = [
        Model::Mlp { hidden: vec![7, 6] },
        Model::Cnn {
            channels: vec![4, 6],
        },
        Model::ResNetCifar { depth: 8, width: 4 },
        Model::WideResNet {
            depth: 10,
            width: 1,
        },
        Model::Vgg { depth: 8 },
        Model::ResNet {
            depth: 18,
            stem: Stem::Standard,
        },
        Model::ResNet {
            depth: 50,
            stem: Stem::Standard,
        },
        Model::MobileNetV2 {
            width: 0.25,
            stem: Stem::Auto,
        },
        Model::MobileNetV3 {
            variant: MobileNetV3Variant::Small,
            stem: Stem::Standard,
        },
        Model::ShuffleNetV2 {
            width: 0.5,
            stem: Stem::Standard,
        },
        Model::EfficientNet {
            variant: EfficientNetVariant::Lite0,
            stem: Stem::Standard,
        },
        Model::PpLcNet {
            width: 0.35,
            stem: Stem::Standard,
        },
        Model::RegNet {
            variant: RegNetVariant::Y400MF,
            stem: Stem::Standard,
        },
    ];
    for model in models {
        let mut network = network(&model, (32, 32), 1);
        let logits = network.forward_train(images(2, 32), &[]).logits;
        assert_eq!(logits.dims(), [2, 5], "{model:?}");
        let logits = network.forward(images(2, 32));
        let sum: f32 = logits.sum().into_scalar();
        assert!(sum.is_finite(), "{model:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_other_ones() {
    let name = "layer2.0.conv1.weight";
    let first = value(&small_resnet(3), name);
    assert_eq!(first, value(&small_resnet(3), name));
    assert_ne!(first, value(&small_resnet(4), name));
}

#[test]
fn kernels_start_normal_over_fan_out_and_the_classifier_uniform_over_inputs() {
    let model = Model::ResNetCifar {
        depth: 8,
        width: 16,
    };
    let network = network(&model, (12, 12), 0);
    let kernel = value(&network, "layer3.0.conv2.weight");
    let square = kernel.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    let deviation = (square / kernel.len() as f64).sqrt();
    let expected = (2.0_f64 / (64.0 * 9.0)).sqrt();
    assert!((deviation / expected - 1.0).abs() < 0.02, "{deviation}");
    let weight = value(&network, "fc.weight");
    let largest = weight.iter().fold(0.0_f32, |a, v| a.max(v.abs()));
    assert!(largest <= 0.125 && largest > 0.11, "{largest}");
}

#[test]
fn running_statistics_move_a_tenth_towards_the_batch_with_unbiased_variance() {
    let mut network = network(&Model::Cnn { channels: vec![1] }, (2, 2), 0);
    // A kernel that passes the first channel's pixel through.
    let mut kernel = vec![0.0; 27];
    kernel[4] = 1.0;
    network.parameters_mut()[0].value =
        Tensor::from_data(TensorData::new(kernel, [27]), &Device::flex());
    let mut pixels = vec![0.0; 12];
    pixels[..4].copy_from_slice(&[1.0, 2.0, 3.0, 6.0]);
    let image = Tensor::from_data(TensorData::new(pixels, [1, 3, 2, 2]), &Device::flex());
    let _ = network.forward_train(image, &[]);
    let statistics = &network.statistics()[0];
    let (mean, variance) = (
        host(statistics.mean.clone()),
        host(statistics.variance.clone()),
    );
    assert!((mean[0] - 0.3).abs() < 1e-6, "{mean:?}");
    // Sum of squared differences 4 + 1 + 0 + 9 over three.
    assert!(
        (variance[0] - (0.9 + 0.1 * 14.0 / 3.0)).abs() < 1e-6,
        "{variance:?}"
    );
    assert_eq!(statistics.batches, 1);
}

#[test]
fn a_single_value_per_channel_leaves_finite_statistics() {
    let mut network = network(
        &Model::Cnn {
            channels: vec![2, 2],
        },
        (4, 4),
        0,
    );
    let logits = network.forward_train(images(1, 4), &[]).logits;
    let _ = network.forward_train(images(1, 4), &[]);
    let sum: f32 = logits.sum().into_scalar();
    assert!(sum.is_finite());
    for statistics in network.statistics() {
        assert!(
            host(statistics.variance.clone())
                .iter()
                .all(|v| v.is_finite())
        );
    }
}

#[test]
fn evaluation_changes_no_statistics_and_an_image_does_not_depend_on_its_batch() {
    let network = small_resnet(1);
    let together: Vec<f32> = network
        .forward(images(4, 12))
        .into_data()
        .try_to_vec()
        .unwrap();
    let alone: Vec<f32> = network
        .forward(images(1, 12))
        .into_data()
        .try_to_vec()
        .unwrap();
    for (a, b) in alone.iter().zip(&together) {
        assert!((a - b).abs() < 1e-5);
    }
    assert!(network.statistics().iter().all(|s| s.batches == 0));
}

#[test]
fn passes_give_every_parameter_a_gradient_and_leave_the_network_alone() {
    let network = small_resnet(1);
    let mut passes = network.passes(Precision::Fp32);
    let loss = passes.forward(images(4, 12)).powf_scalar(2.0).sum();
    let lesson = passes.finish(&loss);
    assert_eq!(lesson.gradients.len(), network.parameters().len());
    for (gradient, parameter) in lesson.gradients.into_iter().zip(network.parameters()) {
        assert!(!gradient.is_autodiff());
        assert!(!parameter.value.is_autodiff());
        let largest: f32 = gradient.abs().max().into_scalar();
        assert!(largest > 0.0, "{} has no gradient", parameter.name);
    }
    assert!(network.statistics().iter().all(|s| s.batches == 0));
    assert!(lesson.statistics.iter().all(|s| s.batches == 1));
    assert!(!lesson.statistics[0].mean.is_autodiff());
}

#[test]
fn passes_that_the_loss_does_not_depend_on_give_zeros() {
    let network = small_resnet(1);
    let mut passes = network.passes(Precision::Fp32);
    let _ = passes.forward(images(2, 12));
    let lesson = passes.finish(&Tensor::from_floats([1.0], &Device::flex()));
    for gradient in lesson.gradients {
        let largest: f32 = gradient.abs().max().into_scalar();
        assert_eq!(largest, 0.0);
    }
}
