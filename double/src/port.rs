//! A double on a port.

use crate::double::Double;
use crate::options::DoubleError;
use crate::server;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

impl Double {
    /// Serves it at an address, until what this gives is dropped; with `every`, levels are
    /// made by themselves.
    ///
    /// # Errors
    /// [`DoubleError::Listen`].
    pub async fn serve(
        &self,
        address: SocketAddr,
        every: Option<Duration>,
    ) -> Result<Running, DoubleError> {
        let listen = |source| DoubleError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let router = server::router(self.clone());
        let server = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        let double = self.clone();
        let maker = tokio::spawn(async move {
            let Some(every) = every else { return };
            let mut ticks = tokio::time::interval(every);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let double = double.clone();
                let made = tokio::task::spawn_blocking(move || double.levels(1)).await;
                if let Ok(Err(error)) = made {
                    tracing::warn!("{error}");
                }
            }
        });
        Ok(Running {
            address,
            tasks: [server, maker],
        })
    }
}

/// A double on a port. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Running {
    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
