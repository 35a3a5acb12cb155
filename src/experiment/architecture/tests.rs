use super::*;
use crate::experiment::model::{EfficientNetVariant, MobileNetV3Variant, RegNetVariant};

const TORCHVISION: &str = include_str!("../../../tests/fixtures/architectures.txt");
const LARGE: (u32, u32) = (224, 224);
const SMALL: (u32, u32) = (32, 32);

fn resnet(depth: usize, stem: Stem) -> Model {
    Model::ResNet { depth, stem }
}

fn mobilenet(width: f32, stem: Stem) -> Model {
    Model::MobileNetV2 { width, stem }
}

fn resnet_cifar(depth: usize) -> Model {
    Model::ResNetCifar { depth, width: 16 }
}

/// Names and shapes of the state dict, sorted.
fn listing(graph: &Graph) -> Vec<String> {
    let shape = |sizes: &[usize]| {
        let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        sizes.join("x")
    };
    let mut lines: Vec<String> = graph
        .parameters()
        .iter()
        .map(|spec| format!("{} {}", spec.name, shape(&spec.shape)))
        .collect();
    for StatisticsSpec { name, channels } in graph.statistics() {
        lines.push(format!("{name}.running_mean {channels}"));
        lines.push(format!("{name}.running_var {channels}"));
        lines.push(format!("{name}.num_batches_tracked"));
    }
    lines.sort();
    lines
}

#[track_caller]
fn assert_is_torchvisions(name: &str, model: &Model) {
    let graph = build(model, LARGE, 1000).unwrap();
    let block = TORCHVISION
        .split("# ")
        .find(|block| block.starts_with(&format!("{name} ")))
        .unwrap();
    let (head, lines) = block.split_once('\n').unwrap();
    let mut expected: Vec<&str> = lines.lines().collect();
    expected.sort_unstable();
    assert_eq!(listing(&graph), expected);
    assert_eq!(head, format!("{name} {}", graph.parameter_count()));
}

#[test]
fn resnets_have_the_tensors_of_torchvision() {
    assert_is_torchvisions("resnet18", &resnet(18, Stem::Standard));
    assert_is_torchvisions("resnet34", &resnet(34, Stem::Auto));
    assert_is_torchvisions("resnet50", &resnet(50, Stem::Auto));
}

#[test]
fn vggs_have_the_tensors_of_torchvision() {
    assert_is_torchvisions("vgg11_bn", &Model::Vgg { depth: 11 });
    assert_is_torchvisions("vgg13_bn", &Model::Vgg { depth: 13 });
    assert_is_torchvisions("vgg16_bn", &Model::Vgg { depth: 16 });
}

#[test]
fn mobilenet_has_the_tensors_of_torchvision() {
    assert_is_torchvisions("mobilenet_v2", &mobilenet(1.0, Stem::Auto));
}

#[test]
fn multiply_accumulates_are_the_published_ones() {
    let millions = |model: &Model, size, classes| {
        let macs = build(model, size, classes).unwrap().macs();
        (macs as f64 / 1e5).round() / 10.0
    };
    assert_eq!(millions(&resnet(18, Stem::Auto), LARGE, 1000), 1814.1);
    assert_eq!(millions(&resnet(50, Stem::Auto), LARGE, 1000), 4089.2);
    assert_eq!(millions(&mobilenet(1.0, Stem::Auto), LARGE, 1000), 300.8);
    assert_eq!(millions(&resnet_cifar(20), SMALL, 10), 40.8);
}

#[test]
fn small_networks_have_the_published_number_of_parameters() {
    let count = |model: &Model| build(model, SMALL, 10).unwrap().parameter_count();
    // He et al. give 0.27M without, 0.272M with convolutions in the shortcuts.
    assert_eq!(count(&resnet_cifar(20)), 272_474);
    // Zagoruyko and Komodakis give 36.5M for 28-10 and 2.7M for 16-4.
    let wide = |depth, width| count(&Model::WideResNet { depth, width });
    assert_eq!(wide(28, 10), 36_479_194);
    assert_eq!(wide(16, 4), 2_748_890);
    // Three channels of 32×32 pixels are 3072 inputs.
    let mlp = Model::Mlp { hidden: vec![8] };
    assert_eq!(count(&mlp), 3072 * 8 + 8 + 8 * 10 + 10);
}

