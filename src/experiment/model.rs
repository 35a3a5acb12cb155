//! Models as they are written in an experiment file.
//!
//! A model names a family and its size. `architecture`
//! turns it, with an image size and a number of classes, into a graph of
//! layers; nothing here knows tensors.

use serde::{Deserialize, Serialize};

/// A model family and its size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Model {
    /// Fully connected layers with `ReLU` between them.
    Mlp {
        /// Units of each hidden layer.
        hidden: Vec<usize>,
    },
    /// 3×3 convolutions with batch normalisation and `ReLU`, each followed by
    /// 2×2 max pooling, then global average pooling and one linear layer.
    Cnn {
        /// Output channels of each convolution.
        channels: Vec<usize>,
    },
    /// The small-image residual network of He et al. (2016), section 4.2.
    ResNetCifar {
        /// 6n + 2: 8, 14, 20, 32, 44, 56, 110.
        depth: usize,
        /// Channels of the first stage; the next two have two and four times
        /// as many.
        #[serde(default = "default_cifar_width")]
        width: usize,
    },
    /// Wide residual network (Zagoruyko and Komodakis, 2016), pre-activation.
    WideResNet {
        /// 6n + 4: 10, 16, 22, 28, 40.
        depth: usize,
        /// Widening factor of the 16-32-64 channels.
        width: usize,
    },
    /// VGG with batch normalization (Simonyan and Zisserman, 2015) and, for
    /// images under 64 pixels, one linear layer as its classifier.
    Vgg {
        /// 8, 11, 13 or 16 layers.
        depth: usize,
    },
    /// `ResNet` as torchvision builds it.
    ResNet {
        /// 18, 34 or 50 layers.
        depth: usize,
        /// The first layers.
        #[serde(default)]
        stem: Stem,
    },
    /// `MobileNetV2` (Sandler et al., 2018) as torchvision builds it.
    MobileNetV2 {
        /// Width multiplier, positive.
        #[serde(default = "default_width")]
        width: f32,
        /// The first layers.
        #[serde(default)]
        stem: Stem,
    },
    /// `MobileNetV3` (Howard et al., 2019) as torchvision builds it.
    MobileNetV3 {
        /// Which of the two.
        variant: MobileNetV3Variant,
        /// The first layers.
        #[serde(default)]
        stem: Stem,
    },
    /// `ShuffleNetV2` (Ma et al., 2018) as torchvision builds it.
    ShuffleNetV2 {
        /// 0.5, 1, 1.5 or 2.
        #[serde(default = "default_width")]
        width: f32,
        /// The first layers.
        #[serde(default)]
        stem: Stem,
    },
    /// `EfficientNet` (Tan and Le, 2019): `B0` as torchvision builds it, `Lite0` as
    /// timm does.
    EfficientNet {
        /// Which of them.
        variant: EfficientNetVariant,
        /// The first layers.
        #[serde(default)]
        stem: Stem,
    },
    /// `PP-LCNet` (Cui et al., 2021) as timm builds it.
    PpLcNet {
        /// 0.35, 0.5, 0.75, 1 or 1.5.
        #[serde(default = "default_width")]
        width: f32,
        /// The first layers.
        #[serde(default)]
        stem: Stem,
    },
    /// `RegNet` (Radosavovic et al., 2020) as torchvision builds it.
    RegNet {
        /// Which of them.
        variant: RegNetVariant,
        /// The first layers.
        #[serde(default)]
        stem: Stem,
    },
}

/// The sizes of `MobileNetV3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MobileNetV3Variant {
    /// 2.5 million parameters for 1,000 classes.
    Small,
    /// 5.5 million.
    Large,
}

/// The `EfficientNet`s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EfficientNetVariant {
    /// The smallest of the paper.
    B0,
    /// The same without squeeze and excitation, and with `ReLU6` in place of swish.
    Lite0,
}

/// The `RegNet`s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegNetVariant {
    /// With squeeze and excitation, 400 million multiply-accumulates at 224 pixels.
    Y400MF,
}

impl Model {
    /// Its first layers, where its family has a choice of them.
    #[must_use]
    pub fn stem(&self) -> Option<Stem> {
        self.clone().stem_mut().copied()
    }

    /// The same model with these first layers, where its family has a choice.
    #[must_use]
    pub fn with_stem(&self, first: Stem) -> Self {
        let mut model = self.clone();
        if let Some(stem) = model.stem_mut() {
            *stem = first;
        }
        model
    }

    fn stem_mut(&mut self) -> Option<&mut Stem> {
        match self {
            Self::ResNet { stem, .. }
            | Self::MobileNetV2 { stem, .. }
            | Self::MobileNetV3 { stem, .. }
            | Self::ShuffleNetV2 { stem, .. }
            | Self::EfficientNet { stem, .. }
            | Self::PpLcNet { stem, .. }
            | Self::RegNet { stem, .. } => Some(stem),
            Self::Mlp { .. }
            | Self::Cnn { .. }
            | Self::ResNetCifar { .. }
            | Self::WideResNet { .. }
            | Self::Vgg { .. } => None,
        }
    }
}

/// The first layers of a network made for 224-pixel images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Stem {
    /// Small for images under 64 pixels, standard otherwise.
    #[default]
    Auto,
    /// As published: the image is a quarter as high and wide after them.
    Standard,
    /// 3×3, with stride 1 in place of the first two halvings, for images of 32 or 64
    /// pixels.
    Small,
}

fn default_cifar_width() -> usize {
    16
}

fn default_width() -> f32 {
    1.0
}
