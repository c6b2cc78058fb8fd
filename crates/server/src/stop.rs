//! How the parts of the program are told to stop.

use tokio::sync::watch;

/// Held by each part that runs on.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Tells them.
pub(crate) struct Stopper(watch::Sender<bool>);

pub(crate) fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Ends when it is time to stop; also when nobody is left to say so.
    pub(crate) async fn told(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
