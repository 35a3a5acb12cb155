//! What is noted while a tree is read as a type.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

use serde::de;

use super::diagnostic::MAX_DIAGNOSTICS;
use super::finding::Finding;
use super::tree::{Node, Span};

/// A place whose value is a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Taint {
    /// A value that is wrong.
    Value(usize, usize),
    /// A field that the value starting here does not have.
    Missing(usize, &'static str),
}

/// What is noted on the way.
#[derive(Default)]
pub(super) struct Notes {
    pub findings: RefCell<Vec<Finding>>,
    /// Findings beyond the most that are kept.
    pub more: Cell<usize>,
    pub tainted: RefCell<BTreeSet<Taint>>,
}

impl Notes {
    /// Keeps a finding, or counts it where there are too many: working out what
    /// was probably meant takes time.
    pub fn find(&self, finding: impl FnOnce() -> Finding) {
        if self.is_full() {
            self.more.set(self.more.get() + 1);
        } else {
            let finding = finding();
            self.findings.borrow_mut().push(finding);
        }
    }

    /// Whether further findings are only counted.
    pub fn is_full(&self) -> bool {
        self.findings.borrow().len() >= MAX_DIAGNOSTICS
    }

    /// Begins another pass.
    pub fn clear(&self) {
        self.findings.borrow_mut().clear();
        self.more.set(0);
    }

    pub fn taint(&self, span: &Span) {
        let taint = Taint::Value(span.start, span.end);
        self.tainted.borrow_mut().insert(taint);
    }

    /// Remembers that a field is missing; whether that is news.
    pub fn miss(&self, node: &Node, field: &'static str) -> bool {
        let taint = Taint::Missing(node.span.start, field);
        self.tainted.borrow_mut().insert(taint)
    }

    /// Fields known to be missing from the value at `start`.
    pub fn missing(&self, start: usize) -> Vec<&'static str> {
        self.tainted
            .borrow()
            .iter()
            .filter_map(|taint| match taint {
                Taint::Missing(at, field) if *at == start => Some(*field),
                _ => None,
            })
            .collect()
    }
}

/// Why a pass was broken off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A field is missing from the struct being read.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Something was remembered that makes the next pass get further.
    #[error("read again")]
    Again,
    /// Something a type says about itself.
    #[error("{0}")]
    Other(String),
}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}
