//! What must hold whatever strangers send. Each function is a fuzz target: it takes any bytes, and panics where one
//! of the rules is broken. `cargo xtask fuzz` looks for such bytes.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::extract::FromRequestParts;
use busk_api::Query;
use busk_hls::{Ask, LiveName};
use serde::de::DeserializeOwned;

use crate::hls::Directives;
use crate::replay::files::{Asked, Cut, range};

/// Queries of playlists and clips, ranges, and names of media: refused, or the same when they are read again as they
/// are written by the book.
pub fn query(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match kind % 4 {
        0 => {
            let Some(directives) = read::<Directives>(text) else {
                return;
            };
            let ask = directives.ask();
            let again = read::<Directives>(&written(ask)).map(|directives| directives.ask());
            assert_eq!(again, Some(ask));
        }
        1 => {
            let Some(cut) = read::<Cut>(text) else { return };
            let number = |name, number: Option<u64>| number.map(|number| format!("{name}={number}"));
            let numbers = [number("from_ms", cut.from_ms), number("to_ms", cut.to_ms)];
            let written = numbers.into_iter().flatten().collect::<Vec<_>>().join("&");
            assert_eq!(read::<Cut>(&written), Some(cut));
        }
        2 => {
            let (length, text) = text.split_once('/').unwrap_or(("1000", text));
            let length = length.parse().unwrap_or(u64::MAX);
            if let Asked::Part(part) = range(text, length) {
                assert!(part.start < part.end && part.end <= length);
                let written = format!("{}-{}", part.start, part.end - 1);
                assert_eq!(range(&written, length), Asked::Part(part));
            }
        }
        _ => {
            // A second spelling would be a second entry in every cache.
            if let Some(name) = LiveName::parse(text) {
                assert_eq!(name.to_string(), text);
            }
        }
    }
}

fn written(ask: Ask) -> String {
    let number = |name, number: Option<u64>| number.map(|number| format!("{name}={number}"));
    let skip = ask.skip.then(|| "_HLS_skip=YES".to_owned());
    let parts = [number("_HLS_msn", ask.msn), number("_HLS_part", ask.part), skip];
    parts.into_iter().flatten().collect::<Vec<_>>().join("&")
}

/// As a handler would be given it; `None` when it is refused.
fn read<T: DeserializeOwned>(query: &str) -> Option<T> {
    let request = http::Request::builder().uri(format!("/?{query}")).body(());
    let (mut parts, ()) = request.ok()?.into_parts();
    let read = pin!(Query::<T>::from_request_parts(&mut parts, &()));
    match read.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(read) => read.ok().map(|Query(read)| read),
        Poll::Pending => panic!("a query is all there: nothing is waited for"),
    }
}
