//! The gifts there are. Prices are in coins; the pictures are the web app's `/gifts/{code}.svg`.

use busk_base::Policy;

#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub code: &'static str,
    pub name_en: &'static str,
    pub name_fr: &'static str,
    pub price: i64,
}

impl Kind {
    /// Small gifts count up when they are sent again and again.
    pub fn streakable(&self, policy: &Policy) -> bool {
        self.price <= policy.streak_price_max
    }
}

const fn kind(code: &'static str, name_en: &'static str, name_fr: &'static str, price: i64) -> Kind {
    Kind {
        code,
        name_en,
        name_fr,
        price,
    }
}

/// In order of price.
pub static KINDS: [Kind; 12] = [
    kind("heart", "Heart", "Cœur", 1),
    kind("rose", "Rose", "Rose", 5),
    kind("clap", "Applause", "Applaudissements", 10),
    kind("coffee", "Coffee", "Café", 25),
    kind("flower-crown", "Flower crown", "Couronne de fleurs", 50),
    kind("confetti", "Confetti", "Confettis", 99),
    kind("guitar", "Guitar", "Guitare", 199),
    kind("spotlight", "Spotlight", "Projecteur", 299),
    kind("neon-sign", "Neon sign", "Enseigne au néon", 499),
    kind("encore", "Encore!", "Bis !", 999),
    kind("fireworks", "Fireworks", "Feu d’artifice", 1_999),
    kind("golden-mic", "Golden mic", "Micro d’or", 4_999),
];

pub fn find(code: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.code == code)
}
