//! Rust source as words and signs: no comments, no strings, no tests. Strings
//! come by themselves, for rules about what people read.
//!
//! Just enough of a lexer that a rule never trips over prose or a string that
//! only looks like code.

/// A word or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// An identifier, a number, `::`, one other character, or a string with its
    /// quotes.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
}

/// Splits source into tokens, leaving out comments, strings and characters.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut found = lex(source);
    found.retain(|token| !token.is_string());
    found
}

/// The strings of source, but for those of tests: `"…"` or `r"…"`.
pub fn strings(source: &str) -> Vec<Token> {
    let mut found = without_tests(&lex(source));
    found.retain(Token::is_string);
    found
}

impl Token {
    /// Whether it is an identifier, a keyword or a number.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }

    fn is_string(&self) -> bool {
        self.text.trim_end_matches('#').ends_with('"')
    }
}

/// Splits source into tokens and strings, leaving out comments and characters.
fn lex(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    let mut line = 1;
    while at < chars.len() {
        let start = at;
        at = skip_quiet(&chars, at);
        if at == start {
            at = end_of_token(&chars, start);
            let text: String = chars[start..at].iter().collect();
            found.push(Token { text, line });
        } else if begins_string(&chars[start..at]) {
            let text: String = chars[start..at].iter().collect();
            found.push(Token { text, line });
        }
        line += chars[start..at].iter().filter(|&&c| c == '\n').count();
    }
    found
}

/// The end of whatever says nothing at `at`; `at` itself where a token begins.
fn skip_quiet(chars: &[char], at: usize) -> usize {
    let next = |offset: usize| chars.get(at + offset).copied();
    match (chars[at], next(1)) {
        (c, _) if c.is_whitespace() => at + 1,
        ('/', Some('/')) => find(chars, at, |rest| rest[0] == '\n'),
        ('/', Some('*')) => end_of_block_comment(chars, at),
        ('"', _) => end_of_string(chars, at + 1),
        ('b' | 'c', Some('"')) => end_of_string(chars, at + 2),
        ('\'', _) | ('b', Some('\'')) => end_of_character(chars, at),
        ('r', Some('"' | '#')) => end_of_raw_string(chars, at + 1).unwrap_or(at),
        ('b' | 'c', Some('r')) => end_of_raw_string(chars, at + 2).unwrap_or(at),
        _ => at,
    }
}

/// Whether something that [`skip_quiet`] skips is a string.
fn begins_string(skipped: &[char]) -> bool {
    match skipped {
        ['"' | 'r', ..] => true,
        ['b' | 'c', next, ..] => *next != '\'',
        _ => false,
    }
}

fn end_of_token(chars: &[char], at: usize) -> usize {
    if is_word(chars[at]) {
        // `r#type` is one word.
        let from = if chars[at..].starts_with(&['r', '#']) {
            at + 2
        } else {
            at
        };
        find(chars, from, |rest| !is_word(rest[0]))
    } else if chars[at..].starts_with(&[':', ':']) {
        at + 2
    } else {
        at + 1
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find(chars: &[char], from: usize, end: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len())
        .find(|&at| end(&chars[at..]))
        .unwrap_or(chars.len())
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < chars.len() {
        if chars[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if chars[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at.min(chars.len())
}

fn end_of_string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn end_of_raw_string(chars: &[char], from: usize) -> Option<usize> {
    let open = find(chars, from, |rest| rest[0] != '#');
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', open - from))
        .collect();
    let end = find(chars, open + 1, |rest| rest.starts_with(&close));
    Some((end + close.len()).min(chars.len()))
}

/// The end of `'x'`, or of the quote of a lifetime.
fn end_of_character(chars: &[char], at: usize) -> usize {
    let quote = if chars[at] == 'b' { at + 1 } else { at };
    match (chars.get(quote + 1), chars.get(quote + 2)) {
        (Some('\\'), _) => (find(chars, quote + 3, |rest| rest[0] == '\'') + 1).min(chars.len()),
        (Some(_), Some('\'')) => quote + 3,
        _ => quote + 1,
    }
}

/// Leaves out items under `#[cfg(test)]` and its combinations.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at = end_of_item(tokens, at);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn is_test_attribute(tokens: &[Token]) -> bool {
    let starts = |words: &[&str]| {
        tokens.len() >= words.len()
            && tokens
                .iter()
                .zip(words)
                .all(|(token, word)| token.text == *word)
    };
    if !starts(&["#", "[", "cfg", "("]) {
        return false;
    }
    let inside = tokens.iter().take_while(|token| token.text != "]");
    let words: Vec<&str> = inside.map(|token| token.text.as_str()).collect();
    words.contains(&"test") && !words.contains(&"not") && !words.contains(&"any")
}

/// The end of the item that begins at `at` with its attributes.
fn end_of_item(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    return at + offset + 1;
                }
            }
            ";" if depth == 0 => return at + offset + 1,
            _ => {}
        }
    }
    tokens.len()
}
