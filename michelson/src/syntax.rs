//! Micheline: the syntax of scripts, types and values, as text and as JSON.

use serde_json::{Value as Json, json};
use std::fmt;

/// Why a text is no Micheline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct SyntaxError {
    /// The line, from 1 on.
    pub line: usize,
    /// The fault.
    pub why: String,
}

/// A node of Micheline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An integer.
    Int(i128),
    /// A string.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A sequence.
    Sequence(Vec<Self>),
    /// A primitive.
    Prim {
        /// Its name.
        name: String,
        /// Its arguments.
        args: Vec<Self>,
        /// Its annotations, such as `%burn`.
        annotations: Vec<String>,
    },
}

impl Node {
    /// A primitive without annotations.
    #[must_use]
    pub fn prim(name: &str, args: Vec<Self>) -> Self {
        Self::Prim {
            name: name.to_owned(),
            args,
            annotations: Vec::new(),
        }
    }

    /// The node in a text, all of it. What stands at the top of a script, without
    /// braces and with semicolons, is a sequence.
    ///
    /// # Errors
    /// [`SyntaxError`].
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
        };
        let mut nodes = vec![parser.node(true)?];
        let mut separated = false;
        while let Some(token) = parser.peek() {
            if *token != Token::Symbol(';') {
                return Err(parser.error("expected `;` or the end"));
            }
            parser.at += 1;
            separated = true;
            if parser.peek().is_some() {
                nodes.push(parser.node(true)?);
            }
        }
        Ok(match nodes.pop() {
            Some(node) if nodes.is_empty() && !separated => node,
            last => {
                nodes.extend(last);
                Self::Sequence(nodes)
            }
        })
    }

    /// The annotation that names an entrypoint or a field, without its `%`.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Prim { annotations, .. } => {
                annotations.iter().find_map(|one| one.strip_prefix('%'))
            }
            _ => None,
        }
    }

    /// The node as nodes and clients of layer 1 take it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Int(number) => json!({ "int": number.to_string() }),
            Self::Text(text) => json!({ "string": text }),
            Self::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
            Self::Sequence(nodes) => nodes.iter().map(Self::to_json).collect(),
            Self::Prim {
                name,
                args,
                annotations,
            } => {
                let mut node = json!({ "prim": name });
                if !args.is_empty() {
                    node["args"] = args.iter().map(Self::to_json).collect();
                }
                if !annotations.is_empty() {
                    node["annots"] = json!(annotations);
                }
                node
            }
        }
    }

    /// The node of its JSON.
    #[must_use]
    pub fn from_json(json: &Json) -> Option<Self> {
        if let Some(nodes) = json.as_array() {
            return nodes
                .iter()
                .map(Self::from_json)
                .collect::<Option<_>>()
                .map(Self::Sequence);
        }
        let text = |key: &str| json.get(key).and_then(Json::as_str);
        if let Some(number) = text("int") {
            return number.parse().ok().map(Self::Int);
        }
        if let Some(bytes) = text("bytes") {
            return hex::decode(bytes).ok().map(Self::Bytes);
        }
        if let Some(text) = text("string") {
            return Some(Self::Text(text.to_owned()));
        }
        let list = |key: &str| json.get(key).and_then(Json::as_array).cloned();
        let args = list("args").unwrap_or_default();
        let annotations = list("annots").unwrap_or_default();
        Some(Self::Prim {
            name: text("prim")?.to_owned(),
            args: args.iter().map(Self::from_json).collect::<Option<_>>()?,
            annotations: annotations
                .iter()
                .map(|one| one.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
        })
    }

    fn is_atom(&self) -> bool {
        match self {
            Self::Prim {
                args, annotations, ..
            } => args.is_empty() && annotations.is_empty(),
            _ => true,
        }
    }
}

/// On one line.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{}\"", text.replace('\n', "\\n"))
            }
            Self::Bytes(bytes) => write!(f, "0x{}", hex::encode(bytes)),
            Self::Sequence(nodes) => {
                f.write_str("{")?;
                for (index, node) in nodes.iter().enumerate() {
                    let before = if index == 0 { " " } else { " ; " };
                    write!(f, "{before}{node}")?;
                }
                f.write_str(if nodes.is_empty() { "}" } else { " }" })
            }
            Self::Prim {
                name,
                args,
                annotations,
            } => {
                f.write_str(name)?;
                for annotation in annotations {
                    write!(f, " {annotation}")?;
                }
                for arg in args {
                    if arg.is_atom() {
                        write!(f, " {arg}")?;
                    } else {
                        write!(f, " ({arg})")?;
                    }
                }
                Ok(())
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// One of `{ } ( ) ;`.
    Symbol(char),
    /// A primitive or an annotation.
    Word(String),
    Int(i128),
    Text(String),
    Bytes(Vec<u8>),
}

fn tokens(text: &str) -> Result<Vec<(Token, usize)>, SyntaxError> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        let error = |why: String| SyntaxError {
            line: line_number,
            why,
        };
        let mut rest = line;
        loop {
            rest = rest.trim_start();
            let Some(first) = rest.chars().next() else {
                break;
            };
            let (token, after) = match first {
                '#' => break,
                '{' | '}' | '(' | ')' | ';' => (Token::Symbol(first), &rest[1..]),
                '"' => string(&rest[1..]).ok_or_else(|| error("a string without end".into()))?,
                _ => {
                    let end = rest
                        .find(|c: char| c.is_whitespace() || "{}();#\"".contains(c))
                        .unwrap_or(rest.len());
                    let (word, after) = rest.split_at(end);
                    (self::word(word).map_err(error)?, after)
                }
            };
            tokens.push((token, line_number));
            rest = after;
        }
    }
    Ok(tokens)
}

