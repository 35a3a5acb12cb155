//! From text to a tree of values, past every error.
//!
//! The tokens are `ronin-core`'s; the grammar is RON's, held more strictly than
//! `ronin-core` holds it (it lets a missing comma, colon or value pass) so that
//! each error is reported once, where it is, in terms of what to write.

use ronin_core::SyntaxKind;

use super::brackets::{Unmatched, unmatched};
use super::describe::describe;
use super::finding::Finding;
use super::tokens::tokens;
use super::tree::{Kind, Node, Span, Word};
use crate::experiment::tokens::Token;

/// Deeper values are refused; an experiment needs about ten levels.
const MAX_DEPTH: usize = 64;

/// Errors after which the text is not read further.
const MAX_FINDINGS: usize = 20;

/// What was read.
pub(super) struct Parsed {
    /// The value; `None` where there is none or brackets do not match, so that
    /// nothing can be said about its parts.
    pub root: Option<Node>,
    /// Errors.
    pub findings: Vec<Finding>,
}

/// What a file holds, for what is reported of one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// What it is called in a sentence.
    pub noun: &'static str,
    /// The same with its article.
    pub a_noun: &'static str,
    /// What stands before its parentheses.
    pub name: &'static str,
    /// What stands in them, in short.
    pub fields: &'static str,
    /// A file that holds one.
    pub example: &'static str,
}

impl Whole {
    /// An experiment.
    pub const EXPERIMENT: Self = Self {
        noun: "experiment",
        a_noun: "an experiment",
        name: "Experiment",
        fields: "data: …, student: …, method: …, epochs: …",
        example: "experiments/quickstart.ron",
    };

    /// Whether a text says that it is one.
    #[must_use]
    pub fn is_named_in(&self, text: &str) -> bool {
        let root = parse_whole(text, self).root;
        root.is_some_and(|root| root.name() == Some(self.name))
    }

    /// What is written.
    fn sketch(&self) -> String {
        format!("{} is {}({})", self.a_noun, self.name, self.fields)
    }
}

/// Reads an experiment.
pub(super) fn parse(text: &str) -> Parsed {
    parse_whole(text, &Whole::EXPERIMENT)
}

/// Reads a text that holds one of these.
pub(super) fn parse_whole(text: &str, whole: &Whole) -> Parsed {
    parse_as(text, |parser| parser.whole(whole))
}

/// Reads a value that is to stand in an experiment.
pub(super) fn parse_value(text: &str) -> Parsed {
    parse_as(text, |parser| Some(parser.single_value()))
}

fn parse_as<'t>(text: &'t str, whole: impl FnOnce(&mut Parser<'t>) -> Option<Node>) -> Parsed {
    let mut parser = Parser::new(text);
    let root = if parser.lost {
        None
    } else {
        whole(&mut parser)
    };
    let lost = parser.lost || parser.unmatched.is_some();
    let mut findings = parser.findings;
    if let Some(unmatched) = parser.unmatched {
        findings.retain(|finding| finding.span.start < unmatched.start);
        findings.push(unmatched.finding);
    }
    Parsed {
        root: root.filter(|_| !lost),
        findings,
    }
}

