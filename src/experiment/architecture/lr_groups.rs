//! Groups of parameters for layer-wise learning-rate decay: blocks from the images to the
//! classifier, each with a factor of the learning rate. K. Clark et al., "ELECTRA", 2020, for
//! networks of blocks as in timm's `param_groups_layer_decay`.
//!
//! A block is what timm's patterns for these networks make of them: a residual block or
//! one of two branches is one, and so are the layers in a row of a module with a number, such as
//! `features.3`; the stem, what follows the blocks, and each layer of the classifier stand
//! alone, with their normalisations.

use serde::Serialize;

use super::graph::{Graph, Layer, walk};
use super::is_in_module;

/// Parameters that are trained with one learning rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LrGroup {
    /// Path of the module that they are in, or of the first one.
    pub name: String,
    /// What their learning rate is multiplied by.
    pub factor: f64,
    /// Their names.
    #[serde(skip)]
    pub parameters: Vec<String>,
}

impl Graph {
    /// Its blocks in the order of evaluation. The last one, the classifier, has the factor 1,
    /// each before it that of the next times `decay`.
    #[must_use]
    pub fn lr_groups(&self, decay: f64) -> Vec<LrGroup> {
        let mut groups: Vec<LrGroup> = Vec::new();
        let mut after_convolution = false;
        for layer in &self.layers {
            let mut parameters = Vec::new();
            walk(std::slice::from_ref(layer), &mut |layer| {
                let specs = layer.parameters();
                parameters.extend(specs.into_iter().map(|spec| spec.name));
            });
            let Some(name) = block(layer, &parameters) else {
                continue;
            };
            let normalises = matches!(layer, Layer::BatchNorm(_)) && after_convolution;
            after_convolution = matches!(layer, Layer::Conv(_));
            match groups.last_mut() {
                Some(last) if normalises || last.name == name => last.parameters.extend(parameters),
                // A normalisation before the branches of a block is in it.
                Some(last) if is_in_module(&name, &last.name) => {
                    last.name = name;
                    last.parameters.extend(parameters);
                }
                _ => groups.push(LrGroup {
                    name,
                    factor: 1.0,
                    parameters,
                }),
            }
        }
        let mut factor = 1.0;
        for group in groups.iter_mut().rev() {
            group.factor = factor;
            factor *= decay;
        }
        groups
    }
}

/// Path of the block that a layer of the network is in, if it has parameters.
fn block(layer: &Layer, parameters: &[String]) -> Option<String> {
    let modules = parameters.iter().filter_map(|name| name.rsplit_once('.'));
    let mut modules = modules.map(|(module, _)| module);
    let first = modules.next()?;
    let is_block = matches!(layer, Layer::Residual(_) | Layer::Concat(_));
    let shared = modules.fold(first, |shared, module| {
        let same = shared.bytes().zip(module.bytes());
        &shared[..same.take_while(|(one, other)| one == other).count()]
    });
    // Up to the last whole name that all have.
    let shared = match shared.rsplit_once('.') {
        Some((whole, _)) if shared != first => whole,
        _ => shared,
    };
    Some(if is_block {
        up_to_number(shared).to_owned()
    } else {
        numbered(first).to_owned()
    })
}

/// The last module of a path whose name is a number, or ends with one behind a dash: `features.3`
/// of `features.3.conv`, and `block2.block2-1` of `block2.block2-1.f`.
fn up_to_number(path: &str) -> &str {
    let is_number = |name: &str| {
        let end = name.rsplit('-').next().unwrap_or(name);
        !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut rest = path;
    loop {
        match rest.rsplit_once('.') {
            Some((_, name)) if is_number(name) => return rest,
            Some((before, _)) => rest = before,
            None => return path,
        }
    }
}

/// The module with a number that a path leads through: `features.3` of `features.3.conv.0`,
/// `blocks.1.0` of `blocks.1.0.conv_dw`, and `conv1` of `conv1`.
fn numbered(path: &str) -> &str {
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let mut end = 0;
    for name in path.split('.') {
        let has_number = path[..end].ends_with(|last: char| last.is_ascii_digit());
        if has_number && !is_number(name) {
            break;
        }
        end += name.len() + usize::from(end > 0);
    }
    &path[..end]
}
