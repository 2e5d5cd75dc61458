//! HTTP requests to one server.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// A client with a connection of its own that it keeps open.
pub(crate) struct Client {
    agent: Agent,
    url: String,
}

/// A status and the JSON that came with it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

impl Client {
    pub(crate) fn new(url: &str) -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Client {
            agent: Agent::new_with_config(config),
            url: url.to_owned(),
        }
    }

    /// `POST`, whatever comes of it.
    pub(crate) fn try_post(&self, path: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
        let url = format!("{}{path}", self.url);
        Client::read(self.agent.post(url).send(body)?)
    }

    /// `POST` to a server that must answer.
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.try_post(path, body)
            .unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// `GET` from a server that must answer.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.url);
        let answer = self.agent.get(url).call().and_then(Client::read);
        answer.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// The shop's books.
    pub(crate) fn state(&self) -> Value {
        let answer = self.get("/state");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    }

    fn read(response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
        let (head, mut body) = response.into_parts();
        // The list of shipments grows beyond the client's usual limit.
        let text = body.with_config().limit(1 << 30).read_to_string()?;
        let status = head.status.as_u16();
        let json = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{status} without JSON: {error}: {text:?}"));
        Ok(Answer { status, json })
    }
}

impl Answer {
    /// Asserts the status and, for a refusal, that it says why.
    pub(crate) fn must_be(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{self:?}");
        if status >= 400 {
            let reason = self.json["error"].as_str().unwrap_or_default();
            assert!(!reason.is_empty(), "a refusal says why: {self:?}");
        }
        &self.json
    }
}