/// A text being read.
pub(super) struct Parser<'t> {
    pub text: &'t str,
    tokens: Vec<Token>,
    /// Number of the token that comes next.
    pub next: usize,
    findings: Vec<Finding>,
    /// A bracket without its counterpart; it takes the place of every error
    /// after it.
    unmatched: Option<Unmatched>,
    /// Set where what follows cannot be made sense of.
    pub lost: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        let tokens = tokens(text);
        let mut parser = Self {
            text,
            tokens: tokens.tokens,
            next: 0,
            findings: Vec::new(),
            unmatched: None,
            lost: false,
        };
        match tokens.unclosed {
            Some(finding) => parser.lose(finding),
            None => parser.unmatched = unmatched(text, &parser.tokens),
        }
        parser
    }

    fn whole(&mut self, whole: &Whole) -> Option<Node> {
        let Whole { name, noun, .. } = whole;
        self.attributes();
        if self.peek().is_none() {
            let message = format!("there is no {noun} in this file");
            let help = format!("{}; {} is one", whole.sketch(), whole.example);
            self.lose(Finding::new(0..0, message).help(help));
            return None;
        }
        let root = self.value(0);
        if !matches!(root.kind, Kind::Fields(..) | Kind::Items(..)) && !self.lost {
            let message = format!("expected {name}(…), found {}", describe(&root));
            self.lose(Finding::new(root.focus(), message).help(whole.sketch()));
            return None;
        }
        self.refuse_rest(&root, whole);
        Some(root)
    }

    fn single_value(&mut self) -> Node {
        let value = self.value(0);
        if !self.lost && self.peek().is_some() {
            let span = self.here();
            self.unexpected(&span, "the end of the value");
        }
        value
    }

    /// What follows the end of what the file holds.
    fn refuse_rest(&mut self, root: &Node, whole: &Whole) {
        let Whole { name, noun, .. } = whole;
        let Some(token) = self.peek().filter(|_| !self.lost) else {
            return;
        };
        let span = token.span.clone();
        let found = self.text[span.clone()].to_owned();
        let finding = match token.kind {
            SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace => {
                Finding::new(span, format!("this `{found}` closes nothing"))
                    .help("it is one too many, here or above")
            }
            SyntaxKind::Comma => Finding::new(
                root.span.end - 1..root.span.end,
                format!("this `)` closes the {noun}, but more follows"),
            )
            .help("it is one too many, here or above"),
            _ => Finding::new(span, format!("`{found}` follows the end of the {noun}"))
                .help(format!("a file holds one {name}(…)")),
        };
        self.lose(finding);
    }

    /// Skips `#![enable(…)]`; `ron` checks the names in it.
    fn attributes(&mut self) {
        while self.kind() == Some(SyntaxKind::Hash) {
            while let Some(kind) = self.kind() {
                self.next += 1;
                if kind == SyntaxKind::RBracket {
                    break;
                }
            }
        }
    }

    pub fn value(&mut self, depth: usize) -> Node {
        let Some(token) = self.peek() else {
            let end = self.text.len();
            return broken(end..end);
        };
        let (kind, span) = (token.kind, token.span.clone());
        if depth > MAX_DEPTH {
            self.lose(Finding::new(
                span.clone(),
                format!("values are nested more than {MAX_DEPTH} deep"),
            ));
            return broken(span);
        }
        match kind {
            SyntaxKind::LParen => self.group(None, depth),
            SyntaxKind::LBracket => self.list(depth),
            SyntaxKind::LBrace => self.map(depth),
            SyntaxKind::Ident | SyntaxKind::EnableKw => {
                self.next += 1;
                let text = self.text[span.clone()].to_owned();
                match self.kind() {
                    Some(SyntaxKind::LParen) => self.group(Some(Word { text, span }), depth),
                    Some(SyntaxKind::LBrace) => self.braced_variant(&text, span, depth),
                    _ => Node {
                        span,
                        kind: Kind::Name(text),
                    },
                }
            }
            _ => self.scalar(kind, span),
        }
    }

    fn scalar(&mut self, kind: SyntaxKind, span: Span) -> Node {
        self.next += 1;
        let text = &self.text[span.clone()];
        let kind = match kind {
            SyntaxKind::Integer if is_number(text) => Kind::Whole(text.to_owned()),
            SyntaxKind::Float if is_number(text) => Kind::Decimal(text.to_owned()),
            SyntaxKind::Integer | SyntaxKind::Float => {
                let message = format!("`{text}` is not a number");
                self.report(Finding::new(span.clone(), message));
                Kind::Broken
            }
            SyntaxKind::TrueKw => Kind::Truth(true),
            SyntaxKind::FalseKw => Kind::Truth(false),
            SyntaxKind::Char => Kind::Character,
            SyntaxKind::String | SyntaxKind::RawString => match ron::from_str::<String>(text) {
                Ok(unescaped) => Kind::Text(unescaped),
                Err(error) => {
                    self.report(
                        Finding::new(
                            span.clone(),
                            format!("this text cannot be read: {}", error.code),
                        )
                        .help("write a backslash as `\\\\`; for paths, `/` works everywhere"),
                    );
                    Kind::Broken
                }
            },
            _ => {
                self.unexpected(&span, "a value");
                Kind::Broken
            }
        };
        self.refuse_glued(&kind, &span);
        Node { span, kind }
    }

    /// `128px`, `1.2.3`: a number with something stuck to it.
    fn refuse_glued(&mut self, kind: &Kind, span: &Span) {
        if !matches!(kind, Kind::Whole(_) | Kind::Decimal(_)) {
            return;
        }
        let mut end = span.end;
        while let Some(token) = self.peek()
            && token.span.start == end
            && (matches!(
                token.kind,
                SyntaxKind::Ident | SyntaxKind::Integer | SyntaxKind::Float
            ) || &self.text[token.span.clone()] == ".")
        {
            end = token.span.end;
            self.next += 1;
        }
        if end > span.end {
            let whole = span.start..end;
            let message = format!("`{}` is not a number", &self.text[whole.clone()]);
            self.report(Finding::new(whole, message));
        }
    }

    /// `Name { … }`, which other languages have.
    fn braced_variant(&mut self, name: &str, span: Span, depth: usize) -> Node {
        if let Some(brace) = self.peek() {
            let brace = brace.span.clone();
            self.report(
                Finding::new(
                    brace,
                    format!("the values of `{name}` stand in parentheses"),
                )
                .help(format!("write {name}(…)")),
            );
        }
        let body = self.map(depth);
        broken(span.start..body.span.end)
    }

    pub fn unexpected(&mut self, span: &Span, expected: &str) {
        let found: String = self.text[span.clone()].chars().take(20).collect();
        self.report(Finding::new(
            span.clone(),
            format!("expected {expected}, found `{found}`"),
        ));
    }

    pub fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.lost |= self.findings.len() >= MAX_FINDINGS;
    }

    pub fn lose(&mut self, finding: Finding) {
        self.report(finding);
        self.lost = true;
    }

    pub fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    pub fn after_next(&self) -> Option<&Token> {
        self.tokens.get(self.next + 1)
    }

    pub fn kind(&self) -> Option<SyntaxKind> {
        self.peek().map(|token| token.kind)
    }

    /// The next token's place.
    pub fn here(&self) -> Span {
        self.peek()
            .map_or(self.text.len()..self.text.len(), |token| token.span.clone())
    }

    /// Where the last token read ends.
    pub fn end(&self) -> usize {
        self.next
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(self.text.len(), |token| token.span.end)
    }
}

pub(super) fn broken(span: Span) -> Node {
    Node {
        span,
        kind: Kind::Broken,
    }
}

/// Whether a number token is one; whole numbers may be beyond every range.
fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    digits.bytes().all(|byte| byte.is_ascii_digit())
        || ron::from_str::<f64>(text).is_ok()
        || ron::from_str::<u64>(text).is_ok()
        || ron::from_str::<i64>(text).is_ok()
}
