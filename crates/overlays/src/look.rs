//! How an overlay looks: sizes, colours, places and words within bounds. No markup and no style sheet: what a channel's
//! owner types is a number, one of a few words, a colour, or a text that is shown as text.

use busk_base::{TextError, bounded_text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Kind;

const TEXT_MAX: usize = 120;
const COINS_MAX: i64 = 1_000_000;

/// How an overlay looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverlayLook)]
pub struct Look {
    /// Of its text, in pixels of the source: 12 to 96.
    #[schema(minimum = 12, maximum = 96)]
    pub font_px: i64,
    /// As `#rrggbb`; so are the other colours.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    pub text: String,
    /// Of names and of what a goal has reached.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    pub accent: String,
    /// Of the plate behind the text.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    pub back: String,
    /// How much of the picture the plate covers; 0: there is none.
    #[schema(minimum = 0, maximum = 100)]
    pub back_percent: i64,
    pub place: Place,
    /// Of the overlay `alerts`, and of no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// Of the overlay `chat`, and of no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<Chat>,
}

/// Where on the picture it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OverlayPlace)]
pub enum Place {
    TopLeft,
    Top,
    TopRight,
    Left,
    Centre,
    Right,
    BottomLeft,
    Bottom,
    BottomRight,
}

/// Which alerts are shown, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverlayAlerts)]
pub struct Alerts {
    /// How long one stays.
    #[schema(minimum = 2, maximum = 30)]
    pub seconds: i64,
    /// Gifts that cost less, all of a streak together, are not shown.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub gift_coins_min: i64,
    pub sound: bool,
    #[schema(minimum = 0, maximum = 100)]
    pub volume_percent: i64,
    pub gift: Alert,
    pub badge: Alert,
    pub subscription: Alert,
    pub subscription_gift: Alert,
    pub ticket: Alert,
}

/// One kind of alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverlayAlert)]
pub struct Alert {
    pub on: bool,
    /// What it says, with `{name}` and the like; null: what the page says by itself.
    #[schema(max_length = 120)]
    pub text: Option<String>,
}

/// How much of a chat is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverlayChat)]
pub struct Chat {
    #[schema(minimum = 1, maximum = 30)]
    pub lines: i64,
    /// How long a message stays; 0: until others push it out.
    #[schema(minimum = 0, maximum = 600)]
    pub seconds: i64,
}

/// Why a look is refused, in order of precedence. Each names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    #[error("must be {1} to {2}")]
    Bounds(&'static str, i64, i64),
    #[error("must be a colour such as #1a2b3c")]
    Colour(&'static str),
    #[error("belongs to another overlay")]
    Foreign(&'static str),
    #[error("is missing")]
    Missing(&'static str),
    #[error("{1}")]
    Text(&'static str, TextError),
    #[error("may hold {1} and no other braces")]
    Placeholder(&'static str, String),
}

impl LookError {
    /// Which field is meant, as the JSON has it.
    pub fn field(&self) -> &'static str {
        match self {
            LookError::Bounds(field, ..)
            | LookError::Colour(field)
            | LookError::Foreign(field)
            | LookError::Missing(field)
            | LookError::Text(field, _)
            | LookError::Placeholder(field, _) => field,
        }
    }
}

impl Look {
    /// As an overlay looks that nobody has changed.
    pub fn plain(kind: Kind) -> Self {
        let (font_px, back_percent, place) = match kind {
            Kind::Alerts => (36, 80, Place::Top),
            Kind::Goal => (26, 70, Place::TopLeft),
            Kind::Chat => (24, 45, Place::BottomLeft),
            Kind::Spotlight => (34, 85, Place::Bottom),
        };
        let alert = Alert { on: true, text: None };
        let alerts = Alerts {
            seconds: 6,
            gift_coins_min: 0,
            sound: true,
            volume_percent: 50,
            gift: alert.clone(),
            badge: alert.clone(),
            subscription: alert.clone(),
            subscription_gift: alert.clone(),
            ticket: alert,
        };
        Self {
            font_px,
            text: "#fff4e6".into(),
            accent: "#f6b73c".into(),
            back: "#120c0a".into(),
            back_percent,
            place,
            alerts: (kind == Kind::Alerts).then_some(alerts),
            chat: (kind == Kind::Chat).then_some(Chat { lines: 8, seconds: 0 }),
        }
    }

    /// The same, within its bounds; texts without white space around them.
    pub fn checked(mut self, kind: Kind) -> Result<Self, LookError> {
        within("font_px", self.font_px, 12, 96)?;
        for (field, colour) in [
            ("text", &self.text),
            ("accent", &self.accent),
            ("back", &self.back),
        ] {
            if !is_colour(colour) {
                return Err(LookError::Colour(field));
            }
        }
        within("back_percent", self.back_percent, 0, 100)?;
        match (&mut self.alerts, kind == Kind::Alerts) {
            (Some(alerts), true) => alerts.check()?,
            (None, false) => {}
            (Some(_), false) => return Err(LookError::Foreign("alerts")),
            (None, true) => return Err(LookError::Missing("alerts")),
        }
        match (&self.chat, kind == Kind::Chat) {
            (Some(chat), true) => {
                within("chat.lines", chat.lines, 1, 30)?;
                within("chat.seconds", chat.seconds, 0, 600)?;
            }
            (None, false) => {}
            (Some(_), false) => return Err(LookError::Foreign("chat")),
            (None, true) => return Err(LookError::Missing("chat")),
        }
        Ok(self)
    }
}

impl Alerts {
    fn check(&mut self) -> Result<(), LookError> {
        within("alerts.seconds", self.seconds, 2, 30)?;
        within("alerts.gift_coins_min", self.gift_coins_min, 0, COINS_MAX)?;
        within("alerts.volume_percent", self.volume_percent, 0, 100)?;
        for (field, alert, words) in [
            (
                "alerts.gift.text",
                &mut self.gift,
                &["name", "gift", "count", "coins"][..],
            ),
            ("alerts.badge.text", &mut self.badge, &["name", "hearts"]),
            (
                "alerts.subscription.text",
                &mut self.subscription,
                &["name", "months", "tier"],
            ),
            (
                "alerts.subscription_gift.text",
                &mut self.subscription_gift,
                &["name", "count", "tier"],
            ),
            ("alerts.ticket.text", &mut self.ticket, &["name"]),
        ] {
            let Some(text) = &mut alert.text else { continue };
            *text = bounded_text(text, 1, TEXT_MAX).map_err(|why| LookError::Text(field, why))?;
            if !holds_only(text, words) {
                let all: Vec<_> = words.iter().map(|word| format!("{{{word}}}")).collect();
                return Err(LookError::Placeholder(field, all.join(", ")));
            }
        }
        Ok(())
    }
}

fn within(field: &'static str, number: i64, least: i64, most: i64) -> Result<(), LookError> {
    if (least..=most).contains(&number) {
        Ok(())
    } else {
        Err(LookError::Bounds(field, least, most))
    }
}

fn is_colour(text: &str) -> bool {
    let hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    text.len() == 7 && text.starts_with('#') && text.bytes().skip(1).all(hex)
}

/// Whether each brace is one around one of these words.
fn holds_only(text: &str, words: &[&str]) -> bool {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default();
    let known = |part: &str| {
        let (word, rest) = part.split_once('}')?;
        (words.contains(&word) && !rest.contains('}')).then_some(())
    };
    !first.contains('}') && parts.all(|part| known(part).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look of alerts with one thing changed, and why it is refused.
    #[test]
    fn what_is_out_of_bounds_is_refused_by_name() {
        type Change = fn(&mut Look);
        fn alerts(look: &mut Look) -> &mut Alerts {
            look.alerts.as_mut().unwrap()
        }
        let rows: [(&str, Change); 15] = [
            ("font_px", |look| look.font_px = 11),
            ("font_px", |look| look.font_px = 97),
            ("text", |look| look.text = "red".into()),
            ("accent", |look| look.accent = "#12345".into()),
            ("back", |look| look.back = "#12345g".into()),
            ("back", |look| look.back = "#fff;}*{x".into()),
            ("back_percent", |look| look.back_percent = 101),
            ("alerts", |look| look.alerts = None),
            ("chat", |look| {
                look.chat = Some(Chat { lines: 1, seconds: 0 });
            }),
            ("alerts.seconds", |look| alerts(look).seconds = 31),
            ("alerts.gift_coins_min", |look| {
                alerts(look).gift_coins_min = -1;
            }),
            ("alerts.volume_percent", |look| {
                alerts(look).volume_percent = 101;
            }),
            ("alerts.gift.text", |look| {
                alerts(look).gift.text = Some(" ".into());
            }),
            ("alerts.badge.text", |look| {
                alerts(look).badge.text = Some("{coins}".into());
            }),
            ("alerts.ticket.text", |look| {
                alerts(look).ticket.text = Some("x".repeat(121));
            }),
        ];
        for (field, change) in rows {
            let mut look = Look::plain(Kind::Alerts);
            change(&mut look);
            assert_eq!(look.checked(Kind::Alerts).unwrap_err().field(), field);
        }
        for kind in Kind::ALL {
            let plain = Look::plain(kind);
            assert_eq!(plain.clone().checked(kind), Ok(plain));
        }
        let mut chat = Look::plain(Kind::Chat);
        chat.chat = Some(Chat {
            lines: 31,
            seconds: 0,
        });
        assert_eq!(
            chat.checked(Kind::Chat),
            Err(LookError::Bounds("chat.lines", 1, 30))
        );
    }

    #[test]
    fn braces_are_for_placeholders() {
        let words = ["name", "count"];
        for (text, fits) in [
            ("thanks", true),
            ("{name} gave {count}!", true),
            ("{name}{name}", true),
            ("{Name}", false),
            ("{name", false),
            ("name}", false),
            ("{name}}", false),
            ("{{name}}", false),
            ("{name.constructor}", false),
        ] {
            assert_eq!(holds_only(text, &words), fits, "{text}");
        }
    }
}
