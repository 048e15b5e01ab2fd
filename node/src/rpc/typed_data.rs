//! Typed data (EIP-712): the hash that is signed.

use super::params::Param;
use alloy_primitives::{Address, B256, Bytes, I256, U256, keccak256};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The name of the domain's type.
const DOMAIN: &str = "EIP712Domain";

/// The fields of a domain, in their order, with their types.
const DOMAIN_FIELDS: [(&str, &str); 5] = [
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
];

/// The fields of each type: name and type.
type Types = BTreeMap<String, Vec<(String, String)>>;

/// Typed data.
#[derive(Clone, Debug)]
pub(super) struct TypedData {
    types: Types,
    primary: String,
    domain: Value,
    message: Value,
    type_hashes: RefCell<HashMap<String, B256>>,
}

impl Param for TypedData {
    fn read(value: &Value) -> Result<Self, String> {
        // Some clients send it as text.
        let parsed: Value;
        let value = match value {
            Value::String(text) => {
                parsed = serde_json::from_str(text).map_err(|error| error.to_string())?;
                &parsed
            }
            value => value,
        };
        let field = |name: &str| value.get(name).ok_or(format!("missing field {name}"));
        let mut types = types(field("types")?)?;
        let domain = field("domain")?.clone();
        if !types.contains_key(DOMAIN) {
            types.insert(DOMAIN.into(), domain_type(&domain));
        }
        let primary = field("primaryType")?.as_str();
        Ok(Self {
            primary: primary.ok_or("primaryType is not a string")?.into(),
            domain,
            message: value.get("message").cloned().unwrap_or_default(),
            types,
            type_hashes: RefCell::default(),
        })
    }
}

fn types(value: &Value) -> Result<Types, String> {
    let types = value.as_object().ok_or("types is not an object")?;
    let of = |(name, fields): (&String, &Value)| {
        let fields = fields
            .as_array()
            .ok_or(format!("{name} is not a list of fields"))?;
        let field = |field: &Value| {
            let text = |key: &str| field.get(key).and_then(Value::as_str).map(str::to_owned);
            match (text("name"), text("type")) {
                (Some(name), Some(ty)) => Ok((name, ty)),
                _ => Err(format!("a field of {name} has no name or type")),
            }
        };
        let fields: Result<_, String> = fields.iter().map(field).collect();
        Ok((name.clone(), fields?))
    };
    types.iter().map(of).collect()
}

/// The type of a domain that names none: the fields that it has.
fn domain_type(domain: &Value) -> Vec<(String, String)> {
    let fields = DOMAIN_FIELDS.iter();
    let there = fields.filter(|(name, _)| domain.get(name).is_some_and(|value| !value.is_null()));
    there
        .map(|(name, ty)| ((*name).into(), (*ty).into()))
        .collect()
}

impl TypedData {
    /// The hash that is signed.
    ///
    /// # Errors
    /// A value that does not fit its type.
    pub(super) fn hash(&self) -> Result<B256, String> {
        let domain = self.hash_struct(DOMAIN, &self.domain)?;
        let mut bytes = vec![0x19, 0x01];
        bytes.extend_from_slice(domain.as_slice());
        if self.primary != DOMAIN {
            let message = self.hash_struct(&self.primary, &self.message)?;
            bytes.extend_from_slice(message.as_slice());
        }
        Ok(keccak256(bytes))
    }

    fn fields(&self, ty: &str) -> Result<&[(String, String)], String> {
        let fields = self.types.get(ty);
        fields
            .map(Vec::as_slice)
            .ok_or_else(|| format!("there is no type {ty}"))
    }

    /// The hash of a type, made once.
    fn type_hash(&self, ty: &str) -> Result<B256, String> {
        if let Some(hash) = self.type_hashes.borrow().get(ty) {
            return Ok(*hash);
        }
        let hash = keccak256(self.encode_type(ty)?);
        self.type_hashes.borrow_mut().insert(ty.to_owned(), hash);
        Ok(hash)
    }

