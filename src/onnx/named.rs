//! Names of a file as they stand in messages: it may be anything, and so may they.

use super::proto::NodeProto;
use crate::untrusted::clean_line;

/// Characters of a name that are shown.
const MAX_PLACE: usize = 80;

/// A node in a message: by its name, which it need not have, or by what it gives.
pub fn called(node: &NodeProto) -> String {
    if !node.name.is_empty() {
        return format!("the node `{}`", place(&node.name));
    }
    let output = node.output.iter().find(|name| !name.is_empty());
    match output {
        Some(output) => format!("the node that gives `{}`", place(output)),
        None => "a node that gives nothing".to_owned(),
    }
}

/// A name of the file in a message. It may be as long as the file.
pub fn place(name: &str) -> String {
    let start: String = name.chars().take(MAX_PLACE + 1).collect();
    let name = clean_line(&start);
    if name.chars().count() <= MAX_PLACE {
        return name.into_owned();
    }
    name.chars().take(MAX_PLACE).chain(['…']).collect()
}
