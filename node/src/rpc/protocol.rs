//! JSON-RPC 2.0: requests, batches, answers, errors.

use super::error::RpcError;
use serde_json::Value;

/// Most calls of a batch, as in go-ethereum.
pub const MAX_BATCH: usize = 1000;

/// A call that is well formed.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The id of the answer; `None`: a notification, which has no answer.
    pub id: Option<Value>,
    /// The method's name.
    pub method: String,
    /// Its positional parameters.
    pub params: Vec<Value>,
}

/// The message of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// One call, or why it is invalid, with the answer's id.
    One(Result<Request, (Value, RpcError)>),
    /// Several.
    Batch(Vec<Result<Request, (Value, RpcError)>>),
}

impl Incoming {
    /// Reads a body.
    ///
    /// # Errors
    /// If it is not JSON, or a batch of no calls or too many.
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
    use serde_json::json;

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