    fn hash_struct(&self, ty: &str, value: &Value) -> Result<B256, String> {
        let object: &Map<String, Value> = value
            .as_object()
            .ok_or_else(|| format!("a {ty} is not an object"))?;
        let mut bytes = self.type_hash(ty)?.to_vec();
        for (name, field_type) in self.fields(ty)? {
            let value = object.get(name).unwrap_or(&Value::Null);
            let word = self
                .encode(field_type, value)
                .map_err(|why| format!("{name}: {why}"))?;
            bytes.extend_from_slice(word.as_slice());
        }
        Ok(keccak256(bytes))
    }

    /// The type and those that it refers to, as text.
    fn encode_type(&self, ty: &str) -> Result<String, String> {
        let mut others = BTreeSet::new();
        self.collect(ty, &mut others)?;
        others.remove(ty);
        let mut text = String::new();
        for ty in std::iter::once(ty).chain(others.iter().map(String::as_str)) {
            let fields = self.fields(ty)?.iter();
            let fields: Vec<String> = fields.map(|(name, ty)| format!("{ty} {name}")).collect();
            text.push_str(&format!("{ty}({})", fields.join(",")));
        }
        Ok(text)
    }

    fn collect(&self, ty: &str, found: &mut BTreeSet<String>) -> Result<(), String> {
        let mut open = vec![ty.to_owned()];
        while let Some(ty) = open.pop() {
            if !found.insert(ty.clone()) {
                continue;
            }
            for (_, field) in self.fields(&ty)? {
                let base = field.split('[').next().unwrap_or_default();
                if self.types.contains_key(base) {
                    open.push(base.to_owned());
                }
            }
        }
        Ok(())
    }

    /// A value as a word.
    fn encode(&self, ty: &str, value: &Value) -> Result<B256, String> {
        if let Some((item, length)) = ty.strip_suffix(']').and_then(|ty| ty.rsplit_once('[')) {
            let items = value.as_array().ok_or(format!("expected {ty}"))?;
            if !length.is_empty() && length.parse() != Ok(items.len()) {
                return Err(format!("expected {ty}, not {} items", items.len()));
            }
            let words: Result<Vec<B256>, String> =
                items.iter().map(|value| self.encode(item, value)).collect();
            return Ok(keccak256(words?.concat()));
        }
        if self.types.contains_key(ty) {
            return match value {
                Value::Null => Ok(B256::ZERO),
                value => self.hash_struct(ty, value),
            };
        }
        atom(ty, value)
    }
}

/// A value of a type that is not made of others.
fn atom(ty: &str, value: &Value) -> Result<B256, String> {
    let wrong = || format!("expected {ty}, not {value}");
    match ty {
        "string" => Ok(keccak256(value.as_str().ok_or_else(wrong)?)),
        "bytes" => Ok(keccak256(Bytes::read(value)?)),
        "address" => Ok(Address::read(value)?.into_word()),
        "bool" => {
            let yes = value.as_bool().or(match value.as_str() {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            });
            Ok(B256::from(U256::from(yes.ok_or_else(wrong)?)))
        }
        _ => {
            if let Some(size) = ty.strip_prefix("bytes") {
                let size: usize = size.parse().map_err(|_| unknown(ty))?;
                let bytes = Bytes::read(value)?;
                if bytes.len() > size || size > 32 {
                    return Err(wrong());
                }
                return Ok(B256::right_padding_from(&bytes));
            }
            let (bits, signed) = match (ty.strip_prefix("uint"), ty.strip_prefix("int")) {
                (Some(bits), _) => (bits, false),
                (None, Some(bits)) => (bits, true),
                (None, None) => return Err(unknown(ty)),
            };
            let bits = match bits {
                "" => 256,
                bits => bits.parse().map_err(|_| unknown(ty))?,
            };
            let number = integer(value).ok_or_else(wrong)?;
            fits(number, bits, signed)
                .then(|| B256::from(number.1.to_be_bytes::<32>()))
                .ok_or_else(wrong)
        }
    }
}

fn unknown(ty: &str) -> String {
    format!("there is no type {ty}")
}

