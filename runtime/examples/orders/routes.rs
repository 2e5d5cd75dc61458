//! The requests: each checks its input, asks the shop, and answers.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use hivework::{Scheduler, WorkerStats};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::digest::digest;
use crate::reply::Failure;
use crate::shop::{self, Shipment, Shop};

/// The largest body: 1 MiB.
const BODY: usize = 1 << 20;
const MOST_ROUNDS: u32 = 1_000_000_000;
const LONGEST_DEADLINE_MS: u64 = 60_000;

/// What every request may use.
#[derive(Debug, Clone)]
pub(crate) struct App {
    /// The state.
    pub(crate) shop: Shop,
    /// Where work is put.
    pub(crate) scheduler: Scheduler,
}

/// All routes.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/orders", post(order))
        .route("/digest", post(compute_digest))
        .route("/state", get(state))
        .route("/stats", get(stats))
        .fallback(async || Failure::new(StatusCode::NOT_FOUND, "no such page"))
        .method_not_allowed_fallback(async || {
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "not with this method")
        })
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(app)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderRequest {
    item: String,
    quantity: i64,
}

async fn order(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Shipment>), Failure> {
    let request: OrderRequest = serde_json::from_slice(&received(body)?)
        .map_err(|error| Failure::bad_request(error.to_string()))?;
    let quantity = match u64::try_from(request.quantity) {
        Ok(quantity) if quantity > 0 => quantity,
        _ => return Err(Failure::bad_request("the quantity must be 1 or more")),
    };
    let placed = app.shop.place(&app.scheduler, &request.item, quantity)?;
    let shipment = app.shop.shipped(placed).await?;
    Ok((StatusCode::CREATED, Json(shipment)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestRequest {
    #[serde(default = "one_round")]
    rounds: u32,
    #[serde(default = "two_seconds")]
    deadline_ms: u64,
}

fn one_round() -> u32 {
    1
}

fn two_seconds() -> u64 {
    2_000
}

async fn compute_digest(
    State(app): State<App>,
    query: Result<Query<DigestRequest>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Failure> {
    let Query(request) = query.map_err(|error| Failure::bad_request(error.body_text()))?;
    if !(1..=MOST_ROUNDS).contains(&request.rounds) {
        return Err(Failure::bad_request(format!(
            "rounds must be 1 to {MOST_ROUNDS}"
        )));
    }
    if !(1..=LONGEST_DEADLINE_MS).contains(&request.deadline_ms) {
        let reason = format!("deadline_ms must be 1 to {LONGEST_DEADLINE_MS}");
        return Err(Failure::bad_request(reason));
    }
    let body = received(body)?.to_vec();
    let deadline = Duration::from_millis(request.deadline_ms);
    let digest = digest(&app.scheduler, body, request.rounds, deadline).await?;
    Ok(Json(json!({ "sha256": digest, "rounds": request.rounds })))
}

async fn state(State(app): State<App>) -> Json<shop::State> {
    Json(app.shop.state())
}

async fn stats(State(app): State<App>) -> Json<Value> {
    let stats = app.scheduler.stats();
    let worker = |worker: &WorkerStats| json!({ "run": worker.run, "stolen": worker.stolen, "parked": worker.parked });
    Json(json!({
        "put": stats.put,
        "queued": stats.queued,
        "running": stats.running,
        "finished": stats.finished,
        "panicked": stats.panicked,
        "cancelled": stats.cancelled,
        "overdue": stats.overdue,
        "stopped": stats.stopped,
        "lost": stats.lost,
        "crashed_workers": stats.crashed_workers,
        "workers": stats.workers.iter().map(worker).collect::<Vec<_>>(),
    }))
}

fn received(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Failure> {
    body.map_err(|error| Failure::new(error.status(), error.body_text()))
}
