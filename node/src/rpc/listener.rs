//! The connections of the node's port: how many, for how long, and their end.

use super::load::Share;
use super::meter::{Meter, Metered};
use axum::Router;
use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

/// A head of a request has to arrive in this time; the next one, too.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Most bytes of a request's head, and of what waits to be sent to a connection.
const BUFFER: usize = 32 << 10;

/// The pause after a connection could not be taken: all files may be open.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves connections of `listener` until `ended`; at most `most` at once: then the one
/// that is idle for the longest time makes room, or if none is, the new one is closed.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    most: usize,
    mut ended: oneshot::Receiver<()>,
) {
    // Dropping it ends them all.
    let mut tasks = JoinSet::new();
    let mut connections = Connections::default();
    loop {
        tokio::select! {
            _ = &mut ended => return,
            Some(_) = tasks.join_next_with_id() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if tasks.len() >= most && !connections.make_room() {
                        // All are busy.
                        tracing::debug!("a connection is not taken: there are {most}");
                        continue;
                    }
                    let activity = Arc::new(Activity::default());
                    let task = tasks.spawn(connection(stream, router.clone(), Arc::clone(&activity)));
                    connections.add(task, activity);
                }
                Err(error) => {
                    tracing::debug!("a connection cannot be taken: {error}");
                    connections.make_room();
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
}

/// Whoever is at the other end of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    pub(super) share: Share,
    pub(super) meter: Meter,
}

async fn connection(stream: TcpStream, router: Router, activity: Arc<Activity>) {
    // Answers are small and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY: {error}");
    }
    let peer = Peer::default();
    let stream = Metered::new(stream, peer.meter.clone());
    let service = tower_service(router, activity, peer);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ends: {error}");
    }
}

/// The router, which tells when it works.
fn tower_service(
    router: Router,
    activity: Arc<Activity>,
    peer: Peer,
) -> impl hyper::service::Service<
    hyper::Request<hyper::body::Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> {
    let router = TowerToHyperService::new(router);
    hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let busy = Busy::new(Arc::clone(&activity));
        let answer = hyper::service::Service::call(&router, request);
        async move {
            // It is busy until the answer has left.
            let answer = answer.await?;
            Ok(answer.map(|body| Body::new(Leaving { body, _busy: busy })))
        }
    })
}

/// The body of an answer that leaves.
struct Leaving {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The activity of a connection.
#[derive(Debug, Default)]
struct Activity {
    requests: AtomicUsize,
    /// When it last did something, in milliseconds since the start.
    last: AtomicU64,
}

/// A request is answered.
struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: Arc<Activity>) -> Self {
        activity.requests.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.last.store(now(), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

fn now() -> u64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The connections, in the order of their arrival.
#[derive(Default)]
struct Connections {
    open: BTreeMap<u64, (AbortHandle, Arc<Activity>)>,
    count: u64,
}

impl Connections {
    fn add(&mut self, task: AbortHandle, activity: Arc<Activity>) {
        activity.last.store(now(), Ordering::Relaxed);
        self.open.insert(self.count, (task, activity));
        self.count += 1;
        if self.count.is_multiple_of(256) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.open.retain(|_, (task, _)| !task.is_finished());
    }

    /// Ends the connection that is idle for the longest time; `false` if none is.
    fn make_room(&mut self) -> bool {
        self.forget();
        let idle = self
            .open
            .iter()
            .filter(|(_, (_, activity))| activity.requests.load(Ordering::Relaxed) == 0);
        let longest = idle
            .min_by_key(|(_, (_, activity))| activity.last.load(Ordering::Relaxed))
            .map(|(number, _)| *number);
        let Some((task, _)) = longest.and_then(|number| self.open.remove(&number)) else {
            return false;
        };
        task.abort();
        true
    }
}
