//! JSON-RPC 2.0: requests, batches, answers, errors.

use super::error::RpcError;
use super::params::Params;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Most calls of a batch, as in go-ethereum.
pub const MAX_BATCH: usize = 1000;

/// A call that is well formed.
#[derive(Clone, Debug)]
pub struct Request {
    /// The id of the answer, as JSON; `None`: a notification, which has no answer.
    pub id: Option<String>,
    /// The method's name.
    pub method: String,
    /// Its parameters.
    pub params: RawParams,
}

/// Positional parameters that nobody has read yet.
#[derive(Clone, Debug, Default)]
pub struct RawParams(Option<Box<RawValue>>);

impl RawParams {
    /// Reads them.
    ///
    /// # Errors
    /// −32602 if they are no list.
    pub fn read(&self) -> Result<Params, RpcError> {
        let text = self.0.as_ref().map_or("null", |params| params.get());
        match text.as_bytes().first() {
            Some(b'n') => Ok(Params::new(Vec::new())),
            Some(b'[') if too_many_values(text) => Err(RpcError::limit(format_args!(
                "too many values in the parameters: at most {MAX_VALUES}"
            ))),
            Some(b'[') => serde_json::from_str(text)
                .map(Params::new)
                .map_err(|error| RpcError::new(RpcError::PARSE, error)),
            _ => Err(RpcError::invalid_params("non-array args")),
        }
    }
}

/// The most values in the parameters of a call: each takes much more memory than text.
const MAX_VALUES: usize = 200_000;

/// True if JSON has more values than [`MAX_VALUES`], by what stands between them.
fn too_many_values(text: &str) -> bool {
    let (mut inside, mut escaped, mut count) = (false, false, 0);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b',' | b'[' | b'{' | b':' if !inside => count += 1,
            _ => {}
        }
    }
    count > MAX_VALUES
}

/// The message of a client.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// One call, or why it is invalid, with the answer's id.
    One(Result<Request, (String, RpcError)>),
    /// Several.
    Batch(Vec<Result<Request, (String, RpcError)>>),
}

/// The most bytes of an id, as JSON.
const MAX_ID: usize = 1_024;

/// The id of an answer to what has none.
pub const NO_ID: &str = "null";

impl Incoming {
    /// Reads a body.
    ///
    /// # Errors
    /// If it is not JSON, or a batch of no calls or too many.
    pub fn parse(body: &[u8]) -> Result<Self, RpcError> {
        let invalid = |error| RpcError::new(RpcError::PARSE, format_args!("parse error: {error}"));
        let value: &RawValue = serde_json::from_slice(body).map_err(invalid)?;
        if !value.get().starts_with('[') {
            return Ok(Self::One(request(value)));
        }
        let Calls(calls) = serde_json::from_str(value.get()).map_err(invalid)?;
        match calls {
            Some(calls) if calls.is_empty() => Err(RpcError::invalid_request("empty batch")),
            Some(calls) => Ok(Self::Batch(calls.into_iter().map(request).collect())),
            None => Err(RpcError::invalid_request("batch too large")),
        }
    }
}

impl Incoming {
    /// The bytes that its calls take, some more than their text.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::One(call) => size(call),
            Self::Batch(calls) => calls.iter().map(size).sum(),
        }
    }
}

fn size(call: &Result<Request, (String, RpcError)>) -> usize {
    const FIELDS: usize = 256;
    match call {
        Ok(Request { id, method, params }) => {
            let params = params.0.as_ref().map_or(0, |params| params.get().len());
            FIELDS + id.as_ref().map_or(0, String::len) + method.len() + params
        }
        Err((id, error)) => FIELDS + id.len() + error.message.len(),
    }
}

/// The calls of a batch; `None`: more than [`MAX_BATCH`].
struct Calls<'b>(Option<Vec<&'b RawValue>>);

impl<'de> Deserialize<'de> for Calls<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Calls<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("calls")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Calls<'de>, A::Error> {
                let mut calls = Vec::new();
                while let Some(call) = items.next_element()? {
                    calls.push(call);
                    if calls.len() > MAX_BATCH {
                        while items.next_element::<IgnoredAny>()?.is_some() {}
                        return Ok(Calls(None));
                    }
                }
                Ok(Calls(Some(calls)))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

fn request(value: &RawValue) -> Result<Request, (String, RpcError)> {
    let no_id = || NO_ID.to_owned();
    let fields: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(value.get());
    let Ok(fields) = fields else {
        return Err((no_id(), RpcError::invalid_request("invalid request")));
    };
    let id = fields.get("id").map(|id| id.get().to_owned());
    if let Some(id) = &id
        && !(id == NO_ID
            || id.starts_with(['"', '-'])
            || id.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Err((
            no_id(),
            RpcError::invalid_request("invalid request: id is neither text nor a number"),
        ));
    }
    // It comes back with the answer, however small that is.
    if id.as_ref().is_some_and(|id| id.len() > MAX_ID) {
        let why = format_args!("invalid request: an id of more than {MAX_ID} bytes");
        return Err((no_id(), RpcError::invalid_request(why)));
    }
    let refuse = |why| {
        (
            id.clone().unwrap_or_else(no_id),
            RpcError::invalid_request(why),
        )
    };
    let text = |name: &str| {
        let value = fields.get(name)?;
        serde_json::from_str::<String>(value.get()).ok()
    };
    if text("jsonrpc").as_deref() != Some("2.0") {
        return Err(refuse("invalid request: jsonrpc is not \"2.0\""));
    }
    let Some(method) = text("method") else {
        return Err(refuse("invalid request: no method"));
    };
    let params = RawParams(fields.get("params").map(|params| (*params).to_owned()));
    Ok(Request { id, method, params })
}