#[test]
fn bytes_count_running_statistics_too() {
    let model = Model::Cnn { channels: vec![4] };
    let graph = build(&model, SMALL, 10).unwrap();
    let parameters = 4 * 27 + 8 + 4 * 10 + 10;
    assert_eq!(graph.parameter_count(), parameters);
    assert_eq!(graph.bytes(), 4 * (parameters + 8));
}

#[test]
fn small_images_get_a_stem_that_keeps_their_size() {
    let macs = |model: &Model| build(model, SMALL, 10).unwrap().macs();
    let standard = macs(&resnet(18, Stem::Standard));
    let small = macs(&resnet(18, Stem::Auto));
    assert!(small > 10 * standard, "{small} against {standard}");
    let standard = macs(&mobilenet(1.0, Stem::Standard));
    let small = macs(&mobilenet(1.0, Stem::Auto));
    assert!(small > 10 * standard, "{small} against {standard}");
}

#[test]
fn images_too_small_for_the_pooling_are_refused_with_the_size_that_fits() {
    let problem = build(&Model::Vgg { depth: 8 }, (12, 40), 10).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "Vgg: images of 12×40 pixels do not fit: 1×5 are left where 2×2 are pooled \
         (set data.size to at least (32, 32))"
    );
}

#[test]
fn a_depth_that_does_not_exist_names_those_that_do() {
    let problem = build(&resnet_cifar(21), SMALL, 10).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "ResNetCifar.depth: 21 is not 6n + 2 (the nearest are 20 and 26)"
    );
    let problem = build(&Model::Vgg { depth: 19 }, SMALL, 10).unwrap_err();
    assert_eq!(problem.path, "Vgg.depth");
    assert!(build(&resnet(101, Stem::Auto), SMALL, 10).is_err());
    assert!(build(&resnet_cifar(0), SMALL, 10).is_err());
    assert!(build(&resnet_cifar(usize::MAX), SMALL, 10).is_err());
}

#[test]
fn absurd_sizes_are_refused_without_overflow() {
    let wide = |width| build(&Model::ResNetCifar { depth: 8, width }, SMALL, 10);
    assert!(wide(0).is_err());
    assert!(wide(usize::MAX).is_err());
    for width in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(build(&mobilenet(width, Stem::Auto), SMALL, 10).is_err());
    }
    let hidden = vec![65_536; 2];
    let problem = build(&Model::Mlp { hidden }, (u32::MAX, u32::MAX), 10).unwrap_err();
    assert!(problem.message.contains("parameters"), "{problem}");
    assert!(build(&resnet_cifar(8), (0, 5), 10).is_err());
    assert!(build(&resnet_cifar(8), SMALL, 1).is_err());
    let empty = Model::Cnn { channels: vec![] };
    assert!(build(&empty, SMALL, 10).is_err());
}

#[test]
fn decay_spares_biases_and_normalisation() {
    let graph = build(&Model::Vgg { depth: 8 }, SMALL, 10).unwrap();
    for spec in graph.parameters() {
        assert_eq!(spec.decays, spec.shape.len() > 1, "{}", spec.name);
    }
}

#[test]
fn a_normalisation_over_a_single_value_is_refused_by_its_name() {
    // 32 pixels are 1 after the published stem and four stages.
    let graph = build(&resnet(18, Stem::Standard), SMALL, 10).unwrap();
    let problem = graph.check_batch(1).unwrap_err();
    assert_eq!(
        problem.message,
        "the normalisation `layer4.0.bn1` needs more than 1 value per channel when training, and \
         gets 1: of 32×32 pixels 1×1 are left there, with 1 image at a time"
    );
    assert!(problem.help.unwrap().contains("`batch: 2`"));
    graph.check_batch(2).unwrap();
    let wide = build(&resnet(18, Stem::Standard), (32, 64), 10).unwrap();
    wide.check_batch(1).unwrap();
}

