//! What a report says that something is: against the law or against the site's rules, and of which kind. The kinds are
//! those that the Commission's database of statements of reasons asks for.

use busk_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What something would be against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportGround)]
pub enum Ground {
    /// It is illegal content, by the law of the Union or of a member state.
    Law,
    /// The site's rules do not allow it.
    Rules,
}

/// Of which kind it would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportCategory)]
pub enum Category {
    /// What harms children.
    Minors,
    SelfHarm,
    /// Violence, or a threat of it.
    Violence,
    Terrorism,
    Hate,
    Harassment,
    Sexual,
    Fraud,
    Impersonation,
    IntellectualProperty,
    /// Somebody's data or picture, without their consent.
    Privacy,
    /// Goods or services that may not be sold.
    Goods,
    Spam,
    Other,
}

impl Ground {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Ground::Law => "law",
            Ground::Rules => "rules",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "law" => Ok(Ground::Law),
            "rules" => Ok(Ground::Rules),
            other => Err(StoreError::Broken(format!("a report's ground is {other:?}"))),
        }
    }
}

impl Category {
    pub const ALL: [Category; 14] = [
        Category::Minors,
        Category::SelfHarm,
        Category::Violence,
        Category::Terrorism,
        Category::Hate,
        Category::Harassment,
        Category::Sexual,
        Category::Fraud,
        Category::Impersonation,
        Category::IntellectualProperty,
        Category::Privacy,
        Category::Goods,
        Category::Spam,
        Category::Other,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Category::Minors => "minors",
            Category::SelfHarm => "self_harm",
            Category::Violence => "violence",
            Category::Terrorism => "terrorism",
            Category::Hate => "hate",
            Category::Harassment => "harassment",
            Category::Sexual => "sexual",
            Category::Fraud => "fraud",
            Category::Impersonation => "impersonation",
            Category::IntellectualProperty => "intellectual_property",
            Category::Privacy => "privacy",
            Category::Goods => "goods",
            Category::Spam => "spam",
            Category::Other => "other",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|category| category.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a report's category is {word:?}")))
    }

    /// Whether something can be this against that: no law forbids spam or despair, and the rules leave to the law what
    /// only a court can say.
    pub fn fits(self, ground: Ground) -> bool {
        match self {
            Category::SelfHarm | Category::Spam => ground == Ground::Rules,
            Category::Terrorism | Category::Violence | Category::Privacy | Category::Goods => {
                ground == Ground::Law
            }
            Category::Minors
            | Category::Hate
            | Category::Harassment
            | Category::Sexual
            | Category::Fraud
            | Category::Impersonation
            | Category::IntellectualProperty
            | Category::Other => true,
        }
    }

    /// What is looked at first: the smaller, the sooner. Children, then who may come to harm, then all else; of the same
    /// kind what may be illegal.
    pub fn priority(self, ground: Ground) -> i64 {
        let grave = match self {
            Category::Minors => 0,
            Category::SelfHarm | Category::Violence | Category::Terrorism => 1,
            Category::Hate | Category::Harassment | Category::Sexual | Category::Privacy => 2,
            Category::Fraud
            | Category::Impersonation
            | Category::IntellectualProperty
            | Category::Goods
            | Category::Spam
            | Category::Other => 3,
        };
        grave * 2 + i64::from(ground == Ground::Rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_fits_something_and_is_read_as_it_is_written() {
        for category in Category::ALL {
            assert!(category.fits(Ground::Law) || category.fits(Ground::Rules));
            assert_eq!(Category::parse(category.word()).unwrap(), category);
            let wire = serde_json::to_value(category).unwrap();
            assert_eq!(wire, category.word());
        }
        assert!(Category::parse("weather").is_err());
    }

    #[test]
    fn children_come_before_everything_else() {
        let first = Category::Minors.priority(Ground::Rules);
        for category in Category::ALL.into_iter().skip(1) {
            assert!(first < category.priority(Ground::Law), "{}", category.word());
        }
        assert!(Category::Hate.priority(Ground::Law) < Category::Hate.priority(Ground::Rules));
    }
}
