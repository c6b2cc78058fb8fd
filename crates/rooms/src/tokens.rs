//! What is open by programs' tokens. A token that does not hold any more ends it: each one that has something open
//! is looked up twice a second, so that it does not matter who revoked it where, or that it expired.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busk_base::TokenId;
use busk_fanout::{ConnId, Whom};
use busk_people::token;
use busk_store::{Reader, StoreError};

use crate::live::Rooms;

/// How often they are looked up; half of what a revoked one may take.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Close code of sockets whose token was revoked or has expired.
const CLOSE_TOKEN: u16 = 4007;

/// Sockets by the token that opened them.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<TokenId, Vec<ConnId>>>);

impl Tokens {
    fn open(&self) -> MutexGuard<'_, HashMap<TokenId, Vec<ConnId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn socket_came(&self, token: TokenId, conn: ConnId) {
        self.open().entry(token).or_default().push(conn);
    }

    pub(crate) fn socket_left(&self, token: TokenId, conn: ConnId) {
        let mut open = self.open();
        let Some(sockets) = open.get_mut(&token) else {
            return;
        };
        sockets.retain(|known| *known != conn);
        if sockets.is_empty() {
            open.remove(&token);
        }
    }
}

impl Rooms {
    /// Closes sockets whose tokens have ended, for as long as the program runs.
    pub(crate) async fn end_tokens(self) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let known: Vec<TokenId> = self.tokens().open().keys().copied().collect();
            if known.is_empty() {
                continue;
            }
            match self.ended(known).await {
                Ok(ended) => ended.into_iter().for_each(|token| self.shut(token)),
                Err(error) => tracing::warn!("tokens could not be looked up: {error}"),
            }
        }
    }

    async fn ended(&self, tokens: Vec<TokenId>) -> Result<Vec<TokenId>, StoreError> {
        let now = self.site().now();
        let read = self.site().store().read(move |db: &mut Reader| {
            let mut ended = Vec::new();
            for id in tokens {
                if !token::holds(db, id, now)? {
                    ended.push(id);
                }
            }
            Ok(ended)
        });
        read.await
    }

    fn shut(&self, token: TokenId) {
        let sockets = self.tokens().open().get(&token).cloned();
        for conn in sockets.unwrap_or_default() {
            self.fanout()
                .disconnect(Whom::Conn(conn), CLOSE_TOKEN, "the token has ended");
        }
    }
}
