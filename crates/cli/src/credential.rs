//! As whom a command speaks to the service: with a token that it is given, or as an identity for which the service gives
//! development tokens.

use clap::Args;
use sidetone::{Credential, Identifier};

use crate::address::ServiceAddress;
use crate::dev_token::{self, Wish};
use crate::exit::{Exit, Failure};

/// Who to be.
#[derive(Args, Clone, Debug)]
pub struct CredentialArgs {
    /// Access token
    #[arg(long, value_name = "TOKEN", env = "SIDETONE_TOKEN", hide_env_values = true)]
    #[arg(required_unless_present = "identity")]
    token: Option<String>,
    /// Who to be: asks the service for a development token
    #[arg(long, value_name = "ID", conflicts_with = "token")]
    identity: Option<Identifier>,
}

impl CredentialArgs {
    /// A token that is good now. May ask the service, and wait for it.
    ///
    /// # Errors
    /// As [`dev_token::ask`].
    pub fn token(&self, server: &ServiceAddress) -> Result<String, Failure> {
        match self.wish(None) {
            Some(wish) => Ok(dev_token::ask(server, &wish)?.token),
            None => self.given(),
        }
    }

    /// What a client goes online with. A development token is for this name, and there is a new one when it ends.
    ///
    /// # Errors
    /// As [`dev_token::ask`].
    pub async fn credential(
        &self,
        server: &ServiceAddress,
        name: Option<String>,
    ) -> Result<Credential, Failure> {
        let Some(wish) = self.wish(name) else {
            return self.given().map(Credential::new);
        };
        let server = server.clone();
        let ask = move || dev_token::ask(&server, &wish);
        let first = tokio::task::spawn_blocking(ask.clone())
            .await
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))??;
        let refresher = move || {
            ask()
                .map(|issued| issued.token)
                .map_err(|failure| failure.message)
        };
        Ok(Credential::new(first.token).refreshed_by(refresher))
    }

    fn given(&self) -> Result<String, Failure> {
        // The command line asks for one of the two.
        self.token
            .clone()
            .ok_or_else(|| Failure::new(Exit::Usage, "neither --token nor --identity is given"))
    }

    fn wish(&self, name: Option<String>) -> Option<Wish> {
        let identity = self.identity.clone()?;
        Some(Wish {
            identity,
            name,
            lifetime: None,
        })
    }
}
