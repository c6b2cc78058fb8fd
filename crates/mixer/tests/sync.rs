//! Picture and sound of a person stay together.

mod common;

use busk_mixer::PICTURE_TICKS;
use common::screen::Screen;
use common::{Camera, Planes};

/// A hand claps: a white picture and a click of the same moment.
#[test]
fn a_flash_and_its_click_come_out_together() {
    // The camera's pictures fall between the program's, and the network brings both late and unevenly.
    for (offset, late) in [(0, 0), (900, 3), (1_400, 5), (2_100, 2), (2_900, 4)] {
        let mut screen = Screen::new();
        screen.mixer.come(0, "Ada");
        let mut camera = Camera::new(800);
        let (dark, white) = (
            Planes::flat(320, 180, [40, 128, 128]),
            Planes::flat(320, 180, [230, 128, 128]),
        );
        let mut on_the_way = Vec::new();
        let mut arrival = 0;
        let clap = 20 * PICTURE_TICKS + offset;
        let mut flash = None;
        for n in 0..40u64 {
            let time = n * PICTURE_TICKS + offset;
            let picture = if time == clap { &white } else { &dark };
            arrival = arrival.max(n + late * (n / 3 % 2));
            on_the_way.push((arrival, camera.shoot(picture, time, n == 0)));
            let (come, coming): (Vec<_>, _) = on_the_way.into_iter().partition(|(at, _)| *at <= n);
            on_the_way = coming;
            let click = clap * 8 / 15;
            let start = n * 1_600;
            let loud = |t: u64| {
                if (click..click + 48).contains(&t) {
                    20_000
                } else {
                    0
                }
            };
            let samples: Vec<i16> = (start..start + 1_600).flat_map(|t| [loud(t), loud(t)]).collect();
            screen.mixer.sound(0, start, &samples).unwrap();
            // The mix runs later than the cameras by what the network may take.
            let units = come.into_iter().map(|(_, unit)| (0, unit)).collect();
            screen.step_late(units, 5);
            if flash.is_none() && screen.shown[0].is_some() && screen.ink(100, 100)[0] > 150 {
                flash = screen.pictures.last().map(|picture| picture.time);
            }
        }
        let flash = flash.expect("the flash is seen") as f64 / 90.0;
        let heard = screen
            .sound
            .iter()
            .flat_map(|unit| (unit.time..).zip(unit.samples.chunks(2)));
        let heard = heard
            .clone()
            .find(|(_, pair)| pair[0] > 10_000)
            .expect("the click is heard")
            .0;
        let apart = flash - heard as f64 / 48.0;
        assert!(apart.abs() < 20.0, "{apart} ms apart at an offset of {offset}");
    }
}
