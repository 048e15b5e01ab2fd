//! Michelson data as text, to Micheline bytes: the payloads of inputs files.

use std::fmt;

/// Why a text is no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MichelsonError {
    /// The offset in the text, in bytes.
    pub at: usize,
    /// The fault.
    pub why: &'static str,
}

impl fmt::Display for MichelsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} of the Michelson", self.why, self.at)
    }
}

impl std::error::Error for MichelsonError {}

/// The most digits of a number: 7 bits in each byte of a message are no more.
const MAX_DIGITS: usize = host::MAX_MESSAGE * 7 * 302 / 1_000;

/// The constructors of data, with their numbers.
const PRIMS: [(&str, u8); 9] = [
    ("False", 3),
    ("Elt", 4),
    ("Left", 5),
    ("None", 6),
    ("Pair", 7),
    ("Right", 8),
    ("Some", 9),
    ("True", 10),
    ("Unit", 11),
];

/// The maximum depth of nodes.
const MAX_DEPTH: u32 = 500;

/// The bytes of `text`: one node of data (numbers, strings, bytes, sequences,
/// constructors), encoded as it is written. Annotations are not taken.
///
/// # Errors
/// If the text is not valid Micheline.
///
/// ```
/// let bytes = pvm::michelson::encode("Pair 1 (Left \"a\")").unwrap();
/// assert_eq!(bytes, [7, 7, 0, 1, 5, 5, 1, 0, 0, 0, 1, b'a']);
/// ```
pub fn encode(text: &str) -> Result<Vec<u8>, MichelsonError> {
    let mut parser = Parser {
        text: text.as_bytes(),
        at: 0,
    };
    let mut bytes = Vec::new();
    parser.applied(&mut bytes, 0)?;
    match parser.peek() {
        None => Ok(bytes),
        Some(_) => Err(parser.error("something behind the data")),
    }
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
}

impl Parser<'_> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    const fn error(&self, why: &'static str) -> MichelsonError {
        MichelsonError { at: self.at, why }
    }

    fn word(&mut self, belongs: impl Fn(&u8) -> bool) -> &[u8] {
        let start = self.at;
        let len = self.text[start..]
            .iter()
            .take_while(|byte| belongs(byte))
            .count();
        self.at += len;
        &self.text[start..self.at]
    }

    /// A constructor with its arguments, or a node that needs no parentheses.
    fn applied(&mut self, out: &mut Vec<u8>, depth: u32) -> Result<(), MichelsonError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            return self.single(out, depth);
        }
        let prim = self.prim()?;
        let (mut count, mut args) = (0, Vec::new());
        while !matches!(self.peek(), None | Some(b')' | b'}' | b';')) {
            self.single(&mut args, depth + 1)?;
            count += 1;
        }
        match count {
            0..=2 => {
                out.extend([3 + 2 * count, prim]);
                out.extend(args);
            }
            _ => {
                out.extend([9, prim]);
                dynamic(out, &args);
                dynamic(out, &[]);
            }
        }
        Ok(())
    }

    /// A node that can be an argument.
    fn single(&mut self, out: &mut Vec<u8>, depth: u32) -> Result<(), MichelsonError> {
        if depth > MAX_DEPTH {
            return Err(self.error("too much nesting"));
        }
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                self.applied(out, depth + 1)?;
                self.close(b')', "a ')' is missing")
            }
            Some(b'{') => {
                self.at += 1;
                let mut items = Vec::new();
                while self.peek() != Some(b'}') {
                    self.applied(&mut items, depth + 1)?;
                    if self.peek() != Some(b';') {
                        break;
                    }
                    self.at += 1;
                }
                out.push(2);
                dynamic(out, &items);
                self.close(b'}', "a '}' is missing")
            }
            Some(b'"') => self.string(out),
            Some(b'0') if self.text.get(self.at + 1) == Some(&b'x') => {
                self.at += 2;
                let bytes = hex::decode(self.word(u8::is_ascii_hexdigit));
                let bytes = bytes.map_err(|_| self.error("an odd number of hex digits"))?;
                out.push(10);
                dynamic(out, &bytes);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(out),
            Some(byte) if byte.is_ascii_alphabetic() => {
                let prim = self.prim()?;
                out.extend([3, prim]);
                Ok(())
            }
            _ => Err(self.error("no data")),
        }
    }

    fn close(&mut self, byte: u8, why: &'static str) -> Result<(), MichelsonError> {
        if self.peek() != Some(byte) {
            return Err(self.error(why));
        }
        self.at += 1;
        Ok(())
    }

    fn prim(&mut self) -> Result<u8, MichelsonError> {
        let error = self.error("no constructor of data");
        let name = self.word(u8::is_ascii_alphanumeric);
        let prim = PRIMS.iter().find(|(known, _)| known.as_bytes() == name);
        prim.map(|(_, number)| *number).ok_or(error)
    }

    fn string(&mut self, out: &mut Vec<u8>) -> Result<(), MichelsonError> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let byte = match self.text.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    match self.text.get(self.at) {
                        Some(b'n') => b'\n',
                        Some(byte @ (b'"' | b'\\')) => *byte,
                        _ => return Err(self.error("no known escape")),
                    }
                }
                Some(byte @ b' '..=b'~') => *byte,
                _ => return Err(self.error("no byte of a string")),
            };
            bytes.push(byte);
            self.at += 1;
        }
        self.at += 1;
        out.push(1);
        dynamic(out, &bytes);
        Ok(())
    }

    /// A number of any length: 6 bits and the sign in the first byte, 7 bits
    /// in the others, the lowest first.
    fn number(&mut self, out: &mut Vec<u8>) -> Result<(), MichelsonError> {
        let negative = self.text.get(self.at) == Some(&b'-');
        self.at += usize::from(negative);
        let error = self.error("no digit");
        let too_long = self.error("a number that fits no message");
        let digits = self.word(u8::is_ascii_digit);
        if digits.len() > MAX_DIGITS {
            return Err(too_long);
        }
        if digits.is_empty() {
            return Err(error);
        }
        let mut digits: Vec<u8> = digits.iter().map(|digit| digit - b'0').collect();
        let sign = if negative && digits.iter().any(|digit| *digit > 0) {
            0x40
        } else {
            0
        };
        out.push(0);
        let mut byte = sign | take_bits(&mut digits, 64);
        while !digits.is_empty() {
            out.push(byte | 0x80);
            byte = take_bits(&mut digits, 128);
        }
        out.push(byte);
        Ok(())
    }
}

