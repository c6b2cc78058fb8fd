//! What the scenes look like at a moment. All motion is a function of the time alone.

use std::f32::consts::{FRAC_PI_2, TAU};

use super::Scene;
use super::canvas::{Canvas, Ink, Rgb, add, mix, rgb};

pub fn draw(scene: Scene, canvas: &mut Canvas, seconds: f32) {
    match scene {
        Scene::Stage => stage(canvas, seconds),
        Scene::Studio => studio(canvas, seconds),
        Scene::Sky => sky(canvas, seconds),
    }
}

/// A bell around zero: 1 in the middle, nearly 0 beyond twice the width.
fn bell(distance: f32, width: f32) -> f32 {
    let part = distance / width;
    // Most places are far from most lights, and the exponential is what a scene costs.
    if part * part > 7.0 {
        0.0
    } else {
        (-part * part).exp()
    }
}

/// A fixed number between 0 and 1 for each index.
fn scatter(index: u32, salt: u32) -> f32 {
    let mut x = index.wrapping_mul(0x9e37_79b9) ^ salt.wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 15)).wrapping_mul(0x2c1b_3c6d);
    x = (x ^ (x >> 12)).wrapping_mul(0x297a_2d39);
    (x >> 8) as f32 / (1 << 24) as f32
}

fn stage(canvas: &mut Canvas, t: f32) {
    const LAMPS: [(f32, f32, Rgb); 4] = [
        (0.14, 0.31, rgb(0xff5f57)),
        (0.40, 0.23, rgb(0xffb454)),
        (0.62, 0.27, rgb(0xd84bff)),
        (0.88, 0.35, rgb(0x4fb6ff)),
    ];
    let aspect = canvas.aspect();
    let beat = 0.86 + 0.14 * (t * TAU * 0.5).sin();
    canvas.soft(|x, y| {
        let mut colour = mix(rgb(0x140a33), rgb(0x3c1257), y);
        for (index, (place, speed, light)) in LAMPS.iter().enumerate() {
            let swing = (t * speed * 2.0 + index as f32 * 1.7).sin();
            let aim = aspect * (0.5 + 0.36 * swing);
            let from = aspect * place;
            let centre = from + (aim - from) * (y + 0.08) / 0.92;
            let width = 0.035 + 0.10 * y;
            let beam = bell(x - centre, width) * (0.75 - 0.4 * y) * beat;
            let pool = bell(x - aim, 0.22) * bell(y - 0.84, 0.055) * 0.75;
            add(&mut colour, *light, beam + pool);
        }
        colour
    });
    let (w, h, s) = (canvas.width(), canvas.height(), canvas.scale);
    for index in 0..26 {
        let rise = (scatter(index, 2) + t * (0.012 + 0.02 * scatter(index, 3))).fract();
        let sway = (t * 0.4 + scatter(index, 4) * TAU).sin() * 0.015;
        let (x, y) = (w * (scatter(index, 1) + sway), h * (0.95 - rise));
        let glow = 0.28 * (rise * std::f32::consts::PI).sin();
        canvas.disc(
            x,
            y,
            s * (0.9 + 1.6 * scatter(index, 5)),
            Ink::new(rgb(0xffe9c9)),
            glow,
        );
    }
    microphone(canvas, w * 0.5, h * 0.46, s);
    crowd(canvas, t, h * 0.90, 1.0, rgb(0x1d0d3a));
    crowd(canvas, t + 40.0, h * 0.955, 1.35, rgb(0x0d0620));
}

fn microphone(canvas: &mut Canvas, x: f32, y: f32, s: f32) {
    let (steel, light) = (Ink::new(rgb(0x1a1230)), Ink::new(rgb(0xf6dcff)));
    canvas.line((x, y), (x, canvas.height() * 0.86), 2.6 * s, steel, 1.0);
    canvas.ellipse(x, canvas.height() * 0.865, (34.0 * s, 6.0 * s), steel, 1.0);
    canvas.line((x, y - 4.0 * s), (x, y + 22.0 * s), 7.5 * s, steel, 1.0);
    canvas.line(
        (x, y - 26.0 * s),
        (x, y - 12.0 * s),
        15.0 * s,
        Ink::new(rgb(0x372a55)),
        1.0,
    );
    for row in 0..4 {
        let at = y - 34.0 * s + row as f32 * 7.5 * s;
        canvas.line((x - 11.0 * s, at), (x + 11.0 * s, at), 0.9 * s, light, 0.30);
    }
    canvas.line(
        (x - 8.0 * s, y - 32.0 * s),
        (x - 8.0 * s, y - 12.0 * s),
        1.8 * s,
        light,
        0.55,
    );
    canvas.line(
        (x - 14.0 * s, y - 3.0 * s),
        (x + 14.0 * s, y - 3.0 * s),
        2.4 * s,
        light,
        0.8,
    );
}

