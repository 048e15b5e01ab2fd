//! Path → view.

use crate::ask::{Ask, Trouble};
use crate::frame::{self, View};
use crate::names::{Names, Room};
use crate::query::{Query, undone};
use crate::views;
use crate::views::home::Rows;
use alloy_primitives::hex;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use node::miner::MinerHandle;
use node::rpc::site::{Asked, Site};
use std::sync::Arc;

/// The longest path and query that are looked at.
const LONGEST: usize = 64 << 10;

/// The pages of a node.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    rows: Arc<Rows>,
}

impl Site for Pages {
    fn page(&self, miner: MinerHandle, asked: Asked) -> BoxFuture<'static, Response> {
        let rows = Arc::clone(&self.rows);
        async move {
            if let Some(file) = frame::asset(&asked.path) {
                return file;
            }
            let ask = Ask::new(miner);
            if asked.path == "/rows" {
                return match rows.text(&ask).await {
                    Ok(text) => frame::part(text),
                    Err(trouble) => frame::trouble(&ask, &Names::new(Arc::default(), &[]), trouble),
                };
            }
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

/// The page that a path leads to.
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
        ["block", id] => views::block::view(ask, names, id, &query).await?.into(),
        ["tx", hash] => views::transaction::view(ask, names, hash, &query)
            .await?
            .into(),
        ["tx", hash, "witness"] => views::proof::witness(ask, hash).await?,
        ["tx", hash, "data", part] => views::parts::whole(ask, names, (hash, part), &query)
            .await?
            .into(),
        ["tx", hash, part] => views::parts::view(ask, names, (hash, part), &query)
            .await?
            .into(),
        ["dropped"] => views::dropped::view(ask, names, &query).await?.into(),
        ["waiting"] => views::waiting::view(ask, names, &query).await?.into(),
        ["level", "newest"] => views::level::newest(ask).await?,
        ["level", level, "message", id] => views::message::view(ask, names, (level, id), &query)
            .await?
            .into(),
        ["level", level, "outbox", id] => views::level::outgoing(ask, (level, id), &query)
            .await?
            .into(),
        ["level", number] => views::level::view(ask, names, number, &query).await?.into(),
        ["address", address] => views::account::view(ask, names, address, &query)
            .await?
            .into(),
        ["address", address, part] => of_account(ask, names, (address, part), &query).await?,
        ["reverted"] => reverted(names, &query)?,
        ["search"] => views::search::find(ask, names, &query).await?,
        ["selector", selector] => views::named::selector(names, selector, &query)?.into(),
        ["event", topic] => views::logs::of_event(ask, names, topic, &query)
            .await?
            .into(),
        ["abis"] => views::named::abis(ask, names, &query)?.into(),
        ["bridge"] => views::bridge::view(ask, names, &query).await?.into(),
        ["layer1", account] => views::layer1::view(ask, account, &query).await?.into(),
        ["dispute"] if ask.is_devnet() => views::dispute::view(ask).await?.into(),
        ["control"] if ask.is_devnet() => views::control::view(ask, names, &query).await?.into(),
        _ => return Err(nothing()),
    })
}

/// What else there is of an account.
async fn of_account(
    ask: &Ask,
    names: &Names,
    (who, part): (&str, &str),
    query: &Query,
) -> Result<Answer, Trouble> {
    Ok(match part {
        "code" => views::code::view(ask, names, who, query).await?.into(),
        "source" => views::source::view(ask, names, who, query).await?.into(),
        "storage" => views::storage::view(ask, names, who, query).await?.into(),
        "logs" => views::logs::of_account(ask, names, who, query)
            .await?
            .into(),
        "tokens" => views::tokens::view(ask, names, who, query).await?.into(),
        "contract" => views::workbench::view(ask, names, who, query).await?,
        "proof" => views::proof::account(ask, who, query).await?,
        _ => return Err(nothing()),
    })
}

/// The words for what a call reverted with, for the script.
fn reverted(names: &Names, query: &Query) -> Result<Answer, Trouble> {
    let data = hex::decode(query.get("data"))
        .map_err(|_| Trouble::Invalid("These are no bytes in hex.".into()))?;
    let words = names.revert(&data, Room::of(1_000));
    Ok(Answer::Whole(frame::part(words.into_string())))
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
