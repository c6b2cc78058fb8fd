//! What a mixed stage costs: `cargo run --release -p busk-mixer --example cost` (Linux).
//! CPU time of this thread alone, so that others on the machine do not matter.

#[path = "../tests/common/mod.rs"]
mod common;

use busk_mixer::{AccessUnit, DELAY, Layout, Mixed, Mixer, PICTURE_TICKS, Rendition};
use common::{Camera, Noise, Planes};

/// Pictures of each run: ten seconds.
const PICTURES: usize = 300;

fn main() {
    let small = cameras(640, 360, 700, 4);
    let medium = cameras(960, 540, 1_200, 4);
    let large = cameras(1_280, 720, 2_000, 4);
    println!(
        "{:<34} {:>7} {:>7} {:>7} {:>10} {:>10}",
        "stage", "ms", "core", "keyfr.", "720p kbit", "360p kbit"
    );
    run("4 x 360p, grid", &small, Layout::Grid);
    run("3 x 360p, grid", &small[..3], Layout::Grid);
    run("4 x 360p, spotlight", &small, Layout::Spotlight);
    run("2 x 360p, split", &small[..2], Layout::Split);
    run("4 x 540p, grid", &medium, Layout::Grid);
    run("4 x 720p, grid", &large, Layout::Grid);
    run("1 x 720p, solo", &large[..1], Layout::Solo);
    run("4 cards", &vec![Vec::new(); 4], Layout::Grid);
    run("nobody: the slate", &[], Layout::Grid);
}

fn cameras(width: usize, height: usize, kbits_per_s: u32, count: u64) -> Vec<Vec<AccessUnit>> {
    let film = |seed: u64| {
        let (mut camera, mut noise) = (Camera::new(kbits_per_s), Noise(seed));
        let shoot = |n: usize| {
            let picture = Planes::moving(width, height, n + 50 * seed as usize, &mut noise);
            camera.shoot(&picture, n as u64 * PICTURE_TICKS, n % 60 == 7 * seed as usize)
        };
        (0..PICTURES).map(shoot).collect()
    };
    (0..count).map(film).collect()
}

fn run(name: &str, cameras: &[Vec<AccessUnit>], layout: Layout) {
    let mut mixer = Mixer::new(0, "Be right back");
    for (seat, film) in (0..).zip(cameras) {
        mixer.come(seat, "Ada");
        mixer.hide(seat, film.is_empty());
    }
    mixer.arrange(layout, None);
    let (mut bytes, mut mixed, mut keyframe_ns) = ([0; 2], Mixed::default(), 0);
    let begun = cpu_ns();
    for n in 0..PICTURES {
        for (seat, film) in (0..).zip(cameras) {
            if let Some(unit) = film.get(n) {
                mixer.picture(seat, unit.clone()).expect("it is a good picture");
            }
            let silence = [100; 3_200];
            mixer
                .sound(seat, n as u64 * 1_600, &silence)
                .expect("it is in time");
        }
        let before = cpu_ns();
        mixer
            .tick(n as u64 * PICTURE_TICKS + DELAY, &mut mixed)
            .expect("it encodes");
        if mixed.pictures.iter().any(|picture| picture.keyframe) {
            keyframe_ns = keyframe_ns.max(cpu_ns() - before);
        }
        for picture in mixed.pictures.drain(..) {
            let rendition = usize::from(picture.rendition == Rendition::Low);
            bytes[rendition] += picture.nals.iter().map(|nal| nal.len() + 4).sum::<usize>();
        }
        mixed.sound.clear();
    }
    let ms = (cpu_ns() - begun) as f64 / 1e6 / PICTURES as f64;
    let kbits = bytes.map(|bytes| bytes * 8 / 1_000 * 30 / PICTURES);
    let core = ms * 3.0;
    let keyframe = keyframe_ns as f64 / 1e6;
    println!(
        "{name:<34} {ms:>7.2} {core:>6.1}% {keyframe:>7.1} {:>10} {:>10}",
        kbits[0], kbits[1]
    );
}

/// What this thread has run so far (proc(5), schedstat).
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}
