//! `sidetone token`: an access token, from the signing key itself or from a running service.

use serde_json::json;
use sidetone_server::{ServerError, TokenRequest};
use sidetone_store::StoreError;

use crate::args::TokenArgs;
use crate::dev_token::{self, Issued, Wish};
use crate::exit::{Exit, Failure};
use crate::output;

/// Prints a token.
pub fn run(args: TokenArgs) -> Result<Exit, Failure> {
    let issued = match &args.data_dir {
        Some(folder) => {
            let request = TokenRequest {
                name: args.name.clone(),
                lifetime: args.lifetime,
                ..TokenRequest::new(args.identity.clone())
            };
            let issued = super::runtime()?
                .block_on(sidetone_server::issue_token(folder, request))
                .map_err(in_use)?;
            Issued {
                expires: issued.expires.as_secs(),
                token: issued.token.into_exposed(),
            }
        }
        None => dev_token::ask(
            &args.server,
            &Wish {
                identity: args.identity.clone(),
                name: args.name.clone(),
                lifetime: args.lifetime.map(|lifetime| lifetime.as_secs()),
            },
        )?,
    };
    if args.json {
        output::json(&json!({
            "token": issued.token,
            "identity": args.identity,
            "expires": issued.expires,
        }));
    } else {
        output::line(&issued.token);
    }
    Ok(Exit::Done)
}

/// A running service holds its folder; say what to do then.
fn in_use(error: ServerError) -> Failure {
    let running = matches!(&error, ServerError::Store(StoreError::Locked { .. }));
    let mut failure = Failure::from(error);
    if running {
        failure.message += ": a service runs there, ask it with --server instead of --data-dir";
    }
    failure
}
