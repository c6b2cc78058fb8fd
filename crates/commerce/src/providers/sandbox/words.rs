//! The sandbox's pages in words, English and French.

use crate::html::Language;

use super::card::Card;
use super::creator::{Answer, Bank};

impl Language {
    pub(super) fn say(self, text: Text) -> &'static str {
        match self {
            Language::English => text.0,
            Language::French => text.1,
        }
    }
}

/// The same in both languages.
#[derive(Clone, Copy)]
pub(super) struct Text(pub(super) &'static str, pub(super) &'static str);

pub(super) const CHECKOUT: Text = Text("Sandbox checkout", "Paiement d’essai");
pub(super) const NOTE: Text = Text(
    "This is a test provider: no card, no money.",
    "Ceci est un prestataire d’essai : ni carte, ni argent.",
);
pub(super) const OTHER_CARDS: Text = Text("Other test cards", "Autres cartes d’essai");
pub(super) const PAID: Text = Text(
    "Paid. It arrives in a moment; you can close this page.",
    "Payé. Cela arrive dans un instant ; vous pouvez fermer cette page.",
);
pub(super) const DECLINED: Text = Text(
    "The card was declined. Nothing was charged.",
    "La carte a été refusée. Rien n’a été débité.",
);
pub(super) const INSUFFICIENT: Text = Text(
    "The card was declined: there is not enough money on it. Nothing was charged.",
    "La carte a été refusée : provision insuffisante. Rien n’a été débité.",
);
pub(super) const UNCONFIRMED: Text = Text(
    "You did not confirm it at your bank. Nothing was charged.",
    "Vous n’avez pas confirmé auprès de votre banque. Rien n’a été débité.",
);
pub(super) const EXPIRED: Text = Text(
    "This page was open for too long. Nothing was charged.",
    "Cette page est restée ouverte trop longtemps. Rien n’a été débité.",
);
pub(super) const CLOSED: Text = Text(
    "This site takes real payments now. Nothing was charged.",
    "Ce site encaisse désormais de vrais paiements. Rien n’a été débité.",
);
pub(super) const BACK: Text = Text("Back", "Retour");
pub(super) const TO_DISPUTE: Text = Text("To the dispute", "Vers la contestation");

pub(super) const BANK: Text = Text("Your test bank", "Votre banque d’essai");
pub(super) const BANK_ASKS: Text = Text(
    "Do you want to make this payment?",
    "Voulez-vous effectuer ce paiement ?",
);
pub(super) const CONFIRM: Text = Text("Confirm", "Confirmer");
pub(super) const REFUSE: Text = Text("Refuse", "Refuser");

pub(super) const DISPUTE: Text = Text("Sandbox dispute", "Contestation d’essai");
pub(super) const DISPUTE_SOON: Text = Text(
    "The payer’s bank comes in a few seconds. Load this page again.",
    "La banque du payeur arrive dans quelques secondes. Rechargez cette page.",
);
pub(super) const DISPUTE_OPEN: Text = Text(
    "The payer’s bank has taken the money back. Who is right?",
    "La banque du payeur a repris l’argent. Qui a raison ?",
);
pub(super) const WON: Text = Text(
    "The site won: the money is its own again.",
    "Le site a gagné : l’argent lui revient.",
);
pub(super) const LOST: Text = Text(
    "The site lost: the payer keeps the money.",
    "Le site a perdu : le payeur garde l’argent.",
);
pub(super) const WIN: Text = Text("The site wins", "Le site gagne");
pub(super) const LOSE: Text = Text("The payer wins", "Le payeur gagne");

pub(super) const CREATOR: Text = Text("Sandbox identity check", "Vérification d’identité d’essai");
pub(super) const CREATOR_NOTE: Text = Text(
    "This is a test provider: it checks no identity and knows no bank.",
    "Ceci est un prestataire d’essai : il ne vérifie aucune identité et ne connaît aucune banque.",
);
pub(super) const UNVERIFIED: Text = Text("Nothing is known of you yet.", "Rien n’est encore connu de vous.");
pub(super) const PENDING: Text = Text(
    "Your papers are being looked at.",
    "Vos documents sont en cours d’examen.",
);
pub(super) const VERIFIED: Text = Text("You are verified.", "Vous êtes vérifié.");
pub(super) const REJECTED: Text = Text(
    "Your papers were not accepted.",
    "Vos documents n’ont pas été acceptés.",
);

pub(super) fn card(card: Card) -> Text {
    match card {
        Card::Good => Text("Pay", "Payer"),
        Card::Declined => Text("Decline the card", "Refuser la carte"),
        Card::Insufficient => Text("Card without money", "Carte sans provision"),
        Card::Secure => Text(
            "Card that asks its bank (3-D Secure)",
            "Carte qui demande à sa banque (3-D Secure)",
        ),
        Card::Disputed => Text("Pay, and dispute it later", "Payer, puis contester"),
        Card::Once => Text("Card that works once", "Carte valable une fois"),
        Card::Unrefundable => Text("Card that takes no money back", "Carte non remboursable"),
    }
}

pub(super) fn answer(answer: Answer) -> Text {
    match answer {
        Answer::Verify(Bank::Takes) => Text("Verify me", "Me vérifier"),
        Answer::Verify(Bank::Fails) => Text("Verify me; my bank fails", "Me vérifier ; ma banque échoue"),
        Answer::Verify(Bank::Returns) => Text(
            "Verify me; my bank sends money back",
            "Me vérifier ; ma banque renvoie l’argent",
        ),
        Answer::Wait => Text("Keep me waiting", "Me faire attendre"),
        Answer::Reject => Text("Reject me", "Me refuser"),
    }
}
