//! Other nodes behind TLS: a fork's remote, and a rollup node.

use crate::support::{Folder, GENESIS, PATIENCE, PROGRAM, Process, double, kernel, until};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The certificate of localhost, its key, and the authority that signed it (until 2126).
const CERTIFICATE: &[u8] = include_bytes!("tls/localhost.pem");
const KEY: &[u8] = include_bytes!("tls/localhost.key");
const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/authority.pem");
const VARIABLE: &str = "SSL_CERT_FILE";

/// Speaks TLS in front of an address for as long as the test runs; gives its URL.
fn front(address: &str) -> String {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits");
    let (config, address) = (Arc::new(config), address.to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (config, address) = (config.clone(), address.clone());
            // A client that goes away ends its own connection alone.
            std::thread::spawn(move || relay(client, config, &address));
        }
    });
    format!("https://localhost:{port}")
}

/// Carries bytes both ways until one side ends.
fn relay(client: TcpStream, config: Arc<ServerConfig>, address: &str) -> io::Result<()> {
    const TURN: Duration = Duration::from_millis(5);
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(TURN))?;
    let mut server = TcpStream::connect(address)?;
    server.set_nodelay(true)?;
    server.set_read_timeout(Some(TURN))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(connection, client);
    let mut idle = Instant::now();
    while idle.elapsed() < PATIENCE {
        if carry(&mut client, &mut server)? || carry(&mut server, &mut client)? {
            idle = Instant::now();
        }
    }
    Ok(())
}

/// Carries what is there; whether there was anything. The end of the stream is an error.
fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut buffer = [0; 1 << 14];
    match from.read(&mut buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            to.write_all(&buffer[..count])?;
            to.flush()?;
            Ok(true)
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn address(process: &Process) -> &str {
    process.url.trim_start_matches("http://")
}

/// The command's error with this file of authorities; it has to end at once.
fn refused(folder: &Folder, args: &[&str], authorities: Option<&str>) -> String {
    let start = Instant::now();
    let mut command = Command::new(PROGRAM);
    command
        .args(args)
        .current_dir(&folder.0)
        .env_remove(VARIABLE);
    let ran = command
        .envs(authorities.map(|file| (VARIABLE, file)))
        .output();
    let ran = ran.expect("it runs");
    assert!(!ran.status.success());
    // Certificates are not tried again: five times would take 8 seconds.
    assert!(
        start.elapsed() < Duration::from_secs(7),
        "{:?}",
        start.elapsed()
    );
    crate::support::stderr(&ran)
}

#[test]
fn a_fork_asks_over_https_who_has_a_certificate_of_a_known_authority() {
    let folder = Folder::new("fork over https");
    let evm = kernel("evm_kernel.wasm");
    let devnet = ["devnet", "--port", "0", "--kernel", &evm];
    let remote = Process::start(&folder.0, &[&devnet[..], &["--chain-id", "4711"]].concat());
    let account = remote.call("eth_accounts", &json!([]))["result"][0].clone();
    let to = "0x4242424242424242424242424242424242424242";
    let transfer = json!([{ "from": account, "to": to, "value": "0x7" }]);
    assert!(remote.call("eth_sendTransaction", &transfer)["result"].is_string());
    let url = front(address(&remote));
    let args = [&devnet[..], &["--no-fork-cache", "--fork-url", &url]].concat();

    let stranger = refused(&folder, &args, None);
    assert!(stranger.contains("UnknownIssuer"), "{stranger}");
    assert!(stranger.contains(VARIABLE), "{stranger}");
    let absent = refused(&folder, &args, Some("absent.pem"));
    assert!(
        absent.contains("SSL_CERT_FILE names absent.pem"),
        "{absent}"
    );
    // The certificate is for the name.
    let other = url.replace("localhost", "127.0.0.1");
    let args_other = [&devnet[..], &["--no-fork-cache", "--fork-url", &other]].concat();
    let other = refused(&folder, &args_other, Some(AUTHORITY));
    assert!(other.contains("is not trusted"), "{other}");

    let fork = Process::start_with(&folder.0, &args, Some((VARIABLE, AUTHORITY)));
    let ask = |method: &str, params| fork.call(method, &params)["result"].clone();
    assert_eq!(ask("eth_chainId", json!([])), "0x1267");
    assert_eq!(ask("eth_getBalance", json!([to, "latest"])), "0x7");
    assert!(ask("eth_sendTransaction", transfer).is_string());
    assert_eq!(ask("eth_getBalance", json!([to, "latest"])), "0xe");
}

#[test]
fn a_rollup_node_is_followed_over_https() {
    let folder = Folder::new("rollup node over https");
    let double = double(&folder.0);
    let url = front(address(&double));
    let args = ["node", "--rollup-node", &url, "--port", "0"];
    let args = [&args[..], &GENESIS].concat();
    let node = Process::start_with(&folder.0, &args, Some((VARIABLE, AUTHORITY)));
    double.post("/double/levels?count=3", &json!({}));
    until("all levels ran", || {
        node.call("rollup_status", &json!([]))["result"]["level"] == 1004
    });
}
