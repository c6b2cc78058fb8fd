//! The sandbox's test cards: buttons instead of numbers, each with its own fate.

/// A card, named by what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Card {
    Good,
    Declined,
    /// Declined as well, for want of money.
    Insufficient,
    /// Its bank asks the payer first, on a page of its own (3-D Secure).
    Secure,
    /// Pays; seconds later the payer's bank wants the money back.
    Disputed,
    /// Pays, and is declined when it is charged again with nobody there.
    Once,
    /// Pays, and cannot be given money back.
    Unrefundable,
}

impl Card {
    pub(super) const ALL: [Self; 7] = [
        Self::Good,
        Self::Declined,
        Self::Insufficient,
        Self::Secure,
        Self::Disputed,
        Self::Once,
        Self::Unrefundable,
    ];

    /// As rows, buttons and tests name it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Card::Good => "pay",
            Card::Declined => "decline",
            Card::Insufficient => "insufficient",
            Card::Secure => "secure",
            Card::Disputed => "dispute",
            Card::Once => "once",
            Card::Unrefundable => "unrefundable",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|card| card.word() == word)
    }

    /// What its bank says while the payer is there.
    pub(super) fn pays(self) -> bool {
        match self {
            Card::Declined | Card::Insufficient => false,
            Card::Good | Card::Secure | Card::Disputed | Card::Once | Card::Unrefundable => true,
        }
    }

    /// What its bank says when it is charged again with nobody there.
    pub(super) fn pays_again(self) -> bool {
        self.pays() && self != Card::Once
    }
}
