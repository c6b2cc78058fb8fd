//! Plain pages that the program writes itself: text is text, whatever is in it, and there is no script.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) enum Language {
    #[serde(rename = "en")]
    English,
    #[serde(rename = "fr")]
    French,
}

impl Language {
    /// The first language that the browser names.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let named = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        if named.unwrap_or_default().starts_with("fr") {
            Language::French
        } else {
            Language::English
        }
    }

    pub(crate) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::French => "fr",
        }
    }
}

/// Text between tags or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
