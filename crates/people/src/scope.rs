//! Scopes: what a token lets a program do. A handler names the one that it needs as a type, so that it is checked
//! before the handler runs, and shown beside it.

use busk_store::StoreError;
use serde::{Deserialize, Serialize};

/// One thing that a token may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = TokenScope)]
pub enum Scope {
    /// See rooms and channels as the person sees them.
    #[serde(rename = "room:read")]
    RoomRead,
    /// Read a room's log: chat, gifts, and all else that its audience is told.
    #[serde(rename = "chat:read")]
    ChatRead,
    /// Say something in chat.
    #[serde(rename = "chat:write")]
    ChatWrite,
    /// Delete messages, where the person may.
    #[serde(rename = "moderate")]
    Moderate,
}

impl Scope {
    pub const ALL: [Scope; 4] = [
        Scope::RoomRead,
        Scope::ChatRead,
        Scope::ChatWrite,
        Scope::Moderate,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Scope::RoomRead => "room:read",
            Scope::ChatRead => "chat:read",
            Scope::ChatWrite => "chat:write",
            Scope::Moderate => "moderate",
        }
    }
}

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    pub fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// As they are stored: words with a space between.
    pub(crate) fn words(self) -> String {
        self.iter().map(Scope::word).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn parse(words: &str) -> Result<Self, StoreError> {
        let named = |word: &str| Scope::ALL.into_iter().find(|scope| scope.word() == word);
        let scopes = words.split_whitespace().map(|word| {
            let unknown = || StoreError::Broken(format!("a token's scope is {word:?}"));
            named(word).ok_or_else(unknown)
        });
        scopes.collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | 1 << scope as u8))
    }
}

/// What an operation needs.
pub trait Needs: Send + Sync {
    /// None: any token will do.
    const SCOPE: Option<Scope>;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident => $scope:expr),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Needs for $name {
            const SCOPE: Option<Scope> = $scope;
        }
    )*};
}

needs! {
    RoomRead => Some(Scope::RoomRead),
    ChatRead => Some(Scope::ChatRead),
    ChatWrite => Some(Scope::ChatWrite),
    Moderate => Some(Scope::Moderate),
    /// Whatever the token is for.
    AnyScope => None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_stored_as_words_and_read_as_it_was() {
        let set: Scopes = [Scope::Moderate, Scope::ChatRead, Scope::ChatRead]
            .into_iter()
            .collect();
        assert_eq!(set.words(), "chat:read moderate");
        assert_eq!(Scopes::parse(&set.words()).unwrap(), set);
        assert!(set.has(Scope::Moderate) && !set.has(Scope::ChatWrite));
        assert!(Scopes::parse("chat:read root").is_err());
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.word());
        }
    }
}