/// Heads and shoulders along a line, each with its own dance.
fn crowd(canvas: &mut Canvas, t: f32, line: f32, size: f32, colour: Rgb) {
    let (w, s) = (canvas.width(), canvas.scale * size);
    let spacing = 34.0 * s;
    let ink = Ink::new(colour);
    let height_of = |index: u32| {
        let beat = (t * TAU * (0.9 + 0.25 * scatter(index, 11)) * 0.5 + scatter(index, 12) * TAU).sin();
        line + s * (8.0 * scatter(index, 13) + 2.6 * beat)
    };
    canvas.below(ink, 1.0, |x| {
        let place = x / spacing;
        let index = place.floor();
        let off = place - index - 0.5;
        height_of(index as u32) + s * (12.0 + 26.0 * off * off)
    });
    for index in 0..(w / spacing) as u32 + 1 {
        canvas.disc(
            (index as f32 + 0.5) * spacing,
            height_of(index),
            9.5 * s,
            ink,
            1.0,
        );
    }
}

fn studio(canvas: &mut Canvas, t: f32) {
    let aspect = canvas.aspect();
    canvas.soft(|x, y| {
        let mut colour = mix(
            rgb(0xe9a178),
            rgb(0x8c3f3a),
            (x / aspect * 0.7 + y * 0.55).min(1.0),
        );
        let shaft = (x + 0.55 * y - 0.35 - 0.10 * (t * 0.17).sin()) * 2.6;
        let slats = 0.5 + 0.5 * (shaft * 9.0).sin();
        add(
            &mut colour,
            rgb(0xffd9a0),
            0.20 * bell(shaft - 0.6, 0.9) * (0.35 + 0.65 * slats),
        );
        add(
            &mut colour,
            rgb(0x5b3bd6),
            0.22 * bell(x - aspect * 0.95, 0.5) * bell(y - 0.15, 0.5),
        );
        let table = ((y - 0.74) * 14.0).clamp(0.0, 1.0);
        let wood = mix(rgb(0x5a2427), rgb(0x32131f), (y - 0.74) * 3.6);
        let mut out = mix(colour, wood, table);
        let glow = bell(x - aspect * 0.5, 0.42) * bell(y - 0.83, 0.08);
        add(&mut out, rgb(0xff9f68), 0.26 * glow * table);
        out
    });
    let (w, h, s) = (canvas.width(), canvas.height(), canvas.scale);
    let (cx, foot) = (w * 0.5, h * 0.80);
    canvas.ellipse(
        cx,
        foot + 14.0 * s,
        (104.0 * s, 22.0 * s),
        Ink::new(rgb(0x230d1a)),
        0.9,
    );
    canvas.ellipse(
        cx,
        foot + 8.0 * s,
        (98.0 * s, 20.0 * s),
        Ink::new(rgb(0xb98a7a)),
        1.0,
    );
    canvas.ellipse(
        cx,
        foot + 7.0 * s,
        (88.0 * s, 16.5 * s),
        Ink::new(rgb(0x8d5f57)),
        1.0,
    );
    for spoke in 0..3 {
        let turn = t * 2.6 + spoke as f32 * TAU / 3.0;
        let (x, y) = (cx + 74.0 * s * turn.cos(), foot + 7.0 * s + 13.0 * s * turn.sin());
        canvas.ellipse(x, y, (7.0 * s, 2.6 * s), Ink::new(rgb(0xf3cdb4)), 0.8);
    }
    pot(canvas, cx, foot + 5.0 * s, s, t);
}

/// The pot: a profile that breathes between shapes, shaded as a turning body with a glazed spiral.
fn pot(canvas: &mut Canvas, cx: f32, foot: f32, s: f32, t: f32) {
    let grow = 0.5 - 0.5 * (t * 0.26).cos();
    let tall = s * (112.0 + 58.0 * grow);
    let turn = t * 2.6;
    let profile = |part: f32| {
        let belly = (part * std::f32::consts::PI * (0.78 + 0.12 * grow)).sin();
        let neck = 0.20 * (1.0 - part) + 0.46 * part.powi(6);
        s * (26.0 + 50.0 * (belly * (0.75 - 0.18 * grow) + neck) + 2.0 * (part * 9.0 + t * 1.3).sin())
    };
    // Below the foot's line the front half of its ellipse still shows.
    let round = profile(0.0) * 0.19;
    for row in -(round as i32)..tall as i32 {
        let part = (row as f32 / tall).max(0.0);
        let below = (row as f32).min(0.0) / round;
        let radius = profile(part);
        let reach = radius * (1.0 - below * below).max(0.0).sqrt();
        let y = (foot - row as f32) as i32;
        for x in (cx - reach - 1.0) as i32..=(cx + reach + 1.0) as i32 {
            let aside = x as f32 + 0.5 - cx;
            let cover = (reach - aside.abs() + 0.5).clamp(0.0, 1.0);
            let across = (aside / radius).clamp(-1.0, 1.0);
            let facing = (1.0 - across * across).sqrt();
            // A cheap arc sine: the angle only places the stripes, which sag towards the front.
            let angle = across * FRAC_PI_2 * (0.64 + 0.36 * across * across);
            let stripe = ((angle + turn) * 3.0 + part * 17.0 + facing * 1.3).sin();
            let glaze = ((stripe - 0.25) * 5.0).clamp(0.0, 1.0) * ((part - 0.16) * 12.0).clamp(0.0, 1.0);
            let light = 0.30 + 0.62 * (facing * 0.72 - across * 0.52).max(0.0);
            let clay = mix(rgb(0xd9724f), rgb(0x2f7f86), glaze * 0.9);
            let mut colour = clay.map(|level| level * light * 1.25);
            add(
                &mut colour,
                rgb(0xfff3df),
                0.55 * bell(across + 0.48, 0.13) * (0.3 + 0.7 * glaze),
            );
            canvas.dot(x, y, Ink::new(colour), cover);
        }
    }
    let (rim, top) = (profile(1.0), foot - tall);
    canvas.ellipse(cx, top + 1.0, (rim, rim * 0.19), Ink::new(rgb(0xe98c66)), 1.0);
    canvas.ellipse(
        cx,
        top + 2.0 * s,
        (rim * 0.86, rim * 0.14),
        Ink::new(rgb(0x4a1c22)),
        1.0,
    );
}