/// Divides a decimal number (highest digit first; empty when it gets 0) by
/// `divisor`; gives the rest.
fn take_bits(digits: &mut Vec<u8>, divisor: u16) -> u8 {
    let mut rest = 0;
    for digit in digits.iter_mut() {
        let value = rest * 10 + u16::from(*digit);
        *digit = (value / divisor) as u8;
        rest = value % divisor;
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    rest as u8
}

fn dynamic(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_encodes(text: &str, hex: &str) {
        let bytes = encode(text).unwrap();
        assert_eq!(hex::encode(&bytes), hex, "{text}");
        assert_eq!(
            messages::micheline::node_length(&bytes),
            Ok(bytes.len()),
            "{text}"
        );
    }

    #[test]
    fn data_is_encoded_as_it_is_written() {
        assert_encodes("Unit", "030b");
        assert_encodes("0", "0000");
        assert_encodes("-1", "0041");
        assert_encodes("64", "008001");
        assert_encodes("-0", "0000");
        assert_encodes("0xff00", "0a00000002ff00");
        assert_encodes("\"a\\n\"", "0100000002610a");
        assert_encodes("Pair 1 2", "070700010002");
        assert_encodes(
            "Pair 1 2 3",
            "0907000000060001000200030000 0000"
                .replace(' ', "")
                .as_str(),
        );
        assert_encodes("(Pair (Some True) None)", "07070509030a0306");
        assert_encodes("{ 1 ; 2 ; }", "020000000400010002");
        assert_encodes("{}", "0200000000");
        assert_encodes(
            "{ Elt 1 \"\" }",
            "020000000907040001 0100000000".replace(' ', "").as_str(),
        );
        assert_encodes("18446744073709551616", "0080808080808080808004");
    }

    #[test]
    fn a_number_that_fits_no_message_is_refused_before_it_is_converted() {
        assert!(encode(&"9".repeat(MAX_DIGITS)).is_ok());
        assert!(encode(&"9".repeat(MAX_DIGITS + 1)).is_err());
        assert!(encode(&"9".repeat(3_000_000)).is_err());
    }

    #[test]
    fn what_is_no_data_is_refused_with_the_place() {
        for (text, at) in [
            ("", 0),
            ("Unit 1 )", 7),
            ("(Unit", 5),
            ("{ 1", 3),
            ("0xf", 3),
            ("parameter", 0),
            ("\"a", 2),
            ("- 1", 1),
            ("1 2", 2),
        ] {
            assert_eq!(encode(text).map_err(|error| error.at), Err(at), "{text}");
        }
    }
}
