//! From text to a tree of values, past every mistake.
//!
//! The tokens are `ronin-core`'s; the grammar is RON's, held more strictly than
//! `ronin-core` holds it (it lets a missing comma, colon or value pass) so that
//! each mistake is told once, where it is, in terms of what to write.

use ronin_core::SyntaxKind;

use super::describe::describe;
use super::finding::Finding;
use super::tokens::{Token, tokens};
use super::tree::{Field, Kind, Node, Span, Word};

/// Deeper values are refused; an experiment needs about ten levels.
const MAX_DEPTH: usize = 64;

/// Mistakes after which the text is not read further.
const MAX_FINDINGS: usize = 20;

/// What was read.
pub(super) struct Parsed {
    /// The value; `None` where there is none or brackets do not match, so that
    /// nothing can be said about its parts.
    pub root: Option<Node>,
    /// Mistakes.
    pub findings: Vec<Finding>,
}

/// Reads an experiment.
pub(super) fn parse(text: &str) -> Parsed {
    parse_as(text, Parser::experiment)
}

/// Reads a value that is to stand in an experiment.
pub(super) fn parse_value(text: &str) -> Parsed {
    parse_as(text, Parser::single_value)
}

fn parse_as<'t>(text: &'t str, whole: fn(&mut Parser<'t>) -> Option<Node>) -> Parsed {
    let mut parser = Parser::new(text);
    let root = if parser.lost {
        None
    } else {
        whole(&mut parser)
    };
    Parsed {
        root: root.filter(|_| !parser.lost),
        findings: parser.findings,
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    next: usize,
    findings: Vec<Finding>,
    /// Set where what follows cannot be made sense of.
    lost: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        let tokens = tokens(text, MAX_DEPTH);
        let mut parser = Self {
            text,
            tokens: tokens.tokens,
            next: 0,
            findings: Vec::new(),
            lost: false,
        };
        if let Some(finding) = tokens.unclosed {
            parser.lose(finding);
        }
        parser
    }

    fn experiment(&mut self) -> Option<Node> {
        self.attributes();
        if self.peek().is_none() {
            self.lose(
                Finding::new(0..0, "there is no experiment in this file").help(
                    "an experiment is Experiment(data: …, student: …, method: …, epochs: …); \
                     experiments/quickstart.ron is one",
                ),
            );
            return None;
        }
        let root = self.value(0);
        if !matches!(root.kind, Kind::Fields(..) | Kind::Items(..)) && !self.lost {
            let message = format!("this is not an experiment but {}", describe(&root));
            self.lose(
                Finding::new(root.focus(), message)
                    .help("an experiment is Experiment(data: …, student: …, method: …, epochs: …)"),
            );
            return None;
        }
        self.refuse_rest(&root);
        Some(root)
    }

    fn single_value(&mut self) -> Option<Node> {
        let value = self.value(0);
        if !self.lost && self.peek().is_some() {
            let span = self.here();
            self.unexpected(&span, "the end of the value");
        }
        Some(value)
    }

    /// What follows the end of an experiment.
    fn refuse_rest(&mut self, root: &Node) {
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
                "this `)` closes the experiment, but more follows",
            )
            .help("it is one too many, here or above"),
            _ => Finding::new(span, format!("`{found}` follows the end of the experiment"))
                .help("a file holds one Experiment(…)"),
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

    fn value(&mut self, depth: usize) -> Node {
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

    fn group(&mut self, name: Option<Word>, depth: usize) -> Node {
        let start = name.as_ref().map(|name| name.span.start);
        let mut fields = Vec::new();
        let mut items = Vec::new();
        let span = self.delimited(SyntaxKind::RParen, |parser| {
            if parser.at_field() {
                fields.push(parser.field(depth));
            } else {
                items.push(parser.value(depth + 1));
            }
        });
        if !fields.is_empty()
            && let Some(item) = items.iter().find(|item| item.kind != Kind::Broken)
        {
            self.report(
                Finding::new(item.span.clone(), "a value without a name among named ones")
                    .help("write `name: value`"),
            );
        }
        let kind = if fields.is_empty() {
            Kind::Items(name, items)
        } else {
            Kind::Fields(name, fields)
        };
        Node {
            span: start.unwrap_or(span.start)..span.end,
            kind,
        }
    }

    fn list(&mut self, depth: usize) -> Node {
        let mut items = Vec::new();
        let span = self.delimited(SyntaxKind::RBracket, |parser| {
            items.push(parser.value(depth + 1));
        });
        Node {
            span,
            kind: Kind::List(items),
        }
    }

    fn map(&mut self, depth: usize) -> Node {
        let mut entries = Vec::new();
        let span = self.delimited(SyntaxKind::RBrace, |parser| {
            let key = parser.value(depth + 1);
            let name = parser.text[key.span.clone()].to_owned();
            let value = parser.after_name(&name, key.span.end, depth);
            entries.push((key, value));
        });
        Node {
            span,
            kind: Kind::Map(entries),
        }
    }

    /// Elements up to `closer`, with commas between them.
    fn delimited(&mut self, closer: SyntaxKind, mut element: impl FnMut(&mut Self)) -> Span {
        let open = self.peek().map_or(0..0, |token| token.span.clone());
        self.next += 1;
        loop {
            if self.lost {
                return open.start..self.end();
            }
            match self.kind() {
                None => {
                    let bracket = self.text[open.clone()].to_owned();
                    let span = open.clone();
                    self.lose(
                        Finding::new(span, format!("this `{bracket}` is never closed"))
                            .help(format!("add `{}`", written(closer))),
                    );
                    return open.start..self.end();
                }
                Some(kind) if kind == closer => {
                    self.next += 1;
                    return open.start..self.end();
                }
                Some(SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace) => {
                    self.mismatch(&open, closer);
                    return open.start..self.end();
                }
                Some(SyntaxKind::Comma) => {
                    let span = self.here();
                    self.report(
                        Finding::new(span, "there is nothing before this comma").help("remove it"),
                    );
                    self.next += 1;
                }
                Some(_) => {
                    element(self);
                    self.comma(closer);
                }
            }
        }
    }

    /// What stands between two elements.
    fn comma(&mut self, closer: SyntaxKind) {
        match self.kind() {
            Some(SyntaxKind::Comma) => self.next += 1,
            None | Some(SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace) => {}
            Some(kind) if self.lost || kind == closer => {}
            Some(
                SyntaxKind::Colon | SyntaxKind::LexError | SyntaxKind::Hash | SyntaxKind::Bang,
            ) => {
                let span = self.here();
                self.unexpected(&span, &format!("`,` or `{}`", written(closer)));
                self.skip_element();
            }
            Some(_) => {
                let end = self.end();
                self.report(
                    Finding::new(end..end, "a comma is missing here")
                        .help("values are separated by `,`"),
                );
            }
        }
    }

    /// Goes to the next comma or closing bracket of this level.
    fn skip_element(&mut self) {
        let mut open = 0_usize;
        while let Some(kind) = self.kind() {
            match kind {
                SyntaxKind::LParen | SyntaxKind::LBracket | SyntaxKind::LBrace => open += 1,
                SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace if open == 0 => {
                    return;
                }
                SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace => open -= 1,
                SyntaxKind::Comma if open == 0 => {
                    self.next += 1;
                    return;
                }
                _ => {}
            }
            self.next += 1;
        }
    }

    fn at_field(&self) -> bool {
        let named = matches!(
            self.kind(),
            Some(SyntaxKind::Ident | SyntaxKind::EnableKw | SyntaxKind::String)
        );
        named
            && match self.tokens.get(self.next + 1) {
                Some(token) => match token.kind {
                    SyntaxKind::Colon => true,
                    SyntaxKind::LexError => &self.text[token.span.clone()] == "=",
                    // `name value`: the colon is missing.
                    SyntaxKind::Integer
                    | SyntaxKind::Float
                    | SyntaxKind::String
                    | SyntaxKind::TrueKw
                    | SyntaxKind::FalseKw
                    | SyntaxKind::Ident
                    | SyntaxKind::LBracket => self.kind() == Some(SyntaxKind::Ident),
                    _ => false,
                },
                None => false,
            }
    }

    fn field(&mut self, depth: usize) -> Field {
        let span = self.here();
        let quoted = self.kind() == Some(SyntaxKind::String);
        self.next += 1;
        let mut text = self.text[span.clone()].to_owned();
        if quoted {
            text = text.trim_matches('"').to_owned();
            self.report(
                Finding::new(span.clone(), "names of fields are written without quotes")
                    .help(format!("write {text}: …")),
            );
        }
        let value = self.after_name(&text, span.end, depth);
        Field {
            name: Word { text, span },
            value,
        }
    }

    /// `: value`, after a name that ends at `end`.
    fn after_name(&mut self, name: &str, end: usize, depth: usize) -> Node {
        let span = self.here();
        match self.kind() {
            Some(SyntaxKind::Colon) => self.next += 1,
            Some(SyntaxKind::LexError) if &self.text[span.clone()] == "=" => {
                self.report(
                    Finding::new(span, format!("`{name}` and its value are joined by `:`"))
                        .help(format!("write {name}: …")),
                );
                self.next += 1;
            }
            Some(SyntaxKind::Comma | SyntaxKind::RParen | SyntaxKind::RBrace) | None => {}
            Some(_) => self.report(
                Finding::new(end..end, format!("a `:` is missing after `{name}`"))
                    .help(format!("write {name}: …")),
            ),
        }
        match self.kind() {
            None
            | Some(
                SyntaxKind::Comma | SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace,
            ) => {
                let end = self.end();
                self.report(Finding::new(end..end, format!("`{name}` has no value")));
                broken(end..end)
            }
            Some(_) => self.value(depth + 1),
        }
    }

    fn mismatch(&mut self, open: &Span, closer: SyntaxKind) {
        let span = self.here();
        let line = 1 + self.text[..open.start].matches('\n').count();
        let message = format!(
            "`{}` cannot close the `{}` of line {line}",
            &self.text[span.clone()],
            &self.text[open.clone()]
        );
        self.lose(
            Finding::new(span, message).help(format!("`{}` is missing before it", written(closer))),
        );
    }

    fn unexpected(&mut self, span: &Span, expected: &str) {
        let found: String = self.text[span.clone()].chars().take(20).collect();
        self.report(Finding::new(
            span.clone(),
            format!("expected {expected}, found `{found}`"),
        ));
    }

    fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.lost |= self.findings.len() >= MAX_FINDINGS;
    }

    fn lose(&mut self, finding: Finding) {
        self.report(finding);
        self.lost = true;
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn kind(&self) -> Option<SyntaxKind> {
        self.peek().map(|token| token.kind)
    }

    /// The next token's place.
    fn here(&self) -> Span {
        self.peek()
            .map_or(self.text.len()..self.text.len(), |token| token.span.clone())
    }

    /// Where the last token read ends.
    fn end(&self) -> usize {
        self.next
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(self.text.len(), |token| token.span.end)
    }
}

fn broken(span: Span) -> Node {
    Node {
        span,
        kind: Kind::Broken,
    }
}

fn written(closer: SyntaxKind) -> &'static str {
    match closer {
        SyntaxKind::RParen => ")",
        SyntaxKind::RBracket => "]",
        _ => "}",
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
