//! Why a server does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use sidetone_store::StoreError;

use crate::TokenError;
use crate::outbound::OutboundError;

/// Error of starting or running a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be listened on: in use, not ours, not permitted.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address configured.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The data folder cannot be made or read.
    #[error("cannot use the data folder {}: {source}", folder.display())]
    DataFolder {
        /// The folder configured.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store cannot be opened, written or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing key in the store cannot be understood.
    #[error("the signing key in the store cannot be used")]
    SigningKey,
    /// A key of the API in the store cannot be understood.
    #[error("an API key in the store cannot be understood")]
    ApiKeys,
    /// A token was not issued.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The address that looks through files cannot be asked.
    #[error("cannot have files looked through: {0}")]
    FileScan(OutboundError),
    /// The address that looks up what is behind addresses in messages cannot be asked.
    #[error("cannot have links previewed: {0}")]
    LinkPreview(OutboundError),
    /// The address that translates cannot be asked.
    #[error("cannot have messages translated: {0}")]
    Translation(OutboundError),
    /// Nothing can carry the media of meetings: an address in use, not ours, not permitted.
    #[error("cannot carry media: {0}")]
    Media(#[source] sidetone_sfu::SfuError),
    /// The configuration contradicts itself.
    #[error("configuration: {0}")]
    Config(&'static str),
}
