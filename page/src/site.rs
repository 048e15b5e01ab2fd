//! Path → view.

use crate::ask::{Ask, Trouble};
use crate::frame::{self, View};
use crate::names::Names;
use crate::query::{Query, undone};
use crate::views;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use node::miner::MinerHandle;
use node::rpc::site::{Asked, Site};

/// The longest path and query that are looked at.
const LONGEST: usize = 64 << 10;

/// The pages of a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pages;

impl Site for Pages {
    fn page(&self, miner: MinerHandle, asked: Asked) -> BoxFuture<'static, Response> {
        async move {
            if let Some(file) = frame::asset(&asked.path) {
                return file;
            }
            let ask = Ask::new(miner);
            let accounts = ask.node().accounts().iter();
            let accounts: Vec<_> = accounts.map(|account| account.address).collect();
            let names = Names::new(ask.node().abis.names(), &accounts).fixed(!ask.is_devnet());
            match answer(&ask, &names, &asked).await {
                Ok(Answer::View(view)) => frame::page(&ask, &view),
                Ok(Answer::Whole(response)) => response,
                Ok(Answer::Elsewhere(path)) => elsewhere(&path),
                Err(trouble) => frame::trouble(&ask, &names, trouble),
            }
        }
        .boxed()
    }
}

/// What a path leads to.
pub(crate) enum Answer {
    View(View),
    /// An answer without a frame.
    Whole(Response),
    /// Another path of the pages.
    Elsewhere(String),
}

impl From<View> for Answer {
    fn from(view: View) -> Self {
        Self::View(view)
    }
}

async fn answer(ask: &Ask, names: &Names, asked: &Asked) -> Result<Answer, Trouble> {
    if asked.path.len() + asked.query.len() > LONGEST {
        return Err(Trouble::Invalid("That address is too long.".into()));
    }
    let query = Query::parse(&asked.query);
    let parts: Vec<String> = asked
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| undone(part, false))
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(match parts[..] {
        [] => views::home::view(ask, &query).await?.into(),
        ["rows"] => Answer::Whole(frame::part(views::home::rows(ask).await?)),
        ["block", id] => views::block::view(ask, names, id, &query).await?.into(),
        ["tx", hash] => views::transaction::view(ask, names, hash).await?.into(),
        ["level", "newest"] => views::level::newest(ask).await?,
        ["level", number] => views::level::view(ask, number, &query).await?.into(),
        ["address", address] => views::account::view(ask, names, address, &query)
            .await?
            .into(),
        ["address", address, part] => match part {
            "code" => views::code::view(ask, names, address, &query).await?.into(),
            "storage" => views::storage::view(ask, names, address, &query)
                .await?
                .into(),
            "logs" => views::logs::of_account(ask, names, address, &query)
                .await?
                .into(),
            "tokens" => views::tokens::view(ask, names, address).await?.into(),
            "contract" => views::workbench::view(ask, names, address, &query).await?,
            _ => return Err(nothing()),
        },
        ["search"] => views::search::find(ask, names, query.get("q")).await?,
        ["selector", selector] => views::named::selector(names, selector)?.into(),
        ["event", topic] => views::logs::of_event(ask, names, topic, &query)
            .await?
            .into(),
        ["abis"] => views::named::abis(ask, names).into(),
        ["bridge"] => views::bridge::view(ask, names, &query).await?.into(),
        ["layer1", account] => views::bridge::layer1(ask, account).await?.into(),
        ["control"] if ask.is_devnet() => views::control::view(ask, names).await?.into(),
        _ => return Err(nothing()),
    })
}

fn nothing() -> Trouble {
    Trouble::NotFound("There is no such page.".into())
}

fn elsewhere(path: &str) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    let policy = HeaderValue::from_static(frame::POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if let Ok(location) = HeaderValue::from_str(path) {
        headers.insert(header::LOCATION, location);
    }
    response
}
