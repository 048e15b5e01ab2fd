//! The port of a node: its own before anybody is let in.

use std::io::Result;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// The bytes that the system keeps for a client that does not read.
const SEND_BUFFER: u32 = 256 << 10;

/// The connections that wait to be taken.
const BACKLOG: u32 = 1_024;

/// A port that is taken, at which nobody is let in yet.
#[derive(Debug)]
pub(crate) struct Port(TcpSocket);

impl Port {
    /// Takes a port.
    ///
    /// # Errors
    /// If somebody has it.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self> {
        let socket = match address.is_ipv4() {
            true => TcpSocket::new_v4(),
            false => TcpSocket::new_v6(),
        }?;
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }

    /// Its address.
    ///
    /// # Errors
    /// If the system does not tell.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Lets clients in, for which few bytes are held if they do not read.
    ///
    /// # Errors
    /// If somebody else listens there.
    pub(crate) fn listen(self) -> Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpStream};

    #[tokio::test]
    async fn a_port_is_taken_before_anybody_is_let_in() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let port = Port::bind(any).unwrap();
        let address = port.address().unwrap();
        assert!(TcpStream::connect(address).is_err());
        let listener = port.listen().unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        assert!(TcpStream::connect(address).is_ok());
        Port::bind(address).unwrap_err();
    }
}
