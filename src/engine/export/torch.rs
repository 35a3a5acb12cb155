//! A script that loads weights into PyTorch: torchvision's or timm's model with the
//! first layers and the classifier that the weights were trained with, or the layers
//! themselves where neither has such a model.

use std::fmt::Write as _;

use crate::engine::metadata::ModelMetadata;
use crate::experiment::architecture::{self, Activation, Graph, Layer};
use crate::experiment::model::{
    EfficientNetVariant, MobileNetV3Variant, Model, RegNetVariant, Stem,
};

/// The script that loads the weights in a file of this name beside it.
#[must_use]
pub fn loading_script(known: &ModelMetadata, graph: &Graph, weights: &str) -> String {
    let (imports, build) = match by_library(known) {
        Some((library, build)) => (format!("import {library}\n"), build),
        None => (String::new(), written_out(graph)),
    };
    let (height, width) = known.size;
    // What JSON writes of texts and numbers, Python reads.
    let [classes, mean, std, file] = [
        serde_json::to_string(&known.classes),
        serde_json::to_string(&known.mean),
        serde_json::to_string(&known.std),
        serde_json::to_string(weights),
    ]
    .map(Result::unwrap_or_default);
    format!(
        "{HEAD}{imports}\
         from safetensors.torch import load_file\n\
         from torch import nn\n\
         from torch.nn import functional\n\
         \n\
         WEIGHTS = Path(__file__).with_name({file})\n\
         CLASSES = {classes}\n\
         SIZE = ({height}, {width})  # height and width, pixels\n\
         MEAN, STD = {mean}, {std}  # of RGB values in [0, 1]\n\
         \n\
         \n\
         {build}{TAIL}"
    )
}

const HEAD: &str = "\
\"\"\"Loads the weights beside it into PyTorch.

Run it to see what they are, or import `load` from it. Images are scaled until they
cover SIZE, cropped at the centre, divided by 255 and normalised with MEAN and STD.
\"\"\"

from pathlib import Path

import torch
";

const TAIL: &str = "

def load():
    \"\"\"The model, ready to answer: logits [batch, classes] of images
    [batch, 3, height, width].\"\"\"
    model = build()
    model.load_state_dict(load_file(WEIGHTS), strict=True)
    return model.eval()