#[test]
fn a_network_without_normalisation_can_be_trained_image_by_image() {
    let mlp = Model::Mlp { hidden: vec![8] };
    build(&mlp, (8, 8), 3).unwrap().check_batch(1).unwrap();
}

/// Stages in a line.
fn stages(graph: &Graph) -> String {
    let stages = graph.stages().into_iter();
    let stages: Vec<String> = stages.map(|stage| stage.to_string()).collect();
    stages.join(", ")
}

/// One model of every family.
fn families() -> Vec<Model> {
    vec![
        Model::Mlp { hidden: vec![32] },
        Model::Cnn {
            channels: vec![8, 16],
        },
        resnet_cifar(8),
        Model::WideResNet {
            depth: 16,
            width: 2,
        },
        Model::Vgg { depth: 13 },
        resnet(18, Stem::Auto),
        resnet(50, Stem::Auto),
        mobilenet(0.5, Stem::Auto),
        Model::MobileNetV3 {
            variant: MobileNetV3Variant::Small,
            stem: Stem::Auto,
        },
        Model::ShuffleNetV2 {
            width: 0.5,
            stem: Stem::Auto,
        },
        Model::EfficientNet {
            variant: EfficientNetVariant::B0,
            stem: Stem::Auto,
        },
        Model::EfficientNet {
            variant: EfficientNetVariant::Lite0,
            stem: Stem::Auto,
        },
        Model::PpLcNet {
            width: 0.5,
            stem: Stem::Auto,
        },
        Model::RegNet {
            variant: RegNetVariant::Y400MF,
            stem: Stem::Auto,
        },
    ]
}

#[test]
fn resnets_have_the_factors_of_timm() {
    #[derive(serde::Deserialize)]
    struct Fixture {
        decay: f64,
        models: std::collections::BTreeMap<String, std::collections::BTreeMap<String, f64>>,
    }
    let text = include_str!("../../../tests/fixtures/layer_decay.json");
    let Fixture { decay, models } = serde_json::from_str(text).unwrap();
    for (name, depth) in [("resnet18", 18), ("resnet50", 50)] {
        let graph = build(&resnet(depth, Stem::Auto), LARGE, 10).unwrap();
        let factors: std::collections::BTreeMap<String, f64> = graph
            .lr_groups(decay)
            .into_iter()
            .flat_map(|it| it.parameters.into_iter().map(move |name| (name, it.factor)))
            .collect();
        assert_eq!(factors.len(), models[name].len());
        for (parameter, expected) in &models[name] {
            let factor = factors[parameter];
            assert!(
                (factor / expected - 1.0).abs() < 1e-12,
                "{parameter}: {factor}"
            );
        }
    }
}

#[test]
fn every_layout_has_blocks_for_layer_decay_and_no_parameter_is_in_two() {
    let mut lines = Vec::new();
    for model in families() {
        let graph = build(&model, LARGE, 10).unwrap();
        let groups = graph.lr_groups(0.5);
        let all: Vec<&String> = groups.iter().flat_map(|it| &it.parameters).collect();
        let specs = graph.parameters();
        let expected: Vec<&String> = specs.iter().map(|spec| &spec.name).collect();
        assert_eq!(all, expected, "{}", graph.name);
        assert_eq!(groups.last().unwrap().factor, 1.0);
        let factors = groups.windows(2);
        assert!(factors.clone().all(|it| it[0].factor == 0.5 * it[1].factor));
        let names: Vec<&str> = groups.iter().map(|it| it.name.as_str()).collect();
        lines.push(format!("{}: {}", graph.name, names.join(" ")));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_layout_has_named_stages_and_folding_keeps_them() {
    let mut lines = Vec::new();
    for size in [SMALL, LARGE] {
        for model in families() {
            let graph = build(&model, size, 10).unwrap();
            let folded = graph.folded().graph;
            assert_eq!(stages(&graph), stages(&folded), "{}", graph.name);
            let names: std::collections::BTreeSet<String> =
                graph.stages().into_iter().map(|stage| stage.name).collect();
            assert_eq!(names.len(), graph.stages().len(), "{}", graph.name);
            lines.push(format!("{}: {}", graph.name, stages(&graph)));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}
