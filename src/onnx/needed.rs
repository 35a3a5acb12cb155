//! What of a graph some of its values are computed from. Engines differ in what they do with the rest: rten
//! leaves it, onnxruntime runs it.

use std::collections::BTreeSet;

use super::proto::GraphProto;

/// Which nodes, weights, inputs and outputs of a graph are needed, in the order of the file.
#[derive(Debug)]
pub struct Kept {
    pub nodes: Vec<bool>,
    pub weights: Vec<bool>,
    pub inputs: Vec<bool>,
    pub outputs: Vec<bool>,
}

impl Kept {
    /// Whether nothing of the graph is left out.
    pub fn is_all(&self) -> bool {
        let lists = [&self.nodes, &self.weights, &self.inputs, &self.outputs];
        lists.into_iter().flatten().all(|kept| *kept)
    }
}

/// Leaves of a graph, whose nodes are in order, what these values are computed from.
pub fn keep_only(graph: &mut GraphProto, values: &[&str]) -> Kept {
    let mut needed: BTreeSet<&str> = values.iter().copied().collect();
    let mut nodes = vec![false; graph.node.len()];
    for (node, kept) in graph.node.iter().zip(&mut nodes).rev() {
        *kept = node.output.iter().any(|it| needed.contains(it.as_str()));
        if *kept {
            needed.extend(node.used());
        }
    }
    let weight: BTreeSet<&str> = graph
        .initializer
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    // Weights may be among the inputs; what takes the images stays.
    let inputs = graph.input.iter().map(|it| it.name.as_str());
    let inputs = inputs.map(|name| !weight.contains(name) || needed.contains(name));
    let weights = graph.initializer.iter();
    let kept = Kept {
        nodes,
        weights: weights
            .map(|it| needed.contains(it.name.as_str()))
            .collect(),
        inputs: inputs.collect(),
        outputs: graph
            .output
            .iter()
            .map(|it| values.contains(&it.name.as_str()))
            .collect(),
    };
    retain(&mut graph.node, &kept.nodes);
    retain(&mut graph.initializer, &kept.weights);
    retain(&mut graph.input, &kept.inputs);
    retain(&mut graph.output, &kept.outputs);
    kept
}

fn retain<T>(list: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    list.retain(|_| kept.next().is_none_or(|kept| *kept));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::AttributeProto;
    use crate::onnx::testing::{model, node, value, weights};

    #[test]
    fn nodes_weights_and_outputs_that_nothing_needs_are_left_out() {
        let mut graph = model(None, None, false).graph.unwrap();
        let all = graph.clone();
        assert!(keep_only(&mut graph, &["logits"]).is_all());
        assert_eq!(graph, all);
        graph.initializer.push(weights("unused", &[1], &[0.0]));
        graph.input.push(value("unused", &[Some(1)]));
        graph.output.push(value("spare", &[Some(1)]));
        let spare = node("Exp", &["features"], "before", Vec::new());
        graph.node.push(spare);
        graph
            .node
            .push(node("Add", &["before", "unused"], "spare", Vec::new()));
        let kept = keep_only(&mut graph, &["logits"]);
        assert_eq!(graph, all);
        assert_eq!(kept.nodes, [true, true, true, false, false]);
        assert_eq!(kept.weights, [true, false]);
        assert_eq!(kept.inputs, [true, false]);
        assert_eq!(kept.outputs, [true, false]);
    }

    #[test]
    fn what_a_branch_takes_from_around_it_is_needed() {
        let branch = AttributeProto {
            name: "then_branch".to_owned(),
            g: Some(GraphProto {
                node: vec![node("Relu", &["around"], "inside", Vec::new())],
                output: vec![value("inside", &[])],
                ..GraphProto::default()
            }),
            ..AttributeProto::default()
        };
        let mut graph = GraphProto {
            node: vec![
                node("Neg", &["images"], "around", Vec::new()),
                node("If", &["condition"], "chosen", vec![branch]),
            ],
            output: vec![value("chosen", &[])],
            ..GraphProto::default()
        };
        assert!(keep_only(&mut graph, &["chosen"]).is_all());
    }
}
