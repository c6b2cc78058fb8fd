//! ffmpeg, as an encoder that publishes by RTMP or RTMPS.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Films its own test picture of 320 by 180; gone when dropped.
pub struct Encoder(Child);

impl Encoder {
    /// `video` are more of ffmpeg's options for it.
    pub fn start(url: &str, video: &[&str]) -> Self {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-re"]);
        ffmpeg.args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"]);
        ffmpeg.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]);
        ffmpeg.args([
            "-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-b:v", "400k",
        ]);
        ffmpeg.args(video);
        ffmpeg.args(["-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k", "-f", "flv"]);
        ffmpeg.arg(url);
        Self(
            ffmpeg
                .stderr(Stdio::piped())
                .spawn()
                .expect("ffmpeg is installed"),
        )
    }

    /// Waits until it ends; what it said.
    pub async fn ended(mut self) -> String {
        for _ in 0..200 {
            if self.0.try_wait().expect("a child can be waited for").is_some() {
                let mut said = String::new();
                let stderr = self.0.stderr.as_mut().expect("it was taken over");
                stderr.read_to_string(&mut said).expect("ffmpeg says text");
                return said;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the encoder goes on");
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
