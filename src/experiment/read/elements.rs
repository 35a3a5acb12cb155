//! What stands between brackets: fields, items, entries, and the commas and
//! colons between them.

use ronin_core::SyntaxKind;

use super::brackets::written;
use super::finding::Finding;
use super::parse::{Parser, broken};
use super::tree::{Field, Kind, Node, Span, Word};

impl Parser<'_> {
    pub fn group(&mut self, name: Option<Word>, depth: usize) -> Node {
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
        if !self.lost
            && !fields.is_empty()
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

    pub fn list(&mut self, depth: usize) -> Node {
        let mut items = Vec::new();
        let span = self.delimited(SyntaxKind::RBracket, |parser| {
            items.push(parser.value(depth + 1));
        });
        Node {
            span,
            kind: Kind::List(items),
        }
    }

    pub fn map(&mut self, depth: usize) -> Node {
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
                Some(kind) if kind == closer => {
                    self.next += 1;
                    return open.start..self.end();
                }
                // The brackets do not match, which was reported before.
                None | Some(SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace) => {
                    self.lost = true;
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
            && match self.after_next() {
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
}
