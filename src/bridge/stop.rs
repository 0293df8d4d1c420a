//! A wish to stop.

use tokio::sync::watch;

/// A wish that a route, or all of them, stop: what is in flight is finished, positions are committed.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Stop {
        Stop(watch::Sender::new(false))
    }
}

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Comes back when somebody asks.
    pub async fn asked(&self) {
        let mut news = self.0.subscribe();
        if news.wait_for(|asked| *asked).await.is_err() {
            std::future::pending().await
        }
    }

    /// Comes back after so long; whether nobody asked meanwhile.
    pub(super) async fn pause(&self, duration: std::time::Duration) -> bool {
        tokio::select! {
            () = self.asked() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}
