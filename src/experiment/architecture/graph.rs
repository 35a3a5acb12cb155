//! A network as a list of layers, and the parameters that they need.
//!
//! The order of parameters and statistics is that of a walk over the layers, a
//! residual's body before its shortcut. It is also the order of PyTorch's
//! `state_dict`, and the order in which the engine keeps them.

/// Added to the variance by every batch normalisation, PyTorch's default.
pub const BATCH_NORM_EPSILON: f64 = 1e-5;

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
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
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
}

/// Batch normalisation: scale and shift per channel, running statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchNorm {
    /// Module path.
    pub name: String,
    /// Channels.
    pub channels: usize,
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
    /// and MobileNetV2.
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

/// Visits every layer, a residual before what is in it.
fn walk<'a>(layers: &'a [Layer], visit: &mut impl FnMut(&'a Layer)) {
    for layer in layers {
        visit(layer);
        if let Layer::Residual(residual) = layer {
            walk(&residual.body, visit);
            walk(&residual.shortcut, visit);
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
    /// The tensors that this layer needs itself.
    fn parameters(&self) -> Vec<ParameterSpec> {
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
            Self::Relu
            | Self::Relu6
            | Self::MaxPool(_)
            | Self::AveragePool(_)
            | Self::Flatten
            | Self::Residual(_) => Vec::new(),
        }
    }
}

impl Conv {
    /// Kernel by He et al. (2015), normal over fan-out, as torchvision starts
    /// all its residual networks, VGG and MobileNetV2; bias 0.
    fn parameters(&self) -> Vec<ParameterSpec> {
        let fan_out = self.outputs * self.kernel * self.kernel;
        let mut specs = vec![ParameterSpec {
            name: format!("{}.weight", self.name),
            shape: vec![
                self.outputs,
                self.inputs / self.groups,
                self.kernel,
                self.kernel,
            ],
            decays: true,
            initial: Initial::Normal((2.0 / fan_out as f64).sqrt()),
        }];
        if self.bias {
            specs.push(ParameterSpec {
                name: format!("{}.bias", self.name),
                shape: vec![self.outputs],
                decays: false,
                initial: Initial::Constant(0.0),
            });
        }
        specs
    }
}

impl Linear {
    fn parameters(&self) -> Vec<ParameterSpec> {
        let bound = 1.0 / (self.inputs as f64).sqrt();
        let (weight, bias) = match self.init {
            LinearInit::Default => (Initial::Uniform(bound), Initial::Uniform(bound)),
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
