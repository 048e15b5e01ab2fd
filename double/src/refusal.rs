//! Refusals.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal: a status, and an error as Octez writes them.
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!([{ "kind": "temporary", "id": "double", "msg": self.1 }]);
        (self.0, Json(error)).into_response()
    }
}
