//! Replays: what a live room's program showed, kept while it is live and played when it is over.
