//! A network as a list of layers, and the parameters that they need.
//!
//! The order of parameters and statistics is that of a walk over the layers, a
//! residual's body before its shortcut. It is the order in which the engine keeps
//! them.

/// A network for images of one size and a number of classes. Takes images
/// `[batch, 3, height, width]`, gives logits `[batch, classes]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Family and size, for people.
    pub name: String,
    /// Height and width of the images, pixels.
    pub size: (u32, u32),
    /// Number of classes.
    pub classes: usize,
    /// Layers in the order of evaluation.
    pub layers: Vec<Layer>,
}

/// One layer. Those with parameters carry the path of their PyTorch module.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// Square convolution.
    Conv(Conv),
    /// Batch normalisation over channels.
    BatchNorm(BatchNorm),
    /// A function of every value alone.
    Activation(Activation),
    /// Square max pooling.
    MaxPool(MaxPool),
    /// Average pooling to a given size, whatever the input's.
    AveragePool(AveragePool),
    /// `[batch, channels, height, width]` to `[batch, features]`.
    Flatten,
    /// Fully connected.
    Linear(Linear),
    /// Body plus shortcut.
    Residual(Residual),
    /// Every channel times a factor that layers make of all of them.
    Scale(Scale),
    /// The channels of two branches, one after the other.
    Concat(Concat),
    /// The first channels of all groups, then the second ones, and so on.
    Shuffle(Shuffle),
}

/// A function of every value alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
    /// 1 / (1 + exp(−x)).
    Sigmoid,
    /// min(max(0, x + 3), 6) / 6.
    HardSigmoid,
    /// x · sigmoid(x), also called swish.
    Silu,
    /// x · hard sigmoid(x).
    HardSwish,
}

/// A square convolution with zero padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conv {
    /// Module path.
    pub name: String,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Zeros on every side.
    pub padding: usize,
    /// Groups of channels that do not mix.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
    /// How it starts.
    pub init: ConvInit,
}

/// How a convolution starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConvInit {
    /// Kernel normal over the fan-out (He et al., 2015), whatever the groups, bias
    /// 0: torchvision's residual networks, VGG, `MobileNet`s, `EfficientNet` and `RegNet`.
    FanOut,
    /// The same over the fan-out of a group: timm's families of Google.
    GroupFanOut,
    /// Kernel and bias uniform in ±1/√fan-in: PyTorch's default.
    Default,
}

/// Batch normalisation: scale and shift per channel, running statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    /// Module path.
    pub name: String,
    /// Channels.
    pub channels: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// Share of the newest batch in running statistics.
    pub momentum: f64,
}

/// Square max pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool {
    /// Height and width of the window.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Padding on every side, never chosen as the maximum.
    pub padding: usize,
}

/// Average pooling to a given size, PyTorch's `AdaptiveAvgPool2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePool {
    /// Height and width of the output.
    pub side: usize,
}

/// A fully connected layer with bias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linear {
    /// Module path.
    pub name: String,
    /// Input features.
    pub inputs: usize,
    /// Output features.
    pub outputs: usize,
    /// How it starts.
    pub init: LinearInit,
}

/// How a fully connected layer starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearInit {
    /// Weight and bias uniform in ±1/√inputs: PyTorch's default.
    Default,
    /// Weight normal with standard deviation 0.01, bias 0: torchvision's VGG
    /// and `MobileNet`s.
    SmallNormal,
}

/// A sum of two branches over the same input.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// The branch that learns the difference.
    pub body: Vec<Layer>,
    /// The other branch; the identity if empty.
    pub shortcut: Vec<Layer>,
}

/// Channels times factors, as in squeeze and excitation (Hu et al., 2018).
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// What makes `[channels, 1, 1]` factors of the input.
    pub factors: Vec<Layer>,
}

/// Two branches side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Concat {
    /// Whether the first branch takes the first half of the channels and the second
    /// the other; else both take all.
    pub halves: bool,
    /// Gives the first channels; the identity if empty.
    pub first: Vec<Layer>,
    /// Gives the channels after them; the identity if empty.
    pub second: Vec<Layer>,
}

/// Channels of groups in turns, as in `ShuffleNet` (Zhang et al., 2018).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shuffle {
    /// Number of groups.
    pub groups: usize,
}

/// A trainable tensor that a graph needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSpec {
    /// PyTorch's name: module path and `weight` or `bias`.
    pub name: String,
    /// PyTorch's shape.
    pub shape: Vec<usize>,
    /// Whether weight decay applies: to kernels and matrices, not to biases
    /// and normalisation.
    pub decays: bool,
    /// How it starts.
    pub initial: Initial,
}

/// Distribution of a parameter's first values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// All the same.
    Constant(f32),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform between minus and plus this bound.
    Uniform(f64),
}

/// Running mean, variance and count of one batch normalisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsSpec {
    /// Module path; PyTorch's names add `running_mean`, `running_var` and
    /// `num_batches_tracked`.
    pub name: String,
    /// Channels.
    pub channels: usize,
}

