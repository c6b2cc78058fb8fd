//! ffmpeg, as a player of HLS.

use std::process::Command;

/// Plays so many seconds of it; what ffmpeg has to say against them.
pub async fn play(url: &str, seconds: u32) -> String {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "repeat+warning", "-nostdin", "-i", url, "-t"]);
    ffmpeg.arg(seconds.to_string());
    // As the pictures are timed: its null output would have them at a steady rate, which no camera keeps.
    ffmpeg.args(["-fps_mode", "vfr", "-f", "null", "-"]);
    let played = tokio::task::spawn_blocking(move || ffmpeg.output());
    let played = played
        .await
        .expect("it does not panic")
        .expect("ffmpeg is installed");
    assert!(played.status.success(), "{played:?}");
    faults(&played.stderr)
}

/// What ffmpeg said, without what it always says: it reads the EXT-X-MAP again whenever it has loaded a live
/// playlist again, also where it is the same one, and then wonders at the second `moov`.
pub fn faults(stderr: &[u8]) -> String {
    let stderr = String::from_utf8_lossy(stderr);
    let lines = stderr.lines().filter(|line| !line.contains("duplicated MOOV"));
    lines.collect::<Vec<_>>().join("\n")
}