/// The answer to a call, as text; the id and the result are JSON.
#[must_use]
pub fn answer(id: &str, outcome: Result<&str, RpcError>) -> String {
    match outcome {
        Ok(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        Err(error) => format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{}}}"#,
            error.to_json()
        ),
    }
}

/// A notification of a subscription, as text.
#[must_use]
pub fn notification(subscription: &str, result: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":"{subscription}","result":{result}}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_a_bounded_number_of_values() {
        let read = |text: String| {
            let raw = RawValue::from_string(text).unwrap();
            RawParams(Some(raw))
                .read()
                .map(|_| ())
                .map_err(|error| error.code)
        };
        assert_eq!(read(format!("[{}0]", "0,".repeat(100_000))), Ok(()));
        // Text is one value, whatever is in it.
        assert_eq!(read(format!("[\"{}\"]", ",[{\\\"".repeat(100_000))), Ok(()));
        let many = format!("[{}0]", "{\"\":0},".repeat(150_000));
        assert_eq!(read(many), Err(RpcError::LIMIT));
    }
    use serde_json::json;

    fn parse(text: &str) -> Result<Incoming, RpcError> {
        Incoming::parse(text.as_bytes())
    }

    #[test]
    fn a_call_has_id_method_and_params() {
        let text = r#"{"jsonrpc":"2.0","id":"a","method":"eth_call","params":[1]}"#;
        let Ok(Incoming::One(Ok(request))) = parse(text) else {
            panic!("a call");
        };
        assert_eq!(request.id.as_deref(), Some(r#""a""#));
        assert_eq!(request.method, "eth_call");
        let params = request.params.read().unwrap();
        assert_eq!(params.required::<u64>(0), Ok(1));
    }

    #[test]
    fn an_id_comes_back_as_it_came() {
        for id in [
            "1000000000000000000000000000000",
            "1.50",
            "-0",
            r#""\u0041""#,
            "null",
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
            let Ok(Incoming::One(Ok(request))) = parse(&text) else {
                panic!("a call");
            };
            let answer = answer(&request.id.unwrap(), Ok("0"));
            assert!(answer.contains(&format!(r#""id":{id},"#)), "{answer}");
        }
        // Not one that makes a small answer large.
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":"{}","method":"m"}}"#,
            "a".repeat(MAX_ID)
        );
        let Ok(Incoming::One(Err((id, error)))) = parse(&text) else {
            panic!("it is refused");
        };
        assert_eq!((&id[..], error.code), (NO_ID, RpcError::INVALID_REQUEST));
    }

    #[test]
    fn a_call_without_id_is_a_notification() {
        let Ok(Incoming::One(Ok(request))) = parse(r#"{"jsonrpc":"2.0","method":"m"}"#) else {
            panic!("a call");
        };
        assert_eq!(request.id, None);
    }

    #[test]
    fn broken_json_is_a_parse_error() {
        assert_eq!(parse("{").unwrap_err().code, RpcError::PARSE);
    }

    #[test]
    fn what_is_no_request_keeps_its_id() {
        let Ok(Incoming::Batch(calls)) = parse(r#"[1, {"jsonrpc":"2.0","id":7}]"#) else {
            panic!("a batch");
        };
        let errors: Vec<_> = calls.into_iter().map(|call| call.unwrap_err()).collect();
        assert_eq!(errors[0].0, "null");
        assert_eq!(errors[1].0, "7");
        assert!(
            errors
                .iter()
                .all(|(_, error)| error.code == RpcError::INVALID_REQUEST)
        );
    }

    #[test]
    fn an_empty_batch_is_no_request() {
        assert_eq!(parse("[]").unwrap_err().code, RpcError::INVALID_REQUEST);
    }

    #[test]
    fn named_params_are_refused() {
        let Ok(Incoming::One(Ok(request))) =
            parse(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{}}"#)
        else {
            panic!("a call");
        };
        let error = request.params.read().unwrap_err();
        assert_eq!(error.code, RpcError::INVALID_PARAMS);
    }

    #[test]
    fn errors_carry_code_message_and_data() {
        let error = RpcError {
            code: 3,
            message: "execution reverted".into(),
            data: Some(json!("0x")),
        };
        let text = answer("1", Err(error));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            json!({"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"0x"}})
        );
    }
}