impl Graph {
    /// Every trainable tensor, in the order of the walk.
    #[must_use]
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = Vec::new();
        walk(&self.layers, &mut |layer| specs.extend(layer.parameters()));
        specs
    }

    /// Statistics of every batch normalisation, in the order of the walk.
    #[must_use]
    pub fn statistics(&self) -> Vec<StatisticsSpec> {
        let mut specs = Vec::new();
        walk(&self.layers, &mut |layer| {
            if let Layer::BatchNorm(norm) = layer {
                specs.push(StatisticsSpec {
                    name: norm.name.clone(),
                    channels: norm.channels,
                });
            }
        });
        specs
    }

    /// The module that gives the logits: the last fully connected layer.
    #[must_use]
    pub fn classifier(&self) -> Option<&str> {
        self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Linear(linear) => Some(linear.name.as_str()),
            _ => None,
        })
    }

    /// Share of the newest batch in the running statistics of the slowest
    /// normalisation.
    #[must_use]
    pub fn least_momentum(&self) -> f64 {
        let mut least = 1.0_f64;
        walk(&self.layers, &mut |layer| {
            if let Layer::BatchNorm(norm) = layer {
                least = least.min(norm.momentum);
            }
        });
        least
    }

    /// Number of trainable values.
    #[must_use]
    pub fn parameter_count(&self) -> u64 {
        self.parameters()
            .iter()
            .map(|spec| product(&spec.shape))
            .fold(0, u64::saturating_add)
    }

    /// Bytes of the 32-bit weights, running statistics included: what a device
    /// must hold.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let statistics: u64 = self
            .statistics()
            .iter()
            .map(|spec| 2 * spec.channels as u64)
            .sum();
        self.parameter_count()
            .saturating_add(statistics)
            .saturating_mul(4)
    }
}

/// Visits every layer, one with branches before what is in them.
pub(super) fn walk<'a>(layers: &'a [Layer], visit: &mut impl FnMut(&'a Layer)) {
    for layer in layers {
        visit(layer);
        for branch in layer.branches() {
            walk(branch, visit);
        }
    }
}

/// Product of sizes, saturated so that absurd ones are refused, not wrapped.
pub(super) fn product(sizes: &[usize]) -> u64 {
    sizes
        .iter()
        .fold(1, |product: u64, &size| product.saturating_mul(size as u64))
}

impl Layer {
    /// The layers within it, in the order of evaluation.
    pub(super) fn branches(&self) -> [&[Self]; 2] {
        match self {
            Self::Residual(residual) => [&residual.body, &residual.shortcut],
            Self::Concat(concat) => [&concat.first, &concat.second],
            Self::Scale(scale) => [&scale.factors, &[]],
            Self::Conv(_)
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::MaxPool(_)
            | Self::AveragePool(_)
            | Self::Flatten
            | Self::Linear(_)
            | Self::Shuffle(_) => [&[], &[]],
        }
    }

    /// The tensors that this layer needs itself.
    pub(super) fn parameters(&self) -> Vec<ParameterSpec> {
        match self {
            Self::Conv(conv) => conv.parameters(),
            Self::BatchNorm(norm) => [("weight", 1.0), ("bias", 0.0)]
                .map(|(part, value)| ParameterSpec {
                    name: format!("{}.{part}", norm.name),
                    shape: vec![norm.channels],
                    decays: false,
                    initial: Initial::Constant(value),
                })
                .into(),
            Self::Linear(linear) => linear.parameters(),
            Self::Activation(_)
            | Self::MaxPool(_)
            | Self::AveragePool(_)
            | Self::Flatten
            | Self::Residual(_)
            | Self::Scale(_)
            | Self::Concat(_)
            | Self::Shuffle(_) => Vec::new(),
        }
    }
}

impl Conv {
    /// The kernel, and the bias if there is one.
    #[must_use]
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let window = self.kernel * self.kernel;
        let normal = |fan_out: usize| Initial::Normal((2.0 / fan_out as f64).sqrt());
        let zero = Initial::Constant(0.0);
        let (kernel, bias) = match self.init {
            ConvInit::FanOut => (normal(self.outputs * window), zero),
            ConvInit::GroupFanOut => (normal(self.outputs * window / self.groups), zero),
            ConvInit::Default => {
                let fan_in = self.inputs / self.groups * window;
                let uniform = Initial::Uniform(1.0 / (fan_in as f64).sqrt());
                (uniform, uniform)
            }
        };
        let mut specs = vec![ParameterSpec {
            name: format!("{}.weight", self.name),
            shape: vec![
                self.outputs,
                self.inputs / self.groups,
                self.kernel,
                self.kernel,
            ],
            decays: true,
            initial: kernel,
        }];
        if self.bias {
            specs.push(ParameterSpec {
                name: format!("{}.bias", self.name),
                shape: vec![self.outputs],
                decays: false,
                initial: bias,
            });
        }
        specs
    }
}

impl Linear {
    fn parameters(&self) -> Vec<ParameterSpec> {
        let (weight, bias) = match self.init {
            LinearInit::Default => {
                let uniform = Initial::Uniform(1.0 / (self.inputs as f64).sqrt());
                (uniform, uniform)
            }
            LinearInit::SmallNormal => (Initial::Normal(0.01), Initial::Constant(0.0)),
        };
        vec![
            ParameterSpec {
                name: format!("{}.weight", self.name),
                shape: vec![self.outputs, self.inputs],
                decays: true,
                initial: weight,
            },
            ParameterSpec {
                name: format!("{}.bias", self.name),
                shape: vec![self.outputs],
                decays: false,
                initial: bias,
            },
        ]
    }
}