/// A string behind its first quote, and what follows.
fn string(text: &str) -> Option<(Token, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Token::Text(out), &text[at + 1..])),
            '\\' => out.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            c => out.push(c),
        }
    }
    None
}

fn word(word: &str) -> Result<Token, String> {
    if let Some(digits) = word.strip_prefix("0x") {
        let bytes = hex::decode(digits).map_err(|error| format!("{word}: {error}"))?;
        return Ok(Token::Bytes(bytes));
    }
    let digit = word.trim_start_matches('-');
    if digit.starts_with(|c: char| c.is_ascii_digit()) {
        let number = word.parse().map_err(|error| format!("{word}: {error}"))?;
        return Ok(Token::Int(number));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "_.%@:".contains(c);
    if word.chars().all(legal) {
        Ok(Token::Word(word.to_owned()))
    } else {
        Err(format!("{word:?} is not a word of Michelson"))
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

/// The maximum depth of nodes.
const MAX_DEPTH: usize = 200;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn error(&self, why: &str) -> SyntaxError {
        let last = self.tokens.last().map_or(1, |(_, line)| *line);
        SyntaxError {
            line: self.tokens.get(self.at).map_or(last, |(_, line)| *line),
            why: why.to_owned(),
        }
    }

    /// A node; a primitive takes arguments only where it stands free or in brackets.
    fn node(&mut self, free: bool) -> Result<Node, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("nodes lie too deep in each other"));
        }
        self.depth += 1;
        let node = self.inner(free);
        self.depth -= 1;
        node
    }

    fn inner(&mut self, free: bool) -> Result<Node, SyntaxError> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.error("unexpected end"));
        };
        self.at += 1;
        match token {
            Token::Int(number) => Ok(Node::Int(number)),
            Token::Text(text) => Ok(Node::Text(text)),
            Token::Bytes(bytes) => Ok(Node::Bytes(bytes)),
            Token::Symbol('{') => self.sequence(),
            Token::Symbol('(') => {
                let node = self.node(true)?;
                if self.peek() != Some(&Token::Symbol(')')) {
                    return Err(self.error("expected `)`"));
                }
                self.at += 1;
                Ok(node)
            }
            Token::Word(name) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                self.prim(name, free)
            }
            _ => {
                self.at -= 1;
                Err(self.error("expected a value, a type or an instruction"))
            }
        }
    }

    fn prim(&mut self, name: String, free: bool) -> Result<Node, SyntaxError> {
        let (mut args, mut annotations) = (Vec::new(), Vec::new());
        loop {
            match self.peek() {
                _ if !free => break,
                Some(Token::Word(word)) if word.starts_with(['%', '@', ':']) => {
                    annotations.push(word.clone());
                    self.at += 1;
                }
                None | Some(Token::Symbol(';' | ')' | '}')) => break,
                Some(_) => args.push(self.node(false)?),
            }
        }
        Ok(Node::Prim {
            name,
            args,
            annotations,
        })
    }

    fn sequence(&mut self) -> Result<Node, SyntaxError> {
        let mut nodes = Vec::new();
        loop {
            match self.peek() {
                Some(Token::Symbol('}')) => {
                    self.at += 1;
                    return Ok(Node::Sequence(nodes));
                }
                Some(Token::Symbol(';')) if !nodes.is_empty() => self.at += 1,
                Some(_) => {
                    nodes.push(self.node(true)?);
                    if !matches!(self.peek(), Some(Token::Symbol(';' | '}'))) {
                        return Err(self.error("expected `;` or `}`"));
                    }
                }
                None => return Err(self.error("a sequence without end")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_printed() {
        for text in [
            "parameter (or (unit %a) (address %b))",
            "{ PUSH string \"a\\\"b\" ; IF {} { DROP 2 } }",
            "Pair 1 -5 0xff \"x\"",
            "{}",
        ] {
            let node = Node::parse(text).unwrap();
            assert_eq!(node.to_string(), text);
            assert_eq!(Node::from_json(&node.to_json()), Some(node));
        }
    }

    #[test]
    fn a_script_is_a_sequence() {
        let script = "# one\nparameter unit ;\nstorage unit ; # two\ncode { CDR } ;";
        let Node::Sequence(sections) = Node::parse(script).unwrap() else {
            panic!("no sequence");
        };
        assert_eq!(sections.len(), 3);
    }

    #[test]
    fn what_is_no_micheline_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("{ DROP", 1),
            ("Pair (1", 1),
            ("\n\"a", 2),
            ("{ DROP )", 1),
            ("a\n\n0xf", 3),
            ("a ; }", 1),
            ("é", 1),
            ("%a", 1),
            (&"(".repeat(100_000), 1),
            (&"{".repeat(100_000), 1),
        ] {
            match Node::parse(text) {
                Err(SyntaxError { line: actual, .. }) => assert_eq!(actual, line, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}
