//! What every HTTP operation shares: the [`Site`], refusals as [`Problem`]s, extractors that name the
//! field they refuse, pages of lists, and the guards every request passes.
//!
//! A feature crate gives `pub fn routes(…) -> OpenApiRouter` with its state applied; the server merges
//! them, so that the OpenAPI document and the router cannot disagree.

mod guard;
mod input;
pub mod once;
mod openapi;
mod page;
mod peer;
mod problem;
mod site;

pub use guard::{limit_body, origin_is_ours, same_origin, secure};
pub use input::{BODY_BYTES_MAX, Json, Path, Query};
pub use openapi::{Failures, Refusals, WITHOUT_KEY, complete as complete_openapi, complete_keys, schemas};
pub use page::{Cursor, Limit, Page, PageQuery};
pub use peer::Peer;
pub use problem::{Problem, ProblemBody};
pub use site::{Clock, EncoderPorts, Randomness, Site, SiteConfig};

pub use axum::http::StatusCode;
pub use utoipa_axum::router::OpenApiRouter;
pub use utoipa_axum::routes;
