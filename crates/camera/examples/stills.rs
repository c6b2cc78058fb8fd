//! Writes a picture of each scene into a folder (PPM) and says what one picture costs:
//! `cargo run --release -p busk-camera --example stills -- FOLDER`

use std::io::Write;
use std::time::Instant;

use busk_camera::CameraConfig;
use busk_camera::encode::VideoEncoder;
use busk_camera::picture::{Painter, Picture, Scene};
use busk_camera::tone::Microphone;

#[allow(clippy::disallowed_methods, reason = "it measures")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let CameraConfig {
        width,
        height,
        fps,
        bitrate_kbit,
        ..
    } = CameraConfig::demo(Scene::Stage, "");
    for (scene, name) in [
        (Scene::Stage, "Ada Onyx"),
        (Scene::Studio, "Théo Clay"),
        (Scene::Sky, "Mira & the North"),
    ] {
        let mut painter = Painter::new(scene, name, width, height);
        let mut encoder = VideoEncoder::new(fps, bitrate_kbit)?;
        let mut microphone = Microphone::new(scene as u32)?;
        let pictures = 240;
        let (mut painted, mut encoded, mut bytes) = (0.0, 0.0, 0);
        for index in 0..pictures {
            let at = index * 1000 / u64::from(fps);
            let start = Instant::now();
            let picture = painter.paint(at, 1_790_000_000_000 + at);
            painted += start.elapsed().as_secs_f64();
            let start = Instant::now();
            bytes += encoder.encode(picture, at)?.map_or(0, |unit| unit.annex_b.len());
            encoded += start.elapsed().as_secs_f64();
            if index == 100 {
                write_ppm(&format!("{folder}/{scene:?}.ppm"), picture)?;
            }
        }
        let start = Instant::now();
        for _ in 0..500 {
            microphone.next_packet()?;
        }
        let share = |seconds: f64| seconds * 100.0 / 10.0;
        println!(
            "{scene:?}: drawing {:.1} %, encoding {:.1} %, sound {:.1} % of a core; {} kbit/s",
            share(painted),
            share(encoded),
            share(start.elapsed().as_secs_f64()),
            bytes * 8 / 10_000
        );
    }
    Ok(())
}

fn write_ppm(path: &str, picture: &Picture) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "P6 {} {} 255", picture.width, picture.height)?;
    for row in 0..picture.height {
        for column in 0..picture.width {
            let chroma = row / 2 * (picture.width / 2) + column / 2;
            let y = (f32::from(picture.y[row * picture.width + column]) - 16.0) * 255.0 / 219.0;
            let (u, v) = (
                f32::from(picture.u[chroma]) - 128.0,
                f32::from(picture.v[chroma]) - 128.0,
            );
            let (u, v) = (u * 255.0 / 224.0, v * 255.0 / 224.0);
            let rgb = [y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u];
            file.write_all(&rgb.map(|level| level.clamp(0.0, 255.0) as u8))?;
        }
    }
    file.flush()
}
