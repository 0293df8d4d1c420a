//! The one place that chooses the process's TLS cryptography.

use tokio_rustls::rustls::crypto::ring;

/// Makes `ring` the default cryptography of rustls in this process.
///
/// Calling it again, or after somebody else has chosen, changes nothing.
pub fn install() {
    let _already_installed = ring::default_provider().install_default();
}
