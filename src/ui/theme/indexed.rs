//! Any colour on a terminal that has 256: the nearest of xterm's cube of six
//! steps a channel and of its greys. The first sixteen are the user's own and
//! not counted on.

use ratatui::style::Color;

/// How bright the steps of the cube are.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
/// Number of the cube's first colour.
const CUBE: u8 = 16;
/// Number of the darkest grey, its brightness, the step to the next, and how many
/// there are.
const GREYS: (u8, u8, u8, u8) = (232, 8, 10, 24);

/// The nearest of the 256 colours.
#[must_use]
pub fn nearest(rgb: (u8, u8, u8)) -> Color {
    let [red, green, blue] = [rgb.0, rgb.1, rgb.2].map(step);
    let cube = (
        STEPS[usize::from(red)],
        STEPS[usize::from(green)],
        STEPS[usize::from(blue)],
    );
    let mean = (u16::from(rgb.0) + u16::from(rgb.1) + u16::from(rgb.2)) / 3;
    let (first, darkest, apart, count) = GREYS;
    let grey = (mean.saturating_sub(u16::from(darkest)) + u16::from(apart) / 2) / u16::from(apart);
    let grey = (grey as u8).min(count - 1);
    let shade = darkest + apart * grey;
    Color::Indexed(
        if distance(rgb, (shade, shade, shade)) < distance(rgb, cube) {
            first + grey
        } else {
            CUBE + 36 * red + 6 * green + blue
        },
    )
}

/// The nearest step of the cube.
fn step(value: u8) -> u8 {
    let near = (0_u8..)
        .zip(STEPS)
        .min_by_key(|(_, step)| step.abs_diff(value));
    near.map_or(0, |(at, _)| at)
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_the_cube_and_greys_are_themselves() {
        assert_eq!(nearest((0, 0, 0)), Color::Indexed(16));
        assert_eq!(nearest((255, 255, 255)), Color::Indexed(231));
        assert_eq!(nearest((255, 0, 0)), Color::Indexed(196));
        assert_eq!(nearest((95, 135, 175)), Color::Indexed(67));
        assert_eq!(nearest((8, 8, 8)), Color::Indexed(232));
        assert_eq!(nearest((238, 238, 238)), Color::Indexed(255));
    }

    #[test]
    fn what_lies_between_becomes_what_is_nearest() {
        assert_eq!(nearest((120, 119, 121)), Color::Indexed(243));
        assert_eq!(nearest((250, 5, 5)), Color::Indexed(196));
        assert_eq!(nearest((100, 130, 180)), Color::Indexed(67));
    }
}