if __name__ == \"__main__\":
    model = load()
    with torch.no_grad():
        logits = model(torch.zeros(1, 3, *SIZE))
    print(f\"classes: {', '.join(CLASSES)}\")
    print(f\"size: {SIZE[0]} x {SIZE[1]}\")
    print(f\"mean: {MEAN}, std: {STD}\")
    print(f\"logits: {list(logits.shape)}\")
";

/// A model of a library, and what makes its first layers those for small images.
struct Published {
    library: &'static str,
    call: String,
    small: &'static [&'static str],
}

/// The model of torchvision or timm, where one of them has it.
fn published(model: &Model) -> Option<Published> {
    let torchvision = |name: String, small| Published {
        library: "torchvision",
        call: format!("torchvision.models.{name}(num_classes=len(CLASSES))"),
        small,
    };
    let timm = |name: String| Published {
        library: "timm",
        call: format!("timm.create_model(\"{name}\", num_classes=len(CLASSES))"),
        small: &SMALL_TIMM,
    };
    Some(match model {
        Model::ResNet { depth, .. } => torchvision(format!("resnet{depth}"), &SMALL_RESNET),
        Model::MobileNetV2 { width, .. } => Published {
            call: format!(
                "torchvision.models.mobilenet_v2(num_classes=len(CLASSES), width_mult={width})"
            ),
            ..torchvision(String::new(), &SMALL_MOBILENET_V2)
        },
        Model::MobileNetV3 { variant, .. } => {
            let variant = match variant {
                MobileNetV3Variant::Small => "small",
                MobileNetV3Variant::Large => "large",
            };
            torchvision(format!("mobilenet_v3_{variant}"), &SMALL_MOBILENET_V3)
        }
        Model::ShuffleNetV2 { width, .. } => {
            // 0.5 as x0_5.
            let width = format!("{width:.1}").replace('.', "_");
            torchvision(format!("shufflenet_v2_x{width}"), &SMALL_SHUFFLENET)
        }
        Model::EfficientNet { variant, .. } => match variant {
            EfficientNetVariant::B0 => {
                torchvision("efficientnet_b0".to_owned(), &SMALL_EFFICIENTNET)
            }
            EfficientNetVariant::Lite0 => timm("efficientnet_lite0".to_owned()),
        },
        // 0.35 as 035.
        Model::PpLcNet { width, .. } => timm(format!("lcnet_{:03.0}", width * 100.0)),
        Model::RegNet { variant, .. } => match variant {
            RegNetVariant::Y400MF => torchvision("regnet_y_400mf".to_owned(), &SMALL_REGNET),
        },
        // Of eight layers there is none.
        Model::Vgg { depth } if *depth > 8 => torchvision(format!("vgg{depth}_bn"), &SMALL_VGG),
        Model::Vgg { .. }
        | Model::Mlp { .. }
        | Model::Cnn { .. }
        | Model::ResNetCifar { .. }
        | Model::WideResNet { .. } => return None,
    })
}

/// How a library's model is built, and the library; none if none has it.
fn by_library(known: &ModelMetadata) -> Option<(&'static str, String)> {
    let published = published(&known.model)?;
    let (height, width) = known.size;
    let is_small = match architecture::settled(&known.model, known.size).stem() {
        Some(stem) => stem == Stem::Small,
        // A VGG's classifier is another one.
        None => height.min(width) < architecture::LARGE_IMAGE,
    };
    let changes = if is_small { published.small } else { &[] };
    let mut text = format!("def build():\n    model = {}\n", published.call);
    for line in changes {
        let _ = writeln!(text, "    {line}");
    }
    text.push_str("    return model\n");
    Some((published.library, text))
}

const SMALL_RESNET: [&str; 2] = [
    "model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)",
    "model.maxpool = nn.Identity()",
];

const SMALL_MOBILENET_V2: [&str; 4] = [
    "model.features[0][0].stride = (1, 1)",
    "block = model.features[2]",
    "block.conv[1][0].stride = (1, 1)",
    "block.use_res_connect = block.conv[0][0].in_channels == block.out_channels",
];

const SMALL_MOBILENET_V3: [&str; 5] = [
    "model.features[0][0].stride = (1, 1)",
    "block = next(block for block in model.features[1:] if block._is_cn)",
    "convolutions = [part for part in block.modules() if isinstance(part, nn.Conv2d)]",
    "next(part for part in convolutions if part.groups > 1).stride = (1, 1)",
    "block.use_res_connect = convolutions[0].in_channels == block.out_channels",
];

const SMALL_SHUFFLENET: [&str; 1] =
    ["model.conv1[0].stride, model.maxpool = (1, 1), nn.Identity()"];

const SMALL_EFFICIENTNET: [&str; 1] =
    ["model.features[0][0].stride = model.features[2][0].block[1][0].stride = (1, 1)"];

const SMALL_REGNET: [&str; 2] = [
    "block = model.trunk_output.block1[0]",
    "model.stem[0].stride = block.proj[0].stride = block.f.b[0].stride = (1, 1)",
];

const SMALL_TIMM: [&str; 1] =
    ["model.conv_stem.stride = model.blocks[1][0].conv_dw.stride = (1, 1)"];

const SMALL_VGG: [&str; 2] = [
    "model.avgpool = nn.AdaptiveAvgPool2d(1)",
    "model.classifier = nn.Linear(512, len(CLASSES))",
];

/// A module of the layers themselves.
fn written_out(graph: &Graph) -> String {
    let mut module = Module::default();
    module.layers(&graph.layers);
    let Module { parts, steps, .. } = module;
    format!(
        "class Student(nn.Module):\n\
         \x20   \"\"\"{}\"\"\"\n\
         \n\
         \x20   def __init__(self):\n\
         \x20       super().__init__()\n\
         {parts}\
         \n\
         \x20   def put(self, path, module):\n\
         \x20       *places, name = path.split(\".\")\n\
         \x20       place = self\n\
         \x20       for part in places:\n\
         \x20           if not hasattr(place, part):\n\
         \x20               place.add_module(part, nn.Module())\n\
         \x20           place = getattr(place, part)\n\
         \x20       place.add_module(name, module)\n\
         \n\
         \x20   def forward(self, x):\n\
         \x20       at = self.get_submodule\n\
         {steps}\
         \x20       return x\n\
         \n\
         \n\
         def build():\n\
         \x20   return Student()\n",
        graph.name
    )
}

/// A module's text: what it is made of, and what becomes of `x`.
#[derive(Default)]
struct Module {
    parts: String,
    steps: String,
    /// Branches so far, for the names of their results.
    branches: usize,
}

impl Module {
    fn layers(&mut self, layers: &[Layer]) {
        for layer in layers {
            self.layer(layer);
        }
    }

    fn layer(&mut self, layer: &Layer) {
        match layer {
            Layer::Conv(conv) => {
                let bias = if conv.bias { "True" } else { "False" };
                let module = format!(
                    "nn.Conv2d({}, {}, {}, {}, {}, groups={}, bias={bias})",
                    conv.inputs, conv.outputs, conv.kernel, conv.stride, conv.padding, conv.groups
                );
                self.part(&conv.name, &module);
            }
            Layer::BatchNorm(norm) => {
                let module = format!("nn.BatchNorm2d({}, eps={})", norm.channels, norm.epsilon);
                self.part(&norm.name, &module);
            }
            Layer::Linear(linear) => {
                let module = format!("nn.Linear({}, {})", linear.inputs, linear.outputs);
                self.part(&linear.name, &module);
            }
            Layer::Activation(kind) => self.step(match kind {
                Activation::Relu => "functional.relu(x)",
                Activation::Relu6 => "functional.relu6(x)",
                Activation::Sigmoid => "x.sigmoid()",
                Activation::HardSigmoid => "functional.hardsigmoid(x)",
                Activation::Silu => "functional.silu(x)",
                Activation::HardSwish => "functional.hardswish(x)",
            }),
            Layer::MaxPool(pool) => self.step(&format!(
                "functional.max_pool2d(x, {}, {}, {})",
                pool.kernel, pool.stride, pool.padding
            )),
            Layer::AveragePool(pool) => {
                self.step(&format!("functional.adaptive_avg_pool2d(x, {})", pool.side));
            }
            Layer::Flatten => self.step("x.flatten(1)"),
            Layer::Residual(residual) => {
                let [input, body] = self.names(["input", "body"]);
                self.line(&format!("{input} = x"));
                self.layers(&residual.body);
                self.line(&format!("{body}, x = x, {input}"));
                self.layers(&residual.shortcut);
                self.step(&format!("{body} + x"));
            }
            Layer::Scale(scale) => {
                let [input] = self.names(["input"]);
                self.line(&format!("{input} = x"));
                self.layers(&scale.factors);
                self.step(&format!("{input} * x"));
            }
            Layer::Concat(concat) => {
                let [first, second] = self.names(["first", "second"]);
                let parts = if concat.halves {
                    "x.chunk(2, 1)"
                } else {
                    "x, x"
                };
                self.line(&format!("x, {second} = {parts}"));
                self.layers(&concat.first);
                self.line(&format!("{first}, x = x, {second}"));
                self.layers(&concat.second);
                self.step(&format!("torch.cat([{first}, x], 1)"));
            }
            Layer::Shuffle(shuffle) => {
                self.step(&format!(
                    "functional.channel_shuffle(x, {})",
                    shuffle.groups
                ));
            }
        }
    }

    /// Names that no other branch has.
    fn names<const N: usize>(&mut self, names: [&str; N]) -> [String; N] {
        self.branches += 1;
        names.map(|name| format!("{name}_{}", self.branches))
    }

    /// A layer with weights, under its name.
    fn part(&mut self, name: &str, module: &str) {
        let _ = writeln!(self.parts, "        self.put(\"{name}\", {module})");
        self.step(&format!("at(\"{name}\")(x)"));
    }

    fn step(&mut self, value: &str) {
        self.line(&format!("x = {value}"));
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.steps, "        {line}");
    }
}
