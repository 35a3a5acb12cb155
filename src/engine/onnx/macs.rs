//! What one image costs a model: its multiply-accumulates, counted from the sizes
//! that a run on one image has.

use rten::NodeId;
use rten_tensor::Layout;

use super::rten::{load, run};
use crate::onnx::proto::NodeProto;
use crate::onnx::{ImageInput, OnnxFile, PixelOrder};

/// Multiply-accumulates of an image of this height and width; none where an
/// operation multiplies in a way that is not counted here, or that rten does not know.
#[must_use]
pub fn macs(file: OnnxFile, input: &ImageInput, (height, width): (usize, usize)) -> Option<u64> {
    let counted = counted(&file)?;
    let model = load(file, false).ok()?;
    let id = |name: &str| model.id(name).ok();
    let names = counted.iter().flat_map(Product::names);
    let outputs: Vec<NodeId> = names.map(id).collect::<Option<_>>()?;
    let (images, takes_bytes) = (input.batch.unwrap_or(1), input.takes_bytes);
    let shape = match input.order {
        PixelOrder::ChannelsFirst => [images, 3, height, width],
        PixelOrder::ChannelsLast => [images, height, width, 3],
    };
    let (input, pixels) = (id(&input.name)?, shape.iter().product());
    let values = if takes_bytes {
        run(&model, (input, vec![0_u8; pixels], shape), &outputs)
    } else {
        run(&model, (input, vec![0.0_f32; pixels], shape), &outputs)
    };
    let values = values.ok()?;
    let mut values = values.iter();
    let mut sum = 0;
    for product in &counted {
        let elements = values.next().map_or(0, |value| value.len() as u64);
        sum += elements
            * match product.length {
                Length::Known(length) => length,
                Length::LastSideOf(_) => {
                    let factor = values
                        .next()
                        .and_then(|value| value.shape().last().copied());
                    factor.unwrap_or(0) as u64
                }
            };
    }
    Some(sum / images as u64)
}

/// An operation that multiplies: its output, and how many products are added for
/// every element of it.
struct Product {
    output: String,
    length: Length,
}

enum Length {
    Known(u64),
    /// As long as the last side of this value.
    LastSideOf(String),
}

impl Product {
    /// The values whose sizes must be known.
    fn names(&self) -> impl Iterator<Item = &str> {
        let factor = match &self.length {
            Length::Known(_) => None,
            Length::LastSideOf(factor) => Some(factor.as_str()),
        };
        std::iter::once(self.output.as_str()).chain(factor)
    }
}

/// Operations that multiply; none if one of them is not known here.
fn counted(file: &OnnxFile) -> Option<Vec<Product>> {
    let multiplies = file.nodes().iter().filter(|node| {
        matches!(
            node.op_type.as_str(),
            "Conv"
                | "Gemm"
                | "MatMul"
                | "ConvTranspose"
                | "Einsum"
                | "LSTM"
                | "GRU"
                | "If"
                | "Loop"
                | "Scan"
                | "QLinearConv"
                | "QLinearMatMul"
                | "ConvInteger"
                | "MatMulInteger"
                | "Attention"
        )
    });
    multiplies.map(|node| product(file, node)).collect()
}

fn product(file: &OnnxFile, node: &NodeProto) -> Option<Product> {
    let sides = |at: usize| file.constant_sides(node.input.get(at)?);
    let known = |length: &[i64]| {
        let sides = length.iter().map(|side| u64::try_from(*side).ok());
        sides.product::<Option<u64>>().map(Length::Known)
    };
    let length = match node.op_type.as_str() {
        "Conv" => known(sides(1)?.get(1..)?)?,
        "Gemm" => {
            let [first, second] = sides(1)? else {
                return None;
            };
            let mut flags = node.attribute.iter();
            let transposed = flags.any(|it| it.name == "transB" && it.i != 0);
            known(&[if transposed { *second } else { *first }])?
        }
        "MatMul" => match sides(1) {
            Some([.., inputs, _]) => known(&[*inputs])?,
            _ => Length::LastSideOf(node.input.first()?.clone()),
        },
        _ => return None,
    };
    Some(Product {
        output: node.output.first()?.clone(),
        length,
    })
}
