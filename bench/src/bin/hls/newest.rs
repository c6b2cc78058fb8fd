//! What players would ask for now: followed from the playlists of a live room, and copied to a folder from
//! which another server gives out the same.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;
use busk_testkit::app::TestApp;

use crate::Fallible;

/// A part's length: as often as the playlists go on.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Of each playlist, from its end: what low-latency players and those without low latency fetch.
const PARTS: usize = 8;
const SEGMENTS: usize = 2;
pub const PLAYLISTS: [&str; 2] = ["video.m3u8", "audio.m3u8"];

/// Names under the room's address. They are read for each request, and change as the room goes on.
#[derive(Clone, Default)]
pub struct Names(Arc<RwLock<Arc<Vec<String>>>>);

impl Names {
    pub fn fixed(names: &[&str]) -> Self {
        let all = Self::default();
        all.set(names.iter().map(|name| (*name).to_owned()).collect());
        all
    }

    pub fn now(&self) -> Arc<Vec<String>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, names: Vec<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }
}

pub struct Follower {
    names: Names,
    copied: HashSet<String>,
    folder: PathBuf,
    /// The room's address.
    room: String,
}

impl Follower {
    /// Copies go into `folder` under the addresses they have at the site.
    pub fn new(room: &str, folder: &Path) -> Fallible<Self> {
        let room = format!("/hls/{room}");
        let folder = folder.join(room.trim_start_matches('/'));
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            names: Names::default(),
            copied: HashSet::new(),
            folder,
            room,
        })
    }

    pub fn names(&self) -> Names {
        self.names.clone()
    }

    pub fn room(&self) -> &str {
        &self.room
    }

    /// Looks until it is dropped, or until the site fails.
    pub async fn follow(mut self, app: &TestApp) -> Fallible<()> {
        loop {
            self.look(app).await?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Reads the playlists once and copies what is new.
    pub async fn look(&mut self, app: &TestApp) -> Fallible<()> {
        let mut newest = Vec::new();
        for playlist in PLAYLISTS {
            let text = self.fetch(app, playlist).await?;
            newest.extend(named(std::str::from_utf8(&text)?));
            // A whole file at once: nginx must never give out half of one.
            let temporary = self.folder.join("new");
            std::fs::write(&temporary, text)?;
            std::fs::rename(&temporary, self.folder.join(playlist))?;
        }
        for name in &newest {
            if !self.copied.contains(name) {
                let bytes = self.fetch(app, name).await?;
                std::fs::write(self.folder.join(name), bytes)?;
                self.copied.insert(name.clone());
            }
        }
        self.names.set(newest);
        Ok(())
    }

    async fn fetch(&self, app: &TestApp, name: &str) -> Fallible<Vec<u8>> {
        let request = app
            .nobody()
            .request(Method::GET, &format!("{}/{name}", self.room));
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }
}

/// The newest parts and segments a playlist names.
fn named(playlist: &str) -> Vec<String> {
    let (mut parts, mut segments) = (Vec::new(), Vec::new());
    for line in playlist.lines() {
        if let Some(attributes) = line.strip_prefix("#EXT-X-PART:") {
            let name = attributes
                .split_once("URI=\"")
                .and_then(|(_, rest)| rest.split_once('"'));
            parts.extend(name.map(|(name, _)| name.to_owned()));
        } else if !line.starts_with('#') && !line.is_empty() {
            segments.push(line.to_owned());
        }
    }
    let last = |mut names: Vec<String>, count| names.split_off(names.len().saturating_sub(count));
    [last(parts, PARTS), last(segments, SEGMENTS)].concat()
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn the_newest_parts_and_segments_are_read_from_a_playlist() {
        let mut text = String::from("#EXTM3U\n#EXT-X-MAP:URI=\"v-init-1.mp4\"\n");
        for msn in 1..=4 {
            for part in 0..4 {
                text += &format!("#EXT-X-PART:DURATION=0.5,URI=\"v-{msn}-{part}.m4s\",INDEPENDENT=YES\n");
            }
            text += &format!("#EXTINF:2.0,\nv-{msn}.m4s\n");
        }
        text += "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"v-5-0.m4s\"\n";
        let names = named(&text);
        assert_eq!(names.len(), 10);
        assert_eq!(names.first().map(String::as_str), Some("v-3-0.m4s"));
        assert_eq!(names[7..], ["v-4-3.m4s", "v-3.m4s", "v-4.m4s"]);
    }
}
