//! The subscriptions of a WebSocket connection.

use super::error::RpcError;
use super::json;
use super::outgoing::{News, Outgoing};
use super::params::{Param, Params};
use super::texts::BlockTexts;
use crate::chain::{Block, LogFilter};
use crate::load::{Load, SUBSCRIPTIONS as ALL};
use crate::node::Node;
use crate::request::LogQuery;
use alloy_primitives::B256;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Most subscriptions of a connection.
const MAX_SUBSCRIPTIONS: usize = 1_000;

/// Most addresses and topics of all of them together.
const MAX_CONDITIONS: usize = 10_000;

/// So many subscriptions, addresses and topics has a connection in any case; those of more take
/// places that all connections have in common.
const OWN: usize = 100;

/// Numbers subscriptions, over all connections.
static SUBSCRIPTIONS: AtomicU64 = AtomicU64::new(1);

/// The events that a client subscribed to.
#[derive(Debug)]
enum Topic {
    Heads,
    Logs(LogFilter),
    Arrivals {
        whole: bool,
    },
    /// Receipts of these transactions; `None`: of all.
    Receipts(Option<BTreeSet<B256>>),
    /// There is nothing to synchronise with.
    Syncing,
}

/// A subscription, and its places among those of all connections.
type Placed = (Arc<Topic>, OwnedSemaphorePermit);

/// The subscriptions of a connection.
#[derive(Clone, Debug)]
pub(super) struct Subscriptions {
    topics: Arc<Mutex<BTreeMap<u64, Placed>>>,
    /// The connection's own places, and those of all.
    places: [Arc<Semaphore>; 2],
}

impl Subscriptions {
    /// None yet, with places among all.
    pub(super) fn new(load: &Load) -> Self {
        Self {
            topics: Arc::default(),
            places: [
                Arc::new(Semaphore::new(OWN)),
                Arc::clone(&load.subscriptions),
            ],
        }
    }

    /// `eth_subscribe(topic, options)`.
    pub(super) fn subscribe(&self, params: &Params) -> Result<Value, RpcError> {
        let name: String = params.required(0)?;
        let topic = match name.as_str() {
            "newHeads" => Topic::Heads,
            "logs" => Topic::Logs(params.optional::<LogQuery>(1)?.unwrap_or_default().filter),
            "newPendingTransactions" => Topic::Arrivals {
                whole: params.optional(1)?.unwrap_or(false),
            },
            "transactionReceipts" => Topic::Receipts(receipts_of(params)?),
            "syncing" => Topic::Syncing,
            name => {
                let message = format!("no {name:?} subscription in eth namespace");
                return Err(RpcError {
                    message,
                    ..RpcError::method_not_found(name)
                });
            }
        };
        let mut topics = self.lock();
        if topics.len() >= MAX_SUBSCRIPTIONS {
            return Err(RpcError::limit(format_args!(
                "too many subscriptions: at most {MAX_SUBSCRIPTIONS} a connection"
            )));
        }
        let conditions: usize = topics.values().map(|(topic, _)| topic.conditions()).sum();
        let more = topic.conditions();
        if conditions + more > MAX_CONDITIONS {
            return Err(RpcError::limit(format_args!(
                "too many addresses and topics: at most {MAX_CONDITIONS} a connection"
            )));
        }
        let places = self.places(1 + more).ok_or_else(|| {
            RpcError::limit(format_args!(
                "too many subscriptions of all clients: at most {ALL}, their addresses and topics \
                 included"
            ))
        })?;
        let id = SUBSCRIPTIONS.fetch_add(1, Ordering::Relaxed);
        topics.insert(id, (Arc::new(topic), places));
        Ok(json::quantity(id))
    }

    /// True if there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// So many places; `None`: there are too many subscriptions.
    fn places(&self, count: usize) -> Option<OwnedSemaphorePermit> {
        let count = u32::try_from(count).ok()?;
        let mut places = self.places.iter();
        places.find_map(|places| Arc::clone(places).try_acquire_many_owned(count).ok())
    }

    /// `eth_unsubscribe(id)`.
    pub(super) fn unsubscribe(&self, params: &Params) -> Result<Value, RpcError> {
        let removed = self.lock().remove(&params.required(0)?);
        Ok(Value::Bool(removed.is_some()))
    }

