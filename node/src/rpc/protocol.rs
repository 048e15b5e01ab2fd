//! JSON-RPC 2.0: requests, batches, answers, errors.

use serde_json::{Value, json};
use std::fmt::Display;

/// Most calls of a batch, as in go-ethereum.
pub const MAX_BATCH: usize = 1000;

/// What goes wrong in a call.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// The code: see the constants here.
    pub code: i64,
    /// What happened, in go-ethereum's words.
    pub message: String,
    /// More, such as the bytes of a revert.
    pub data: Option<Value>,
}

impl RpcError {
    /// The text is no JSON.
    pub const PARSE: i64 = -32700;
    /// The JSON is no request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// There is no such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters are not those of the method.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The node failed.
    pub const INTERNAL: i64 = -32603;
    /// The call is understood, and refused.
    pub const SERVER: i64 = -32000;
    /// More is asked for than the node gives at once.
    pub const LIMIT: i64 = -32005;
    /// A transaction was taken and no block came in time (EIP-7966).
    pub const TIMEOUT: i64 = 4;
    /// A transaction was taken and waits for another nonce (EIP-7966).
    pub const NONCE_GAP: i64 = 6;
    /// The EVM reverted; the data are what it returned.
    pub const REVERTED: i64 = 3;

    fn new(code: i64, message: impl Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            data: None,
        }
    }

    /// An error of code [`RpcError::INVALID_REQUEST`].
    #[must_use]
    pub fn invalid_request(message: impl Display) -> Self {
        Self::new(Self::INVALID_REQUEST, message)
    }

    /// An error of code [`RpcError::METHOD_NOT_FOUND`]; clients fall back on it.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        Self::new(
            Self::METHOD_NOT_FOUND,
            format_args!("the method {method} does not exist/is not available"),
        )
    }

    /// An error of code [`RpcError::INVALID_PARAMS`].
    #[must_use]
    pub fn invalid_params(message: impl Display) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    /// An error of code [`RpcError::INTERNAL`].
    #[must_use]
    pub fn internal(message: impl Display) -> Self {
        Self::new(Self::INTERNAL, message)
    }

    /// An error of code [`RpcError::LIMIT`].
    #[must_use]
    pub fn limit(message: impl Display) -> Self {
        Self::new(Self::LIMIT, message)
    }

    /// An error of code [`RpcError::SERVER`].
    #[must_use]
    pub fn server(message: impl Display) -> Self {
        Self::new(Self::SERVER, message)
    }

    fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        error
    }
}

/// A call that is well formed.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What the answer is marked with; none: a notification, which has none.
    pub id: Option<Value>,
    /// The method's name.
    pub method: String,
    /// Its positional parameters.
    pub params: Vec<Value>,
}

/// What a client sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// One call, or why it is none, with the answer's id.
    One(Result<Request, (Value, RpcError)>),
    /// Several.
    Batch(Vec<Result<Request, (Value, RpcError)>>),
}

impl Incoming {
    /// Reads a body.
    ///
    /// # Errors
    /// An answer to the whole of it: it is no JSON, or a batch of no calls or
    /// of too many.
    pub fn parse(body: &[u8]) -> Result<Self, RpcError> {
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            RpcError::new(RpcError::PARSE, format_args!("parse error: {error}"))
        })?;
        match value {
            Value::Array(calls) if calls.is_empty() => {
                Err(RpcError::invalid_request("empty batch"))
            }
            Value::Array(calls) if calls.len() > MAX_BATCH => {
                Err(RpcError::invalid_request("batch too large"))
            }
            Value::Array(calls) => Ok(Self::Batch(calls.into_iter().map(request).collect())),
            call => Ok(Self::One(request(call))),
        }
    }
}

fn request(value: Value) -> Result<Request, (Value, RpcError)> {
    let Value::Object(mut object) = value else {
        return Err((Value::Null, RpcError::invalid_request("invalid request")));
    };
    let id = object.remove("id");
    let refuse = |error| (id.clone().unwrap_or_default(), error);
    if !matches!(
        id,
        None | Some(Value::Null | Value::String(_) | Value::Number(_))
    ) {
        return Err((
            Value::Null,
            RpcError::invalid_request("invalid request: id is no text or number"),
        ));
    }
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(refuse(RpcError::invalid_request(
            "invalid request: jsonrpc is not \"2.0\"",
        )));
    }
    let Some(Value::String(method)) = object.remove("method") else {
        return Err(refuse(RpcError::invalid_request(
            "invalid request: no method",
        )));
    };
    let params = match object.remove("params") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(params)) => params,
        Some(_) => return Err(refuse(RpcError::invalid_params("non-array args"))),
    };
    Ok(Request { id, method, params })
}

/// The answer to a call, as text.
#[must_use]
pub fn answer(id: &Value, outcome: &Result<Value, RpcError>) -> String {
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
pub fn notification(subscription: &str, result: &Value) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":"{subscription}","result":{result}}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Incoming, RpcError> {
        Incoming::parse(text.as_bytes())
    }

    #[test]
    fn a_call_has_id_method_and_params() {
        let text = r#"{"jsonrpc":"2.0","id":"a","method":"eth_call","params":[1]}"#;
        let request = Request {
            id: Some(json!("a")),
            method: "eth_call".into(),
            params: vec![json!(1)],
        };
        assert_eq!(parse(text), Ok(Incoming::One(Ok(request))));
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
        assert_eq!(errors[0].0, Value::Null);
        assert_eq!(errors[1].0, json!(7));
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
        let Ok(Incoming::One(Err((id, error)))) =
            parse(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{}}"#)
        else {
            panic!("an error");
        };
        assert_eq!((id, error.code), (json!(1), RpcError::INVALID_PARAMS));
    }

    #[test]
    fn errors_carry_code_message_and_data() {
        let error = RpcError {
            code: 3,
            message: "execution reverted".into(),
            data: Some(json!("0x")),
        };
        let text = answer(&json!(1), &Err(error));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            json!({"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"0x"}})
        );
    }
}
