//! Answers: JSON whether it went well or not.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hivework::WorkError;
use serde_json::json;

use crate::shop::Refusal;

/// A request that was not granted: the status, and why in words.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    reason: String,
}

impl Failure {
    /// With a status and a reason.
    pub(crate) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Failure {
            status,
            reason: reason.into(),
        }
    }

    /// The request itself is wrong.
    pub(crate) fn bad_request(reason: impl Into<String>) -> Self {
        Failure::new(StatusCode::BAD_REQUEST, reason)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.reason }))).into_response()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownItem => Failure::new(StatusCode::NOT_FOUND, "no such item"),
            Refusal::BeyondStock { stock } => {
                Failure::new(StatusCode::CONFLICT, format!("only {stock} in stock"))
            }
        }
    }
}

impl From<WorkError> for Failure {
    fn from(error: WorkError) -> Self {
        let status = match error {
            WorkError::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            WorkError::Panicked(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Failure::new(status, error.to_string())
    }
}
