//! A script that loads weights into PyTorch: torchvision's model with the first
//! layers and the classifier that the weights were trained with, or the layers
//! themselves where torchvision has no such model.

use std::fmt::Write as _;

use crate::engine::metadata::ModelMetadata;
use crate::experiment::architecture::{self, Graph, Layer};
use crate::experiment::model::{Model, Stem};

/// The script that loads the weights in a file of this name beside it.
#[must_use]
pub fn loading_script(known: &ModelMetadata, graph: &Graph, weights: &str) -> String {
    let torchvision = torchvision(known);
    let imports = if torchvision.is_some() {
        "import torchvision\n"
    } else {
        ""
    };
    let build = torchvision.unwrap_or_else(|| written_out(graph));
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

/// How torchvision's model is built; none if it has none like that.
fn torchvision(known: &ModelMetadata) -> Option<String> {
    let small = architecture::settled(&known.model, known.size).stem() == Some(Stem::Small);
    let (call, changes): (String, &[&str]) = match known.model {
        Model::ResNet { depth, .. } => {
            let changes: &[&str] = if small { &SMALL_RESNET } else { &[] };
            (format!("resnet{depth}(num_classes=len(CLASSES))"), changes)
        }
        Model::MobileNetV2 { width, .. } => {
            let changes: &[&str] = if small { &SMALL_MOBILENET } else { &[] };
            (
                format!("mobilenet_v2(num_classes=len(CLASSES), width_mult={width})"),
                changes,
            )
        }
        // Of eight layers there is none.
        Model::Vgg { depth } if depth > 8 => {
            let (height, width) = known.size;
            let is_large = height.min(width) >= architecture::LARGE_IMAGE;
            let changes: &[&str] = if is_large { &[] } else { &SMALL_VGG };
            (format!("vgg{depth}_bn(num_classes=len(CLASSES))"), changes)
        }
        Model::Vgg { .. }
        | Model::Mlp { .. }
        | Model::Cnn { .. }
        | Model::ResNetCifar { .. }
        | Model::WideResNet { .. } => return None,
    };
    let mut text = format!("def build():\n    model = torchvision.models.{call}\n");
    for line in changes {
        let _ = writeln!(text, "    {line}");
    }
    text.push_str("    return model\n");
    Some(text)
}

const SMALL_RESNET: [&str; 2] = [
    "model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)",
    "model.maxpool = nn.Identity()",
];

const SMALL_MOBILENET: [&str; 4] = [
    "model.features[0][0].stride = (1, 1)",
    "block = model.features[2]",
    "block.conv[1][0].stride = (1, 1)",
    "block.use_res_connect = block.conv[0][0].in_channels == block.out_channels",
];

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
                self.part(&norm.name, &format!("nn.BatchNorm2d({})", norm.channels));
            }
            Layer::Linear(linear) => {
                let module = format!("nn.Linear({}, {})", linear.inputs, linear.outputs);
                self.part(&linear.name, &module);
            }
            Layer::Relu => self.step("functional.relu(x)"),
            Layer::Relu6 => self.step("functional.relu6(x)"),
            Layer::MaxPool(pool) => self.step(&format!(
                "functional.max_pool2d(x, {}, {}, {})",
                pool.kernel, pool.stride, pool.padding
            )),
            Layer::AveragePool(pool) => {
                self.step(&format!("functional.adaptive_avg_pool2d(x, {})", pool.side))
            }
            Layer::Flatten => self.step("x.flatten(1)"),
            Layer::Residual(residual) => {
                let branch = self.branches;
                self.branches += 1;
                self.line(&format!("input_{branch} = x"));
                self.layers(&residual.body);
                self.line(&format!("body_{branch}, x = x, input_{branch}"));
                self.layers(&residual.shortcut);
                self.step(&format!("body_{branch} + x"));
            }
        }
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