/// True if it is negative, and its two's complement.
fn integer(value: &Value) -> Option<(bool, U256)> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, &*text),
    };
    let number = match digits.strip_prefix("0x") {
        Some(digits) => U256::from_str_radix(digits, 16),
        None => U256::from_str_radix(digits, 10),
    };
    let number = number.ok()?;
    Some((
        negative && !number.is_zero(),
        if negative {
            number.wrapping_neg()
        } else {
            number
        },
    ))
}

fn fits((negative, number): (bool, U256), bits: usize, signed: bool) -> bool {
    if bits == 0 || bits > 256 || !bits.is_multiple_of(8) {
        return false;
    }
    if !signed {
        return !negative && number.bit_len() <= bits;
    }
    let number = I256::from_raw(number);
    if number.is_negative() != negative {
        return false;
    }
    // The sign takes a bit.
    let magnitude = if negative { !number } else { number };
    magnitude.into_raw().bit_len() < bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;
    use serde_json::json;

    /// The example of EIP-712.
    fn mail() -> Value {
        json!({
            "types": {
                "EIP712Domain": [
                    { "name": "name", "type": "string" },
                    { "name": "version", "type": "string" },
                    { "name": "chainId", "type": "uint256" },
                    { "name": "verifyingContract", "type": "address" }
                ],
                "Person": [
                    { "name": "name", "type": "string" },
                    { "name": "wallet", "type": "address" }
                ],
                "Mail": [
                    { "name": "from", "type": "Person" },
                    { "name": "to", "type": "Person" },
                    { "name": "contents", "type": "string" }
                ]
            },
            "primaryType": "Mail",
            "domain": {
                "name": "Ether Mail",
                "version": "1",
                "chainId": 1,
                "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"
            },
            "message": {
                "from": { "name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826" },
                "to": { "name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB" },
                "contents": "Hello, Bob!"
            }
        })
    }

    #[test]
    fn the_example_of_the_eip_has_its_hash() {
        let data = TypedData::read(&mail()).unwrap();
        assert_eq!(
            data.encode_type("Mail").unwrap(),
            "Mail(Person from,Person to,string contents)Person(string name,address wallet)"
        );
        let hash = b256!("0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
        assert_eq!(data.hash(), Ok(hash));
        // As text, and without the domain's type.
        let text = Value::String(mail().to_string());
        assert_eq!(TypedData::read(&text).unwrap().hash(), Ok(hash));
        let mut open = mail();
        open["types"].as_object_mut().unwrap().remove(DOMAIN);
        assert_eq!(TypedData::read(&open).unwrap().hash(), Ok(hash));
    }

    #[test]
    fn what_does_not_fit_its_type_is_refused() {
        let is = |ty: &str, value: Value| atom(ty, &value);
        let word = |number: u64| B256::from(U256::from(number));
        assert_eq!(is("uint8", json!(255)), Ok(word(255)));
        assert_eq!(is("uint8", json!("0xff")), Ok(word(255)));
        assert_eq!(
            is("int8", json!(-128)),
            Ok(B256::repeat_byte(0xff) ^ word(127))
        );
        assert_eq!(is("int", json!("-1")), Ok(B256::repeat_byte(0xff)));
        assert_eq!(
            is("bytes2", json!("0x01")),
            Ok(B256::right_padding_from(&[1]))
        );
        for (ty, value) in [
            ("uint8", json!(256)),
            ("uint8", json!(-1)),
            ("int8", json!(128)),
            ("int8", json!(-129)),
            ("uint7", json!(1)),
            ("bytes2", json!("0x010203")),
            ("bytes33", json!("0x01")),
            ("bool", json!(1)),
            ("address", json!("0x01")),
            ("thing", json!(1)),
        ] {
            assert!(is(ty, value.clone()).is_err(), "{ty} {value}");
        }
        let mut wrong = mail();
        wrong["message"]["to"] = json!("Bob");
        assert!(TypedData::read(&wrong).unwrap().hash().is_err());
    }
}
