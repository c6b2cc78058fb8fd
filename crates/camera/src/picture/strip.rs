//! The clock for programs: a row of light and dark blocks along the bottom edge that codes the wall
//! clock in milliseconds. Survives compression and rescaling; a wrong reading is refused by a checksum.

use super::Picture;

/// Light, dark, light, dark: where the levels and the beginning are read from.
const GUIDE: u64 = 0b1010;
const GUIDE_BITS: u32 = 4;
const CLOCK_BITS: u32 = 32;
const CHECK_BITS: u32 = 8;
const BLOCKS: u32 = GUIDE_BITS + CLOCK_BITS + CHECK_BITS;

const LIGHT: u8 = 205;
const DARK: u8 = 40;
/// Light and dark closer than this are not a strip.
const CONTRAST_MIN: u32 = 60;

/// The rows the strip takes from the bottom of a picture this high.
pub fn rows(height: usize) -> usize {
    (height / 45).max(4) & !1
}

/// Draws `wall_ms` modulo 2^32 (49 days) over the bottom rows.
pub fn draw(picture: &mut Picture, wall_ms: u64) {
    let bits = code(wall_ms as u32);
    let (width, height) = (picture.width, picture.height);
    let first = height - rows(height).min(height);
    for row in first..height {
        for (x, y) in picture.y[row * width..][..width].iter_mut().enumerate() {
            let block = (x * BLOCKS as usize / width) as u32;
            *y = if bits >> (BLOCKS - 1 - block) & 1 == 1 {
                LIGHT
            } else {
                DARK
            };
        }
    }
    let half = width / 2;
    for row in first / 2..height / 2 {
        picture.u[row * half..][..half].fill(128);
        picture.v[row * half..][..half].fill(128);
    }
}

/// Reads a strip from a luma plane: milliseconds modulo 2^32.
pub fn read(y: &[u8], stride: usize, width: usize, height: usize) -> Option<u32> {
    if width < BLOCKS as usize || height < 8 || stride < width || y.len() < stride * (height - 1) + width {
        return None;
    }
    let levels: Vec<u32> = (0..BLOCKS)
        .map(|block| level(y, stride, width, height, block))
        .collect();
    let (light, dark) = (levels[0].min(levels[2]), levels[1].max(levels[3]));
    if light < dark + CONTRAST_MIN {
        return None;
    }
    let threshold = light.midpoint(dark);
    let bits = levels
        .iter()
        .fold(0u64, |bits, level| bits << 1 | u64::from(*level > threshold));
    let clock = (bits >> CHECK_BITS) as u32;
    (code(clock) == bits).then_some(clock)
}

/// The mean luma of the middle of one block.
fn level(y: &[u8], stride: usize, width: usize, height: usize, block: u32) -> u32 {
    let rows = rows(height);
    let (top, bottom) = (height - rows * 3 / 4, height - rows / 4);
    let edge = |quarter: usize| (block as usize * 4 + quarter) * width / (BLOCKS as usize * 4);
    let (left, right) = (edge(1), edge(3).max(edge(1) + 1));
    let sum: u32 = (top..bottom)
        .flat_map(|row| &y[row * stride + left..row * stride + right])
        .map(|y| u32::from(*y))
        .sum();
    sum / ((bottom - top) * (right - left)).max(1) as u32
}

fn code(clock: u32) -> u64 {
    (GUIDE << CLOCK_BITS | u64::from(clock)) << CHECK_BITS | u64::from(check(clock))
}

/// CRC-8 (polynomial 0x07).
fn check(clock: u32) -> u8 {
    clock.to_be_bytes().iter().fold(0xff, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| {
            if crc & 0x80 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x07
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_read() {
        for (width, height) in [(160, 90), (640, 360), (960, 540), (1280, 720), (333, 200)] {
            let mut picture = Picture::black(width, height);
            for wall_ms in [
                0,
                1,
                1_790_000_000_123,
                u64::from(u32::MAX),
                0x5555_5555,
                0xaaaa_aaaa,
            ] {
                draw(&mut picture, wall_ms);
                let read = read(&picture.y, picture.width, picture.width, picture.height);
                assert_eq!(read, Some(wall_ms as u32), "{width}x{height}");
            }
        }
    }

    #[test]
    fn what_is_no_strip_is_refused() {
        let mut picture = Picture::black(640, 360);
        let look = |picture: &Picture| read(&picture.y, 640, 640, 360);
        assert_eq!(look(&picture), None);
        draw(&mut picture, 123_456);
        let from = 640 * 340;
        picture.y[from..]
            .iter_mut()
            .for_each(|y| *y = 128 + (*y - 128.min(*y)) / 8);
        assert_eq!(look(&picture), None, "too little contrast");
        draw(&mut picture, 123_456);
        // One block flipped: the checksum must notice.
        for row in 350..360 {
            picture.y[row * 640 + 300..][..14]
                .iter_mut()
                .for_each(|y| *y = 245 - *y);
        }
        assert_eq!(look(&picture), None, "a block flipped");
        assert_eq!(read(&[], 640, 640, 360), None);
    }
}
