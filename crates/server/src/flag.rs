//! A flag that is raised once, and waited for by many.

use tokio::sync::watch;

/// Waits until the flag is raised, or until nobody is left who could raise it. Cancel safe.
pub(crate) async fn raised(flag: &mut watch::Receiver<bool>) {
    // The result borrows the flag's value and must not live across another await.
    let _ = flag.wait_for(|raised| *raised).await;
}
