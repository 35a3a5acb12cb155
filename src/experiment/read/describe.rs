//! Values of the tree in sentences.

use super::tree::{Kind, Node, Span};

/// The place of a value's name, or of the value.
pub(super) fn name_span(node: &Node) -> Span {
    match &node.kind {
        Kind::Fields(Some(name), _) | Kind::Items(Some(name), _) => name.span.clone(),
        _ => node.focus(),
    }
}

/// A value in a sentence.
pub(super) fn describe(node: &Node) -> String {
    match &node.kind {
        Kind::Whole(text) | Kind::Decimal(text) => format!("`{text}`"),
        Kind::Text(text) if text.chars().count() <= 30 => format!("the text \"{text}\""),
        Kind::Text(_) => "a text".to_owned(),
        Kind::Character => "a character in single quotes".to_owned(),
        Kind::Truth(value) => format!("`{value}`"),
        Kind::Name(name) => format!("`{name}`"),
        Kind::Fields(Some(name), _) | Kind::Items(Some(name), _) => format!("`{}(…)`", name.text),
        Kind::Fields(None, _) => "named values in parentheses".to_owned(),
        Kind::Items(None, items) if items.is_empty() => "`()`".to_owned(),
        Kind::Items(None, items) if items.len() == 1 => "a value in parentheses".to_owned(),
        Kind::Items(None, items) => format!("{} values in parentheses", items.len()),
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a map `{…}`".to_owned(),
        Kind::Broken => "nothing readable".to_owned(),
    }
}

/// The same with its article.
pub(super) fn a_noun(type_name: &str) -> String {
    let noun = noun(type_name);
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}

/// What an enum's values are called: `MethodSpec` is a method.
pub(super) fn noun(type_name: &str) -> String {
    match type_name {
        "ValidSpec" => return "validation set".to_owned(),
        "Source" => return "source of images".to_owned(),
        "LibTorchDevice" => return "device".to_owned(),
        "NormalizeSpec" | "InputNormalize" => return "normalization".to_owned(),
        "ClassNames" => return "list of class names".to_owned(),
        "ClassWeights" => return "list of class weights".to_owned(),
        "Update" => return "update rule".to_owned(),
        _ => {}
    }
    let stem = type_name
        .trim_end_matches("Spec")
        .trim_start_matches("Custom");
    let mut noun = String::new();
    for c in stem.chars() {
        if c.is_uppercase() && !noun.is_empty() {
            noun.push(' ');
        }
        noun.extend(c.to_lowercase());
    }
    noun
}
