//! The engine that is always there: rten, in Rust and on the processor.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rten::{Model, ModelOptions, NodeId, Value};
use rten_tensor::NdTensor;

use crate::onnx::OnnxFile;
use crate::untrusted::{clean_line, read_limited};

/// The engine and the version of the crate.
pub const NAME: &str = "rten 0.27";

/// Nodes that fit into the stack of any thread.
const FEW_NODES: usize = 1000;

/// Stack for a node of more than these, bytes: rten plans a run by going from each
/// node to those before it.
const STACK_PER_NODE: usize = 4096;

/// A model that was loaded.
pub struct Loaded {
    model: Model,
    nodes: usize,
}

impl Loaded {
    /// The number of an input, of a node or of what it gives.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn id(&self, name: &str) -> Result<NodeId, String> {
        self.model.node_id(name).map_err(|error| error.to_string())
    }
}

/// A model with its input and its outputs.
pub struct Rten {
    model: Loaded,
    input: NodeId,
    outputs: Vec<NodeId>,
}

impl Rten {
    /// Makes a file ready.
    ///
    /// # Errors
    /// What the engine says.
    pub fn open(file: OnnxFile, input: &str, outputs: &[&str]) -> Result<Self, String> {
        Self::loaded(load(file, true)?, input, outputs)
    }

    /// The same of a file that runs as it is written, so that each of its values is there.
    ///
    /// # Errors
    /// What the engine says.
    pub fn as_written(file: OnnxFile, input: &str, values: &[&str]) -> Result<Self, String> {
        Self::loaded(load(file, false)?, input, values)
    }

    fn loaded(model: Loaded, input: &str, outputs: &[&str]) -> Result<Self, String> {
        let outputs = outputs.iter().map(|name| model.id(name));
        Ok(Self {
            outputs: outputs.collect::<Result<_, _>>()?,
            input: model.id(input)?,
            model,
        })
    }

    /// The values of these outputs, by their places, for images of this shape.
    ///
    /// # Errors
    /// What the engine says.
    pub fn run_for<T>(
        &self,
        images: Vec<T>,
        shape: [usize; 4],
        outputs: &[usize],
    ) -> Result<Vec<Vec<f32>>, String>
    where
        Value: From<NdTensor<T, 4>>,
    {
        let outputs: Vec<NodeId> = outputs.iter().map(|&at| self.outputs[at]).collect();
        let values = run(&self.model, (self.input, images, shape), &outputs)?;
        values.into_iter().map(floats).collect()
    }

    /// The values of all outputs for images of this shape.
    ///
    /// # Errors
    /// What the engine says.
    pub fn run(&self, images: Vec<f32>, shape: [usize; 4]) -> Result<Vec<Vec<f32>>, String> {
        let all: Vec<usize> = (0..self.outputs.len()).collect();
        self.run_for(images, shape, &all)
    }
}

fn floats(value: Value) -> Result<Vec<f32>, String> {
    let values = value.into_tensor::<f32>();
    let values = values.ok_or("a value does not hold 32-bit floats")?;
    Ok(values.into_data())
}

/// Loads a file; as it is written, or made faster.
pub fn load(file: OnnxFile, faster: bool) -> Result<Loaded, String> {
    let nodes = file.nodes().len();
    let model = guarded(nodes, || {
        let mut options = ModelOptions::with_all_ops();
        options.enable_optimization(faster).prepack_weights(faster);
        // It takes no other endings of names.
        let names = file.beside().keys().zip(0..);
        let names = names.map(|(name, at)| (name.clone(), format!("{at}.data")));
        let names: BTreeMap<String, String> = names.collect();
        for (name, path) in file.beside() {
            let bytes = read_limited(path, u64::MAX).map_err(|error| error.to_string())?;
            options.external_data(&names[name], bytes);
        }
        options
            .load(file.into_bytes(&names))
            .map_err(|error| error.to_string())
    })?;
    Ok(Loaded { model, nodes })
}

/// Runs a model for the values of these nodes.
pub fn run<T>(
    Loaded { model, nodes }: &Loaded,
    (input, images, shape): (NodeId, Vec<T>, [usize; 4]),
    outputs: &[NodeId],
) -> Result<Vec<Value>, String>
where
    Value: From<NdTensor<T, 4>>,
{
    let images = Value::from(NdTensor::from_data(shape, images));
    guarded(*nodes, || {
        let inputs = vec![(input, images.into())];
        let values = model.run(inputs, outputs, None);
        values.map_err(|error| error.to_string())
    })
}

/// The engine's answer, with as much stack as so many nodes take, or what it says where
/// it panics: a file is not ours.
fn guarded<T: Send>(
    nodes: usize,
    work: impl FnOnce() -> Result<T, String> + Send,
) -> Result<T, String> {
    if nodes > FEW_NODES {
        return std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(nodes * STACK_PER_NODE);
            let work = thread.spawn_scoped(scope, || guarded(0, work));
            let work =
                work.map_err(|error| format!("its {nodes} nodes take much stack: {error}"))?;
            work.join().map_err(|_| "it failed inside".to_owned())?
        });
    }
    let text = |panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("it failed inside ({})", text.unwrap_or("no reason given"))
    };
    let found = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(text(panic)));
    found.map_err(|reason| clean_line(&reason).into_owned())
}