fn sky(canvas: &mut Canvas, t: f32) {
    const CURTAINS: [(f32, f32, f32, Rgb); 3] = [
        (0.34, 1.9, 0.16, rgb(0x2dffb2)),
        (0.26, 2.7, 0.23, rgb(0x37c8ff)),
        (0.20, 1.3, 0.11, rgb(0xb15cff)),
    ];
    canvas.soft(|x, y| {
        let night = mix(rgb(0x070b2a), rgb(0x14315f), y * 1.5);
        let mut colour = mix(night, rgb(0xe58a6d), ((y - 0.48) * 2.6).clamp(0.0, 1.0).powi(2));
        for (index, (base, bend, speed, light)) in CURTAINS.iter().enumerate() {
            let phase = t * speed + index as f32 * 2.1;
            let edge = base + 0.075 * (x * bend + phase).sin() + 0.035 * (x * bend * 2.3 - phase * 1.6).sin();
            let above = edge - y;
            // Sharp below, long and fading above, as the real ones are.
            let height = if above > 0.0 {
                bell(above, 0.24)
            } else {
                bell(above, 0.045)
            };
            let folds = 0.55 + 0.30 * (x * 11.0 + phase * 2.2 + 2.0 * (x * 3.0 + phase).sin()).sin();
            add(&mut colour, *light, 0.62 * height * folds);
        }
        colour
    });
    let (w, h, s) = (canvas.width(), canvas.height(), canvas.scale);
    for index in 0..70 {
        let twinkle = 0.35 + 0.35 * (t * (0.6 + 1.6 * scatter(index, 23)) + scatter(index, 24) * TAU).sin();
        let (x, y) = (w * scatter(index, 21), h * 0.52 * scatter(index, 22));
        canvas.disc(
            x,
            y,
            s * (0.5 + 0.6 * scatter(index, 25)),
            Ink::new(rgb(0xffffff)),
            twinkle,
        );
    }
    let hills = |canvas: &mut Canvas, base: f32, rough: f32, speed: f32, colour: Rgb| {
        canvas.below(Ink::new(colour), 1.0, |x| {
            let place = x / h + t * speed;
            let ridge =
                (place * 2.1).sin() * 0.5 + (place * 4.7 + 1.0).sin() * 0.3 + (place * 11.3).sin() * 0.09;
            h * (base - rough * ridge)
        });
    };
    hills(canvas, 0.70, 0.085, 0.010, rgb(0x3a3f78));
    hills(canvas, 0.77, 0.065, 0.019, rgb(0x242b5e));
    hills(canvas, 0.83, 0.045, 0.032, rgb(0x141a40));
    water(canvas, t, w, h, s);
}

fn water(canvas: &mut Canvas, t: f32, w: f32, h: f32, s: f32) {
    let shore = h * 0.875;
    canvas.below(Ink::new(rgb(0x123055)), 1.0, |x| {
        shore + s * 1.5 * (x / h * 9.0 + t * 0.9).sin()
    });
    canvas.below(Ink::new(rgb(0x0d2347)), 0.8, |x| {
        shore + s * (16.0 + 2.5 * (x / h * 6.0 - t * 0.7).sin())
    });
    for index in 0..34 {
        let depth = scatter(index, 32);
        let drift = (scatter(index, 31) + t * (0.006 + 0.012 * depth)).fract();
        let shine = (t * (0.5 + scatter(index, 33)) + scatter(index, 34) * TAU)
            .sin()
            .max(0.0);
        let (x, y) = (w * drift, shore + (h - shore) * (0.12 + 0.8 * depth));
        let colour = if index % 3 == 0 {
            rgb(0x8fffd6)
        } else {
            rgb(0xffc8a8)
        };
        canvas.line(
            (x, y),
            (x + s * (10.0 + 26.0 * depth), y),
            0.8 * s,
            Ink::new(colour),
            0.45 * shine,
        );
    }
}
