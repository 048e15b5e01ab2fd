//! Access to the node: the origins of pages that may call (CORS), and the names
//! that the node answers to.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use tower_http::cors::{Any, CorsLayer};

/// The rules of access.
#[derive(Clone, Debug)]
pub struct Access {
    /// The origin whose pages may call; `None`: any.
    origin: Option<HeaderValue>,
    /// The node listens on the loopback alone: a foreign name that leads there is an
    /// attack by a page (DNS rebinding).
    loopback: bool,
    /// Other names that lead in.
    hosts: Vec<String>,
}

/// Not a CORS origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid CORS origin {0:?}: expected `*` or an origin such as http://localhost:3000")]
pub struct InvalidOrigin(String);

impl Access {
    /// The access of a node that listens at `host`, open to pages of `origin`;
    /// `*`: of any.
    ///
    /// # Errors
    /// [`InvalidOrigin`].
    pub fn new(host: IpAddr, origin: &str) -> Result<Self, InvalidOrigin> {
        let origin = match origin {
            "*" => None,
            _ if origin.contains("://") => Some(
                HeaderValue::from_str(origin.trim_end_matches('/'))
                    .map_err(|_| InvalidOrigin(origin.into()))?,
            ),
            _ => return Err(InvalidOrigin(origin.into())),
        };
        Ok(Self {
            origin,
            loopback: host.is_loopback(),
            hosts: Vec::new(),
        })
    }

    /// Lets in by these names, too; `*`: by any.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &[String]) -> Self {
        self.hosts = hosts.to_vec();
        self
    }

    fn is_allowed(&self, host: &str) -> bool {
        let name = name_of(host);
        let mut hosts = self.hosts.iter();
        hosts.any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(name))
    }

    /// The headers for browsers.
    pub(crate) fn cors(&self) -> CorsLayer {
        let layer = CorsLayer::new().allow_methods(Any).allow_headers(Any);
        match &self.origin {
            None => layer.allow_origin(Any),
            Some(origin) => layer.allow_origin(origin.clone()),
        }
    }

    /// True if the page that asks came from this node, under a name that cannot be made to
    /// lead elsewhere.
    fn is_own_origin(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let origin = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"));
        let (Some(host), Some((_, from))) = (host, origin) else {
            return false;
        };
        let mut hosts = self.hosts.iter();
        let named = is_own_name(host) || hosts.any(|name| name.eq_ignore_ascii_case(name_of(host)));
        named && from.eq_ignore_ascii_case(host)
    }

    /// Why a request with these headers is turned away.
    fn refusal(&self, headers: &HeaderMap) -> Option<&'static str> {
        let stranger = |host: &HeaderValue| {
            let known = |host| is_own_name(host) || self.is_allowed(host);
            !host.to_str().is_ok_and(known)
        };
        if self.loopback && headers.get(header::HOST).is_some_and(stranger) {
            return Some("invalid host specified");
        }
        let wanted = self.origin.as_ref()?;
        let other = headers
            .get(header::ORIGIN)
            .is_some_and(|origin| origin != wanted && !self.is_own_origin(origin, headers));
        // Browsers send some requests before they ask, and open any WebSocket.
        other.then_some("origin not allowed")
    }
}

/// Lets a request in, or answers 403.
pub(crate) async fn check(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    match access.refusal(request.headers()) {
        None => next.run(request).await,
        Some(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
    }
}

/// Checks that a Host header names this machine, or is an address: only names can
/// be made to lead elsewhere.
fn is_own_name(host: &str) -> bool {
    let name = name_of(host);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
}

/// A Host header without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn refusal(access: &Access, headers: &[(&'static str, &str)]) -> Option<&'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        access.refusal(&map)
    }

    #[test]
    fn on_the_loopback_only_its_own_names_and_addresses_lead_in() {
        let access = Access::new(Ipv4Addr::LOCALHOST.into(), "*").unwrap();
        for host in [
            "localhost",
            "localhost:8545",
            "LocalHost:1",
            "127.0.0.1:8545",
            "[::1]:8545",
            "app.localhost:3",
        ] {
            assert_eq!(refusal(&access, &[("host", host)]), None, "{host}");
        }
        assert_eq!(refusal(&access, &[]), None);
        for host in [
            "evil.example",
            "evil.example:8545",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8545",
            "",
        ] {
            assert_eq!(
                refusal(&access, &[("host", host)]),
                Some("invalid host specified"),
                "{host}"
            );
        }
    }

    #[test]
    fn names_that_the_operator_allows_lead_in_too() {
        let access = Access::new(Ipv4Addr::LOCALHOST.into(), "*").unwrap();
        let named = access.clone().with_hosts(&["devnet.test".into()]);
        assert_eq!(refusal(&named, &[("host", "Devnet.test:8545")]), None);
        assert!(refusal(&named, &[("host", "evil.example")]).is_some());
        let any = access.with_hosts(&["*".into()]);
        assert_eq!(refusal(&any, &[("host", "evil.example")]), None);
    }

    #[test]
    fn a_public_node_answers_to_any_name() {
        let access = Access::new(Ipv4Addr::UNSPECIFIED.into(), "*").unwrap();
        assert_eq!(refusal(&access, &[("host", "node.example")]), None);
    }

    #[test]
    fn pages_of_other_origins_stay_outside_where_one_is_named() {
        let access = Access::new(Ipv4Addr::LOCALHOST.into(), "http://localhost:3000/").unwrap();
        let from = |origin| refusal(&access, &[("host", "localhost"), ("origin", origin)]);
        assert_eq!(from("http://localhost:3000"), None);
        assert_eq!(from("http://evil.example"), Some("origin not allowed"));
        assert_eq!(refusal(&access, &[("host", "localhost")]), None);
        let open = Access::new(Ipv4Addr::LOCALHOST.into(), "*").unwrap();
        assert_eq!(refusal(&open, &[("origin", "http://evil.example")]), None);
    }

    #[test]
    fn pages_of_the_node_itself_may_call_but_not_under_a_name_that_can_lead_elsewhere() {
        let access = Access::new(Ipv4Addr::UNSPECIFIED.into(), "http://localhost:3000").unwrap();
        let access = access.with_hosts(&["*".into(), "node.test".into()]);
        let from = |host, origin| refusal(&access, &[("host", host), ("origin", origin)]);
        assert_eq!(from("127.0.0.1:8545", "http://127.0.0.1:8545"), None);
        assert_eq!(from("localhost:8545", "http://localhost:8545"), None);
        assert_eq!(from("node.test:8545", "http://node.test:8545"), None);
        for (host, origin) in [
            ("127.0.0.1:8545", "http://127.0.0.1:8546"),
            ("localhost:8545", "http://127.0.0.1:8545"),
            ("evil.example:8545", "http://evil.example:8545"),
            ("localhost:8545", "null"),
        ] {
            assert_eq!(
                from(host, origin),
                Some("origin not allowed"),
                "{host} {origin}"
            );
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        assert!(Access::new(Ipv4Addr::LOCALHOST.into(), "localhost").is_err());
        assert!(Access::new(Ipv4Addr::LOCALHOST.into(), "http://a\nb").is_err());
    }
}
