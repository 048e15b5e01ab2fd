//! The frame that all views have, and the headers of answers.

use crate::ask::{Ask, Trouble};
use crate::names::{Names, Room};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::{DOCTYPE, Markup, html};
use node::rpc::RpcError;

/// What a page may load, and do: nothing from elsewhere, and nothing that stands in it.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The kind of pages.
const HTML: &str = "text/html; charset=utf-8";

/// Scripts, styles and the icon.
const SCRIPT: &str = include_str!("../assets/page.js");
const STYLE: &str = include_str!("../assets/page.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// A view: its title, and what stands in its `main`.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) title: String,
    pub(crate) main: Markup,
}

impl View {
    pub(crate) fn new(title: impl Into<String>, main: Markup) -> Self {
        let title = title.into();
        Self { title, main }
    }
}

/// A file of the pages; `None`: there is no such file.
pub(crate) fn asset(path: &str) -> Option<Response> {
    let (kind, text) = match path {
        "/page.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "/page.css" => ("text/css; charset=utf-8", STYLE),
        "/icon.svg" | "/favicon.ico" => ("image/svg+xml", ICON),
        _ => return None,
    };
    // A node of another version has other ones at the same place.
    Some(answer(StatusCode::OK, kind, "no-cache", text.to_owned()))
}

/// A view in the frame.
pub(crate) fn page(ask: &Ask, view: &View) -> Response {
    html(StatusCode::OK, whole(ask, view))
}

/// Markup without a frame, which the script puts into a page.
pub(crate) fn part(text: String) -> Response {
    answer(StatusCode::OK, HTML, "no-store", text)
}

/// JSON for the script.
pub(crate) fn json(value: &serde_json::Value) -> Response {
    answer(
        StatusCode::OK,
        "application/json",
        "no-store",
        value.to_string(),
    )
}

/// A file that the browser keeps; `name` is of letters, digits, points and hyphens.
pub(crate) fn file(name: &str, kind: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = answer(StatusCode::OK, kind, "no-store", bytes);
    let how = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    if let Ok(how) = how {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_DISPOSITION, how);
    }
    response
}

/// Why there is no page, in words.
pub(crate) fn trouble(ask: &Ask, names: &Names, trouble: Trouble) -> Response {
    let (status, title, why) = match trouble {
        Trouble::NotFound(why) => (StatusCode::NOT_FOUND, "Not found", html! { p { (why) } }),
        Trouble::Invalid(why) => (
            StatusCode::BAD_REQUEST,
            "Not understood",
            html! { p { (why) } },
        ),
        Trouble::Node(error) => (
            status_of(&error),
            "The node says no",
            refusal(names, &error),
        ),
    };
    let main = html! {
        h1 { (title) }
        (why)
        p { "Search for a block, a transaction, an address, a level or a name above, or go to " a href="/" { "the newest blocks" } "." }
    };
    html(status, whole(ask, &View::new(title, main)))
}

fn status_of(error: &RpcError) -> StatusCode {
    match error.code {
        RpcError::INVALID_PARAMS => StatusCode::BAD_REQUEST,
        RpcError::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        RpcError::TIMED_OUT | RpcError::LIMIT => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error of the node, with what it reverted with.
pub(crate) fn refusal(names: &Names, error: &RpcError) -> Markup {
    let reverted = error.data.as_ref().and_then(crate::ask::bytes);
    html! {
        p.failed { (error.message) " (code " (error.code) ")" }
        @if let Some(bytes) = reverted.filter(|bytes| !bytes.is_empty()) { (names.revert(&bytes, Room::of(8_000))) }
    }
}

fn whole(ask: &Ask, view: &View) -> Markup {
    let node = ask.node();
    // As /health has it, which the script asks now and then.
    let none =
        || Some("it has no block yet".to_owned()).filter(|_| node.chain().newest().is_none());
    let trouble = node.trouble().or_else(none);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (view.title) " · " (node.chain_id()) }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/page.css";
                script src="/page.js" defer {}
            }
            body data-devnet[ask.is_devnet()] {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.home href="/" { "evm-rollup" }
                    (search())
                    nav aria-label="Views" {
                        a href="/" { "Blocks" }
                        a href="/level/newest" { "Levels" }
                        a href="/bridge" { "Bridge" }
                        a href="/abis" { "Names" }
                        @if ask.is_devnet() {
                            a href="/dispute" { "Dispute" }
                            a href="/control" { "Control" }
                        }
                        button #local type="button" aria-pressed="false" hidden { "Local times" }
                        button #exact type="button" aria-pressed="false" hidden { "Exact values" }
                    }
                }
                aside #trouble.trouble aria-label="Trouble" hidden[trouble.is_none()] { @if let Some(trouble) = trouble { "The node has trouble: " (trouble) } }
                main #main tabindex="-1" { (view.main) }
                footer {
                    p { (node.client()) ", chain " (node.chain_id()) ". All that is here comes from the node's JSON-RPC at the same address." }
                }
            }
        }
    }
}

fn search() -> Markup {
    html! {
        form.search role="search" action="/search" method="get" {
            label.unseen for="q" { "Search" }
            input #q name="q" type="search" placeholder="Hash, block, address, name, level 7, tz…" title="A hash, a block, an address, a selector, a name, level 7, KT1… or tz…" autocomplete="off" spellcheck="false" required;
            button type="submit" { "Search" }
        }
    }
}

fn html(status: StatusCode, markup: Markup) -> Response {
    answer(status, HTML, "no-store", markup.into_string())
}

fn answer(
    status: StatusCode,
    kind: &'static str,
    cache: &'static str,
    content: impl Into<Body>,
) -> Response {
    let mut response = Response::new(content.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut put = |name, value| headers.insert(name, HeaderValue::from_static(value));
    put(header::CONTENT_TYPE, kind);
    put(header::CACHE_CONTROL, cache);
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "no-referrer");
    put(header::X_FRAME_OPTIONS, "DENY");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_styles_are_small_and_plain() {
        assert!(SCRIPT.len() + STYLE.len() <= 60_000);
        // Nothing is asked for elsewhere, and no text becomes code.
        for text in [SCRIPT, STYLE] {
            assert!(!text.contains("http://") && !text.contains("https://"));
            assert!(!text.contains("@import") && !text.contains("url("));
        }
        for word in [
            "eval(",
            "innerHTML",
            "outerHTML",
            "document.write",
            "Function(",
        ] {
            assert!(!SCRIPT.contains(word), "{word}");
        }
    }

    #[test]
    fn the_policy_allows_nothing_from_elsewhere_and_nothing_inline() {
        assert!(POLICY.starts_with("default-src 'none'"));
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("http") && !POLICY.contains('*'));
    }
}
