//! Whose certificates are trusted where other nodes are asked over HTTPS.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// The variable with a file of certificates, in PEM, of the authorities that are trusted
/// instead of those of Mozilla, which are built in. OpenSSL and curl know it, too.
pub const FILE: &str = "SSL_CERT_FILE";

/// The most bytes of that file.
const MAX_FILE: u64 = 16 << 20;

/// Why the file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{FILE} names {}: {why}", .path.display())]
pub struct AuthoritiesError {
    path: PathBuf,
    why: String,
}

/// The settings of connections over TLS. Without a usable file nobody is trusted.
#[must_use]
pub fn config() -> TlsConfig {
    let nobody = || RootCerts::Specific(Arc::default());
    let trusted = authorities().clone().unwrap_or_else(|_| nobody());
    TlsConfig::builder().root_certs(trusted).build()
}

/// Checks the file of authorities, if one is named.
///
/// # Errors
/// [`AuthoritiesError`].
pub fn check() -> Result<(), AuthoritiesError> {
    authorities().as_ref().map(drop).map_err(Clone::clone)
}

/// Those that are trusted; they are read once.
fn authorities() -> &'static Result<RootCerts, AuthoritiesError> {
    static AUTHORITIES: OnceLock<Result<RootCerts, AuthoritiesError>> = OnceLock::new();
    AUTHORITIES.get_or_init(|| match std::env::var_os(FILE) {
        Some(path) if !path.is_empty() => read(Path::new(&path)).map_err(|why| AuthoritiesError {
            path: path.into(),
            why,
        }),
        _ => Ok(RootCerts::WebPki),
    })
}

fn read(path: &Path) -> Result<RootCerts, String> {
    let text = |error: std::io::Error| error.to_string();
    let metadata = std::fs::metadata(path).map_err(text)?;
    if !metadata.is_file() {
        return Err("it is not a file".into());
    }
    if metadata.len() > MAX_FILE {
        return Err(format!("it has over {MAX_FILE} bytes"));
    }
    let mut certificates = Vec::new();
    for item in parse_pem(&std::fs::read(path).map_err(text)?) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err("there is no certificate in it (PEM)".into()),
        false => Ok(RootCerts::Specific(Arc::new(certificates))),
    }
}

/// Why a server's certificate is not accepted, if that is what went wrong.
#[must_use]
pub fn distrust(error: &ureq::Error) -> Option<String> {
    let error = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    match error {
        rustls::Error::InvalidCertificate(_) => Some(format!(
            "{error} (a file of authorities can be named by {FILE})"
        )),
        _ => None,
    }
}

/// The reason why a request failed, and advice about a certificate.
#[must_use]
pub fn explained(error: &ureq::Error) -> String {
    distrust(error).unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_trusts_nobody() {
        let folder = std::env::temp_dir().join(format!("authorities-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.pem");
        for (text, why) in [
            ("", "no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAA==", "PEM"),
            (
                "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
                "no certificate",
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            let refused = read(&file).unwrap_err();
            assert!(refused.contains(why), "{text:?}: {refused}");
        }
        assert_eq!(read(&folder).unwrap_err(), "it is not a file");
        assert!(read(&folder.join("none")).is_err());
        let one = include_bytes!("../../cli/tests/tls/authority.pem");
        std::fs::write(&file, one).unwrap();
        assert!(matches!(read(&file), Ok(RootCerts::Specific(all)) if all.len() == 1));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn only_certificates_are_explained() {
        let wrong = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let io = std::io::Error::new(std::io::ErrorKind::InvalidData, wrong.clone());
        for error in [ureq::Error::Rustls(wrong), ureq::Error::Io(io)] {
            assert!(explained(&error).contains("UnknownIssuer"));
            assert!(explained(&error).contains(FILE));
        }
        let other = ureq::Error::HostNotFound;
        assert_eq!(distrust(&other), None);
        assert_eq!(explained(&other), other.to_string());
    }
}