    /// Tells the client what happens, as fast as it reads; `next` is the first block of
    /// which it is told. Ends with the connection.
    pub(super) async fn tell(
        self,
        node: Arc<Node>,
        mut next: u64,
        out: mpsc::Sender<Outgoing>,
    ) -> Option<()> {
        let (mut heads, mut arrivals) = (node.heads(), node.arrivals());
        let mut removals = node.chain().removals();
        loop {
            let newest = *heads.borrow_and_update();
            for block in left(&node, &mut removals) {
                if block.number() < next {
                    next = block.number();
                    self.gone(&block, &out).await?;
                }
            }
            // The chain may have gone back.
            next = next.min(newest + 1);
            while next <= newest {
                let block = node.chain().number(next);
                match block {
                    Ok(Some(block)) => self.block(&node, &block, &out).await?,
                    // The chain went back meanwhile, which comes next.
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!("block {next} is not told to subscribers: {error}");
                    }
                }
                next += 1;
            }
            tokio::select! {
                changed = heads.changed() => changed.ok()?,
                arrival = arrivals.recv() => match arrival {
                    Ok(hash) => self.arrival(&node, hash, &out).await?,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    async fn block(
        &self,
        node: &Node,
        block: &Arc<Block>,
        out: &mpsc::Sender<Outgoing>,
    ) -> Option<()> {
        let topics = self.now();
        if topics.is_empty() {
            return Some(());
        }
        let texts = node.texts.of(block);
        for (id, topic) in topics {
            match &*topic {
                Topic::Heads => tell(out, id, News::One(texts.header())).await?,
                Topic::Logs(filter) if filter.may_match(&block.header.logs_bloom) => {
                    for (place, (index, number, log)) in block.logs().enumerate() {
                        if filter.matches(log) {
                            let text = texts
                                .log(place, || {
                                    json::log(&json::place_of(block, index, number), log)
                                })
                                .unwrap_or_default();
                            tell(out, id, News::One(text)).await?;
                        }
                    }
                }
                Topic::Receipts(wanted) => {
                    let receipts = receipts(block, &texts, wanted.as_ref());
                    if !receipts.is_empty() {
                        tell(out, id, News::List(receipts)).await?;
                    }
                }
                Topic::Logs(_) | Topic::Arrivals { .. } | Topic::Syncing => {}
            }
        }
        Some(())
    }

    /// Tells of the logs of a block that left the chain.
    async fn gone(&self, block: &Block, out: &mpsc::Sender<Outgoing>) -> Option<()> {
        for (id, topic) in self.now() {
            let Topic::Logs(filter) = &*topic else {
                continue;
            };
            for (index, number, log) in block.logs().filter(|(.., log)| filter.matches(log)) {
                let text = json::removed_log(block, index, number, log).to_string();
                tell(out, id, News::One(text.into())).await?;
            }
        }
        Some(())
    }

    async fn arrival(&self, node: &Node, hash: B256, out: &mpsc::Sender<Outgoing>) -> Option<()> {
        for (id, topic) in self.now() {
            let Topic::Arrivals { whole } = &*topic else {
                continue;
            };
            let text = node.texts.arrival(&hash, *whole, || {
                let pool = node.pool();
                let waiting = pool.get(&hash).filter(|_| *whole);
                waiting.map_or_else(
                    || json::data(hash),
                    |waiting| json::pending_transaction(&waiting.transaction, &waiting.sender),
                )
            });
            tell(out, id, News::One(text)).await?;
        }
        Some(())
    }

    fn now(&self) -> Vec<(u64, Arc<Topic>)> {
        let topics = self.lock();
        let topics = topics.iter();
        topics
            .map(|(id, (topic, _))| (*id, Arc::clone(topic)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Placed>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn tell(out: &mpsc::Sender<Outgoing>, id: u64, news: News) -> Option<()> {
    out.send(Outgoing::News(id, news)).await.ok()
}

/// The blocks that left the chain since there were `seen` removals, newest first.
fn left(node: &Node, seen: &mut u64) -> Vec<Arc<Block>> {
    let chain = node.chain();
    let gone = chain.removed_since(*seen);
    *seen = chain.removals();
    gone
}

/// The transactions whose receipts are wanted.
fn receipts_of(params: &Params) -> Result<Option<BTreeSet<B256>>, RpcError> {
    let options: Option<Value> = params.optional(1)?;
    let hashes = options
        .as_ref()
        .and_then(|options| options.get("transactionHashes"));
    match hashes {
        None | Some(Value::Null) => Ok(None),
        Some(hashes) => {
            let hashes = Vec::<B256>::read(hashes).map_err(|why| {
                RpcError::invalid_params(format_args!("invalid argument 1: {why}"))
            })?;
            Ok((!hashes.is_empty()).then(|| hashes.into_iter().collect()))
        }
    }
}

/// The receipts of a block that are wanted.
fn receipts(block: &Block, texts: &BlockTexts, wanted: Option<&BTreeSet<B256>>) -> Vec<Arc<str>> {
    let included = block.transactions.iter().enumerate();
    let wanted = included.filter(|(_, included)| {
        wanted.is_none_or(|wanted| wanted.contains(&included.transaction.hash))
    });
    wanted
        .filter_map(|(index, included)| {
            texts.receipt(index, || json::receipt(block, index, included))
        })
        .collect()
}

impl Topic {
    fn conditions(&self) -> usize {
        match self {
            Self::Logs(filter) => filter.len(),
            Self::Receipts(hashes) => hashes.as_ref().map_or(0, BTreeSet::len),
            Self::Heads | Self::Arrivals { .. } | Self::Syncing => 0,
        }
    }
}
